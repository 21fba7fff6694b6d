"""Ctrl-C and kill: the first asks the jobs to save and ends when they have, the second ends everything."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FIRST = "stopping: jobs save what they have (again: end them at once)"


class Interruption:
    """Whether the user or the system has asked to stop."""

    def __init__(self, stop_file: Path, say: Callable[[str], None]) -> None:
        self._stop_file = stop_file
        self._say = say
        self.asked = False

    def ask(self) -> None:
        """Stop: no new units, and the jobs are told by the stop file.

        Raises:
            KeyboardInterrupt: it was asked before.
        """
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        self._stop_file.parent.mkdir(parents=True, exist_ok=True)
        self._stop_file.touch()
        self._say(FIRST)


@contextmanager
def interruptible(stop_file: Path, say: Callable[[str], None]) -> Iterator[Interruption]:
    """Handle signals this way while in here; main thread only."""
    interruption = Interruption(stop_file, say)

    def handle(number: int, frame: FrameType | None) -> None:
        interruption.ask()

    before = {number: signal.signal(number, handle) for number in SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
