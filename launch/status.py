"""The state of a campaign, from files alone: no lock is taken and nothing is written."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from typing import Any

from jobs.in_work import keys_in_work
from launch.campaign import Campaign
from launch.collector import collector_paused
from launch.costs import Costs
from launch.driver_state import DriverState, driver_state
from launch.failure_groups import FailureGroup, failures_by_class, last_lines
from launch.history import FAILED, QUARANTINED, Event, History
from launch.items import hashes_of, keys_of
from launch.outlook import node_hours, rate_per_h
from launch.plan import Plan, StagePlan, make_plan
from launch.runs_on_disk import jumps_on_disk
from launch.stages import READS_STAGES
from nnk.files import Workdir, read_epoch

LOG_LINES = 12


@dataclass(frozen=True)
class Failure:
    """An item that failed when it was last tried.

    Attributes:
        kind: class of the failure.
        held: only ``launch retry`` tries it again.
    """

    key: str
    error: str
    log: str
    kind: str
    held: bool


@dataclass(frozen=True)
class Cause:
    """The failures of one class: how many, the first of them, and how its log ends."""

    failures: FailureGroup
    last_lines: tuple[str, ...]


@dataclass(frozen=True)
class StageStatus:
    """How many items of a stage are in which state; each item is in one.

    Attributes:
        done: the product is there, from the present inputs.
        running: a job of the driver has it in work.
        todo: the others that the next jobs begin; those of a stage that `waits` come later.
        failed: tried with the present inputs and failed; tried again by the next run unless held.
        waits: stages that have to be done before.
        seconds: wall time of the done items, summed.
        rate_per_h: items made per hour lately; None if there are none, or nobody runs it.
        left_s: time left at that rate; None if it is not known.
        node_hours_left: of running, to do and failed items; None if the site does not say.
        is_guess: nothing was measured that `node_hours_left` could rest on.
        given_up: done items whose product says that it could not be had, such as a label without a saddle.
        failures: the failed items.
        causes: the same by class, the most frequent first.
        note: how far runs have come that have not ended; empty if there is none.
    """

    stage: str
    items: int
    done: int
    running: int
    todo: int
    failed: int
    waits: tuple[str, ...] = ()
    seconds: float = 0.0
    rate_per_h: float | None = None
    left_s: float | None = None
    node_hours_left: float | None = None
    is_guess: bool = False
    given_up: int = 0
    failures: tuple[Failure, ...] = ()
    causes: tuple[Cause, ...] = ()
    note: str = ""


@dataclass(frozen=True)
class Status:
    """A campaign's state.

    Attributes:
        driver: who runs it or has died over it, None if nobody.
        stages: in order, those without items left out.
    """

    name: str
    workdir: str
    driver: DriverState | None
    stages: tuple[StageStatus, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return asdict(self)


@collector_paused()
def campaign_status(campaign: Campaign) -> Status:
    """The state of `campaign` now."""
    workdir = Workdir(campaign.workdir_path)
    driver, history = driver_state(workdir), History(workdir)
    plan = make_plan(campaign, workdir, history)
    hours = node_hours(campaign, plan, Costs(campaign, plan, workdir, history))
    look = _Look(workdir, plan, history, driver is not None and driver.state == "running")
    stages = []
    for stage in plan:
        if stage.items:
            left, cost = hours.get(stage.stage, (None, None))
            is_guess = cost is not None and cost.is_guess
            stages.append(look.stage(stage, left if stage.todo else 0.0, is_guess=is_guess))
    return Status(campaign.name, str(workdir.root), driver, tuple(stages))


class _Look:
    """Looks at the stages of a plan.

    Args:
        workdir, plan, history: of the campaign.
        is_driven: whether a driver runs it.
    """

    def __init__(self, workdir: Workdir, plan: Plan, history: History, is_driven: bool) -> None:
        self._workdir = workdir
        self._plan = plan
        self._history = history
        self._is_driven = is_driven
        run_dir = workdir.run_dir(read_epoch(workdir.epoch_file))
        self._in_work = keys_in_work(run_dir) if is_driven else {}

    def stage(self, stage: StagePlan, hours: float | None, *, is_guess: bool) -> StageStatus:
        """The state of one stage."""
        events = self._history.events(stage.stage)
        running, failed = self._begun(stage, events)
        held = [events[key] for key in keys_of(stage.held)]
        made = [events[key] for key in keys_of(stage.done) if key in events]
        rate = rate_per_h(made) if self._is_driven and stage.todo else None
        left = len(stage.todo) - len(failed)
        return StageStatus(
            stage=stage.stage,
            items=len(stage.items),
            done=len(stage.done),
            running=running,
            todo=left - running,
            failed=len(failed) + len(held),
            waits=tuple(name for name in READS_STAGES[stage.stage] if stage.todo and self._plan[name].todo),
            seconds=sum(event.seconds for event in made),
            rate_per_h=rate,
            left_s=3600 * left / rate if rate else None,
            node_hours_left=hours,
            is_guess=is_guess,
            given_up=sum(event.has_failed for event in made),
            failures=(*_failures(failed, held=False), *_failures(held, held=True)),
            causes=tuple(map(self._cause, failures_by_class([*failed, *held]))),
            note=_note(stage, self._workdir),
        )

    def _cause(self, group: FailureGroup) -> Cause:
        return Cause(group, tuple(last_lines(self._workdir, group, LOG_LINES)))

    def _begun(self, stage: StagePlan, events: dict[str, Event]) -> tuple[int, list[Event]]:
        """How many items to do are in work, and the last events of those that have failed."""
        in_work: Collection[str] = self._in_work.get(stage.stage, ())
        running, failed = 0, []
        items = stage.todo.items
        for key, digest in zip(keys_of(items), hashes_of(items), strict=True):
            event = events.get(key)
            state = event.state if event is not None and event.hash == digest else ""
            if key in in_work or (self._is_driven and state == "started"):
                running += 1
            elif event is not None and state in (FAILED, QUARANTINED):
                failed.append(event)
        return running, failed


def _failures(events: Collection[Event], *, held: bool) -> list[Failure]:
    return [Failure(e.key, e.error, e.log, str(e.failure), held) for e in events]


def _note(stage: StagePlan, workdir: Workdir) -> str:
    """Jumps on disk of runs that have not ended."""
    if stage.stage != "kmc":
        return ""
    begun = [item for item in stage.todo.items if item.until is not None]
    jumps = [count for item in begun if (count := jumps_on_disk(workdir, item))]
    return f"{sum(jumps):,} jumps on disk of runs that have not ended ({len(jumps)})" if jumps else ""
