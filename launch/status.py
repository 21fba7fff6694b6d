"""The state of a campaign, from files alone: no lock is taken and nothing is written."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from launch.campaign import Campaign
from launch.history import Event, History
from launch.lock import LockHolder, read_holder
from launch.plan import Plan, StagePlan, make_plan
from launch.runs_on_disk import jumps_on_disk
from launch.stages import READS_STAGES
from nnk.files import Workdir


@dataclass(frozen=True)
class Failure:
    """An item that failed when it was last tried."""

    key: str
    error: str
    log: str


@dataclass(frozen=True)
class StageStatus:
    """How many items of a stage are in which state; each item is in one.

    Attributes:
        done: the product is there, from the present inputs.
        running: begun by the driver that holds the lock.
        ready: everything that it reads is there.
        waiting: for another stage.
        failed: tried with the present inputs and failed; tried again by the next run.
        seconds: wall time of the done items, summed.
        failures: the failed items.
        note: how far runs have come that have not ended; empty if there is none.
    """

    stage: str
    items: int
    done: int
    running: int
    ready: int
    waiting: int
    failed: int
    seconds: float
    failures: tuple[Failure, ...]
    note: str = ""


@dataclass(frozen=True)
class Status:
    """A campaign's state.

    Attributes:
        driver: who runs it now, None if nobody.
        stages: in order, those without items left out.
    """

    name: str
    workdir: str
    driver: LockHolder | None
    stages: tuple[StageStatus, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


def campaign_status(campaign: Campaign) -> Status:
    """The state of `campaign` now."""
    workdir = Workdir(campaign.workdir_path)
    driver = read_holder(workdir.lock)
    history = History(workdir)
    plan = make_plan(campaign, workdir, history)
    stages = tuple(
        replace(
            _stage_status(stage, plan, history.events(stage.stage), driver is not None),
            note=_note(stage, workdir),
        )
        for stage in plan
        if stage.items
    )
    return Status(campaign.name, str(workdir.root), driver, stages)


def _note(stage: StagePlan, workdir: Workdir) -> str:
    """Jumps on disk of runs that have not ended."""
    begun = [todo.item for todo in stage.todo if todo.item.until is not None]
    jumps = [count for item in begun if (count := jumps_on_disk(workdir, item))]
    return f"{sum(jumps):,} jumps on disk of runs that have not ended ({len(jumps)})" if jumps else ""


def _stage_status(stage: StagePlan, plan: Plan, events: dict[str, Event], driven: bool) -> StageStatus:
    waits = any(plan[other].todo for other in READS_STAGES[stage.stage])
    counts = dict.fromkeys(("running", "ready", "waiting", "failed"), 0)
    failures = []
    for todo in stage.todo:
        event = events.get(todo.item.key)
        state = _state(event, todo.item.hash, driven=driven, waits=waits)
        counts[state] += 1
        if state == "failed" and event is not None:
            failures.append(Failure(event.key, event.error, event.log))
    done = [events[item.key].seconds for item in stage.done if item.key in events]
    return StageStatus(
        stage=stage.stage,
        items=len(stage.items),
        done=len(stage.done),
        seconds=sum(done),
        failures=tuple(failures),
        running=counts["running"],
        ready=counts["ready"],
        waiting=counts["waiting"],
        failed=counts["failed"],
    )


def _state(event: Event | None, digest: str, *, driven: bool, waits: bool) -> str:
    state = event.state if event is not None and event.hash == digest else ""
    if state == "failed":
        return "failed"
    if state == "started" and driven:
        return "running"
    return "waiting" if waits else "ready"
