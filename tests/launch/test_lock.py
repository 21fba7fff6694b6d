import errno
import fcntl
import json
import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from launch import lock as locks
from launch.lock import LockHeld, acquire, hold_lock, read_holder, release
from launch.process_times import process_start
from nnk.files import Workdir


@pytest.fixture
def workdir(tmp_path):
    return Workdir(tmp_path / "work")


@pytest.fixture
def ended_process():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def rewrite(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_second_driver_is_refused_and_told_who_holds_the_lock(workdir):
    with hold_lock(workdir):
        with pytest.raises(LockHeld, match=rf"process {os.getpid()} of .* on {socket.gethostname()}"):
            acquire(workdir.lock)
        assert read_holder(workdir.lock).pid == os.getpid()
    assert read_holder(workdir.lock) is None
    assert not workdir.lock.exists()


def test_a_living_process_elsewhere_on_this_host_keeps_its_lock(workdir):
    program = (
        "import sys; from pathlib import Path; from launch.lock import acquire;"
        f"acquire(Path({str(workdir.lock)!r})); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(LockHeld, match=f"process {other.pid} "):
            acquire(workdir.lock)
        other.kill()
    dead = acquire(workdir.lock)
    assert dead.pid == other.pid
    assert read_holder(workdir.lock).pid == os.getpid()


def test_a_dead_holders_lock_does_not_count(workdir, ended_process):
    acquire(workdir.lock)
    rewrite(workdir.lock, pid=ended_process)
    assert read_holder(workdir.lock) is None
    assert acquire(workdir.lock).pid == ended_process


def test_a_process_id_used_again_is_not_the_holder(workdir):
    acquire(workdir.lock)
    rewrite(workdir.lock, process_start=process_start(os.getpid()) - 100)
    assert read_holder(workdir.lock) is None


def test_a_lock_of_another_host_is_kept_and_the_message_says_how_to_check(workdir, ended_process):
    acquire(workdir.lock)
    rewrite(workdir.lock, host="elsewhere", pid=ended_process)
    with pytest.raises(LockHeld, match=r"on elsewhere\..*lock\.beat.*remove .*lock and run again"):
        acquire(workdir.lock)


def test_release_leaves_the_lock_of_another_alone(workdir):
    acquire(workdir.lock)
    rewrite(workdir.lock, host="elsewhere")
    release(workdir.lock)
    assert workdir.lock.exists()


def test_a_file_that_is_no_lock_is_never_taken_over(workdir):
    workdir.lock.parent.mkdir()
    workdir.lock.write_text("not json")
    with pytest.raises(LockHeld, match="not a lock of this program"):
        acquire(workdir.lock)
    assert workdir.lock.read_text() == "not json"


def test_the_counter_rises_while_the_lock_is_held(workdir, monkeypatch):
    monkeypatch.setattr(locks, "BEAT_S", 0.05)
    beat = workdir.root / "lock.beat"
    with hold_lock(workdir):
        wait_until(lambda: beat.exists() and int(beat.read_text()) >= 2)
    assert not beat.exists()


def test_the_counter_rises_again_after_the_disk_was_full(workdir, monkeypatch):
    real, left = locks.commit, [OSError(errno.ENOSPC, "No space left on device")] * 3

    def commit(path, write, **options):
        if path.name == "lock.beat" and left:
            raise left.pop()
        return real(path, write, **options)

    monkeypatch.setattr(locks, "BEAT_S", 0.05)
    monkeypatch.setattr(locks, "commit", commit)
    with hold_lock(workdir):
        wait_until(lambda: not left and (workdir.root / "lock.beat").exists())


def wait_until(condition, seconds=10.0):
    import time

    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts another /proc/stat, which needs root")
def test_a_holder_lives_on_when_the_clock_is_set(workdir, tmp_path):
    """Once the time of day has been set, /proc/stat gives another start of the machine."""
    stat = tmp_path / "stat"
    text = Path("/proc/stat").read_text()
    began = int(re.search(r"^btime (\d+)", text, re.MULTILINE)[1])
    stat.write_text(text.replace(f"btime {began}", f"btime {began + 3600}"))
    acquire(workdir.lock)
    program = (
        "import sys; from pathlib import Path; from launch.lock import read_holder;"
        f"print(read_holder(Path({str(workdir.lock)!r})).pid)"
    )
    line = f"mount --bind {stat} /proc/stat && exec {sys.executable} -c {shlex.quote(program)}"
    command = ["unshare", "--mount", "sh", "-c", line]
    seen = subprocess.run(command, capture_output=True, text=True)
    if "mount" in seen.stderr or "unshare" in seen.stderr:
        pytest.skip(f"cannot mount here: {seen.stderr.strip()}")
    assert seen.stdout.strip() == str(os.getpid()), seen.stderr


def test_a_lock_from_before_the_machine_was_started_again_does_not_count(workdir):
    acquire(workdir.lock)
    rewrite(workdir.lock, boot="another")
    assert read_holder(workdir.lock) is None


def test_a_file_system_without_flock_is_served_by_this_hosts_own(workdir, monkeypatch):
    real, taken = fcntl.flock, []

    def flock(file, how):
        if Path(f"/proc/self/fd/{file.fileno()}").resolve().is_relative_to(workdir.root):
            raise OSError(errno.ENOLCK, "No locks available")
        taken.append(os.readlink(f"/proc/self/fd/{file.fileno()}"))
        real(file, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    with hold_lock(workdir), pytest.raises(LockHeld):
        acquire(workdir.lock)
    assert len(taken) == 2
    assert len(set(taken)) == 1
    assert not taken[0].startswith(str(workdir.root))
    os.unlink(taken[0])
