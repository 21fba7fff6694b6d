"""What was run before: the records of a stage, and the inputs that its items had.

A line of ``records/<stage>/<writer>.jsonl`` is one event of one item::

    {"key": ..., "hash": ..., "group": ..., "seconds": ..., "log": path,
     "state": "started" | "done" | "failed" | "quarantined" | "cleared",
     "error": "Class: message", "class": "memory"}

A failed item has raised an error; a quarantined one has failed so often that it is left alone; a cleared one
is to be tried again (``launch retry``). A label that is done and has a class was given up: it says so itself.
Of records from before there were classes the class is "unknown".

``records/<stage>/inputs-<group>.json`` holds the inputs behind a group's hash, so that a plan can say
what changed.
"""

from __future__ import annotations

import json
from functools import cache, partial
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

from jobs.failure_class import FailureClass
from launch.items import Group, changed_inputs
from nnk.files import Fence, Workdir, commit, iterate_records

DONE, FAILED, QUARANTINED, CLEARED = "done", "failed", "quarantined", "cleared"


class Event(NamedTuple):
    """The last that is recorded of an item; a tuple, since there may be a million.

    Attributes:
        hash, group: hash of its inputs, and of those that it shares.
        state: see the head of this module.
        error: class and message of what failed, its first line.
        log: file with the details, empty if none.
        seconds: wall time.
        failure: class of the failure; None if there is none.
        at_unix_s: when it was recorded (s since the epoch).
    """

    key: str
    hash: str
    group: str
    state: str
    error: str = ""
    log: str = ""
    seconds: float = 0.0
    failure: FailureClass | None = None
    at_unix_s: float = 0.0

    @property
    def has_failed(self) -> bool:
        """Whether there is a failure to tell of, also of a label that was given up."""
        return self.failure is not None and self.state != CLEARED


def _event(record: dict[str, Any]) -> Event:
    get = record.get
    error, state = str(get("error") or "").strip(), intern(str(get("state", "")))
    has_class = "class" in record or state in (FAILED, QUARANTINED)
    return Event(  # by position: there may be a million
        str(get("key", "")),
        str(get("hash", "")),
        intern(str(get("group", ""))),
        state,
        intern(error.splitlines()[0]) if error else "",
        intern(str(get("log") or "")),
        float(get("seconds") or 0.0),
        FailureClass(get("class", "unknown")) if has_class else None,
        float(get("time_unix_s", 0.0)),
    )


class History:
    """The records of a workdir, each stage read when first asked for."""

    def __init__(self, workdir: Workdir) -> None:
        self._workdir = workdir
        self._events = cache(self._read)
        self._changes: dict[tuple[str, str, str], list[str]] = {}

    def _read(self, stage: str) -> dict[str, Event]:
        found: dict[str, tuple[tuple[int, float], Event]] = {}
        for record in iterate_records(self._workdir, stage):
            event = _event(record)
            order = (record.get("epoch", 0), event.at_unix_s)
            if event.key not in found or order >= found[event.key][0]:
                found[event.key] = order, event
        return {key: event for key, (_, event) in found.items()}

    def events(self, stage: str) -> dict[str, Event]:
        """Last event of each item of `stage`, by its key."""
        return self._events(stage)

    def last(self, stage: str, key: str) -> Event | None:
        """Last event of one item."""
        return self._events(stage).get(key)

    def seconds(self, stage: str) -> list[float]:
        """Wall times (s) of the items that were made."""
        events = self._events(stage).values()
        return [event.seconds for event in events if event.state == DONE and event.seconds > 0]

    def changes(self, old_hash: str, group: Group) -> list[str]:
        """What differs between the inputs behind the hash of an earlier group and those of `group`."""
        key = (group.stage, old_hash, group.hash)
        if key not in self._changes:  # thousands of items share a group
            old = self.inputs(group.stage, old_hash)
            self._changes[key] = changed_inputs(old, group.inputs) if old else []
        return self._changes[key]

    def inputs(self, stage: str, group_hash: str) -> dict[str, Any] | None:
        """Inputs behind the hash of a group, if they were kept."""
        path = self._workdir.records(stage) / f"inputs-{group_hash}.json"
        if not group_hash.isalnum() or not path.is_file():
            return None
        try:
            inputs = json.loads(path.read_text())
        except ValueError:  # damaged: the plan says that inputs changed, not which
            return None
        return inputs if isinstance(inputs, dict) else None


def keep_inputs(workdir: Workdir, groups: dict[str, Group], fence: Fence | None) -> None:
    """Write the inputs of each group beside its stage's records; to be called before its items are run."""
    for digest, group in groups.items():
        path = workdir.records(group.stage) / f"inputs-{digest}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            commit(path, partial(_write_inputs, group), fence=fence)


def _write_inputs(group: Group, path: Path) -> None:
    path.write_text(json.dumps(group.inputs, indent=1, ensure_ascii=False) + "\n")
