"""The MPI job of labelling: the same labels whatever the number of ranks and however often it was ended."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from jobs.in_work import left_in_work
from jobs.merge import merge_labels
from jobs.prepared import read_system
from jobs.unit import Unit, UnitItem
from nnk.alloy import exact_counts, with_vacancy
from nnk.barrier_journal import journal_hashes
from nnk.barriers import BarrierSet
from nnk.files import Workdir, read_records
from nnk.potentials import Builtin, make_force_field
from nnk.saddle import SearchParameters, label_vacancy
from nnk.samples import FarFieldParameters, far_field_sample

MPIEXEC = Path(sys.executable).parent / "mpiexec"
NAME = "Nb50Ta50"
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}

pytestmark = pytest.mark.skipif(not MPIEXEC.exists(), reason="no mpiexec here: pip install '.[local]'")


def unit_of(root, stage, items, ranks, name="000001-x-0000", **changes):
    settings = {
        "seed": 3,
        "elements": ["Nb", "Ta"],
        "structure": "bcc",
        "potential": Builtin().to_json(),
        "cells": [4, 4, 4],
        "compositions": {NAME: {"Nb": 0.5, "Ta": 0.5}},
        "search": {"max_force_eV_A": 0.02, "connect": True, "method": "search"},
        "box": "zero-pressure",
        "ranks_per_barrier": 1,
        "samples": None,
        "far_field": None,
        "sites": {},
        **changes,
    }
    (root / "epoch").write_text("1")
    unit = Unit(stage, name, root, 1, ranks, settings, tuple(items))
    unit.save()
    return unit


def command(unit):
    start = [str(MPIEXEC), "-n", str(unit.ranks)] if unit.ranks > 1 else []
    return [*start, sys.executable, "-P", "-m", f"jobs.{unit.stage}", str(unit.path)]


def run(unit):
    done = subprocess.run(command(unit), capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode == 0, done.stderr


def vacancies(n):
    return [
        UnitItem(
            f"{NAME}/s{i:04d}/v00000", f"{i:032x}", "g", {"composition": NAME, "sample": i, "vacancy": 0}
        )
        for i in range(n)
    ]


def labels_of(root, n):
    workdir = Workdir(root)
    merge_labels(workdir, [item.hash for item in vacancies(n)], unit_of(root, "label", [], 1).fence)
    labels = BarrierSet.load(workdir.labels_file)
    keys = [labels.sample_key[s] for s in labels.sample]
    order = sorted(range(len(labels)), key=lambda i: (keys[i], labels.jump[i]))
    return labels.select(np.array(order))


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """What the labels need, made by the job that prepares."""
    root = tmp_path_factory.mktemp("prepared")
    items = [
        UnitItem("potential", "p" * 32, "g"),
        UnitItem("system", "s" * 32, "g"),
        UnitItem(f"lattice/{NAME}", "l" * 32, "g", {"composition": {"Nb": 0.5, "Ta": 0.5}}),
    ]
    run(unit_of(root, "prepare", items, 2))
    return root


@pytest.fixture
def fresh(prepared, tmp_path):
    """A new working directory with the prepared products."""
    for path in (prepared / "labels").rglob("*.json"):
        target = tmp_path / path.relative_to(prepared)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture(scope="module")
def reference(prepared):
    """Labels by one process."""
    run(unit_of(prepared, "label", vacancies(4), 1))
    return labels_of(prepared, 4)


def test_prepared_products_are_recorded(prepared):
    states = {record["key"]: record["state"] for record in read_records(Workdir(prepared), "prepare")}
    assert states == {"potential": "done", "system": "done", f"lattice/{NAME}": "done"}


def test_three_ranks_make_the_labels_of_one(fresh, reference):
    run(unit_of(fresh, "label", vacancies(4), 3))
    labels = labels_of(fresh, 4)
    np.testing.assert_allclose(labels.E_fwd_eV, reference.E_fwd_eV, atol=1e-6, rtol=0)
    np.testing.assert_array_equal(labels.flag, reference.flag)
    np.testing.assert_array_equal(labels.vacancy_site, reference.vacancy_site)
    assert labels.attrs["max_force_eV_A"] == 0.02


@pytest.mark.parametrize(("method", "ranks", "n", "force"), [("search", 3, 2, 0.02), ("neb", 2, 1, 0.1)])
def test_two_ranks_that_share_a_barrier_change_nothing(fresh, tmp_path_factory, method, ranks, n, force):
    search = {"max_force_eV_A": force, "connect": True, "method": method}
    alone = tmp_path_factory.mktemp("alone")
    shutil.copytree(fresh, alone, dirs_exist_ok=True)
    run(unit_of(alone, "label", vacancies(n), 1, search=search))
    run(unit_of(fresh, "label", vacancies(n), ranks, search=search, ranks_per_barrier=2))
    labels, reference = labels_of(fresh, n), labels_of(alone, n)
    for name in ("E_fwd_eV", "E_bwd_eV", "curvature_eV_A2"):
        np.testing.assert_allclose(getattr(labels, name), getattr(reference, name), atol=1e-6, rtol=0)
    for name in ("flag", "method", "n_saddles", "calls"):
        np.testing.assert_array_equal(getattr(labels, name), getattr(reference, name))
    assert labels.attrs["method"] == method


def test_a_job_that_is_asked_to_end_keeps_what_it_has(fresh, reference):
    unit = unit_of(fresh, "label", vacancies(4000), 2)
    with subprocess.Popen(command(unit), env=ENVIRONMENT) as job:
        end = time.monotonic() + 60
        while sum(len(journal_hashes(path)) for path in unit.journals()) < 6 and time.monotonic() < end:
            time.sleep(0.05)
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=60) == 0
    done = [record["key"] for record in read_records(Workdir(fresh), "label") if record["state"] == "done"]
    labels = labels_of(fresh, 4000)
    assert 4 < len(done) < 4000
    assert len(labels) == 8 * len(done) == 8 * len(set(done))
    np.testing.assert_allclose(labels.E_fwd_eV[:32], reference.E_fwd_eV, atol=1e-6, rtol=0)


KILLS = int(os.environ.get("NNK_FAULT_KILLS", "3"))
MOMENTS = [0.0] + [
    pytest.param(random.Random(n).uniform(0, 3), marks=pytest.mark.faults, id=f"moment{n}")
    for n in range(KILLS)
]


@pytest.mark.parametrize("delay_s", MOMENTS)
def test_a_rank_killed_at_any_moment_takes_with_it_only_what_was_in_work(fresh, reference, delay_s):
    unit = unit_of(fresh, "label", vacancies(400), 2)
    with subprocess.Popen(command(unit), env=ENVIRONMENT, stderr=subprocess.DEVNULL) as job:
        while sum(len(journal_hashes(path)) for path in unit.journals()) < 4 and job.poll() is None:
            time.sleep(0.05)
        time.sleep(delay_s)
        ranks = [p for p in psutil.Process(job.pid).children(recursive=True) if str(unit.path) in p.cmdline()]
        before = {digest for path in unit.journals() for digest in journal_hashes(path)}
        max(ranks, key=lambda p: p.pid).kill()
        assert job.wait(timeout=60) != 0
    kept = {digest for path in unit.journals() for digest in journal_hashes(path)}
    recorded = {record["hash"] for record in read_records(Workdir(fresh), "label")}
    assert len(kept) >= len(before) >= 4
    assert recorded <= kept
    assert len(left_in_work(unit)) <= 2
    rest = [item for item in vacancies(max(4, len(kept))) if item.hash not in kept]
    run(unit_of(fresh, "label", rest, 2, name="000001-x-0001"))
    labels = labels_of(fresh, 400)
    assert len(labels) == 8 * len(kept | {item.hash for item in rest})
    np.testing.assert_allclose(labels.E_fwd_eV[:32], reference.E_fwd_eV, atol=1e-6, rtol=0)


def test_a_unit_stops_before_its_node_is_taken_back(fresh):
    unit = unit_of(fresh, "label", vacancies(400), 2, seconds_per_item=2.0)
    until = {**ENVIRONMENT, "NNK_BLOCK_END_UNIX_S": str(time.time() + 25)}
    done = subprocess.run(command(unit), capture_output=True, text=True, env=until, timeout=120)
    assert done.returncode == 0, done.stderr
    assert time.time() < float(until["NNK_BLOCK_END_UNIX_S"])
    states = [record["state"] for record in read_records(Workdir(fresh), "label")]
    assert set(states) <= {"done"}
    assert len(states) < 400


def test_a_newer_run_makes_the_job_end_without_writing(fresh):
    unit = unit_of(fresh, "label", vacancies(50), 2)
    (fresh / "epoch").write_text("2")
    done = subprocess.run(command(unit), capture_output=True, text=True, env=ENVIRONMENT, timeout=300)
    assert done.returncode != 0
    assert "run 2 has taken over from run 1" in done.stderr
    assert not list((fresh / "labels").glob("*.journal"))
    assert read_records(Workdir(fresh), "label") == []


def test_a_potential_without_an_element_fails_the_items_and_says_so(fresh):
    unit = unit_of(fresh, "prepare", [UnitItem("system", "s" * 32, "g")], 1, name="000001-x-0001")
    text = unit.path.read_text().replace('"Ta"', '"Al"')
    unit.path.write_text(text)
    run(Unit.load(unit.path))
    (record,) = read_records(Workdir(fresh), "prepare")
    assert record["state"] == "failed"
    assert "Al" in record["error"]


def test_of_far_field_samples_one_jump_each_is_labelled_as_among_all_of_its_vacancy(fresh, tmp_path_factory):
    """Its label is that of the same atoms given as a sample of their own; all its calls are counted."""
    far_field = {"shells": [1, 2], "jumps": 1, "resamples": 1}
    run(unit_of(fresh, "label", vacancies(2), 1, far_field=far_field))
    labels = labels_of(fresh, 2)
    assert len(labels) == 2
    lattice = labels.lattice(0)
    counts = exact_counts([0.5, 0.5], lattice.n_sites)
    force_field, system = make_force_field(Builtin()), read_system(Workdir(fresh))
    for i, sample in enumerate(labels.sample):
        place = FarFieldParameters((1, 2), 1, 1).place(i)
        made = far_field_sample(place, 3, NAME, lattice, counts)
        np.testing.assert_array_equal(labels.occupancy[sample], made.occupancy)
        assert (labels.vacancy_site[i], labels.jump[i]) == (made.site, made.jump)
        vacant = with_vacancy(made.occupancy, made.site)
        parameters = SearchParameters(max_force_eV_A=0.02)
        whole = label_vacancy(
            force_field, lattice, vacant, ["Nb", "Ta"], system.lattice_hessian(lattice), parameters
        )
        assert labels.E_fwd_eV[i] == pytest.approx(whole.E_fwd_eV[made.jump], abs=1e-6)
        assert labels.E_bwd_eV[i] == pytest.approx(whole.E_bwd_eV[made.jump], abs=1e-6)
        own = whole.calls[made.jump] - whole.initial_calls / lattice.z
        assert labels.calls[i] == pytest.approx(own + whole.initial_calls)
    assert labels.E_fwd_eV[0] != pytest.approx(labels.E_fwd_eV[1], abs=1e-4)
