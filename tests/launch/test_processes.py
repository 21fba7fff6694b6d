import os
import subprocess
import sys
import time

import psutil
import pytest

from launch.processes import RUN_VARIABLE, end_processes, run_tag, tagged_processes, workdir_tag

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    "print('up', flush=True); time.sleep(60)",
]


@pytest.fixture
def tag(tmp_path):
    tag = run_tag(tmp_path, 3)
    yield tag
    end_processes(workdir_tag(tmp_path))


def start(command, tag, **options):
    return subprocess.Popen(command, env={**os.environ, RUN_VARIABLE: tag}, **options)


def gone(pid, seconds=10.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_tags_tell_workdirs_and_runs_apart(tmp_path):
    assert run_tag(tmp_path / "a", 1) != run_tag(tmp_path / "b", 1)
    assert not run_tag(tmp_path, 12).startswith(run_tag(tmp_path, 1))
    assert run_tag(tmp_path, 12).startswith(workdir_tag(tmp_path))


def test_only_processes_with_the_tag_are_ended(tmp_path, tag):
    ours, others = start(SLEEP, tag), start(SLEEP, run_tag(tmp_path, 4))
    assert [process.pid for process in tagged_processes(tag)] == [ours.pid]
    assert end_processes(tag) == 1
    assert gone(ours.pid)
    assert others.poll() is None


def test_grandchildren_inherit_the_tag(tag):
    parent = start(
        [sys.executable, "-c", f"import subprocess; print(subprocess.Popen({SLEEP!r}).pid, flush=True)"],
        tag,
        stdout=subprocess.PIPE,
        text=True,
    )
    orphan = int(parent.stdout.readline())
    parent.wait()
    assert end_processes(tag) == 1
    assert gone(orphan)


def test_what_ignores_sigterm_is_killed(tag):
    process = start(STUBBORN, tag, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    assert end_processes(tag, grace_s=0.5) == 1
    assert gone(process.pid)


def test_the_watchdog_ends_what_a_killed_driver_has_started(tmp_path, tag):
    program = f"""
import os, subprocess, sys, time
from pathlib import Path
from launch.processes import RUN_VARIABLE, start_watchdog
start_watchdog({tag!r}, Path({str(tmp_path)!r}) / "watchdog.log")
os.environ[RUN_VARIABLE] = {tag!r}
print(subprocess.Popen({SLEEP!r}, start_new_session=True).pid, flush=True)
time.sleep(60)
"""
    driver = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    worker = int(driver.stdout.readline())
    assert psutil.pid_exists(worker)
    time.sleep(1.0)
    assert not gone(worker, seconds=0.1), "the watchdog must wait for the driver's end"
    driver.kill()
    driver.wait()
    assert gone(worker), "the worker outlived its driver"
