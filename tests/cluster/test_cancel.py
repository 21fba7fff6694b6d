"""``launch cancel`` on a real Slurm: a campaign's jobs end, those of others go on."""

import os
import signal
import subprocess
import sys
import time

import pytest

from launch.scheduler_jobs import noted_jobs
from nnk.files import Workdir

pytestmark = pytest.mark.cluster

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
SITE = """\
extends: slurm
description: two nodes for tests
cores_per_node: 2
address: 127.0.0.1
jobs: {queue: debug, walltime: "00:10:00", poll_s: 2}
"""
CAMPAIGN = """\
schema_version: 1
name: cancelled
seed: 7
workdir: work
site: ./nodes.yaml
alloy: {elements: [Nb, Ta], lattice: bcc}
potential: {builtin: zhou-eam}
label: {compositions: [equimolar], cells: [4, 4, 4], vacancies_per_composition: 2000}
"""


def said(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def job_of_others(slurm):
    """A job that waits in the queue."""
    environment = {**os.environ, **slurm}
    job = said(["sbatch", "--parsable", "--hold", "--wrap=sleep 600"], environment).strip()
    yield job
    said(["scancel", job], environment)


@pytest.fixture
def campaign(tmp_path):
    (tmp_path / "nodes.yaml").write_text(SITE)
    (tmp_path / "c.yaml").write_text(CAMPAIGN)
    return tmp_path / "c.yaml"


def kill_a_driver(campaign, environment):
    """Leave a job without its driver; the ids of the jobs that were noted."""
    workdir = Workdir(campaign.parent / "work")
    with subprocess.Popen([*LAUNCH, campaign], env=environment, stderr=subprocess.DEVNULL) as driver:
        end = time.monotonic() + 120
        while not noted_jobs(workdir):
            assert time.monotonic() < end, "no job"
            time.sleep(0.2)
        driver.send_signal(signal.SIGKILL)
    return {job.id for job in noted_jobs(workdir)}


@pytest.fixture
def drained(slurm):
    """No job can start: here, where nodes are processes of the driver's host, its watchdog would end it."""
    environment = {**os.environ, **slurm}
    nodes = "NodeName=node[1-2]"
    said(["scontrol", "update", nodes, "State=DRAIN", "Reason=test"], environment)
    yield
    said(["scontrol", "update", nodes, "State=RESUME"], environment)


def test_a_dead_drivers_jobs_are_cancelled_and_no_others(campaign, slurm, drained, job_of_others):
    environment = {**os.environ, **slurm}
    ours = kill_a_driver(campaign, environment)
    shown = said([*LAUNCH, "cancel", campaign, "--yes"], environment)
    assert all(f"slurm job {name}: " in shown for name in ours)
    left = said(["squeue", "--noheader", "--format=%i"], environment).split()
    assert left == [job_of_others]


def test_the_next_run_cancels_what_a_dead_driver_has_left_in_the_queue(
    campaign, slurm, drained, job_of_others
):
    environment = {**os.environ, **slurm}
    (orphan,) = kill_a_driver(campaign, environment)
    with subprocess.Popen([*LAUNCH, campaign], env=environment, stderr=subprocess.PIPE, text=True) as driver:
        told = next(line for line in driver.stderr if "cancelled jobs" in line)
        left = said(["squeue", "--noheader", "--format=%i"], environment).split()
        driver.terminate()
        driver.communicate(timeout=120)
    assert told == f"cancelled jobs of an earlier run: {orphan}\n"
    assert orphan not in left
    assert job_of_others in left
