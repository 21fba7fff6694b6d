"""Tables that can be compared: how they are read, ours and other people's."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

KEYS = (
    *("case", "composition", "percent", "state", "source", "split", "model", "network", "temperature_K"),
    *("shell", "a", "b", "pair", "element", "species", "moving_species", "walker", "size", "quantity"),
)
"""Columns that say what a row is about."""

ALONG_RUNS = ("order-jumps", "order-peak", "clusters", "clusters-events", "clusters-sizes", "spectra-order")
"""Tables in which ``jumps`` tell rows apart as well."""

CASE_KEYS = ("case", "composition")
PLAIN_VALUES = {
    "mean_eV": "error_eV",
    "MAE_eV": "",
    "RMSE_eV": "",
    "KRA_MAE_eV": "",
    "dE_MAE_eV": "",
    "peak_temperature_K": "error_K",
    "D_m2_s": "D_error_replicas_m2_s",
    "correlation_factor": "correlation_error_replicas",
    "jump_share_ratio": "jump_share_error",
}
"""Columns of values whose error is not called ``X_error`` (with a unit, ``X_error_UNIT``), or not there."""


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
    with path.open(newline="", encoding="utf-8-sig") as file:
        found = sorted({int(row["jumps"]) for row in csv.DictReader(file) if row.get("jumps", "").isdigit()})
    return " to ".join(f"{number:,}" for number in dict.fromkeys([*found[:1], *found[-1:]]))


def _header(path: Path) -> list[str]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        return [column.strip() for column in next(csv.reader(file), [])]


def _rows(
    path: Path, keys: Sequence[str], fixed: Mapping[str, str], errors: Mapping[str, str]
) -> dict[Key, dict[str, Value]]:
    """Values by keys; `fixed` has the keys that are no columns, `errors` the column of each value's error."""
    rows: dict[Key, dict[str, Value]] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
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
    allowed = (*KEYS, "jumps") if path.stem in ALONG_RUNS else KEYS
    values = {column: _error_column(column, columns) for column in columns if _is_value(column, columns)}
    if not values:
        raise NotComparable(
            f"{path}:1: no column to compare: expected one such as delta_ab, with its standard error in "
            f"delta_ab_error; got {', '.join(columns) or 'nothing'}"
        )
    return tuple(column for column in columns if column in allowed and column not in values), values


def _is_value(column: str, columns: Sequence[str]) -> bool:
    return column in PLAIN_VALUES or bool(_error_column(column, columns))


def _error_column(column: str, columns: Sequence[str]) -> str:
    """The column of a value's error: ``X_error``, or before the unit ``X_error_UNIT``; empty for none."""
    words = column.split("_")
    names = ["_".join([*words[:i], "error", *words[i:]]) for i in range(len(words), 0, -1)]
    return next((name for name in [PLAIN_VALUES.get(column, ""), *names] if name in columns), "")


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
        raise ValueError(f'no table "{name}"; there is {", ".join(names)}{meant(name, names)}')
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
            return f'column {i}: none of our tables has a column "{column}"{meant(column, known)}'
    return f"no table of ours has the columns {', '.join(columns)} together"


def meant(word: str, allowed: Sequence[str]) -> str:
    """``; did you mean "..."?`` for a word that is nearly an allowed one, or nothing."""
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
