"""Faults that strike a campaign while it runs."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable
from random import Random

import psutil

from tests.faults.damage import Fault
from tests.faults.machine import Clock, fill, on_a_small_disk, without_compiler
from tests.faults.scene import DONE, INTERRUPTED, SITE_OR_LOCK, SOME_FAILED, Said, Scene

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


def disk_that_fills_up(scene: Scene, random: Random) -> str:
    """No byte is free any more; once there is room again, the next run goes on."""
    scene.workdir.root.mkdir(exist_ok=True)
    with on_a_small_disk(scene) as disk:
        with scene.start() as driver:
            struck = _moment(scene, driver, random)
            fill(disk / "ballast")
            said = _end(scene, driver)
        scene.wait_until_nothing_runs()
        (disk / "ballast").unlink()
    if said.code != DONE:
        assert said.code in (SOME_FAILED, SITE_OR_LOCK), scene.told
        assert re.search("No space left on device.*free space", said.text, re.DOTALL), scene.told
        assert "Traceback" not in said.text, scene.told
    return "disk filled up" if struck else ""


def clock_that_jumps(scene: Scene, random: Random) -> str:
    """The time of day is set, to the future or to the past; the lock is held all the same."""
    if without_compiler():
        return ""
    clock, shift_s = Clock(scene.root), random.choice([-1, 1]) * 10 ** random.uniform(2, 8)
    with scene.start(environment=clock.environment) as driver:
        struck = _moment(scene, driver, random)
        clock.set_by(shift_s)
        with scene.start() as other:
            second = _end(scene, other)
        held = driver.poll() is None
        said = _end(scene, driver)
    if held:
        assert second.code == SITE_OR_LOCK, scene.told
    assert said.code in (DONE, SOME_FAILED), scene.told  # what was damaged before may fail
    return f"clock set by {shift_s:+.0f} s" if struck else ""


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
        disk_that_fills_up,
        clock_that_jumps,
    )
}
