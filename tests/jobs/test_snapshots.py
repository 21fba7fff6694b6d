"""The MPI job of snapshots: trajectories shared among ranks, killed and gone on with, put into one file."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from jobs.samples import STOPPED
from jobs.snapshots import SnapshotMaker
from jobs.unit import Unit, UnitItem
from nnk.files import Fence, StaleEpoch, Workdir, read_records
from nnk.potentials import Builtin, make_force_field
from nnk.snapshots import SnapshotSet
from nnk.snapshots.parameters import Sampling
from tests.nnk.snapshots.test_snapshot_files import assert_equal

NAME = "MoTa"
MPIEXEC = Path(sys.executable).parent / "mpiexec"
KEYS = [f"{NAME}/T0300.0K/r000", f"{NAME}/T0300.0K/r001", f"{NAME}/T0900.0K/r000"]


def trajectory(number, sampling, temperature_K=None):
    key = KEYS[number]
    inputs = {
        "composition": NAME,
        "temperature_K": temperature_K or float(key.split("/")[1][1:-1]),
        "run": number % 2,
        "sampling": asdict(sampling),
    }
    return UnitItem(key, f"{number:032x}", "g", inputs)


ALL = UnitItem(NAME, "a" * 32, "g", {"composition": NAME, "after": KEYS})
FEW = Sampling(3, 60, 10)


def unit_of(root, items, ranks=1, **changes):
    settings = {
        "seed": 3,
        "elements": ["Mo", "Ta"],
        "structure": "bcc",
        "potential": Builtin().to_json(),
        "cells": [3, 3, 3],
        "compositions": {NAME: {"Mo": 0.5, "Ta": 0.5}},
        "time_step_fs": 2.0,
        "friction_per_ps": 10.0,
        "lattice_parameter_A": 3.225,
        "checkpoint_s": 60.0,
        **changes,
    }
    (root / "epoch").write_text("1")
    unit = Unit("snapshots", "000001-snapshots-0000", root, 1, ranks, settings, tuple(items))
    unit.save()
    return unit


@pytest.fixture(scope="module")
def force_field():
    field = make_force_field(Builtin())
    yield field
    field.close()


def make(root, force_field, *items, stop=lambda: False, **changes):
    unit = unit_of(root, items, **changes)
    return [SnapshotMaker(unit, force_field, stop).make(item) for item in items]


def run_job(unit, ranks=1):
    start = [str(MPIEXEC), "-n", str(ranks)] if ranks > 1 else []
    command = [*start, sys.executable, "-P", "-m", "jobs.snapshots", str(unit.path)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


def states(root):
    return {record["key"]: record["state"] for record in read_records(Workdir(root), "snapshots")}


@pytest.fixture(scope="module")
def made(tmp_path_factory, force_field):
    """Three trajectories and the file of all."""
    root = tmp_path_factory.mktemp("snapshots")
    items = [trajectory(number, FEW) for number in range(3)]
    assert make(root, force_field, *items, ALL) == [None] * 4
    return root


def load(root, key=NAME):
    return SnapshotSet.load(Workdir(root).snapshots_file(key))


def test_all_trajectories_are_in_one_file_in_their_order(made):
    snapshots = load(made)
    assert len(snapshots) == 9
    assert snapshots.trajectory.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert snapshots.temperature_K.tolist() == [300] * 6 + [900] * 3
    assert snapshots.step.tolist() == [60, 70, 80] * 3
    for number, key in enumerate(KEYS):
        own = snapshots.select(snapshots.trajectory == number)
        np.testing.assert_array_equal(own.positions_A, load(made, key).positions_A)
        told = snapshots.attrs["trajectories"][number]
        assert (told["key"], told["snapshots"], told["interval_steps"]) == (key, 3, 10)
        assert own.correlation_ps == pytest.approx(max(told["correlation_ps"].values()))
    assert snapshots.attrs["inputs_hash"] == ALL.hash
    assert snapshots.attrs["potential"] == "builtin zhou-eam"


def test_atoms_are_those_of_the_composition_and_trajectories_differ(made):
    snapshots = load(made)
    assert np.bincount(snapshots.species).tolist() == [0, 27, 27]
    assert snapshots.cell_A.tolist() == [3 * 3.225] * 3
    first = [snapshots.positions_A[3 * number] for number in range(3)]
    assert not np.array_equal(first[0], first[1])
    assert np.abs(first[0] - first[1]).max() < 1.0  # about the same sites


def test_forces_are_the_force_fields(made, force_field):
    snapshots = load(made)
    for k in range(len(snapshots)):
        force_field.set(snapshots.symbols, snapshots.cell_A)
        energy_eV, forces = force_field.energy_forces(snapshots.positions_A[k])
        assert energy_eV == snapshots.energy_eV[k]
        assert np.array_equal(forces, snapshots.forces_eV_A[k])


@pytest.mark.skipif(not MPIEXEC.exists(), reason="no mpiexec here: pip install '.[local]'")
def test_ranks_share_trajectories_and_make_the_same(made, tmp_path):
    unit = unit_of(tmp_path, [trajectory(number, FEW) for number in range(3)], ranks=2)
    process = run_job(unit, ranks=2)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output.decode()
    assert states(tmp_path) == dict.fromkeys(KEYS, "done")
    for key in KEYS:
        assert_equal(load(tmp_path, key), load(made, key))
    assert not list((tmp_path / "snapshots").rglob("*.npz"))


def test_a_trajectory_that_is_stopped_goes_on(made, tmp_path, force_field):
    asked = []

    def stop():
        asked.append(1)
        return len(asked) == 4

    item, path = trajectory(1, FEW), Workdir(tmp_path).snapshots_file(KEYS[1])
    assert make(tmp_path, force_field, item, stop=stop) == [STOPPED]
    assert path.with_suffix(".npz").is_file()
    assert not path.exists()
    assert make(tmp_path, force_field, item) == [None]
    assert_equal(load(tmp_path, KEYS[1]), load(made, KEYS[1]))


@pytest.mark.faults
def test_a_job_killed_at_any_moment_loses_nothing(tmp_path, force_field):
    """SIGKILL three times while it writes checkpoints all the time; the result is the unbroken one."""
    item = trajectory(0, Sampling(40, 400, 20))
    (tmp_path / "whole").mkdir()
    make(tmp_path / "whole", force_field, item)
    (tmp_path / "cut").mkdir()
    unit = unit_of(tmp_path / "cut", [item], checkpoint_s=1e-6)
    checkpoint = Workdir(unit.root).snapshots_file(item.key).with_suffix(".npz")
    for _ in range(3):
        before = checkpoint.stat().st_mtime_ns if checkpoint.exists() else 0
        process = run_job(unit)
        while process.poll() is None and not (
            checkpoint.exists() and checkpoint.stat().st_mtime_ns > before + 20_000_000
        ):
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    process = run_job(unit)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output.decode()
    assert_equal(load(unit.root, item.key), load(tmp_path / "whole", item.key))


def test_a_crystal_that_melts_fails_with_the_reason_and_the_others_are_made(tmp_path):
    hot = trajectory(2, Sampling(3, 600, 10), temperature_K=50_000.0)
    process = run_job(unit_of(tmp_path, [hot, trajectory(0, FEW)]))
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output.decode()
    assert states(tmp_path) == {KEYS[2]: "failed", KEYS[0]: "done"}
    (failed,) = [r for r in read_records(Workdir(tmp_path), "snapshots") if r["state"] == "failed"]
    assert failed["class"] == "numerical"
    assert "50000 K" in failed["error"]
    assert "has melted" in failed["error"]


def test_an_older_run_writes_nothing(tmp_path, force_field):
    unit = unit_of(tmp_path, [trajectory(0, FEW)])
    (tmp_path / "epoch").write_text("2")
    with pytest.raises(StaleEpoch):
        Fence(tmp_path / "epoch", 1).check()
    with pytest.raises(StaleEpoch):
        SnapshotMaker(unit, force_field, lambda: False).make(unit.items[0])
    assert not list(tmp_path.rglob("*.nc"))
