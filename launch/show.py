"""Plans as text: one row per stage, the same on a terminal and in a pipe."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from launch.costs import Costs, StageCost
from launch.disk import size_text
from launch.plan import Plan, StagePlan, Todo

FAILED = "failed:"
SHOWN_FAILURES = 3
_NUMBER = re.compile(r"\d+")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns aligned by spaces: the first to the left, numbers to the right, the last as it is."""
    cells = [list(map(str, row)) for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = []
    for row in cells:
        middle = [cell.rjust(width) for cell, width in zip(row[1:-1], widths[1:-1], strict=True)]
        lines.append("  ".join([row[0].ljust(widths[0]), *middle, row[-1]]).rstrip())
    return "\n".join(lines)


def reasons(stage: StagePlan) -> list[tuple[int, str]]:
    """Why items of a stage are to be made, with how many for each reason, in the order they come.

    Failures that differ in numbers alone count as one, and only the first few kinds of them are named.
    """
    counts, first = Counter[str](), dict[str, str]()
    for reason, count in Counter(stage.todo.reasons()).items():
        kind = _NUMBER.sub("#", reason) if reason.startswith(FAILED) else reason
        if kind not in first and sum(name.startswith(FAILED) for name in first) >= SHOWN_FAILURES:
            kind, reason = f"{FAILED} ", "failed otherwise"
        counts[kind] += count
        first.setdefault(kind, reason)
    return [(count, first[kind]) for kind, count in counts.items()]


def plan_text(
    plan: Plan,
    costs: Mapping[str, StageCost],
    disk_bytes: Mapping[str, float | None],
    *,
    each_item: bool = False,
) -> str:
    """A plan: per stage what is done, what is to do, what it takes and why; or also each item to do."""
    rows = []
    for stage in plan:
        if stage.items:
            why = "; ".join(f"{count} {reason}" for count, reason in reasons(stage))
            cost = costs[stage.stage] if stage.todo else ""
            disk = size_text(disk_bytes[stage.stage]) if stage.todo else ""
            rows.append((stage.stage, len(stage.items), len(stage.done), len(stage.todo), cost, disk, why))
    text = table(("stage", "items", "done", "to do", "cost", "disk", "why"), rows)
    text += "".join(f"\n{line}" for line in note_lines(plan))
    if each_item:
        todo = [t for stage in plan for t in stage.todo]
        text += "".join(f"\n{t.item.stage} {t.item.key}: {t.reason}" for t in todo)
    return text


def note_lines(plan: Plan) -> list[str]:
    """What else there is to say, stage by stage."""
    return [f"{stage.stage}: {note}" for stage in plan for note in stage.notes]


def redo_lines(plan: Plan, costs: Costs) -> list[str]:
    """A line per stage and reason for items made again or not finished, with what they cost."""
    lines = []
    for stage in plan:
        again: dict[str, list[Todo]] = defaultdict(list)
        for todo in stage.todo:
            if todo.reason != "missing":
                again[todo.reason].append(todo)
        for reason, some in again.items():
            lines.append(f"{stage.stage}: {len(some)} to do, {costs.of(stage, some)}: {reason}")
    return lines
