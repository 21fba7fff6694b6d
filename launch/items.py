"""Work items: the units of identity, of random streams and of being done.

An item's hash covers its own inputs, the hashes of the products it reads and the version of its stage's
algorithm. Items that differ in a few numbers only (the vacancies of a composition, the temperatures of a
case) share a `Group`, whose inputs are hashed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

from nnk.files import ALGORITHM_VERSIONS, stable_hash
from nnk.run_terms import StopWhen


@dataclass(frozen=True)
class Group:
    """Inputs common to some items of a stage.

    Attributes:
        stage: a name of `launch.stages.STAGES`.
        settings: what the campaign file says, nested as it is there.
        reads: hash of each product that is read, by ``"<stage>/<key>"`` (``"label"``: all labels).
    """

    stage: str
    settings: Mapping[str, Any]
    reads: Mapping[str, str]

    @cached_property
    def inputs(self) -> dict[str, Any]:
        """All that the items' results depend on, but for what is their own."""
        version = ALGORITHM_VERSIONS[self.stage]
        return {**self.settings, "reads": dict(self.reads), "algorithm_version": version}

    @cached_property
    def hash(self) -> str:
        """Hash of `inputs`."""
        return stable_hash({"stage": self.stage, **self.inputs})


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of work.

    Attributes:
        stage: a name of `launch.stages.STAGES`.
        key: its name within the stage: ``"potential"``, ``"system"``, ``"lattice/<composition>"`` (prepare),
            ``"<composition>/s0003/v00017"`` or ``"import"`` (label), ``"audit"``, a model's name (train),
            ``"<case>/T0800.0K/r003"`` (kmc), an analysis' name, ``"report"``.
        own: inputs of this item alone.
        group: inputs that it shares.
        hash: of all its inputs.
        until: how far a run goes: not among its inputs, since a run can always go on.
    """

    stage: str
    key: str
    own: Mapping[str, Any]
    group: Group
    hash: str
    until: StopWhen | None = None

    @property
    def inputs(self) -> dict[str, Any]:
        """All that the item's result depends on."""
        return {**self.group.inputs, **self.own}


@runtime_checkable
class Rows(Protocol):
    """Items that are not made until they are asked for, but whose names and hashes are at hand."""

    def keys(self) -> Iterator[str]:
        """Key of each."""

    def hashes(self) -> Iterator[str]:
        """Hash of each."""

    def chosen(self, places: Sequence[int]) -> Sequence[Item]:
        """Those at some places, which rise."""

    @property
    def hash_of_all(self) -> str:
        """What `hash_of_all` gives."""


def keys_of(items: Sequence[Item]) -> Iterable[str]:
    """Key of each item."""
    return items.keys() if isinstance(items, Rows) else [item.key for item in items]


def hashes_of(items: Sequence[Item]) -> Iterable[str]:
    """Hash of each item."""
    return items.hashes() if isinstance(items, Rows) else [item.hash for item in items]


def chosen_of(items: Sequence[Item], places: Sequence[int]) -> Sequence[Item]:
    """The items at some places, which rise."""
    return items.chosen(places) if isinstance(items, Rows) else tuple(items[place] for place in places)


def make_item(group: Group, key: str, **own: Any) -> Item:
    """The item `key` of `group` with its `own` inputs."""
    return Item(group.stage, key, own, group, stable_hash([group.hash, key, own]))


def hash_of_all(items: Sequence[Item]) -> str:
    """One hash for a whole stage's products, whatever the order of the items."""
    if isinstance(items, Rows):
        return items.hash_of_all
    return stable_hash(sorted(_hash_of_product(item) for item in items))


def _hash_of_product(item: Item) -> str:
    return item.hash if item.until is None else stable_hash([item.hash, item.until.as_json()])


def changed_inputs(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Each input that differs, as ``label.max_force_eV_A 0.02 -> 0.01``."""
    before, after = _flat(old), _flat(new)
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return [_change(name, before.get(name), after.get(name)) for name in names]


_KEY_IN_THE_FILE = {"label.relax_boxes": "label.box: relaxed"}  # where an input is not called as its key is


def _change(name: str, before: Any, after: Any) -> str:
    name = _KEY_IN_THE_FILE.get(name, name)
    if name.startswith("reads."):
        return f"{name.removeprefix('reads.')} changed"
    return f"{name} {_shown(before)} -> {_shown(after)}"


def _shown(value: Any) -> str:
    return "unset" if value is None else str(value)


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted names; lists are values."""
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping) and name != "reads":
            flat |= _flat(value, f"{prefix}{name}.")
        elif name == "reads":
            flat |= {f"reads.{product}": digest for product, digest in value.items()}
        else:
            flat[f"{prefix}{name}"] = list(value) if isinstance(value, tuple) else value
    return flat
