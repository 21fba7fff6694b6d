"""Models that differ in one choice alone: which there are, and what is drawn against what.

A campaign's models make a curve when their architecture, what they learn from and how they were trained are
alike but for one key, and when some labels test all of them. Sizes of hidden layers make curves against the
number of layers and against their units.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from analysis.model_errors import GroupErrors, ModelErrors
from analysis.networks import Network

SHARE, CHOICE, COMPOSITIONS, SHELLS = "share", "choice", "compositions", "shells"
DIFFERENCE_SUM = "dE_sum_RMS_eV"  # see nnk.training.products
TITLES = {
    SHARE: "training labels",
    COMPOSITIONS: "training compositions",
    SHELLS: "neighbour shells",
    CHOICE: "choice of vacancies",
    "layers": "convolutional layers",
    "difference": "form of the energy difference",
}
_NOT_COMPARED = ("name", "kind", "seed")

Value = float | str | None


class Judged(NamedTuple):
    """A trained network and its errors."""

    network: Network
    errors: ModelErrors

    @property
    def kind(self) -> str:
        """Kind of network."""
        return str(self.network.description["architecture"]["kind"])

    def measured(self, split: str) -> dict[str, Any]:
        """Errors on a split as training has measured them; nothing of labels that folds have held out."""
        return dict(self.network.description["errors"].get(split, {}))

    @property
    def n_compositions(self) -> int:
        """Number of the compositions that it has learnt from."""
        p = self.errors.predictions
        return len(np.unique(p.composition.codes[p.split.among("train")]))


@dataclass(frozen=True)
class Curve:
    """Models that differ in one key alone, from its smallest value on.

    Attributes:
        option: the key, dotted; of sizes of layers with " layers" or " units" behind it.
        values: of the key.
        models: the models.
        others: all other keys with their values.
    """

    option: str
    values: tuple[Value, ...]
    models: tuple[Judged, ...]
    others: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """Kind of network."""
        return self.models[0].kind

    @property
    def title(self) -> str:
        """What the values are."""
        return TITLES.get(self.option, self.option.rpartition(".")[2].replace("_", " "))

    @property
    def amounts(self) -> list[float] | None:
        """What the models are drawn against; None where the values are no numbers.

        Of shares the numbers of training labels, of compositions those that were learnt from.
        """
        if self.option == SHARE:
            return [float(model.measured("train")["labels"]) for model in self.models]
        if self.option == COMPOSITIONS:
            return [float(model.n_compositions) for model in self.models]
        numbers = [value for value in self.values if isinstance(value, float)]
        return numbers if len(numbers) == len(self.values) else None

    @property
    def words(self) -> list[str]:
        """The values as text."""
        return ["all" if v is None else f"{v:g}" if isinstance(v, float) else v for v in self.values]

    @property
    def tests(self) -> list[str]:
        """Splits that test all of the models on the very same labels."""
        first = _tested(self.models[0].errors)
        others = [_tested(model.errors) for model in self.models[1:]]
        return [split for split, labels in first.items() if all(o.get(split) == labels for o in others)]

    @property
    def splits(self) -> list[str]:
        """Training labels and those that test all of the models."""
        return ["train", *self.tests]

    @property
    def has_difference_sums(self) -> bool:
        """Whether all models predict the energy differences of a jump and of its reverse by themselves."""
        return all(DIFFERENCE_SUM in model.measured(split) for model in self.models for split in self.tests)

    def errors(self, split: str) -> list[GroupErrors]:
        """Errors on a split, model by model."""
        return [model.errors.of(split, "all")[0] for model in self.models]


def _tested(errors: ModelErrors) -> dict[str, bytes]:
    """The computed barriers of each test split, which tell its labels."""
    p = errors.predictions
    return {split: p.true_eV[p.split.among(split)].tobytes() for split in errors.tests}


def share_of(network: Network) -> float:
    """Share of the training vacancies that a model has learnt from."""
    return float(network.description.get("architecture", {}).get(SHARE, 1.0))


def curves_of(judged: Iterable[tuple[Network, ModelErrors]]) -> list[Curve]:
    """All curves of the models that were trained here, by the option they are drawn against."""
    models = [
        (_flat(network), Judged(network, errors))
        for network, errors in judged
        if "architecture" in network.description
    ]
    options = dict.fromkeys(key for flat, _ in models for key in flat)
    found = [curve for option in options for curve in _against(option, models)]
    return [curve for curve in found if curve.tests]


def _flat(network: Network) -> dict[str, Any]:
    """All that was chosen about a model, by dotted key."""
    known = network.description
    flat = dict(_leaves("", known["architecture"])) | dict(_leaves("training.", known["parameters"]))
    return {key.removeprefix("options."): value for key, value in flat.items()}


def _leaves(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", value


def _against(option: str, models: Sequence[tuple[dict[str, Any], Judged]]) -> Iterator[Curve]:
    """Curves against one key; of equal values the last model counts."""
    if option.rpartition(".")[2] in _NOT_COMPARED:
        return
    alike: dict[str, list[tuple[Any, Judged]]] = {}
    for flat, model in models:
        for others in _rest(option, flat):
            alike.setdefault(json.dumps(others, sort_keys=True), []).append((flat.get(option), model))
    for rest, members in alike.items():
        for axis in _axes(option, members):
            if len(axis.models) > 1:
                values = sorted(axis.models, key=_rank)
                others = json.loads(rest) | axis.shared
                yield Curve(axis.name, tuple(values), tuple(axis.models[v] for v in values), others)


def _rest(option: str, flat: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All but one key, and not the name. All vacancies are those of either choice."""
    rest = {key: value for key, value in flat.items() if key not in (option, "name")}
    whole = option == SHARE and flat[SHARE] == 1
    return [rest | {CHOICE: choice} for choice in ("random", "k-means")] if whole else [rest]


class _Axis(NamedTuple):
    """Models by what they are drawn against.

    Attributes:
        name: of the values.
        models: by value.
        shared: what they have in common besides.
    """

    name: str
    models: dict[Value, Judged]
    shared: dict[str, Any]


def _axes(option: str, members: Sequence[tuple[Any, Judged]]) -> Iterator[_Axis]:
    """Values as they are; sizes of layers as numbers of layers and of units, or as words."""
    if not all(isinstance(value, list | tuple) for value, _ in members):
        yield _Axis(option, {_value(value): model for value, model in members}, {})
        return
    sizes = {tuple(widths): model for widths, model in members}
    even = [widths for widths in sizes if len(set(widths)) == 1]
    lines = [*_lines(even, "units", "layers"), *_lines(even, "layers", "units")]
    for name, same, line in lines:
        shared = {f"{option} {same}": _size(line[0], same)}
        yield _Axis(f"{option} {name}", {_size(widths, name): sizes[widths] for widths in line}, shared)
    drawn = {widths for _, _, line in lines for widths in line}
    rest: dict[Value, Judged] = {
        "-".join(map(str, widths)): model for widths, model in sizes.items() if widths not in drawn
    }
    yield _Axis(option, rest, {})


def _lines(even: Sequence[tuple[int, ...]], same: str, name: str) -> Iterator[tuple[str, str, list]]:
    """Sizes of equal `same` and different `name`, by name and same."""
    for value in sorted({_size(widths, same) for widths in even}):
        line = [widths for widths in even if _size(widths, same) == value]
        if len(line) > 1:
            yield name, same, line


def _size(widths: tuple[int, ...], what: str) -> float:
    return float(len(widths) if what == "layers" else widths[0])


def _value(value: Any) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float | None):
        return str(value).lower()
    return None if value is None else float(value)


def _rank(value: Value) -> tuple[int, float, str]:
    """Numbers by size, then what is not limited, then words."""
    if isinstance(value, float):
        return 0, value, ""
    return (1, 0.0, "") if value is None else (2, 0.0, value)
