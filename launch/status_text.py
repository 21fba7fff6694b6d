"""A state as text: who runs it, a row per stage, then what failed and why."""

from __future__ import annotations

from collections.abc import Iterator

from launch.progress import duration
from launch.show import table
from launch.status import Cause, StageStatus, Status

HEAD = ("stage", "items", "done", "running", "to do", "failed", "rate", "time left", "node-h left", "")
SHOWN_LINES = 3


def status_text(status: Status) -> str:
    """The whole state."""
    driver = "not running" if status.driver is None else str(status.driver)
    lines = [f"{status.name} in {status.workdir}: {driver}", table(HEAD, map(_row, status.stages))]
    lines += [f"{stage.stage}: {note}" for stage in status.stages for note in _notes(stage)]
    lines += _total(status)
    for stage in status.stages:
        lines += _failures(stage)
    return "\n".join(lines)


def _total(status: Status) -> Iterator[str]:
    """What all stages cost yet."""
    left = [stage for stage in status.stages if stage.node_hours_left]
    if left:
        hours = sum(stage.node_hours_left or 0.0 for stage in left)
        guess = ", a guess for " + ", ".join(s.stage for s in left if s.is_guess)
        yield f"left: {_amount(hours)} node-hours" + (guess if any(s.is_guess for s in left) else "")


def _row(stage: StageStatus) -> tuple[object, ...]:
    counts = [f"{n:,}" for n in (stage.items, stage.done, stage.running, stage.todo, stage.failed)]
    rate = "-" if stage.rate_per_h is None else f"{stage.rate_per_h:,.0f}/h"
    left = "-" if stage.left_s is None else duration(stage.left_s)
    waits = f"after {', '.join(stage.waits)}" if stage.waits else ""
    return (stage.stage, *counts, rate, left, _hours(stage), waits)


def _hours(stage: StageStatus) -> str:
    hours = stage.node_hours_left
    if hours is None or not (stage.todo or stage.running or stage.failed):
        return "-"
    return f"{_amount(hours)} (guess)" if stage.is_guess else _amount(hours)


def _amount(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 9.95 else f"{hours:.2g}" if hours >= 0.01 else "< 0.01"


def _notes(stage: StageStatus) -> Iterator[str]:
    if stage.note:
        yield stage.note
    if stage.given_up:
        yield f"{stage.given_up:,} of the done ones could not be had and say so"


def _failures(stage: StageStatus) -> Iterator[str]:
    """What has failed, by class."""
    for cause in stage.causes:
        group = cause.failures
        others = f" and {group.count - 1:,} more" if group.count > 1 else ""
        yield f"{stage.stage}: {group.count:,} failed ({group.failure}): {group.key}{others}: {group.error}"
        yield from _details(cause)
    held = sum(failure.held for failure in stage.failures)
    if held:
        yield f"{stage.stage}: {held:,} of the failed are left alone until launch retry"


def _details(cause: Cause) -> Iterator[str]:
    if cause.failures.cure:
        yield f"  what helps: {cause.failures.cure}"
    if cause.failures.log:
        yield f"  log: {cause.failures.log}"
    yield from (f"  | {line}" for line in cause.last_lines[-SHOWN_LINES:])
