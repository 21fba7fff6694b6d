"""Failures of a stage by their classes: how many, the first reason, how its log ends, what to do."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from jobs.failure_class import FailureClass
from launch.failures import POLICIES, is_given_up, is_held
from launch.history import DONE, Event
from launch.logs import tail
from nnk.files import Workdir

SHOWN_LINES = 3


@dataclass(frozen=True)
class FailureGroup:
    """The failures of one class in a stage.

    Attributes:
        failure: the class.
        count: items.
        quarantined: those of them that were tried as often as may be, labels given up included.
        held: those that only ``launch retry`` tries again.
        key, error, log: the first one's item, reason and log file (empty if none).
        cure: what to do.
    """

    failure: FailureClass
    count: int
    quarantined: int
    held: int
    key: str
    error: str
    log: str
    cure: str


def failures_by_class(events: Iterable[Event]) -> list[FailureGroup]:
    """Failures among the last events of items, the most frequent class first."""
    groups: dict[FailureClass, list[Event]] = defaultdict(list)
    for event in events:
        if event.failure is not None and event.has_failed:
            groups[event.failure].append(event)
    return sorted((_group(kind, some) for kind, some in groups.items()), key=lambda group: -group.count)


def _group(kind: FailureClass, events: list[Event]) -> FailureGroup:
    first = events[0]
    given_up = [event for event in events if is_given_up(event)]
    return FailureGroup(
        failure=kind,
        count=len(events),
        quarantined=len(given_up),
        held=sum(is_held(event) or event.state == DONE for event in events),
        key=first.key,
        error=first.error,
        log=first.log,
        cure=POLICIES[kind].cure,
    )


def last_lines(workdir: Workdir, group: FailureGroup, lines: int = SHOWN_LINES) -> list[str]:
    """How the log of a group's first failure ends; nothing if it is gone."""
    path = workdir.root / group.log
    return tail(path, lines).splitlines() if group.log and path.is_file() else []
