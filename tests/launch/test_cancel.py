"""Ending what a campaign has started, and nothing else."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from types import SimpleNamespace

import pytest

from launch import cancel as cancelling
from launch.cancel import request_file
from launch.cli import run_command
from launch.lock import _this_process
from launch.processes import RUN_VARIABLE, run_tag, tagged_processes
from launch.scheduler_jobs import cancel_earlier_jobs, jobs_file, living, note_jobs, noted_jobs
from nnk.files import Workdir

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
FAKE = """\
#!/bin/sh
# {name}: the queue is a file of ids
cd {folder}
case {name} in
  squeue) sed -E 's/$/ parsl.mpi-1.block-0.17.5 RUNNING/; s/(200.*)mpi/\\1other/' queue ;;
  qstat) echo 'Job id  Name  User  Time  S  Queue'; echo '------'
         sed -E 's/$/ parsl.mpi-1.bl* me 0 R workq/; s/(200.*)mpi/\\1other/' queue ;;
  *) for id in "$@"; do echo "{name} $id" >> cancelled; sed -i "/^$id\\$/d" queue; done ;;
esac
"""


@pytest.fixture
def workdir(write_campaign, tmp_path):
    write_campaign()
    work = Workdir(tmp_path / "work")
    work.root.mkdir()
    work.epoch_file.write_text("3\n")
    return work


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A scheduler with a queue of ids; gives the folder."""
    folder = tmp_path / "scheduler"
    folder.mkdir()
    for name in ("squeue", "scancel", "qstat", "qdel"):
        script = folder / name
        script.write_text(FAKE.format(name=name, folder=folder))
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def submitted(workdir, scheduler, *ids):
    """Note jobs as a run does, by the provider that submits them."""
    left = list(ids)
    executor = SimpleNamespace(label="mpi-1", provider=SimpleNamespace(submit=lambda *_: left.pop(0)))
    note_jobs([executor], scheduler, jobs_file(workdir, 3))
    return [executor.provider.submit("command", 1, "name") for _ in ids]


@pytest.mark.parametrize(
    ("scheduler", "command", "ids"),
    [
        ("slurm", "scancel", ("17", "18", "19", "200")),
        ("pbs", "qdel", ("17.server", "18.server", "19.server", "200.server")),
    ],
)
def test_only_jobs_of_this_campaign_are_cancelled(scheduler, command, ids, workdir, queue, tmp_path, capsys):
    """The last of the ids was given out again, to a job of another name."""
    assert submitted(workdir, scheduler, *ids) == list(ids)
    (queue / "queue").write_text("".join(f"{name}\n" for name in (ids[0], "180", ids[2], "20", ids[3])))
    assert [job.id for job in living(noted_jobs(workdir))] == [ids[0], ids[2]]
    assert run_command(["cancel", str(tmp_path / "c.yaml"), "--yes"]) == 0
    shown = capsys.readouterr()
    assert [line.split(":")[0] for line in shown.out.splitlines()] == [
        f"{scheduler} job {ids[0]}",
        f"{scheduler} job {ids[2]}",
    ]
    assert (queue / "cancelled").read_text().splitlines() == [f"{command} {ids[0]}", f"{command} {ids[2]}"]
    assert (queue / "queue").read_text().split() == ["180", "20", ids[3]]


@pytest.mark.parametrize("site", ["slurm", "local"])
def test_the_next_run_cancels_what_earlier_ones_have_left(site, workdir, queue):
    submitted(workdir, "slurm", "17", "18", "19")
    (queue / "queue").write_text("17\n180\n19\n")
    told = []
    cancel_earlier_jobs(workdir, site, told.append)
    assert told == ["cancelled jobs of an earlier run: 17 19"]
    assert (queue / "queue").read_text().split() == ["180"]
    cancel_earlier_jobs(workdir, site, told.append)
    assert len(told) == 1


def test_the_next_run_goes_on_without_the_scheduler(workdir, tmp_path, monkeypatch):
    submitted(workdir, "slurm", "17")
    monkeypatch.setenv("PATH", str(tmp_path))
    told = []
    cancel_earlier_jobs(workdir, "local", told.append)  # as of a workdir that was brought home
    assert told == []
    cancel_earlier_jobs(workdir, "slurm", told.append)
    assert told == [
        "warning: jobs of an earlier run may be in the queue still: squeue is not on this machine; "
        "try again on a login node"
    ]


def test_a_damaged_note_is_named_with_its_cure(workdir, queue, tmp_path, capsys):
    submitted(workdir, "slurm", "17")
    path = jobs_file(workdir, 3)
    path.write_bytes(b"\0\0\n" + path.read_bytes())
    told = []
    cancel_earlier_jobs(workdir, "slurm", told.append)
    assert f"{path}:1: expected a job of this program" in told[0]
    assert run_command(["cancel", str(tmp_path / "c.yaml"), "--yes"]) == 3
    assert "see whether that job is in the queue, then remove the line" in capsys.readouterr().err


def test_jobs_of_a_driver_that_died_while_it_noted_one(workdir):
    submitted(workdir, "slurm", "17", "18")
    path = jobs_file(workdir, 3)
    path.write_bytes(path.read_bytes()[:-9])
    assert [job.id for job in noted_jobs(workdir)] == ["17"]


def test_a_job_that_was_refused_and_local_workers_are_not_noted(workdir):
    assert submitted(workdir, "slurm", None) == [None]
    assert submitted(workdir, "local", "123") == ["123"]
    assert noted_jobs(workdir) == []


def test_without_the_scheduler_the_cure_is_told(workdir, tmp_path, capsys, monkeypatch):
    submitted(workdir, "slurm", "17")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run_command(["cancel", str(tmp_path / "c.yaml"), "--yes"]) == 3
    assert "squeue is not on this machine; try again on a login node" in capsys.readouterr().err


def test_a_scheduler_that_refuses(workdir, queue, tmp_path, capsys):
    submitted(workdir, "slurm", "17")
    (queue / "queue").write_text("17\n")
    (queue / "scancel").write_text("#!/bin/sh\necho 'Access denied' >&2; exit 1\n")
    assert run_command(["cancel", str(tmp_path / "c.yaml"), "--yes"]) == 3
    assert "scancel 17 has failed (exit code 1): Access denied" in capsys.readouterr().err


def test_nothing_to_end(workdir, tmp_path, capsys):
    assert run_command(["cancel", str(tmp_path / "c.yaml")]) == 0
    assert "nothing of" in capsys.readouterr().err


def test_nothing_is_ended_without_a_yes(workdir, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("NNK_YES", raising=False)
    process = subprocess.Popen(SLEEP, env={**os.environ, RUN_VARIABLE: run_tag(workdir.root, 3)})
    other = subprocess.Popen(SLEEP, env={**os.environ, RUN_VARIABLE: run_tag(workdir.root, 2)})
    try:
        path = str(tmp_path / "c.yaml")
        assert run_command(["cancel", path]) == 2  # standard input is no terminal
        assert "say --yes, or set NNK_YES=1" in capsys.readouterr().err
        assert process.poll() is None
        monkeypatch.setenv("NNK_YES", "1")
        assert run_command(["cancel", path]) == 0
        assert process.poll() is not None
        assert other.poll() is None
    finally:
        process.kill()
        other.kill()


def test_a_driver_on_another_host_is_asked_by_a_file(workdir, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(cancelling, "STILL_S", 0.2)
    elsewhere = replace(_this_process(), host="login7", pid=123)
    workdir.lock.write_text(json.dumps(asdict(elsewhere)))
    assert run_command(["cancel", str(tmp_path / "c.yaml"), "--yes"]) == 3
    assert " on " in request_file(workdir.run_dir(3)).read_text()
    told = capsys.readouterr().err
    assert "the driver on login7 does not answer" in told
    assert workdir.lock.exists()


OBEY = """
import sys, time
from pathlib import Path
from launch import cancel, interrupt
cancel.SAVE_S, cancel.LOOK_S = 0.5, 0.05
folder = Path(sys.argv[1])
with interrupt.interruptible(folder / "stop", print) as asked, cancel.obeying(folder / "cancel", print):
    print("up", flush=True)
    while not asked.asked:
        time.sleep(0.05)
    print("asked", flush=True)
    time.sleep(30)
"""


def test_a_driver_that_goes_on_is_asked_twice(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-c", OBEY, tmp_path], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as driver:
        assert driver.stdout.readline() == "up\n"
        began = time.monotonic()
        (tmp_path / "cancel").write_text("me on login1\n")
        out, err = driver.communicate(timeout=20)
    assert "asked to end by me on login1" in out
    assert "asked" in out.splitlines()
    assert err.rstrip().endswith("KeyboardInterrupt")
    assert time.monotonic() - began < 10
    assert (tmp_path / "stop").exists()


@pytest.mark.slow
def test_a_run_on_this_host_saves_and_ends(write_campaign, tmp_path):
    """The second campaign beside it goes on."""
    path = write_campaign(("vacancies_per_composition: 3", "vacancies_per_composition: 500"))
    other = Workdir(tmp_path / "other")
    bystander = subprocess.Popen(SLEEP, env={**os.environ, RUN_VARIABLE: run_tag(other.root, 1)})
    workdir = Workdir(tmp_path / "work")
    with subprocess.Popen([*LAUNCH, path], stderr=subprocess.PIPE, text=True) as driver:
        end = time.monotonic() + 240
        while not list(workdir.labels_dir.glob("*-label-*.journal")):
            assert time.monotonic() < end, "no label"
            assert driver.poll() is None
            time.sleep(0.2)
        done = subprocess.run([*LAUNCH, "cancel", path, "--yes"], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        assert "driver: process " in done.stdout
        _, told = driver.communicate(timeout=10)
    assert driver.returncode == 4
    assert "asked to end by " in told
    assert not workdir.lock.exists()
    assert tagged_processes(run_tag(workdir.root, 1)) == []
    assert bystander.poll() is None
    bystander.kill()
