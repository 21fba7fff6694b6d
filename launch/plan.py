"""What there is to do, judged from the products on disk, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from launch.campaign import Campaign
from launch.campaign_items import all_items
from launch.history import History
from launch.items import Group, Item, Rows, chosen_of
from launch.products import Products
from launch.runs_on_disk import extension
from launch.stages import STAGES
from nnk.files import Workdir

MISSING = "missing"


@dataclass(frozen=True)
class Todo:
    """An item to be made.

    Attributes:
        item: the item.
        reason: why it has to be made: ``"missing"``, ``"input changed: label.max_force_eV_A 0.02 -> 0.01"``.
        share: of the item that is to do; less than 1 for a run that goes on.
    """

    item: Item
    reason: str
    share: float = 1.0


class Todos(Sequence[Todo]):
    """Items to be made, each with its reason when it is asked for.

    Args:
        items: the items.
        products, history: what their reasons follow from.
    """

    def __init__(self, items: Sequence[Item], products: Products, history: History) -> None:
        self.items = items
        self._products = products
        self._history = history

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Todo]:
        return (self._todo(item) for item in self.items)

    @overload
    def __getitem__(self, place: int) -> Todo: ...
    @overload
    def __getitem__(self, place: slice) -> list[Todo]: ...
    def __getitem__(self, place: int | slice) -> Todo | list[Todo]:
        if isinstance(place, slice):
            return [self._todo(item) for item in self.items[place]]
        return self._todo(self.items[place])

    def reasons(self) -> Iterator[str]:
        """The reason of each."""
        if not isinstance(self.items, Rows):
            yield from (todo.reason for todo in self)
            return
        for place, key in enumerate(self.items.keys()):
            unknown = self._history.last("label", key) is None
            yield MISSING if unknown else self[place].reason

    def _todo(self, item: Item) -> Todo:
        shorter = self._products.finished_run(item) if item.until is not None else None
        if shorter is None or item.until is None:
            return Todo(item, _reason(item, self._history))
        share = max(0.0, 1 - shorter.jumps / item.until.jumps)
        return Todo(item, extension(shorter, item), share)


@dataclass(frozen=True)
class StagePlan:
    """The items of one stage.

    Attributes:
        stage: its name.
        items: all its items.
        done: those whose products are on disk, made from the present inputs.
        todo: the others, made when they are asked for.
        notes: what else there is to say of them.
    """

    stage: str
    items: Sequence[Item]
    done: Sequence[Item]
    todo: Todos
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A campaign's stages, in order."""

    stages: tuple[StagePlan, ...]

    def __iter__(self) -> Iterator[StagePlan]:
        return iter(self.stages)

    def __getitem__(self, stage: str) -> StagePlan:
        return self.stages[STAGES.index(stage)]

    @property
    def nothing_to_do(self) -> bool:
        """Every product is there."""
        return not any(stage.todo for stage in self.stages)

    def groups(self) -> dict[str, Group]:
        """Shared inputs of all items to be made, by their hash."""
        return {item.group.hash: item.group for stage in self.stages for item in stage.todo.items}


def make_plan(campaign: Campaign, workdir: Workdir, history: History | None = None) -> Plan:
    """What is done and what is to do; reads files only, the records unless their `history` is given."""
    history = history or History(workdir)
    products = Products(workdir, history)
    return Plan(tuple(_stage_plan(s, i, products, history) for s, i in all_items(campaign).items()))


def _stage_plan(stage: str, items: Sequence[Item], products: Products, history: History) -> StagePlan:
    present = products.present(stage, items)
    done = chosen_of(items, [place for place, made in enumerate(present) if made])
    todo = chosen_of(items, [place for place, made in enumerate(present) if not made])
    longer = _longer_runs(done, products) if stage == "kmc" else ()
    return StagePlan(stage, items, done, Todos(todo, products, history), tuple(longer))


def _longer_runs(done: Sequence[Item], products: Products) -> Iterator[str]:
    """Runs that are longer than asked for."""
    asked = {item.key: item.until.jumps for item in done if item.until is not None}
    found = {key: products.finished_run(item) for item in done if (key := item.key) in asked}
    longer = [run.jumps for key, run in found.items() if run is not None and run.jumps > asked[key]]
    if longer:
        span = f"{min(longer):,}" + (f" to {max(longer):,}" if min(longer) != max(longer) else "")
        yield f"{len(longer)} runs are longer than asked, {span} jumps: they serve as they are"


def _reason(item: Item, history: History) -> str:
    last = history.last(item.stage, item.key)
    if last is None:
        return MISSING
    if last.hash == item.hash:
        return {"failed": f"failed: {last.error}", "started": "interrupted"}.get(
            last.state, "product is gone"
        )
    changes = history.changes(last.group, item.group)
    if not changes and "from" in item.own:
        changes = ["the end of the runs that these go on from"]
    if not changes and item.key.startswith("lattice/"):
        changes = ["label.box"]
    return f"input changed: {', '.join(changes)}" if changes else "input changed"
