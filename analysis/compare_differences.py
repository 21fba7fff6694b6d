"""Two tables side by side: which of their rows belong together, and how much they differ."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from analysis.compare_tables import Key, Table, Value, meant


@dataclass(frozen=True)
class Difference:
    """One value on both sides.

    Attributes:
        key: of the row on this side.
        quantity: the column.
        this, other: the values.
    """

    key: Key
    quantity: str
    this: Value
    other: Value

    @property
    def difference(self) -> float:
        """This minus other."""
        return self.this.value - self.other.value

    @property
    def error(self) -> float:
        """Standard error of the difference of two independent values; NaN if one has none."""
        return math.hypot(self.this.error, self.other.error)

    @property
    def sigma(self) -> float:
        """The difference in units of its error; NaN without an error."""
        return self.difference / self.error if self.error > 0 else math.nan


def paired_cases(this: Table, other: Table, given: Mapping[str, str]) -> dict[str, str]:
    """Which case (or composition) of the other side belongs to which of this side.

    Those given; else those of the same name; else the only one of each side.

    Raises:
        ValueError: a given name that is not there.
    """
    ours, theirs = this.cases, other.cases
    for names, there, side in ((given, ours, "this side"), (given.values(), theirs, "the other side")):
        for name in names:
            if name not in there:
                raise ValueError(f'no case "{name}" on {side}; it has {", ".join(there)}{meant(name, there)}')
    if given:
        return dict(given)
    same = {name: name for name in ours if name in theirs}
    return same or (dict(zip(ours, theirs, strict=True)) if len(ours) == len(theirs) == 1 else {})


@dataclass(frozen=True)
class Comparison:
    """A table of both sides.

    Attributes:
        this, other: the table on each side.
        cases: case of the other side by that of this side.
        differences: every value that both sides have, in the order of this side.
    """

    this: Table
    other: Table
    cases: Mapping[str, str]
    differences: tuple[Difference, ...]

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.this.name

    @property
    def keys(self) -> tuple[str, ...]:
        """Columns that tell rows apart."""
        return self.this.keys

    @property
    def case_place(self) -> int | None:
        """Where in a key the case stands, if it does."""
        return self.this.case_place

    @property
    def quantities(self) -> list[str]:
        """Columns that both sides have values in."""
        return list(dict.fromkeys(found.quantity for found in self.differences))

    def statistics(self, quantity: str) -> tuple[int, float, float, float, float, float]:
        """Rows; mean, root mean square and largest difference; rms of sigma, share beyond two (NaN: none)."""
        here = [found for found in self.differences if found.quantity == quantity]
        values = np.array([found.difference for found in here])
        sigmas = np.array([found.sigma for found in here])
        sigmas = sigmas[np.isfinite(sigmas)]
        largest = float(values[np.abs(values).argmax()])
        rms = float(np.sqrt(np.mean(values**2)))
        if not len(sigmas):
            return len(here), float(values.mean()), rms, largest, math.nan, math.nan
        rms_sigma, beyond = float(np.sqrt(np.mean(sigmas**2))), float(np.mean(np.abs(sigmas) > 2))
        return len(here), float(values.mean()), rms, largest, rms_sigma, beyond


def compare_tables(this: Table, other: Table, cases: Mapping[str, str]) -> Comparison:
    """The values that both sides have: same keys, but for cases, which belong together as `cases` says."""
    found = [
        Difference(key, column, row[column], theirs[column])
        for key, row in this.rows.items()
        if (theirs := _partner(this, other, key, cases)) is not None
        for column in this.values
        if column in theirs and math.isfinite(row[column].value - theirs[column].value)
    ]
    return Comparison(this, other, cases, tuple(found))


def _partner(this: Table, other: Table, key: Key, cases: Mapping[str, str]) -> Mapping[str, Value] | None:
    place = this.case_place
    if place is None:
        return other.rows.get(key)
    if key[place] not in cases:
        return None
    return other.rows.get((*key[:place], cases[key[place]], *key[place + 1 :]))
