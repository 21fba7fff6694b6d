"""What there is to do, judged from the products on disk, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from launch.campaign import Campaign
from launch.campaign_items import PROBE, all_items
from launch.collector import collector_paused
from launch.failures import is_held
from launch.history import CLEARED, Event, History
from launch.items import Group, Item, Rows, chosen_of, keys_of
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
        held: neither done nor to do: they have failed, and ``launch retry`` alone tries them again.
    """

    stage: str
    items: Sequence[Item]
    done: Sequence[Item]
    todo: Todos
    notes: tuple[str, ...] = ()
    held: Sequence[Item] = ()


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
        """Every product is there, but for those held and those that would be made from them."""
        lacking: set[str] = set()
        for stage in self.stages:
            lacking |= {f"{stage.stage}/{item.key}" for item in stage.held}
            if any(not lacking & _read_by(item) for item in stage.todo.items):
                return False
            keys = [item.key for some in (stage.held, stage.todo.items) for item in some]
            if keys:
                lacking |= {stage.stage, *(f"{stage.stage}/{key}" for key in keys)}
        return True

    @property
    def n_held(self) -> int:
        """Items that are held."""
        return sum(len(stage.held) for stage in self.stages)

    def groups(self) -> dict[str, Group]:
        """Shared inputs of all items to be made, by their hash."""
        return {item.group.hash: item.group for stage in self.stages for item in stage.todo.items}


@collector_paused()
def make_plan(campaign: Campaign, workdir: Workdir, history: History | None = None) -> Plan:
    """What is done and what is to do; reads files only, the records unless their `history` is given."""
    history = history or History(workdir)
    products = Products(workdir, history)
    return Plan(tuple(_stage_plan(s, i, products, history) for s, i in all_items(campaign).items()))


def _stage_plan(stage: str, items: Sequence[Item], products: Products, history: History) -> StagePlan:
    present, marked = products.present(stage, items), _marked(stage, items, history)
    held = [place for place, event in marked.items() if event.state != CLEARED and not present[place]]
    for place in marked:
        present[place] = present[place] and marked[place].state != CLEARED
    is_held_there = set(held)
    done = chosen_of(items, [place for place, made in enumerate(present) if made])
    left = [place for place, made in enumerate(present) if not made and place not in is_held_there]
    notes = list(_longer_runs(done, products)) if stage == "kmc" else []
    if held:
        notes.append(_held_note([marked[place] for place in held]))
    todo = Todos(chosen_of(items, left), products, history)
    return StagePlan(stage, items, done, todo, tuple(notes), chosen_of(items, held))


def _marked(stage: str, items: Sequence[Item], history: History) -> dict[int, Event]:
    """Items, by their place, that are held since they have failed, or are to be tried again nevertheless."""
    events = history.events(stage)
    names = {event.key for event in events.values() if event.state == CLEARED or is_held(event)}
    names.discard(PROBE)  # quick, and what it tries is what the user mends
    if not names:
        return {}
    named = [(place, events[key]) for place, key in enumerate(keys_of(items)) if key in names]
    return {place: event for place, event in named if items[place].hash == event.hash}


def _held_note(events: Sequence[Event]) -> str:
    """``3 have failed and are left alone (2 memory, 1 user); to try again: launch retry``."""
    kinds = Counter(str(event.failure) for event in events).most_common()
    classes = ", ".join(f"{count} {kind}" for kind, count in kinds)
    verbs = "has failed and is" if len(events) == 1 else "have failed and are"
    return f"{len(events)} {verbs} left alone ({classes}); to try again: launch retry"


def _read_by(item: Item) -> set[str]:
    """Names of what an item reads or comes after."""
    return {*item.group.reads, *(f"{item.stage}/{key}" for key in item.own.get("after", ()))}


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
        said = {"failed": f"failed: {last.error}", "started": "interrupted", CLEARED: "to be tried again"}
        return said.get(last.state, "product is gone")
    changes = history.changes(last.group, item.group)
    if not changes and "from" in item.own:
        changes = ["the end of the runs that these go on from"]
    if not changes and item.key.startswith("lattice/"):
        changes = ["label.box"]
    return f"input changed: {', '.join(changes)}" if changes else "input changed"
