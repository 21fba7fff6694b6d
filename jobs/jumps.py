"""Labels of single jumps of the vacancy in work, on disk until the vacancy is done.

``labels/<unit>-r00003.jumps`` holds a line per jump, as journals do. After a kill the next job that gets the
vacancy goes on from them: what is lost is the barrier in work.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import asdict, fields, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from nnk.barrier_columns import Flag, Method
from nnk.barrier_journal import journal_bodies, journal_line
from nnk.files import Fence
from nnk.saddle.label import JumpLabel, KeptJumps, VacancyLabels

SUFFIX = ".jumps"

Known = dict[str, dict[int, tuple[JumpLabel, int]]]


class JumpNotes:
    """Writes the jumps of one process and knows those that dead ones have left.

    Args:
        path: the file to write.
        fence: the right to write there; None outside campaigns.
    """

    def __init__(self, path: Path, fence: Fence | None = None) -> None:
        self._path = path
        self._fence = fence
        self._descriptor = -1
        self._known = read_jumps(path.parent)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            if os.path.getsize(self._path) == 0:
                self._path.unlink()

    def of(self, item_hash: str) -> JumpsOfItem:
        """Labels of the jumps of an item."""
        return JumpsOfItem(self, item_hash, self._known.get(item_hash, {}))

    def add(self, item_hash: str, jump: int, label: JumpLabel, calls: int) -> None:
        """Add the label of a jump; it outlives this process.

        Raises:
            StaleEpoch: a newer run has begun; nothing is written.
        """
        if self._fence is not None:
            self._fence.check()
        if self._descriptor < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        content = {"jump": jump, "calls": calls, "label": asdict(label)}
        os.write(self._descriptor, journal_line(item_hash, content))

    def clear(self) -> None:
        """Forget the jumps written so far: the vacancy is done."""
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)


class JumpsOfItem:
    """See `nnk.saddle.label.KeptJumps`."""

    def __init__(self, notes: JumpNotes, item_hash: str, known: dict[int, tuple[JumpLabel, int]]) -> None:
        self._notes = notes
        self._hash = item_hash
        self._known = known

    def get(self, jump: int) -> tuple[JumpLabel, int] | None:
        """The label of a jump that was made before, and its force calls."""
        return self._known.get(jump)

    def put(self, jump: int, label: JumpLabel, calls: int) -> None:
        """Keep the label of a jump."""
        self._notes.add(self._hash, jump, label, calls)


class OneJump:
    """Has a single jump of a vacancy labelled; see `nnk.saddle.label.KeptJumps`.

    Args:
        jump: the jump; of the others there is nothing to be made.
        kept: knows its label if it was made before.
    """

    def __init__(self, jump: int, kept: KeptJumps | None) -> None:
        self._jump = jump
        self._kept = kept

    def get(self, jump: int) -> tuple[JumpLabel, int] | None:
        """See `JumpsOfItem.get`."""
        if jump != self._jump:
            return JumpLabel(), 0
        return self._kept.get(jump) if self._kept is not None else None

    def put(self, jump: int, label: JumpLabel, calls: int) -> None:
        """See `JumpsOfItem.put`."""
        if self._kept is not None:
            self._kept.put(jump, label, calls)

    def only(self, labels: VacancyLabels) -> VacancyLabels:
        """The label of the jump alone, with all calls that the initial state has taken."""
        given = {entry.name: getattr(labels, entry.name) for entry in fields(labels)}
        kept: dict[str, Any] = {k: v[[self._jump]] for k, v in given.items() if isinstance(v, np.ndarray)}
        shared = labels.initial_calls * (1 - 1 / len(labels.calls))
        kept["calls"] = kept["calls"] + shared
        return replace(labels, reason=(labels.reason[self._jump],), **kept)


def read_jumps(folder: Path) -> Known:
    """Labels of jumps in all files of a folder, by the hash of their item."""
    known: Known = {}
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            bodies = list(journal_bodies(path))
        except FileNotFoundError:  # of a process that has just ended
            continue
        for body in bodies:
            name, text = body.split(b" ", 1)
            content = json.loads(text)
            found = _label(content["label"]), int(content["calls"])
            known.setdefault(name.decode(), {})[content["jump"]] = found
    return known


def _label(values: dict[str, Any]) -> JumpLabel:
    return JumpLabel(**values | {"flag": Flag(values["flag"]), "method": Method(values["method"])})


def remove_jumps(folder: Path, needed: Collection[str]) -> None:
    """Remove files of which no item is `needed` any more; nobody may be writing there."""
    for path in folder.glob(f"*{SUFFIX}"):
        if not any(body.split(b" ", 1)[0].decode() in needed for body in journal_bodies(path)):
            path.unlink()
