"""Items that have failed, to be tried again: which there are, and the records that let go of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jobs.failure_class import FailureClass
from launch.failure_groups import FailureGroup, failures_by_class
from launch.history import CLEARED, Event, History
from launch.items import Item, chosen_of, hashes_of, keys_of
from launch.plan import Plan
from nnk.files import Fence, Workdir, append_records


@dataclass(frozen=True)
class Retry:
    """Failed items of one stage.

    Attributes:
        stage: the stage.
        items: the items.
        groups: the same by what they have failed of.
    """

    stage: str
    items: Sequence[Item]
    groups: Sequence[FailureGroup]


def failed_items(
    plan: Plan, history: History, *, stage: str | None = None, failure: FailureClass | None = None
) -> list[Retry]:
    """What has failed with its present inputs when it was last tried, labels given up included.

    Args:
        plan, history: of the campaign.
        stage: only of this one.
        failure: only of this class.
    """
    found = []
    for one in plan:
        if stage in (None, one.stage):
            items, events = _failed(one.stage, one.items, history, failure)
            if items:
                found.append(Retry(one.stage, items, failures_by_class(events)))
    return found


def _failed(
    stage: str, items: Sequence[Item], history: History, failure: FailureClass | None
) -> tuple[Sequence[Item], list[Event]]:
    events = {
        event.key: event
        for event in history.events(stage).values()
        if event.has_failed and failure in (None, event.failure)
    }
    if not events:
        return (), []
    pairs = enumerate(zip(keys_of(items), hashes_of(items), strict=True))
    places = {place: key for place, (key, own) in pairs if key in events and events[key].hash == own}
    return chosen_of(items, list(places)), [events[key] for key in places.values()]


def clear(workdir: Workdir, items: Mapping[str, Sequence[Item]], fence: Fence) -> None:
    """Record of items, by stage, that they are to be tried again; their failures stay in the records."""
    for stage, some in items.items():
        records = [
            {"key": item.key, "hash": item.hash, "group": item.group.hash, "state": CLEARED} for item in some
        ]
        append_records(workdir, stage, f"{fence.epoch:06d}-{stage}-retry", records, fence)
