"""Progress of a run: bars on a terminal, one line per change in a pipe. Always on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Protocol, TextIO


class Progress(Protocol):
    """What a run tells while it goes on."""

    def start(self, stage: str, total: int, done: int) -> None:
        """A stage begins: it has `total` items, of which `done` are there already."""

    def advance(self, stage: str, done: int, failed: int = 0, note: str = "") -> None:
        """So many items of the stage are done and failed by now."""

    def finish(self, stage: str, note: str = "") -> None:
        """The stage is over."""

    def message(self, text: str) -> None:
        """One line for the user."""

    def close(self) -> None:
        """The run is over."""


class LineProgress:
    """Plain lines, at most one per `interval_s` and stage besides the first and the last."""

    def __init__(self, stream: TextIO, interval_s: float = 5.0, clock: Callable[[], float] = time.monotonic):
        self._stream = stream
        self._interval_s = interval_s
        self._clock = clock
        self._stages: dict[str, _Count] = {}

    def start(self, stage: str, total: int, done: int) -> None:
        """See `Progress`."""
        now = self._clock()
        self._stages[stage] = _Count(total, done, now, now)
        self.message(f"{stage}: {total - done} of {total} to do")

    def advance(self, stage: str, done: int, failed: int = 0, note: str = "") -> None:
        """See `Progress`."""
        count, now = self._stages[stage], self._clock()
        changed = (done, failed, note) != (count.done, count.failed, count.note)
        count.done, count.failed, count.note = done, failed, note
        if changed and now - count.shown_s >= self._interval_s:
            count.shown_s = now
            self.message(f"{stage}: {count}{_after(note)}")

    def finish(self, stage: str, note: str = "") -> None:
        """See `Progress`."""
        count = self._stages.pop(stage)
        self.message(f"{stage}: {count} in {duration(self._clock() - count.began_s)}{_after(note)}")

    def message(self, text: str) -> None:
        """See `Progress`."""
        print(text, file=self._stream, flush=True)

    def close(self) -> None:
        """See `Progress`."""


class _Count:
    def __init__(self, total: int, done: int, began_s: float, shown_s: float) -> None:
        self.total, self.done, self.failed, self.note = total, done, 0, ""
        self.began_s, self.shown_s = began_s, shown_s

    def __str__(self) -> str:
        return f"{self.done}/{self.total}" + (f", {self.failed} failed" if self.failed else "")


def _after(note: str) -> str:
    return f" ({note})" if note else ""


def duration(seconds: float) -> str:
    """``3.2 s``, ``4 min 05 s`` or ``2 h 03 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


class BarProgress:
    """A bar per stage on a terminal."""

    def __init__(self, stream: TextIO, *, color: bool = True) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        console = Console(file=stream, no_color=not color, highlight=False, soft_wrap=True)
        columns = (
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
        )
        self._bars = Bars(*columns, console=console)
        self._tasks: dict[str, int] = {}
        self._bars.start()

    def start(self, stage: str, total: int, done: int) -> None:
        """See `Progress`."""
        self._tasks[stage] = self._bars.add_task(stage, total=total, completed=done, note="")

    def advance(self, stage: str, done: int, failed: int = 0, note: str = "") -> None:
        """See `Progress`."""
        notes = ", ".join(filter(None, [f"{failed} failed" if failed else "", note]))
        self._bars.update(self._tasks[stage], completed=done, note=notes)  # type: ignore[arg-type]

    def finish(self, stage: str, note: str = "") -> None:
        """See `Progress`."""
        task = self._tasks.pop(stage)
        fields = {"note": note} if note else {}
        self._bars.update(task, **fields)  # type: ignore[arg-type]
        self._bars.stop_task(task)  # type: ignore[arg-type]

    def message(self, text: str) -> None:
        """See `Progress`."""
        self._bars.console.print(text, markup=False)

    def close(self) -> None:
        """See `Progress`."""
        self._bars.stop()


class QuietProgress:
    """Nothing at all (--quiet): the exit code and the last line of the command tell."""

    def start(self, stage: str, total: int, done: int) -> None:
        """See `Progress`."""

    def advance(self, stage: str, done: int, failed: int = 0, note: str = "") -> None:
        """See `Progress`."""

    def finish(self, stage: str, note: str = "") -> None:
        """See `Progress`."""

    def message(self, text: str) -> None:
        """See `Progress`."""

    def close(self) -> None:
        """See `Progress`."""


def make_progress(*, quiet: bool = False, color: bool = True, stream: TextIO | None = None) -> Progress:
    """Bars if `stream` (standard error) is a terminal, lines otherwise."""
    stream = sys.stderr if stream is None else stream
    if quiet:
        return QuietProgress()
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return BarProgress(stream, color=color)
    return LineProgress(stream)
