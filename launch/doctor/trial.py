"""A job of ours, from its submission to its end, with what it leaves on the way."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from jobs.apps import PYTHON
from jobs.examine import GREETING, LOCK, TRIAL, save
from launch.doctor.address import Door, interfaces, open_door
from launch.doctor.here import caches, read
from launch.doctor.request import TrialRequest
from launch.doctor.scheduler import is_gone, state_of
from nnk.files import commit
from site_configs import Site

LOOK_S, MOST_ASK_S = 0.2, 10.0
BEGIN_S = 60.0  # from the start of a job to the first file of our program
STEP_S = 150.0  # between two files: an MPI program that hangs is given up after 120 s
GONE_S = 60.0
RUNNING = ("RUNNING", "R")
OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "F", "X")


class Trial:
    """A job.

    Attributes:
        folder: what all of it is in, on the file system of campaigns.
        greeting: what the driver's file says.
        addresses: of the driver that workers try.
    """

    def __init__(
        self, site: Site, request: TrialRequest, folder: Path, *, address: str | None, door: Door
    ) -> None:
        from site_configs.builder import worker_environment  # which imports parsl
        from site_configs.one_job import OneJob

        self.site, self.request, self.folder, self.door = _submitting(site), request, folder, door
        self.greeting = f"{os.getpid()} {time.time()!r}"
        first = [*PYTHON, "-m", "jobs.examine", "node", str(folder)]
        self.job = OneJob(
            self.site,
            request.pool,
            folder=folder / "parsl",
            environment=worker_environment(caches()),
            address=address,
            first=first,
        )
        self.addresses = sorted(self.job.addresses)
        self._ask_s = float(min(site.jobs.poll_s, MOST_ASK_S)) if site.jobs else MOST_ASK_S
        self._asked_s, self._unknown, self._state = 0.0, 0, ("", "")

    def prepare(self) -> None:
        """Write what the program in the job reads, and be ready for workers."""
        for text in ("old", self.greeting):
            commit(self.folder / GREETING, lambda path, text=text: _write(path, text))  # type: ignore[misc]
        commit(self.folder / LOCK, lambda path: _write(path, "driver"), exclusive=True)
        known = [*self.addresses, *interfaces().values()]
        content = {"port": self.door.port, "addresses": sorted(set(known)), "mpi": self.request.command}
        save(self.folder / TRIAL, {**content, "patience_s": STEP_S - 30})
        self.job.start()

    def wait_to_begin(self, name: str, wait_s: float) -> str:
        """Wait for the first file of the job; why it does not come, empty if it has.

        Args:
            name: of the file.
            wait_s: how long the job may wait in the queue.
        """
        end_s, began_s = time.monotonic() + wait_s, 0.0
        while not self.has(name):
            now_s = time.monotonic()
            if self.is_over():
                return f"it has ended at once: {self.job.said() or 'it has said nothing'}"
            if self._state[0] in RUNNING:
                began_s = began_s or now_s
                if now_s > began_s + BEGIN_S:
                    return f"it runs, and for {BEGIN_S:.0f} s nothing of it is seen in {self.folder}"
            elif now_s > end_s:
                return f"it has waited for {wait_s:.0f} s: {' '.join(filter(None, self._state))}"
            time.sleep(LOOK_S)
        return ""

    def is_over(self) -> bool:
        """Whether the scheduler says that the job has ended; it is not asked often."""
        now_s = time.monotonic()
        if now_s - self._asked_s > self._ask_s:
            self._asked_s, before = now_s, self._state
            self._state = state_of(self.site, str(self.job.job_id))
            self._unknown = self._unknown + 1 if not self._state[0] else 0
            if self._state != before and self._state[0]:
                words = " ".join(filter(None, self._state))
                print(f"job {self.job.job_id}: {words}", file=sys.stderr, flush=True)
        return self._state[0] in OVER or self._unknown >= 2

    def has(self, name: str) -> bool:
        """Whether a file of the job is there; a listing is not taken from a cache of missing names."""
        return name in os.listdir(self.folder)

    def wait_for(self, name: str) -> dict[str, Any]:
        """What the next file of the job says; empty if it does not come."""
        came = _until(lambda: self.has(name) or self.is_over(), STEP_S)
        return read(self.folder / name) if came else {}

    def answer(self, future: Future[Any], patience_s: float) -> Any:
        """What a worker answers; None if it does not, or the job ends."""
        came = _until(lambda: future.done() or self.is_over(), patience_s)
        return future.result() if came and future.done() else None

    def lock_of_both(self) -> str:
        """Who the lock says that has it."""
        return (self.folder / LOCK).read_text()

    def cancel(self) -> str:
        """End the job; why it has not ended, empty if it has."""
        if not self.job.cancel():
            return "the scheduler does not agree"
        job = str(self.job.job_id)
        gone = _until(lambda: is_gone(self.site, job), GONE_S, 0.5)
        return "" if gone else f"it is still there after {GONE_S:.0f} s"


def _submitting(site: Site) -> Site:
    """The same machine, where this process submits jobs; without monitoring, which needs all of Parsl."""
    if site.jobs is None:
        return site
    jobs = site.jobs.model_copy(update={"driver": "login"})
    return site.model_copy(update={"jobs": jobs, "monitoring": False})


@contextmanager
def trial(site: Site, request: TrialRequest, within: Path, *, address: str | None) -> Iterator[Trial]:
    """A job that is ready to be asked for; it is cancelled in any case, and its files are removed."""
    with _folder(within) as folder, open_door() as door:
        made = Trial(site, request, folder, address=address, door=door)
        try:
            made.prepare()
            yield made
        finally:
            if made.job.job_id is not None and not made.is_over():
                made.job.cancel()
            made.job.close()


@contextmanager
def _folder(within: Path) -> Iterator[Path]:
    """A folder that is removed, even if the job still writes to it."""
    folder = Path(tempfile.mkdtemp(dir=within, prefix=".nnk-doctor-"))
    try:
        yield folder
    finally:
        _until(lambda: _is_removed(folder), 20.0, 1.0)


def _is_removed(folder: Path) -> bool:
    shutil.rmtree(folder, ignore_errors=True)
    return not folder.exists()


def _until(condition: Callable[[], bool], patience_s: float, step_s: float = LOOK_S) -> bool:
    """Wait until something is so; whether it is, in the end."""
    end_s = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > end_s:
            return False
        time.sleep(step_s)
    return True


def _write(path: Path, text: str) -> None:
    path.write_text(text)
