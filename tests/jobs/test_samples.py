"""The MPI job of ordered samples: runs that can be stopped, labels that name their degree of order."""

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from jobs.label import Labeller
from jobs.prepared import write_product
from jobs.samples import STOPPED, Sampler
from jobs.unit import Unit, UnitItem
from nnk.exchange.pairs import PairHamiltonian
from nnk.files import Fence, Workdir, read_records
from nnk.potentials import Builtin, make_force_field
from nnk.saddle import fit_system
from nnk.samples import OrderedParameters, OrderedRun, SiteChoice

NAME = "MoTa"
MPIEXEC = Path(sys.executable).parent / "mpiexec"
LATTICE = OrderedParameters(mode="lattice", degrees=3, trials_per_atom=50, shells=2)
MOVING = OrderedParameters(mode="md", degrees=2, trials_per_atom=0.1, steps=5, trials_per_pair=4)


def unit_of(root, how, items, stage="samples", ranks=1, sites=None):
    settings = {
        "seed": 3,
        "elements": ["Mo", "Ta"],
        "structure": "bcc",
        "potential": Builtin().to_json(),
        "cells": [4, 4, 4],
        "compositions": {NAME: {"Mo": 0.5, "Ta": 0.5}},
        "search": {"max_force_eV_A": 0.05, "connect": False, "method": "search", "relax_boxes": False},
        "box": "zero-pressure",
        "ranks_per_barrier": 1,
        "samples": asdict(how),
        "far_field": None,
        "sites": asdict(sites or SiteChoice()),
    }
    (root / "epoch").write_text("1")
    unit = Unit(stage, f"000001-{stage}-0000", root, 1, ranks, settings, tuple(items))
    unit.save()
    return unit


def runs(n):
    return [UnitItem(f"{NAME}/r{i:03d}", f"{i:032x}", "g", {"composition": NAME, "run": i}) for i in range(n)]


@pytest.fixture
def root(tmp_path):
    """A working directory with what is prepared before samples."""
    workdir, fence = Workdir(tmp_path), Fence(tmp_path / "epoch", 1)
    (tmp_path / "epoch").write_text("1")
    system = json.loads(fit_system(Builtin(), ("Mo", "Ta"), "bcc", 1).to_json())
    write_product(workdir.system_file, system, "s" * 32, fence)
    write_product(workdir.lattice_file(NAME), {"a_A": 3.225}, "l" * 32, fence)
    return tmp_path


@pytest.fixture
def force_field():
    field = make_force_field(Builtin())
    yield field
    field.close()


@pytest.mark.skipif(not MPIEXEC.exists(), reason="no mpiexec here: pip install '.[local]'")
def test_runs_are_shared_among_ranks(root, force_field):
    unit = unit_of(root, LATTICE, runs(2), ranks=2)
    command = [str(MPIEXEC), "-n", "2", sys.executable, "-P", "-m", "jobs.samples", str(unit.path)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    states = {record["key"]: record["state"] for record in read_records(Workdir(root), "samples")}
    assert states == {f"{NAME}/r000": "done", f"{NAME}/r001": "done"}
    made = [OrderedRun.load(Workdir(root).samples_file(f"{NAME}/r{i:03d}")) for i in range(2)]
    assert not np.array_equal(made[0].occupancy[0], made[1].occupancy[0])
    assert made[0].trials.tolist() == [0, 6, 6400]
    for run in made:
        assert (np.bincount(run.occupancy[-1], minlength=3) == [0, 64, 64]).all()
        # second neighbours attract so strongly that Mo and Ta order as in NaTl
        assert run.alpha[-1, 1, 0, 1] < -0.8 < -0.3 < run.alpha[0, 1, 0, 1]
        error = PairHamiltonian.from_json(run.pairs_json).description["error_ordered_meV_per_atom"]
        assert 0 < error < 3
    assert not list((root / "samples").rglob("*.npz"))
    again = Sampler(unit, force_field, lambda: False)
    item = runs(2)[1]
    Workdir(root).samples_file(item.key).unlink()
    assert again.make(item) == "done"
    other = OrderedRun.load(Workdir(root).samples_file(item.key))
    assert np.array_equal(other.occupancy, made[1].occupancy)


def test_a_run_that_is_stopped_goes_on(root, force_field):
    unit = unit_of(root, MOVING, runs(1))
    item, path = runs(1)[0], Workdir(root).samples_file(f"{NAME}/r000")
    assert Sampler(unit, force_field, lambda: False).make(item) == "done"
    whole = OrderedRun.load(path)
    path.unlink()
    calls = 0

    def stop():
        nonlocal calls
        calls += 1
        return calls == 3

    assert Sampler(unit, force_field, stop).make(item) == STOPPED
    assert path.with_suffix(".npz").exists()
    assert not path.exists()
    assert Sampler(unit, force_field, lambda: False).make(item) == "done"
    assert np.array_equal(OrderedRun.load(path).occupancy, whole.occupancy)
    assert not path.with_suffix(".npz").exists()


def test_labels_are_of_the_samples_of_their_run(root, force_field):
    """Sample number 4 of three degrees per run is the second state of run 1; its order is noted."""
    sampler = Sampler(unit_of(root, LATTICE, runs(2)), force_field, lambda: False)
    for item in runs(2):
        assert sampler.make(item) == "done"
    run = OrderedRun.load(Workdir(root).samples_file(f"{NAME}/r001"))
    sites = SiteChoice("k-means", clusters=8, shells=2)
    labeller = Labeller(unit_of(root, LATTICE, [], stage="label", sites=sites), force_field)
    items = [
        UnitItem(f"{NAME}/s0004/v{v:05d}", "h" * 32, "g", {"composition": NAME, "sample": 4, "vacancy": v})
        for v in (0, 1)
    ]
    first, second = map(labeller.label, items)
    assert np.array_equal(first.occupancy, run.occupancy[1])
    assert (first.degree, first.exchanges) == (1, int(run.trials[1]))
    assert first.sample_key == f"{NAME}/s0004"
    assert first.site != second.site
    assert first.alpha == pytest.approx(run.alpha[1, 0])
    assert labeller.label(items[0]).site == first.site


def test_an_alloy_that_does_not_hold_fails_with_the_reason(root):
    hot = OrderedParameters(mode="md", temperature_K=50_000.0, trials_per_atom=1, steps=50)
    unit = unit_of(root, hot, runs(1))
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-P", "-m", "jobs.samples", str(unit.path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    (record,) = read_records(Workdir(root), "samples")
    assert record["state"] == "failed"
    assert "the temperature is too high" in record["error"]
