import re

import numpy as np
import pytest

from analysis.command import make
from analysis.inputs import DamagedInput, Inputs, MissingInput
from analysis.products import Product
from analysis.runs import cases_of, read_cases, run_of, sound_runs, start_of
from nnk.lattice import Lattice

CASE = "Nb30Mo30Ta40"  # as in conftest.py


def keys(inputs):
    return list(sound_runs(inputs, lambda file, _: file.key))


def test_every_run_is_read_in_order_and_nothing_is_warned_of(with_runs):
    inputs = Inputs(with_runs)
    labels = ("T0800.0K", "T2000.0K")
    assert keys(inputs) == [f"{CASE}/{label}/r00{replica}" for label in labels for replica in range(2)]
    assert inputs.warnings == []
    assert len([path for path in inputs.used if path.suffix == ".nc"]) == 4


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "rubbish":
        content = b"rubbish"
    elif how == "torn":
        content = content[: len(content) // 2]
    elif how == "empty":
        content = b""
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["rubbish", "torn", "empty"])
def test_a_damaged_run_is_named_and_left_out(how, with_runs):
    path = with_runs.trajectory(CASE, 800.0, 1)
    damage(path, how)
    inputs = Inputs(with_runs)
    assert [run.file.replica for run in read_cases(inputs)[0].at(800.0)] == [0]
    (text,) = inputs.warnings
    assert text.startswith(f"kmc/{CASE}/T0800.0K/r001.nc is left out: ")
    assert "run the campaign again" in text
    assert path not in inputs.used
    read_cases(inputs)
    assert len(inputs.warnings) == 1, "said once, however often the runs are read"


def test_damage_that_shows_while_jumps_are_read_leaves_out_that_run_alone(with_runs):
    import netCDF4

    path = with_runs.trajectory(CASE, 2000.0, 0)
    with netCDF4.Dataset(path) as file:
        packed = file["directions"][:].tobytes()
    assert len(packed) == 400
    with netCDF4.Dataset(path, "a") as file:
        file.renameVariable("directions", "gone")

    def count(file, trajectory):
        return file.key, sum(len(piece.directions) for piece in trajectory.read_jumps(0, trajectory.n_jumps))

    inputs = Inputs(with_runs)
    found = dict(sound_runs(inputs, count))
    assert len(found) == 3
    assert set(found.values()) == {400}
    assert f"kmc/{CASE}/T2000.0K/r000.nc is left out" in inputs.warnings[0]


def test_warnings_of_the_runs_go_into_the_product_and_to_standard_error(with_runs, provenance, capsys):
    def analyse(inputs):
        assert len(keys(inputs)) == 3
        return Product("order", "", "", (), (), warnings=("its own",))

    damage(with_runs.trajectory(CASE, 800.0, 1), "torn")
    make(with_runs, analyse)
    found = provenance(with_runs, "order")
    assert "r001.nc is left out" in found["warnings"][0]
    assert found["warnings"][1:] == ["its own"]
    assert not any(file["path"].endswith("T0800.0K/r001.nc") for file in found["inputs"])
    assert "analysis order: kmc/" in capsys.readouterr().err


def test_runs_not_there_are_counted_and_the_first_named(with_runs):
    text = with_runs.campaign_file.read_text()
    with_runs.campaign_file.write_text(text.replace("replicas: 2", "replicas: 6"))
    inputs = Inputs(with_runs)
    assert len(inputs.run_files()) == 4
    (text,) = inputs.warnings
    assert text.startswith("8 of the 12 runs that the campaign asks for have not ended")
    assert f"{CASE}/T0800.0K/r002, " in text
    assert text.endswith(" and 3 more.")


def test_no_run_at_all_is_an_error(workdir):
    with pytest.raises(MissingInput, match="no finished run"):
        read_cases(Inputs(workdir))


def test_no_readable_run_is_an_error_that_names_the_first(with_runs):
    for path in with_runs.root.glob("kmc/*/*/*.nc"):
        damage(path, "rubbish")
    with pytest.raises(DamagedInput, match=re.escape("none of the 4 runs can be used")):
        read_cases(Inputs(with_runs))


def test_a_run_of_another_cell_is_left_out(with_runs):
    text = with_runs.campaign_file.read_text()
    with_runs.campaign_file.write_text(
        text.replace(
            "  cells: [5, 5, 5]\n  compositions: [{Nb: 0.3", "  cells: [6, 5, 5]\n  compositions: [{Nb: 0.3"
        )
    )
    with pytest.raises(DamagedInput, match="the campaign of"):
        read_cases(Inputs(with_runs))


def test_runs_with_a_schedule_are_said_to_stand_under_their_last_temperature(workdir, trajectories):
    text = workdir.campaign_file.read_text()
    schedule = "schedule: {jumps: [0, 100], temperatures_K: [2000.0, 800.0], shape: steps, step_K: 10.0}"
    workdir.campaign_file.write_text(text.replace("temperatures_K: [800.0, 2000.0]", schedule))
    path = workdir.root / "kmc" / CASE / "T2000.0K-T0800.0K" / "r000.nc"
    path.parent.mkdir(parents=True)
    trajectories[800.0, 0].save(path)
    inputs = Inputs(workdir)
    (run,) = read_cases(inputs)[0].runs
    assert run.file.temperature_K == 800.0
    assert run.file.scheduled
    assert any("2000, 800 K" in text and "it is the last" in text for text in inputs.warnings)


def test_runs_with_other_key_frames_are_not_averaged(runs):
    from dataclasses import replace

    other = replace(runs[1], jumps=runs[1].jumps + 1000)
    with pytest.raises(ValueError, match="without key frames in common"):
        cases_of([runs[0], other])


def test_counts_that_do_not_belong_to_the_atoms_are_noticed(network):
    from dataclasses import replace

    from analysis.inputs import RunFile
    from nnk.kmc import run

    lattice = Lattice.bcc((5, 5, 5), 3.3)
    start = np.random.default_rng(1).integers(1, 4, lattice.n_sites).astype(np.uint8)
    start[3] = 0
    trajectory = run(lattice, start, network, temperature_K=900.0, jumps=50, seed=1)
    frames = trajectory.frames()
    wrong = replace(trajectory, key_frames=replace(frames, pair_counts=frames.pair_counts + 1))
    with pytest.raises(DamagedInput, match="not those of its last state"):
        run_of(RunFile("x", 900.0, 0, "r000.nc"), wrong)


@pytest.mark.parametrize(
    ("start", "case", "expected"),
    [
        ("random", "Nb60Mo40", "random"),
        ([{"ordered": "B2", "sublattices": None}, "random"], "Nb60Mo40-B2", "ordered"),
        ([{"ordered": "B2", "sublattices": None}, "random"], "Nb60Mo40", "random"),
        ({"exchanged": {"trials_per_atom": 100, "temperature_K": None}}, "Nb60Mo40-exchanged", "exchanged"),
        ([{"case": "Nb60Mo40", "temperature_K": None, "frame": "last"}], "from-Nb60Mo40", "case"),
        ({"file": "my start.xyz", "frame": "last"}, "my_start", "file"),
        ("random", "Ta100", ""),
    ],
)
def test_how_the_runs_of_a_case_begin(start, case, expected):
    kmc = {"start": start, "compositions": [{"Nb": 0.6, "Mo": 0.4}]}
    campaign = {"alloy": {"elements": ["Nb", "Mo"], "lattice": "bcc"}, "kmc": kmc}
    assert start_of(campaign, case) == expected


def test_jumps_of_flicker_runs_are_said_not_to_be_all(with_runs):
    text = with_runs.campaign_file.read_text()
    assert not any("traps" in warning for warning in warnings_of(with_runs))
    with_runs.campaign_file.write_text(text.replace("start: random", "start: random\n  engine: flicker"))
    assert any("not among the jumps" in warning for warning in warnings_of(with_runs))


def warnings_of(workdir):
    inputs = Inputs(workdir)
    inputs.run_files()
    return inputs.warnings


@pytest.mark.parametrize("name", ["randomness", "spectra"])
def test_runs_with_several_vacancies_have_barriers_too(workdir, network, name):
    from importlib import import_module

    from nnk.alloy import random_solution
    from nnk.files import rng
    from nnk.kmc import run
    from nnk.lattice import Lattice

    lattice = Lattice.bcc((5, 5, 5), 3.3)
    start = random_solution([75, 75, 100], rng(1, "start"))
    start[[3, 90]] = 0
    trajectory = run(lattice, start, network, temperature_K=800.0, jumps=50, seed=1)
    trajectory.save(workdir.trajectory(CASE, 800.0, 0))
    inputs = Inputs(workdir)
    assert import_module(f"analysis.{name}").analyse(inputs).tables
    assert any("The runs have 2 vacancies" in text for text in inputs.warnings)
