"""Tables of two sides: how they are read, which of their rows belong together, how much they differ."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import numpy as np

KEYS = (
    *("case", "composition", "state", "source", "split", "model", "temperature_K", "shell"),
    *("a", "b", "pair", "element", "species", "moving_species", "quantity"),
)
"""Columns that say what a row is about; ``jumps`` too in tables that are named ``...-jumps``."""

CASE_KEYS = ("case", "composition")
PLAIN_VALUES = {
    "mean_eV": "error_eV",
    "std_eV": "",
    "MAE_eV": "",
    "RMSE_eV": "",
    "KRA_MAE_eV": "",
    "dE_MAE_eV": "",
}
"""Columns of values whose error stands in another column than ``..._error``, or nowhere."""


class NotComparable(ValueError):
    """A sound table that holds no values with keys to compare them by."""


@dataclass(frozen=True)
class Value:
    """A number of a table.

    Attributes:
        value: the number, NaN where the cell is empty.
        error: its standard error, NaN if there is none.
    """

    value: float
    error: float


Key = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table with its rows by their keys.

    Attributes:
        name: file name without suffix.
        path: the file.
        keys: names of the columns that tell rows apart, in their order in the file.
        values: names of the columns that are compared.
        rows: value of each of `values` by the row's key; numbers in a key as ``f"{x:.10g}"``.
        jumps: after how many jumps its values are, where rows are not told apart by that; else empty.
    """

    name: str
    path: Path
    keys: tuple[str, ...]
    values: tuple[str, ...]
    rows: Mapping[Key, Mapping[str, Value]]
    jumps: str = ""

    @property
    def case_place(self) -> int | None:
        """Where in a key the case (or composition) stands, if it does."""
        return next((self.keys.index(name) for name in CASE_KEYS if name in self.keys), None)

    @property
    def cases(self) -> list[str]:
        """The cases, in the order of the file; none where rows are not told apart by them."""
        place = self.case_place
        return [] if place is None else list(dict.fromkeys(key[place] for key in self.rows))


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


def read_table(path: Path) -> Table:
    """A table of an analysis: its values with their errors, by what tells its rows apart.

    Raises:
        NotComparable: it has no values to compare, or keys that do not tell its rows apart.
        ValueError: at ``file:line:column``, what cannot be read.
    """
    columns = _header(path)
    keys, errors = _roles(path, columns)
    rows = _rows(path, keys, {}, errors)
    return Table(path.stem, path, keys, tuple(errors), rows, "" if "jumps" in keys else _jumps(path))


def _jumps(path: Path) -> str:
    """Numbers of jumps in a table: ``200,000`` or ``200,000 to 300,000``; empty without such a column."""
    with path.open(newline="", encoding="utf-8") as file:
        found = sorted({int(row["jumps"]) for row in csv.DictReader(file) if row.get("jumps", "").isdigit()})
    return " to ".join(f"{number:,}" for number in dict.fromkeys([*found[:1], *found[-1:]]))


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8") as file:
        return [column.strip() for column in next(csv.reader(file), [])]


def _rows(
    path: Path, keys: Sequence[str], fixed: Mapping[str, str], errors: Mapping[str, str]
) -> dict[Key, dict[str, Value]]:
    """Values by keys; `fixed` has the keys that are no columns, `errors` the column of each value's error."""
    rows: dict[Key, dict[str, Value]] = {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        columns = [column.strip() for column in next(reader, [])]
        for cells in reader:
            if len(cells) != len(columns):
                raise ValueError(f"{path}:{reader.line_num}: expected {len(columns)} cells, got {len(cells)}")
            row = _Row(path, reader.line_num, columns, cells)
            key = tuple(fixed[column] if column in fixed else row.key(column) for column in keys)
            if key in rows:
                said = ", ".join(f"{column} {part}" for column, part in zip(keys, key, strict=True))
                raise NotComparable(f"{path}:{reader.line_num}: a second row for {said}")
            rows[key] = {name: Value(row.number(name), row.number(error)) for name, error in errors.items()}
    return rows


def _roles(path: Path, columns: Sequence[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Columns that are keys, and columns of values each with that of its error."""
    allowed = (*KEYS, "jumps") if path.stem.endswith("-jumps") else KEYS
    values = {column: _error_column(column, columns) for column in columns if _is_value(column, columns)}
    if not values:
        raise NotComparable(
            f"{path}:1: no column to compare: expected one such as delta_ab, with its standard error in "
            f"delta_ab_error; got {', '.join(columns) or 'nothing'}"
        )
    return tuple(column for column in columns if column in allowed), values


def _is_value(column: str, columns: Sequence[str]) -> bool:
    return column in PLAIN_VALUES or f"{column}_error" in columns


def _error_column(column: str, columns: Sequence[str]) -> str:
    error = PLAIN_VALUES.get(column, f"{column}_error")
    return error if error in columns else ""


@dataclass(frozen=True)
class _Row:
    """A line of a file, which knows its place."""

    path: Path
    line: int
    columns: Sequence[str]
    cells: Sequence[str]

    def key(self, column: str) -> str:
        text = self.cells[self.columns.index(column)].strip()
        try:
            return f"{float(text):.10g}"
        except ValueError:
            return text

    def number(self, column: str) -> float:
        """The number in a column; NaN for an empty cell, and for no column."""
        text = self.cells[self.columns.index(column)].strip() if column else ""
        try:
            return float(text) if text else math.nan
        except ValueError:
            place = f"{self.path}:{self.line}:{self.columns.index(column) + 1}"
            raise ValueError(f'{place}: column {column}: expected a number, got "{text}"') from None


def named_as(path: Path, ours: Sequence[Table], name: str | None) -> tuple[Table, Table]:
    """The table of ours whose columns a file has, and the file read as that table.

    Args:
        path: CSV file of somebody else's data.
        ours: our tables.
        name: which of them, if the columns leave a choice.

    Raises:
        ValueError: no table, or several, have the file's columns.
    """
    names = [table.name for table in ours]
    if name is not None and name not in names:
        raise ValueError(f'no table "{name}"; there is {", ".join(names)}{_meant(name, names)}')
    columns = _header(path)
    name = name or (path.stem if path.stem in names else None)
    fits = [t for t in ours if t.name == name or (name is None and _has_columns(t, columns))]
    fits = [t for t in fits if all(key in columns or len(_in(t, key)) == 1 for key in t.keys)] or fits
    if len(fits) != 1:
        said = f"several tables have these columns: {', '.join(t.name for t in fits)}; say which by table"
        raise ValueError(said if fits else f"{path}:1: {_unknown(ours, columns)}")
    return fits[0], read_published(path, fits[0])


def _has_columns(table: Table, columns: Sequence[str]) -> bool:
    return set(columns) <= set(_header(table.path)) and bool(set(columns) & set(table.values))


def _unknown(ours: Sequence[Table], columns: Sequence[str]) -> str:
    known = sorted({column for table in ours for column in _header(table.path)})
    for i, column in enumerate(columns, start=1):
        if column not in known:
            return f'column {i}: none of our tables has a column "{column}"{_meant(column, known)}'
    return f"no table of ours has the columns {', '.join(columns)} together"


def _meant(word: str, allowed: Sequence[str]) -> str:
    near = get_close_matches(word, allowed, n=1, cutoff=0.5)
    return f'; did you mean "{near[0]}"?' if near else ""


def read_published(path: Path, like: Table) -> Table:
    """A file of somebody else's data as the table `like`; a column that has one value there may be left out.

    A column of values needs no column of errors beside it here.

    Raises:
        ValueError: at ``file:line:column``, what cannot be read; a column that is needed and not there.
    """
    columns = _header(path)
    errors = {column: _error_column(column, columns) for column in like.values if column in columns}
    if not errors:
        raise ValueError(f"{path}:1: no column {' or '.join(like.values)}; got {', '.join(columns)}")
    fixed = {key: _only(path, like, key) for key in like.keys if key not in columns}
    return Table(like.name, path, like.keys, tuple(errors), _rows(path, like.keys, fixed, errors))


def _in(table: Table, key: str) -> list[str]:
    """What a table has in the column of a key."""
    return sorted({row[table.keys.index(key)] for row in table.rows})


def _only(path: Path, like: Table, key: str) -> str:
    """The one value that our table has in a column."""
    found = _in(like, key)
    if len(found) != 1:
        raise ValueError(f"{path}:1: no column {key}; needed, since ours has {', '.join(found[:6])}")
    return found[0]


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
                raise ValueError(
                    f'no case "{name}" on {side}; it has {", ".join(there)}{_meant(name, there)}'
                )
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
