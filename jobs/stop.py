"""When a job has to save what it has and end: before the walltime, or when the user says so."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

POLL_S = 0.5
BLOCK_END = "NNK_BLOCK_END_UNIX_S"
"""Environment variable: when the scheduler takes the node back (s since the epoch); not set: never."""
MARGIN_S = 10.0  # before that, for what a job does at its end
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


def seconds_left() -> float:
    """Time (s) until the scheduler takes the node of this process back; infinite if nothing says when."""
    return float(os.environ.get(BLOCK_END, "inf")) - MARGIN_S - time.time()


class Interrupted(Exception):
    """The job was asked to end before it was done; it can be run again."""


class Stop:
    """Says whether to stop: after SIGTERM (or SIGINT, SIGUSR1), or once the stop file is there.

    Or when the parent process is gone: then the work has been given to somebody else, or will be.
    """

    def __init__(self, stop_file: Path) -> None:
        self._file = stop_file
        self._parent = os.getppid()
        self._stopped = False
        self._looked_s = float("-inf")

    def has_time_for(self, seconds: float) -> bool:
        """Whether so much time is left before the node is taken back."""
        return seconds < seconds_left()

    def request(self) -> None:
        """Stop from now on."""
        self._stopped = True

    def __call__(self) -> bool:
        """Whether to stop; cheap enough for inner loops."""
        now = time.monotonic()
        if not self._stopped and now - self._looked_s > POLL_S:
            self._looked_s = now
            self._stopped = self._file.exists() or os.getppid() != self._parent
        return self._stopped


@contextmanager
def stop_on_signals(stop_file: Path) -> Iterator[Stop]:
    """A `Stop` that listens to signals; to be used in the main thread."""
    stop = Stop(stop_file)

    def handle(number: int, frame: FrameType | None) -> None:
        stop.request()

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
