"""Runs in step on disk: the files of single runs, whatever the batch, the kills and the splits."""

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("torch")

from nnk.kmc import KeyFrames, RunSetup, Trajectory, run_to_files
from nnk.kmc.batched import BatchOptions, run_batch_to_files
from nnk.lattice import Lattice
from nnk.run_terms import Schedule, StopWhen

LATTICE = Lattice.fcc((4, 4, 4), 3.6)
OPTIONS = BatchOptions(precision="float64", width=4)
FIELDS = ("jump", "time_s", "occupancy", "vacancies", "displacement", "pair_counts", "temperature_K")


@pytest.fixture
def model(make_forward):
    return make_forward("fcc", 2, 2, (8, 8))


@pytest.fixture
def setups(make_start, model):
    """Three runs at different temperatures."""
    return [
        RunSetup(
            lattice=LATTICE,
            elements=model.elements,
            occupancy=make_start(LATTICE, 2, seed),
            temperature_K=500.0 + 200 * seed,
            seed=7,
            replica=seed,
            stop=StopWhen(jumps=150),
            key_frames=KeyFrames("log", per_decade=5),
            inputs_hash="h",
        )
        for seed in range(3)
    ]


def make(folder, setups, model, **more):
    runs = [(folder / f"r{i}.nc", setup) for i, setup in enumerate(setups)]
    more.setdefault("checkpoint_s", 1e9)
    more.setdefault("options", OPTIONS)
    return [path for path, _ in runs], run_batch_to_files(runs, model, **more)


def content(path):
    trajectory = Trajectory.load(path)
    frames = trajectory.key_frames
    return trajectory.directions, {name: getattr(frames, name) for name in FIELDS}


def same(a, b, times_rtol=0.0):
    (directions, frames), (other_directions, other_frames) = content(a), content(b)
    np.testing.assert_array_equal(directions, other_directions)
    for name in FIELDS:
        if name == "time_s":
            np.testing.assert_allclose(frames[name], other_frames[name], rtol=times_rtol)
        else:
            np.testing.assert_array_equal(frames[name], other_frames[name])


def test_files_are_those_of_single_runs(tmp_path, setups, model):
    paths, summaries = make(tmp_path / "batch", setups, model)
    assert [(s.state, s.jumps, s.ended_by) for s in summaries] == [("done", 150, "jumps")] * 3
    for path, setup in zip(paths, setups, strict=True):
        run_to_files(tmp_path / path.name, setup, model, checkpoint_s=1e9)
        same(path, tmp_path / path.name, times_rtol=1e-4)
        made_on = Trajectory.load(path).made_on
        assert made_on[0]["engine"] == "batched float64, 4 wide"
        assert made_on[0]["device"] == "cpu"


def test_interrupted_batches_end_as_unbroken_ones(tmp_path, setups, model):
    whole, _ = make(tmp_path / "whole", setups, model)
    looks = iter(range(1000))
    summaries = []
    for stops_at in (1, 3, 4):
        start = next(looks)
        paths, summaries = make(
            tmp_path / "parts", setups, model,
            checkpoint_s=0.0, should_stop=lambda s=start, n=stops_at: next(looks) - s >= n,
        )  # fmt: skip
    assert {s.state for s in summaries} == {"interrupted"}
    paths, summaries = make(tmp_path / "parts", setups, model)
    assert {s.state for s in summaries} == {"done"}
    assert all(s.resumed_at > 0 for s in summaries)
    for a, b in zip(paths, whole, strict=True):
        same(a, b)


def test_runs_left_at_different_jumps_are_brought_together(tmp_path, setups, model):
    whole, _ = make(tmp_path / "whole", setups, model)
    short = [replace(setup, stop=StopWhen(jumps=n)) for setup, n in zip(setups, (20, 90, 60), strict=True)]
    make(tmp_path / "parts", short, model)
    paths, summaries = make(tmp_path / "parts", setups, model)
    assert [s.resumed_at for s in summaries] == [20, 90, 60]
    for a, b in zip(paths, whole, strict=True):
        same(a, b)


def test_an_end_before_what_is_on_disk_ends_the_runs_there(tmp_path, setups, model):
    looks = iter(range(1000))
    _, (broken, *_) = make(tmp_path, setups, model, should_stop=lambda: next(looks) >= 5)
    assert (broken.state, broken.jumps > 5) == ("interrupted", True)
    shorter = [replace(setup, stop=StopWhen(jumps=5)) for setup in setups]
    paths, summaries = make(tmp_path, shorter, model)
    assert [(s.state, s.jumps, s.ended_by) for s in summaries] == [("done", broken.jumps, "jumps")] * 3
    assert [Trajectory.load(path).jumps for path in paths] == [broken.jumps] * 3


def test_finished_runs_are_left_alone(tmp_path, setups, model):
    paths, _ = make(tmp_path, setups, model)
    before = [path.stat().st_mtime_ns for path in paths]
    _, summaries = make(tmp_path, setups, model)
    assert [path.stat().st_mtime_ns for path in paths] == before
    assert [(s.state, s.resumed_at) for s in summaries] == [("done", 150)] * 3


def test_temperatures_follow_the_schedule(tmp_path, setups, model):
    schedule = Schedule("jumps", (0, 40, 80), (900.0, 500.0, 300.0))
    annealed = [replace(setup, temperature_K=900.0, schedule=schedule) for setup in setups]
    paths, _ = make(tmp_path / "batch", annealed, model)
    for path, setup in zip(paths, annealed, strict=True):
        run_to_files(tmp_path / path.name, setup, model, checkpoint_s=1e9)
        same(path, tmp_path / path.name, times_rtol=1e-4)


def test_refusals(tmp_path, setups, model):
    other = replace(setups[0], lattice=Lattice.fcc((5, 4, 4), 3.6))
    by_time = replace(setups[0], stop=StopWhen(jumps=10, time_s=1.0))
    foreign = replace(setups[0], elements=("X", "Y"))
    for wrong, message in ((other, "same sites"), (by_time, "number of jumps"), (foreign, "remap the model")):
        with pytest.raises(ValueError, match=message):
            make(tmp_path, [setups[0], wrong], model)
    assert not list(tmp_path.iterdir())
