# ruff: noqa: E501 (a message is one line)
"""Golden messages about the potential: all from text, with nothing constructed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.problems import CampaignErrors
from nnk.potentials import AseCalculator, Lammps, Mtp

MTP = "MTP\nversion = 1.1.0\nspecies_count = 4\n\tmax_dist = 5.0e+00\n"
SETFL = "1\n2\n3\n3 Nb Mo Ta\n5 0.1 5 0.1 6.0\n"
SNAP = "# comment\n2 1\nNb 0.5 1.0\n0.1\nMo 0.5 1.0\n0.2\n"
EAM = 'lammps: {pair_style: eam/alloy, pair_coeff: ["* * a.eam Nb Mo Ta"], files: [a.eam]}'
KINDS = "builtin, mtp, lammps, ase"

# the section potential (on line 9): the messages that come, without the file's name
GOLDEN = {
    "nothing": ("{}", [f"9:12: potential: got nothing; allowed: exactly one of {KINDS}"]),
    "two": (
        "{builtin: zhou-eam, ase: {calculator: a.B}}",
        [f"9:12: potential: got builtin and ase; allowed: exactly one of {KINDS}"],
    ),
    "unknown kind": (
        "{mpt: {}}",
        [f'9:13: potential.mpt: unknown key; allowed: {KINDS}; did you mean "mtp"?'],
    ),
    "mtp without elements": (
        "{mtp: {file: a.mtp}}",
        ["9:13: potential.mtp.elements: missing; allowed: a list of at least one text"],
    ),
    "mtp with too few elements": (
        "{mtp: {file: a.mtp, elements: [Nb, Mo, Ta]}}",
        [
            "9:42: potential.mtp.elements: got 3 for the 4 species of the file; allowed: 4 elements, species 0 first"
        ],
    ),
    "mtp without an element of the alloy": (
        "{mtp: {file: a.mtp, elements: [Nb, Mo, W, V]}}",
        ["9:42: potential.mtp.elements: got Nb, Mo, W, V, without Ta of the alloy; allowed: "],
    ),
    "mtp twice the same": (
        "{mtp: {file: a.mtp, elements: [Nb, Mo, Ta, Ta]}}",
        ["9:42: potential.mtp.elements: element Ta given twice; each is allowed once"],
    ),
    "mtp missing": (
        "{mtp: {file: none.mtp, elements: [Nb, Mo, Ta, W]}}",
        ["9:25: potential.mtp.file: no file "],
    ),
    "mtp of another form": (
        "{mtp: {file: a.eam, elements: [Nb, Mo, Ta, W]}}",
        ["9:25: potential.mtp.file: "],
    ),
    "no chemical element": (
        "{mtp: {file: a.mtp, elements: [Nb, Mo, Ta, Xx]}}",
        ['9:55: potential.mtp.elements[3]: got "Xx"; allowed: the symbol of a chemical element'],
    ),
    "lammps without a file": (
        "{" + EAM.replace("[a.eam]", "[b.eam]").replace("* * a", "* * b") + "}",
        ["9:89: potential.lammps.files[0]: no file "],
    ),
    "lammps with a file that is not given": (
        '{lammps: {pair_style: eam/alloy, pair_coeff: ["* * a.eam Nb Mo Ta"]}}',
        ['9:58: potential.lammps.pair_coeff[0]: "a.eam" is not among files; allowed: none is given'],
    ),
    "lammps that lacks an element of the alloy": (
        "{" + EAM.replace(" Ta", "") + "}",
        ["9:58: potential.lammps.pair_coeff[0]: got Nb, Mo, without Ta of the alloy; allowed: "],
    ),
    "lammps file that lacks an element": (
        "{" + EAM.replace("Ta", "Ta W") + "}",
        ['9:58: potential.lammps.pair_coeff[0]: the file has no "W"; allowed: Nb, Mo, Ta, NULL'],
    ),
    "snap file that lacks an element": (
        '{lammps: {pair_style: snap, pair_coeff: ["* * a.coeff a.param Nb Mo Ta"], files: [a.coeff, a.param]}}',
        ['9:53: potential.lammps.pair_coeff[0]: the file has no "Ta"; allowed: Nb, Mo, NULL'],
    ),
    "lammps file of another form": (
        "{" + EAM.replace("a.eam", "a.mtp") + "}",
        ["9:57: potential.lammps.pair_coeff: "],
    ),
    "lammps without elements": (
        '{lammps: {pair_style: lj/cut 5, pair_coeff: ["* * 0.5 2.5"]}}',
        [
            "9:56: potential.lammps.pair_coeff: no line names the elements; allowed: a line as * * CuNi.eam.alloy Cu Ni"
        ],
    ),
    "lammps with other numbers of types": (
        '{lammps: {pair_style: lj/cut 5, pair_coeff: ["1 4 0.5 2.5"], elements: [Nb, Mo, Ta]}}',
        ['9:57: potential.lammps.pair_coeff[0]: got "4" for a type; allowed: *, or numbers from 1 to 3'],
    ),
    "lammps with two orders of elements": (
        "{" + EAM.replace("files:", "elements: [Mo, Nb, Ta], files:") + "}",
        [
            "9:91: potential.lammps.elements: got Mo, Nb, Ta, but pair_coeff names Nb, Mo, Ta; allowed: the same"
        ],
    ),
    "lammps with a variable": (
        "{" + EAM.replace("eam/alloy", "eam/alloy $(1)") + "}",
        ['9:34: potential.lammps.pair_style: got "$(1)"; allowed: words of letters, digits'],
    ),
    "lammps with two lines": (
        "{" + EAM.replace("eam/alloy", r'"eam/alloy\nshell ls"') + "}",
        ["9:34: potential.lammps.pair_style: got a line end or a tab; allowed: the arguments of one command"],
    ),
    "lammps with python": (
        '{lammps: {pair_style: python 5.0, pair_coeff: ["* * a.B Nb Mo Ta"], files: [a.B]}}',
        [
            '9:34: potential.lammps.pair_style: "python" runs Python code',
            "9:88: potential.lammps.files[0]: no file ",
        ],
    ),
    "lammps with charges": (
        '{lammps: {pair_style: coul/cut 5, pair_coeff: ["* *"], elements: [Nb, Mo, Ta]}}',
        ['9:34: potential.lammps.pair_style: "coul/cut" needs charges; allowed: '],
    ),
    "lammps without lines": (
        "{lammps: {pair_style: eam/alloy, pair_coeff: []}}",
        ["9:57: potential.lammps.pair_coeff: got a list of 0; allowed: a list of at least one text"],
    ),
    "malformed import path": (
        "{ase: {calculator: emt:EMT}}",
        [
            '9:31: potential.ase.calculator: got "emt:EMT"; allowed: an import path such as ase.calculators.emt.EMT'
        ],
    ),
    "import path of a module alone": (
        "{ase: {calculator: EMT}}",
        ['9:31: potential.ase.calculator: got "EMT"; allowed: an import path'],
    ),
    "malformed option": (
        "{ase: {calculator: a.B, options: {two words: 1}}}",
        ['9:45: potential.ase.options: got "two words" for the name of an option; allowed: names of keyword'],
    ),
    "missing file of an option": (
        "{ase: {calculator: a.B, options: {models: [{file: a.mtp}, {file: none.model}]}}}",
        ["9:77: potential.ase.options.models[1].file: no file "],
    ),
    "ase without an element of the alloy": (
        "{ase: {calculator: a.B, elements: [Nb, Mo]}}",
        ["9:46: potential.ase.elements: got Nb, Mo, without Ta of the alloy; allowed: all elements"],
    ),
}


@pytest.fixture
def write(write_campaign, tmp_path):
    """Writes the tiny campaign with another potential, beside some files of potentials."""
    for name, text in {"a.mtp": MTP, "a.eam": SETFL, "a.coeff": SNAP, "a.param": "rcutfac 5.0\n"}.items():
        (tmp_path / name).write_text(text)
    return lambda potential, *more: write_campaign(("{builtin: zhou-eam}", potential), *more)


@pytest.mark.parametrize("case", GOLDEN)
def test_message(case, write, monkeypatch, tmp_path):
    potential, expected = GOLDEN[case]
    write(potential)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CampaignErrors) as error:
        load_campaign("c.yaml")
    lines = [str(problem) for problem in error.value.problems]
    assert len(lines) == len(expected), lines
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(f"c.yaml:{start}"), (line, start)
        assert "allowed" in line


def test_specifications_have_absolute_paths(write, tmp_path):
    spec = load_campaign(write("{" + EAM + "}")).potential_spec()
    files = (tmp_path / "a.eam",)
    assert spec == Lammps("eam/alloy", ("* * a.eam Nb Mo Ta",), files, ("Nb", "Mo", "Ta"))
    spec = load_campaign(write("{mtp: {file: a.mtp, elements: [Ta, W, Mo, Nb]}}")).potential_spec()
    assert spec == Mtp(tmp_path / "a.mtp", ("Ta", "W", "Mo", "Nb"))
    text = "{ase: {calculator: a.b.C, options: {x: 1, m: [{file: a.mtp}]}}}"
    spec = load_campaign(write(text)).potential_spec()
    assert spec == AseCalculator("a.b.C", {"x": 1, "m": [{"file": str(tmp_path / "a.mtp")}]})


@pytest.mark.parametrize("folder", ["sub folder", "."])
def test_files_in_other_folders(folder, write, tmp_path):
    (tmp_path / folder).mkdir(exist_ok=True)
    for path in (tmp_path / folder / "b.eam", f"{folder}/b.eam"):
        Path(tmp_path, path).write_text(SETFL)
        campaign = load_campaign(write("{" + EAM.replace("a.eam", str(path)) + "}"))
        spec = campaign.potential_spec()
        assert spec.files == ((tmp_path / folder / "b.eam").resolve(),)
        assert spec.pair_coeff == ("* * b.eam Nb Mo Ta",)


def test_files_of_lammps_are_found_by_their_names(write, tmp_path, monkeypatch):
    text = EAM.replace("a.eam", "theirs.eam")
    with pytest.raises(CampaignErrors, match="or a file among LAMMPS's own potentials"):
        load_campaign(write("{" + text + "}"))
    (tmp_path / "potentials").mkdir()
    (tmp_path / "potentials" / "theirs.eam").write_text(SETFL)
    monkeypatch.setenv("LAMMPS_POTENTIALS", str(tmp_path / "potentials"))
    spec = load_campaign(write("{" + text + "}")).potential_spec()
    assert spec.files == (tmp_path / "potentials" / "theirs.eam",)


def test_the_copy_in_the_workdir_means_the_same(write, resolved_text, tmp_path):
    campaign = load_campaign(write("{" + EAM + "}"))
    kept = tmp_path / "work" / "campaign.yaml"
    kept.parent.mkdir()
    kept.write_text(resolved_text(campaign))
    assert load_campaign(kept).potential_spec() == campaign.potential_spec()


def test_hashes_are_by_content(write, tmp_path):
    def hashes(potential):
        items = all_items(load_campaign(write(potential)))
        return {stage: [item.hash for item in items[stage]] for stage in ("prepare", "label")}

    before = hashes("{" + EAM + "}")
    (tmp_path / "renamed.eam").write_text(SETFL)
    assert hashes("{" + EAM.replace("a.eam", "renamed.eam") + "}") == before
    (tmp_path / "a.eam").write_text(SETFL + "\n")
    after = hashes("{" + EAM + "}")
    assert not set(after["prepare"]) & set(before["prepare"])
    assert not set(after["label"]) & set(before["label"])


def test_cells_are_compared_with_the_cutoff_where_a_file_says_it(write, tmp_path):
    small = ("cells: [6, 6, 6]", "cells: [3, 6, 6]")
    (tmp_path / "a.eam").write_text(SETFL.replace("6.0", "9.6"))
    with pytest.raises(
        CampaignErrors, match=r"label.cells: got 3x6x6, .* below the potential's cutoff of 9.6 Å; "
    ):
        load_campaign(write("{" + EAM + "}", small))
    load_campaign(write("{ase: {calculator: a.B}}", small))


def test_nothing_that_a_user_names_is_imported(write, tmp_path):
    (tmp_path / "mine.py").write_text("raise SystemExit('imported')")
    path = write("{ase: {calculator: mine.Calculator}}")
    code = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from launch.campaign import load_campaign; "
    code += f"load_campaign({str(path)!r}); assert not {{'mine', 'lammps', 'torch', 'parsl', 'mpi4py'}} & set(sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
