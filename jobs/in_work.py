"""What each process of a unit is working on, in files that outlive it: who was at work when a unit died?

``run/<epoch>/work/<unit>/<team>.item`` holds the key of the item that a team of ranks has in work, or
nothing; ``<team>-<rank>.crash`` what a deadly signal has left (`faulthandler`).
"""

from __future__ import annotations

import faulthandler
import os
import signal
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from jobs.unit import Unit, UnitItem, stage_of_unit

_ITEM, _CRASH = ".item", ".crash"
_DEADLY = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)


class WorkMark:
    """Marks what this process works on.

    Args:
        unit: the unit.
        team: number of the ranks that work on an item together.
        rank: of this process in MPI's world.
    """

    def __init__(self, unit: Unit, team: int, rank: int) -> None:
        unit.work_dir.mkdir(parents=True, exist_ok=True)
        self._item = os.open(unit.work_dir / f"{team:05d}{_ITEM}", os.O_WRONLY | os.O_CREAT, 0o666)
        self._crash_path = unit.work_dir / f"{team:05d}-{rank:05d}{_CRASH}"
        self._crash = open(self._crash_path, "wb")  # noqa: SIM115  (open as long as this process lives)

    def __enter__(self) -> Self:
        faulthandler.enable(self._crash)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        faulthandler.disable()
        self._crash.close()
        self._crash_path.unlink(missing_ok=True)
        os.close(self._item)

    @contextmanager
    def on(self, item: UnitItem) -> Iterator[None]:
        """While this team works on `item`."""
        os.pwrite(self._item, f"{item.key}\n".encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(self._item, 0)


def left_in_work(unit: Unit) -> dict[str, str]:
    """Items that a dead unit had in work, each with what is known of the crash (empty if nothing).

    If a process has left the traceback of a deadly signal, its team's item alone.
    """
    items = {path.stem: _first_line(path) for path in unit.work_dir.glob(f"*{_ITEM}")}
    crashes = {path.stem.split("-")[0]: _first_line(path) for path in unit.work_dir.glob(f"*{_CRASH}")}
    guilty = {items[team]: _cause(text) for team, text in crashes.items() if text and items.get(team)}
    return guilty or {key: "" for key in items.values() if key}


def keys_in_work(run_dir: Path) -> dict[str, set[str]]:
    """Keys of the items that the processes of a run have in work, by stage; also of units that are lost."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in run_dir.glob(f"work/*/*{_ITEM}"):
        key = _first_line(path)
        if key:
            found[stage_of_unit(path.parent.name)].add(key)
    return found


def _first_line(path: Path) -> str:
    with suppress(FileNotFoundError), open(path, errors="replace") as file:
        return file.readline().strip()
    return ""


def _cause(text: str) -> str:
    """``Fatal Python error: Segmentation fault`` as ``signal 11 (Segmentation fault)``."""
    for number in _DEADLY:
        if (name := signal.strsignal(number)) and name.lower().split()[0] in text.lower():
            return f"signal {int(number)} ({name})"
    return text
