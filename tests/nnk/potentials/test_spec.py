"""Specifications: hashes by content, and their way through a unit file."""

import json
import shutil
from pathlib import Path

import pytest

from nnk.potentials import AseCalculator, Builtin, Lammps, Mtp, engine_versions, spec_from_json

KINDS = ["builtin", "mtp", "snap", "snap-zbl", "cu-ni", "emt"]


@pytest.mark.parametrize("name", KINDS)
def test_json_gives_the_same_back(name, make_spec):
    spec = make_spec(name)
    again = spec_from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.hash == spec.hash


def test_the_hash_of_the_builtin_potential_stays():
    """Golden value: another one makes every campaign start anew."""
    assert Builtin().hash == "610ac73f7e79eea4f72c825acac0f0db"


def test_hashes_are_of_what_files_hold_not_of_their_names(tmp_path, mtp_file, cu_ni):
    for name in ("a.mtp", "b.mtp"):
        shutil.copy(mtp_file, tmp_path / name)
    elements = ("Nb", "Mo", "Ta", "W")
    first, second = (Mtp(tmp_path / name, elements).hash for name in ("a.mtp", "b.mtp"))
    assert first == second
    assert Mtp(tmp_path / "a.mtp", elements[::-1]).hash != first
    (tmp_path / "b.mtp").write_text(mtp_file.read_text().replace("4.38", "4.39"))
    assert Mtp(tmp_path / "b.mtp", elements).hash != first
    shutil.copy(cu_ni, tmp_path / "t")
    tables = [
        Lammps("eam/alloy", (f"* * {p.name} Cu Ni",), (p,), ("Cu", "Ni")) for p in (cu_ni, tmp_path / "t")
    ]
    assert tables[0].hash == tables[1].hash
    assert Lammps("eam/alloy", ("* * t Ni Cu",), (tmp_path / "t",), ("Ni", "Cu")).hash != tables[0].hash


def test_files_among_a_calculators_options_count_by_content(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("weights" if name < "c" else "others")
    of = {name: AseCalculator("x.Y", {"models": [{"file": str(tmp_path / name)}], "r": 1}) for name in "abc"}
    assert of["a"].hash == of["b"].hash != of["c"].hash
    assert of["a"].arguments == {"models": [str(tmp_path / "a")], "r": 1}
    assert AseCalculator("x.Y", {"models": [{"file": str(tmp_path / "a")}], "r": 2}).hash != of["a"].hash


def test_a_file_that_changes_under_way_is_noticed(tmp_path, mtp_file):
    shutil.copy(mtp_file, tmp_path / "a.mtp")
    content = Mtp(tmp_path / "a.mtp", ("Nb", "Mo", "Ta", "W")).to_json()
    (tmp_path / "a.mtp").write_text(mtp_file.read_text().replace("4.38", "4.39"))
    with pytest.raises(ValueError, match="a file of it has changed"):
        spec_from_json(content)
    (tmp_path / "a.mtp").unlink()
    with pytest.raises(FileNotFoundError):
        spec_from_json(content)


def test_unknown_ones_are_refused():
    with pytest.raises(ValueError, match="zhou-eam"):
        Builtin("sw")
    with pytest.raises(ValueError, match="allowed are builtin, mtp, lammps, ase"):
        spec_from_json({"kind": "magic", "hash": ""})


def test_cutoffs_are_known_without_construction(make_spec):
    cutoffs = {name: make_spec(name).cutoff_A for name in KINDS}
    assert cutoffs == {
        "builtin": 6.5,
        "mtp": pytest.approx(4.7),
        "snap": pytest.approx(4.7012),
        "snap-zbl": pytest.approx(4.7012),
        "cu-ni": pytest.approx(6.394332378),
        "emt": None,
    }


def test_versions_are_those_of_what_evaluates():
    assert set(engine_versions(AseCalculator("ase.calculators.emt.EMT"))) == {"ase"}
    assert set(engine_versions(AseCalculator("numba.no.Such"))) == {"ase", "numba"}
    assert set(engine_versions(AseCalculator("no_such_package.Model"))) == {"ase"}
    assert set(engine_versions(Mtp(Path("a.mtp"), ("Nb",)))) == {"numba"}
