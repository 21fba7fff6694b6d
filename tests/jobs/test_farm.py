"""Items shared out among ranks: each once, whatever fails."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from jobs.farm import Farm, WrongWorld, world

MPIEXEC = Path(sys.executable).parent / "mpiexec"

PROGRAM = """
    import json, sys, time
    from jobs.farm import MpiFarm, world

    ranks, n_items, stop_after, folder = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    comm, results, polls = world(ranks), [], 0

    def work(item):
        for _ in range(item % 7):
            time.sleep(0.002)
            farm.poll()
        if item % 10 == 3:
            raise ValueError(f"item {item}")
        return (item * item, comm.rank)

    farm = MpiFarm(results.append, lambda: len(results) >= stop_after, comm)
    farm.run(range(n_items), work)
    if comm.rank == 0:
        content = [(r.item, r.value, r.error) for r in results]
        open(f"{folder}/results.json", "w").write(json.dumps(content))
"""

needs_mpi = pytest.mark.skipif(not MPIEXEC.exists(), reason="no mpiexec here: pip install '.[local]'")


def mpi_run(tmp_path, ranks, n_items, stop_after=10**9, asked=None):
    arguments = [str(asked or ranks), str(n_items), str(stop_after), str(tmp_path)]
    return subprocess.run(
        [str(MPIEXEC), "-n", str(ranks), sys.executable, "-c", textwrap.dedent(PROGRAM), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@needs_mpi
@pytest.mark.parametrize(("ranks", "n_items"), [(2, 40), (3, 41), (2, 1), (3, 0)])
def test_every_item_is_worked_on_once_by_some_rank(tmp_path, ranks, n_items):
    done = mpi_run(tmp_path, ranks, n_items)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "results.json").read_text())
    assert sorted(item for item, _, _ in results) == list(range(n_items))
    for item, value, error in results:
        if item % 10 == 3:
            assert (value, error) == (None, f"ValueError: item {item}")
        else:
            assert (value[0], error) == (item * item, "")
    if n_items >= 40:
        assert {value[1] for _, value, _ in results if value} == set(range(ranks))


@needs_mpi
def test_after_a_stop_no_item_is_lost_that_was_begun(tmp_path):
    done = mpi_run(tmp_path, 2, 1000, stop_after=10)
    assert done.returncode == 0, done.stderr
    items = [item for item, _, _ in json.loads((tmp_path / "results.json").read_text())]
    assert len(set(items)) == len(items)
    assert 10 <= len(items) < 30


@needs_mpi
def test_another_number_of_processes_than_asked_for_is_refused(tmp_path):
    done = mpi_run(tmp_path, 1, 5, asked=4)
    assert done.returncode != 0
    assert "launched with 4 ranks but the MPI world has 1" in done.stderr


def test_alone_means_one_after_another_without_mpi():
    results = []
    Farm(results.append, lambda: len(results) == 3).run(range(5), lambda item: 1 / (item - 1))
    assert [(r.item, r.value) for r in results] == [(0, -1.0), (1, None), (2, 1.0)]
    assert results[1].error.startswith("ZeroDivisionError")
    assert world(1) is None


def test_the_error_of_a_wrong_world_says_what_to_look_at():
    pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install '.[local]'")
    with pytest.raises(WrongWorld, match=r"mpi\.command of the site file"):
        world(3)


def test_several_ranks_without_mpi4py_are_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "mpi4py", None)
    with pytest.raises(WrongWorld, match=r"2 ranks need mpi4py.*\[local\]"):
        world(2)
