"""Ending what a campaign has started, and nothing else: its driver, its processes, its scheduler's jobs.

The driver is asked by a file in the folder of its run, which it obeys on whatever host it is: first as on
Ctrl-C, so that jobs save what they have, then, when that takes too long, as on a second one. A driver that
does not obey is killed if it is on this host. Its processes are found by their tag, its jobs by their ids.
"""

from __future__ import annotations

import getpass
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from launch.lock import BEAT_S, LockHolder, read_beat, read_holder
from launch.processes import end_processes, run_tag, tagged_processes
from launch.scheduler_jobs import SchedulerJob, cancel_jobs, living, noted_jobs
from nnk.files import Workdir, commit, read_epoch

LOOK_S = 0.5
SAVE_S = 30.0  # for the jobs to save what they have
END_S = 60.0  # for the driver to end, after that
STILL_S = 3 * BEAT_S  # for the heart of a driver on another host to beat
GONE_S = 30.0  # for the scheduler to end a job


def request_file(run_dir: Path) -> Path:
    """The file by which the driver of a run is asked to end."""
    return run_dir / "cancel"


@dataclass(frozen=True)
class Started:
    """What a campaign has started that lives.

    Attributes:
        epoch: number of its latest run.
        driver: who runs it.
        processes: of this host.
        jobs: of the scheduler.
    """

    epoch: int
    driver: LockHolder | None
    processes: tuple[psutil.Process, ...]
    jobs: tuple[SchedulerJob, ...]

    def lines(self) -> Iterator[str]:
        """What there is, each on a line."""
        if self.driver is not None:
            yield f"driver: {self.driver}"
        if self.processes:
            ids = " ".join(str(process.pid) for process in self.processes)
            yield f"processes on this host: {ids}"
        for job in self.jobs:
            since = time.strftime("%Y-%m-%d %H:%M", time.localtime(job.submitted_unix_s))
            yield f"{job.scheduler} job {job.id}: {job.pool}, submitted {since}"


def what_lives(workdir: Workdir) -> Started:
    """What the runs of a workdir have started and has not ended.

    Raises:
        LockHeld: the file ``lock`` is not a lock.
        SiteError: the scheduler cannot be asked here.
    """
    epoch = read_epoch(workdir.epoch_file)
    processes = tuple(tagged_processes(run_tag(workdir.root, epoch)))
    jobs = tuple(living(noted_jobs(workdir)))
    return Started(epoch, read_holder(workdir.lock), processes, jobs)


def cancel(workdir: Workdir, started: Started, say: Callable[[str], None]) -> list[str]:
    """End all of `started`; what could not be ended, as text for the user.

    Raises:
        SiteError: the scheduler has refused, or does not answer.
    """
    left: list[str] = []
    if started.driver is not None:
        left += _end_driver(workdir, started.epoch, started.driver, say)
    end_processes(run_tag(workdir.root, started.epoch), grace_s=LOOK_S)
    jobs = living(started.jobs)
    if jobs:
        cancel_jobs(jobs)
    end = time.monotonic() + GONE_S
    while jobs and time.monotonic() < end:
        time.sleep(LOOK_S)
        jobs = living(jobs)
    return left + [f"job {job.id} was cancelled but is still in the queue; look again later" for job in jobs]


def _end_driver(
    workdir: Workdir, epoch: int, driver: LockHolder, say: Callable[[str], None]
) -> Iterator[str]:
    """Have the driver end; yields what is left of it."""
    text = f"{getpass.getuser()} on {socket.gethostname()}\n"
    commit(request_file(workdir.run_dir(epoch)), lambda path: _write(path, text))
    say(f"asked {driver} to end")
    if _has_ended(workdir, driver):
        return
    if driver.host == socket.gethostname():
        say("it does not: killed")
        with suppress(ProcessLookupError):
            os.kill(driver.pid, signal.SIGKILL)
    elif read_holder(workdir.lock) == driver:
        yield (
            f"the driver on {driver.host} does not answer: if that host is gone, remove {workdir.lock}; "
            f"otherwise end it there with: kill {driver.pid}"
        )


def _has_ended(workdir: Workdir, driver: LockHolder) -> bool:
    """Wait for the driver to end; not for long if it is on another host and its heart stands still."""
    patience_s = SAVE_S + END_S if driver.host == socket.gethostname() else STILL_S
    beat, end = read_beat(workdir.lock), time.monotonic() + patience_s
    last = time.monotonic() + SAVE_S + END_S
    while read_holder(workdir.lock) == driver:
        if read_beat(workdir.lock) != beat:
            end = last
        if time.monotonic() > end:
            return False
        time.sleep(LOOK_S)
    return True


def _write(path: Path, text: str) -> None:
    path.write_text(text)


@contextmanager
def obeying(request: Path, say: Callable[[str], None]) -> Iterator[None]:
    """Have this process get SIGTERM when the file `request` appears, and again if it goes on for long."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(LOOK_S):
            if request.exists():
                say(f"asked to end by {request.read_text().strip() or 'launch cancel'}")
                os.kill(os.getpid(), signal.SIGTERM)
                if not over.wait(SAVE_S):
                    os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=watch, name="cancel", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
