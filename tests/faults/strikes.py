"""Faults that strike a campaign while it runs, and conditions under which it must refuse to."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import psutil
import pytest

from tests.faults.damage import Fault
from tests.faults.scene import Said, Scene

DONE, SOME_FAILED, SITE_OR_LOCK, INTERRUPTED = 0, 1, 3, 4
BEGIN_S = 900.0


def _wait_for(driver: subprocess.Popen, condition: Callable[[], bool]) -> bool:
    """Whether the condition came true before the driver's end."""
    end = time.monotonic() + BEGIN_S
    while driver.poll() is None:
        if condition():
            return True
        assert time.monotonic() < end, "the campaign does not get anywhere"
        time.sleep(0.02)
    return False


def _moment(scene: Scene, driver: subprocess.Popen, random: Random) -> bool:
    """Wait for a random moment of the run; whether it came before the end."""
    last, logs = scene.epoch, len(scene.files("logs/*/*"))
    begun = random.choice(
        [
            lambda: scene.epoch > last,
            lambda: len(scene.files("logs/*/*")) > logs,
            lambda: len(scene.files("logs/*/*")) > logs + 1,
            lambda: bool(scene.files("kmc/*/T*/r*/seg-*.nc")),
        ]
    )
    there = _wait_for(driver, begun)
    time.sleep(random.uniform(0.0, 1.0))
    return there and driver.poll() is None


def _end(scene: Scene, driver: subprocess.Popen) -> Said:
    text = driver.communicate(timeout=1200)[1]
    scene.story.append(f"exit code {driver.returncode}: {text.strip()[-500:]}")
    return Said(driver.returncode, text)


def killed_driver(scene: Scene, random: Random) -> str:
    """All that the driver has started ends with it, and writes nothing more."""
    with scene.start() as driver:
        struck = _moment(scene, driver, random)
        driver.kill()
    scene.wait_until_nothing_runs()
    return "driver killed" if struck else ""


def killed_driver_and_watchdog(scene: Scene, random: Random) -> str:
    """Nobody ends the orphans but the next driver."""
    with scene.start() as driver:
        struck = _moment(scene, driver, random)
        watchdogs = [p for p in _children(driver.pid) if "launch.watchdog" in " ".join(p.cmdline())]
        driver.kill()
        for process in watchdogs:
            process.kill()
    return "driver and watchdog killed" if struck else ""


def _children(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _kill(process: psutil.Process) -> str:
    """End a process; its command line, empty if it was gone."""
    try:
        words = " ".join(process.cmdline())[-60:]
        process.kill()
    except psutil.NoSuchProcess:
        return ""
    return words or process.name()


def killed_process(scene: Scene, random: Random) -> str:
    """Any process of the run but the driver."""
    with scene.start() as driver:
        victims = scene.processes() if _moment(scene, driver, random) else []
        what = _kill(random.choice(victims)) if victims else ""
        said = _end(scene, driver)
    if said.code != DONE:
        assert said.code in (SOME_FAILED, SITE_OR_LOCK), scene.told
        assert re.search("run again|launch retry|launch status", said.text), scene.told
    scene.wait_until_nothing_runs()
    return what and f"killed {what}"


def asked_to_stop(scene: Scene, random: Random) -> str:
    with scene.start() as driver:
        struck = _moment(scene, driver, random)
        name = random.choice([signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
        driver.send_signal(name)
        said = _end(scene, driver)
    assert said.code in (DONE, INTERRUPTED, -name), scene.told
    scene.wait_until_nothing_runs()
    return f"driver got {name.name}" if struck else ""


def second_driver(scene: Scene, random: Random) -> str:
    """The second is refused, says by whom, and does not disturb the first."""
    with scene.start() as driver:
        struck = _moment(scene, driver, random)
        if struck and scene.workdir.lock.exists():
            with scene.start() as other:
                said = _end(scene, other)
            if driver.poll() is None and said.code != DONE:  # 0: the first had just released the lock
                assert said.code == SITE_OR_LOCK, scene.told
                assert f"is being run by process {driver.pid} of" in said.text, scene.told
                assert f"end it with: kill {driver.pid}" in said.text, scene.told
        first = _end(scene, driver)
    assert first.code in (DONE, SOME_FAILED), scene.told  # what was damaged before may fail
    return "a second driver" if struck else ""


def stalled_driver(scene: Scene, random: Random) -> str:
    """A driver that stands still for some seconds, as on a machine that swaps."""
    with scene.start() as driver:
        struck = _moment(scene, driver, random)
        driver.send_signal(signal.SIGSTOP)
        time.sleep(random.uniform(1.0, 3.0))
        driver.send_signal(signal.SIGCONT)
        said = _end(scene, driver)
    assert said.code in (DONE, SOME_FAILED), scene.told
    return "driver stood still" if struck else ""


def newer_run(scene: Scene, random: Random) -> str:
    """A run that has been taken over, from another host say, writes nothing more and ends."""
    with scene.start() as driver:
        struck = _moment(scene, driver, random)
        if struck:
            before = scene.epoch
            scene.workdir.epoch_file.write_text(f"{before + 1}\n")
        said = _end(scene, driver)
    if struck and said.code != DONE:
        assert said.code == SITE_OR_LOCK, scene.told
        assert f"run {before + 1} has taken over from run {before}" in said.text, scene.told
    scene.wait_until_nothing_runs()
    return "a newer run took over" if struck else ""


def lost_workdir_lock(scene: Scene, random: Random) -> str:
    """Somebody removes the lock of a run that lives; a second driver fences the first."""
    with scene.start() as driver:
        struck = _moment(scene, driver, random)
        scene.workdir.lock.unlink(missing_ok=True)
        if struck:
            with scene.start() as other:
                _end(scene, other)
        _end(scene, driver)
    scene.wait_until_nothing_runs()
    return "lock removed under a run" if struck else ""


STRIKES: dict[str, Fault] = {
    strike.__name__.replace("_", " "): strike
    for strike in (
        killed_driver,
        killed_driver_and_watchdog,
        killed_process,
        asked_to_stop,
        second_driver,
        stalled_driver,
        newer_run,
        lost_workdir_lock,
    )
}


# Conditions under which a run must be refused, with cause and cure; afterwards nothing may be different.


@contextmanager
def lock_of_another_host(scene: Scene, random: Random) -> Iterator[str]:
    holder = {"host": "elsewhere", "pid": 17, "user": "me", "process_start": 1.0, "since": "then"}
    scene.workdir.lock.write_text(json.dumps(holder))
    yield r"being run by process 17 of me on elsewhere.*remove .*lock and run again"
    scene.workdir.lock.unlink()


@contextmanager
def lock_that_is_none(scene: Scene, random: Random) -> Iterator[str]:
    scene.workdir.lock.write_bytes(random.choice([b"", b"17\n", b"\x00" * 40, b'{"host": 1}', b"[]"]))
    yield r"lock: not a lock of this program.*then remove it"
    scene.workdir.lock.unlink()


@contextmanager
def lock_of_the_living(scene: Scene, random: Random) -> Iterator[str]:
    program = (
        "import sys; from pathlib import Path; from launch.lock import acquire;"
        f"acquire(Path({str(scene.workdir.lock)!r})); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        yield rf"being run by process {other.pid} of .*end it with: kill {other.pid}"
        other.kill()
    scene.workdir.lock.unlink()


@contextmanager
def epoch_that_is_none(scene: Scene, random: Random) -> Iterator[str]:
    kept = scene.workdir.epoch_file.read_bytes()
    scene.workdir.epoch_file.write_bytes(random.choice([b"", b"\x00\x00", b"many\n"]))
    yield r"epoch: expected the number of a run, got .*write .*\d+.* into it"
    scene.workdir.epoch_file.write_bytes(kept)


@contextmanager
def record_that_is_none(scene: Scene, random: Random) -> Iterator[str]:
    path = random.choice(scene.files("records/label/*.jsonl", "records/kmc/*.jsonl"))
    kept = path.read_bytes()
    path.write_bytes(random.choice([b"\x00" * 20 + b"\n", b"17\n", b'{"key": \n']) + kept)
    yield rf"{re.escape(path.name)}:1: expected a JSON object, got .*remove the line"
    path.write_bytes(kept)


@contextmanager
def workdir_read_only(scene: Scene, random: Random) -> Iterator[str]:
    work = str(scene.workdir.root)
    _mount("--bind", work, work)
    try:
        _mount("-o", "remount,bind,ro", work)
        yield r"Read-only file system.*(writ|mount)"
    finally:
        subprocess.run(["umount", work], check=True)


@contextmanager
def full_disk(scene: Scene, random: Random) -> Iterator[str]:
    """The campaign on a file system of its own, on which no byte is free."""
    work = scene.workdir.root
    aside = work.with_name("aside")
    work.rename(aside)
    work.mkdir()
    _mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(work))
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", str(work)], check=True)
        fill(work / "ballast")
        yield r"No space left on device.*free space"
    finally:
        subprocess.run(["umount", str(work)], check=True)
        work.rmdir()
        aside.rename(work)


def fill(path: Path) -> None:
    """Leave no byte free on a file system."""
    with open(path, "wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    subprocess.run(["sync", "-f", str(path)], check=True)


def _mount(*words: str) -> None:
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")


@contextmanager
def campaign_cut_short(scene: Scene, random: Random) -> Iterator[str]:
    kept = scene.campaign.read_bytes()
    manner = random.choice(["cut", "zeros", "empty"])
    place = kept.index(b"  cells") + 9
    scene.campaign.write_bytes({"cut": kept[:place], "zeros": kept[:place] + bytes(30), "empty": b""}[manner])
    yield r"campaign\.yaml(:\d+:\d+)?: .*(expected|allowed|required|missing|closed|empty)"
    scene.campaign.write_bytes(kept)


REFUSALS = {
    refusal.__name__.replace("_", " "): refusal
    for refusal in (
        lock_of_another_host,
        lock_that_is_none,
        lock_of_the_living,
        epoch_that_is_none,
        record_that_is_none,
        workdir_read_only,
        full_disk,
        campaign_cut_short,
    )
}


def refused(name: str, scene: Scene, random: Random) -> str:
    """Run under a condition that forbids it."""
    if not scene.workdir.epoch_file.exists() or not scene.files("records/label/*.jsonl"):
        return ""
    scene.workdir.report.unlink(missing_ok=True)  # where nothing is to do, nothing is refused
    with REFUSALS[name](scene, random) as expected:
        said = scene.launch()
        assert said.code in (2, SITE_OR_LOCK), scene.told
        assert re.search(expected, said.text, re.DOTALL), f"no {expected!r}\n{scene.told}"
        assert "Traceback" not in said.text, scene.told
    return name
