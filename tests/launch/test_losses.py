"""Jobs that really end badly: what is told of why."""

import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from parsl.executors.high_throughput.errors import WorkerLost

from jobs.apps import JobFailed, run_command, shown
from jobs.block import note_block
from jobs.failure_class import FailureClass
from jobs.oom import oom_kills
from jobs.unit import Unit, UnitItem
from launch.losses import loss_of, raise_if_full, raise_if_hopeless
from nnk.files import StaleEpoch, Workdir
from site_configs import SiteError

CGROUP = Path("/sys/fs/cgroup/memory")
PYTHON = f"{sys.executable} -c"
WRITE = 'open("x", "wb").write(bytes(9999))'


@pytest.fixture
def unit(tmp_path):
    (tmp_path / "epoch").write_text("1\n")
    return Unit(
        "kmc", "000001-kmc-0000", tmp_path, 1, 1, {}, (UnitItem("a", "h", "g"), UnitItem("b", "h", "g"))
    )


@pytest.fixture
def lost(unit):
    """What is said of a unit whose job is a shell command."""

    def run(command):
        kills = oom_kills()
        with pytest.raises(JobFailed) as failed:
            run_command(["bash", "-c", command], str(unit.log_file), str(unit.stop_file), str(unit.work_dir))
        return loss_of(unit, failed.value, ["a", "b"], kills)

    return run


ENDS = {
    "a kill": ("kill -9 $$", "crash", "killed by SIGKILL"),
    "a segmentation fault": ("kill -SEGV $$", "crash", "killed by SIGSEGV"),
    "an abort, told by mpiexec": ("exit 6", "crash", "exit code 6"),
    "a kill, told by a shell": ("exit 137", "crash", "exit code 137"),
    "no memory": (f"ulimit -v 1000000; exec {PYTHON} 'bytearray(10**12)'", "memory", "exit code 1"),
    "a full device": (f'exec {PYTHON} \'open("/dev/full", "w").write("x" * 100000)\'', "disk", "exit code 1"),
    "too large a file": ("ulimit -f 1; exec head -c 100000 /dev/zero > $PWD/x", "disk", "killed by SIGXFSZ"),
    "the same in Python": (
        f'ulimit -f 1; exec {PYTHON} \'open("x", "wb").write(bytes(9999))\'',
        "disk",
        "exit code 1",
    ),
    "a missing package": (f"exec {PYTHON} 'import nothing_like_it'", "user", "exit code 1"),
    "a missing file": (f"exec {PYTHON} 'open(\"/nothing/like/it\")'", "user", "exit code 1"),
    "a mistake": (f"exec {PYTHON} '{{}}[1]'", "program", "exit code 1"),
    "no words": ("exit 1", "unknown", "exit code 1"),
}


@pytest.mark.parametrize("name", ENDS)
def test_why_a_job_has_ended(name, lost, tmp_path, monkeypatch):
    command, cause, words = ENDS[name]
    monkeypatch.chdir(tmp_path)
    loss = lost(command)
    assert (loss.cause, loss.words) == (cause, words)
    assert loss.suspects == {"a": "", "b": ""}


@pytest.mark.parametrize("after_s", [-1.0, 1000.0])
def test_a_job_that_is_ended_with_its_block_was_lost_to_the_walltime(after_s, lost, monkeypatch):
    monkeypatch.setenv("NNK_BLOCK_END_UNIX_S", str(time.time() + after_s))
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    loss = lost("kill -TERM $$")
    assert (loss.cause, loss.block) == ("walltime" if after_s < 0 else "crash", "12")


def test_a_full_file_system(lost, tmp_path):
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode()}")
    try:
        assert lost(f"exec cp /dev/zero {small}/x").cause is FailureClass.DISK
        (small / "epoch").write_text("")
        with pytest.raises(
            SiteError, match="No space left on device; free space there or get a larger quota"
        ):
            raise_if_full(Workdir(small), 1)
    finally:
        subprocess.run(["umount", small], check=True)
    raise_if_full(Workdir(tmp_path), 1)
    assert not (Workdir(tmp_path).run_dir(1) / "trial").exists()


def test_a_process_that_the_system_kills_for_want_of_memory(lost, tmp_path):
    group = CGROUP / f"nnk-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text("64M")
    except OSError as error:
        pytest.skip(f"no group of processes with a limit of memory can be made here: {error}")
    try:
        loss = lost(
            f"echo $$ > {group}/cgroup.procs; exec {PYTHON} 'bytearray(10**9)[::4096] = b\"x\" * 244141'"
        )
    finally:
        group.rmdir()
    assert (loss.cause, loss.words) == ("memory", "killed by SIGKILL, out of memory")


def test_a_worker_lost_while_this_machine_has_killed_for_memory(unit):
    here = WorkerLost(0, os.uname().nodename)
    assert loss_of(unit, here, ["a"], oom_kills()).cause is FailureClass.CRASH
    assert loss_of(unit, here, ["a"], oom_kills() - 1).cause is FailureClass.MEMORY
    assert loss_of(unit, WorkerLost(0, "elsewhere"), ["a"], oom_kills() - 1).cause is FailureClass.CRASH


def test_a_unit_that_has_stopped_for_want_of_time_waits_for_the_end_of_its_block(unit, monkeypatch):
    end = round(time.time() + 1000.0, 3)
    monkeypatch.setenv("NNK_BLOCK_END_UNIX_S", str(end))
    note_block(unit.work_dir)
    loss = loss_of(unit, None, ["b"], oom_kills())
    assert (loss.cause, loss.until_unix_s, loss.suspects) == ("walltime", end, {})
    assert loss.words == "no time was left before the walltime"


def test_only_the_item_in_work_is_a_suspect(unit):
    unit.work_dir.mkdir(parents=True)
    (unit.work_dir / "00000.item").write_text("b\n")
    assert loss_of(unit, JobFailed(-9, ""), ["a", "b"], 0).suspects == {"b": ""}


def test_a_failed_job_comes_through_a_pickle_whole():
    error = pickle.loads(pickle.dumps(JobFailed(-9, "the log", True)))
    assert (error.code, error.log, error.is_oom) == (-9, "the log", True)
    assert str(error) == "killed by SIGKILL, out of memory\nthe log"
    assert shown(3) == "exit code 3"


def test_what_every_unit_would_meet_ends_the_run():
    raise_if_hopeless(None)
    raise_if_hopeless(JobFailed(87, ""))
    with pytest.raises(StaleEpoch):
        raise_if_hopeless(JobFailed(85, ""))
    with pytest.raises(SiteError):
        raise_if_hopeless(JobFailed(86, "launched with 4 ranks but the MPI world has 1"))


def test_a_machine_that_does_not_count(tmp_path):
    assert oom_kills(tmp_path / "none") == 0
    (tmp_path / "vmstat").write_text("pgfault 7\noom_kill 3\n")
    assert oom_kills(tmp_path / "vmstat") == 3
