"""Columns of the CSV files that training leaves behind: of a few epochs, or of a million barriers."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.lattice import IntArray

_CHUNK = 2000  # rows held as text at a time; more leave the processor's cache


@dataclass(frozen=True)
class Texts:
    """A column of texts, many of them alike.

    Attributes:
        names: the texts that occur, each once.
        codes: int64[n], which of them stands in each row.
    """

    names: tuple[str, ...]
    codes: IntArray

    @classmethod
    def of(cls, values: ArrayLike) -> Texts:
        """The column that holds `values` as text."""
        numbering = _Numbering()
        codes = numbering.encode(np.asarray(values, dtype=np.str_).tolist())
        return cls(tuple(numbering), codes)

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, rows: Any) -> Texts:
        """Some of the rows, as of an array."""
        return Texts(self.names, self.codes[rows])

    def among(self, *names: str) -> NDArray[np.bool_]:
        """Whether each row is one of `names`, bool[n]."""
        wanted = np.array([name in names for name in self.names], dtype=np.bool_)
        return wanted[self.codes] if len(self) else np.zeros(0, dtype=np.bool_)

    def present(self) -> list[str]:
        """Texts that occur, sorted."""
        counts = np.bincount(self.codes, minlength=len(self.names))
        return sorted(name for name, count in zip(self.names, counts, strict=True) if count)

    def tolist(self) -> list[str]:
        """Every row's text."""
        return [self.names[code] for code in self.codes.tolist()]


class _Numbering(dict[str, int]):
    """Numbers texts in the order in which they are met."""

    def __missing__(self, text: str) -> int:
        self[text] = len(self)
        return self[text]

    def encode(self, texts: Sequence[str]) -> IntArray:
        """Numbers int64[n] of texts."""
        return np.fromiter(map(self.__getitem__, texts), dtype=np.int64, count=len(texts))


@dataclass(frozen=True)
class Columns:
    """Columns of one file, by their names.

    Attributes:
        texts: as they stand there.
        numbers: float64[n]; an empty cell is NaN.
    """

    texts: dict[str, Texts]
    numbers: dict[str, NDArray[np.float64]]

    def select(self, rows: Any) -> Columns:
        """Some of the rows, as of arrays."""
        return Columns(
            {name: column[rows] for name, column in self.texts.items()},
            {name: column[rows] for name, column in self.numbers.items()},
        )


def joined(tables: Sequence[Columns]) -> Columns:
    """The rows of all tables, one after the other; columns that not all of them have are left out."""
    first, *others = tables
    texts = [name for name in first.texts if all(name in table.texts for table in others)]
    numbers = [name for name in first.numbers if all(name in table.numbers for table in others)]
    return Columns(
        {name: _joined_texts([table.texts[name] for table in tables]) for name in texts},
        {name: np.concatenate([table.numbers[name] for table in tables]) for name in numbers},
    )


def _joined_texts(columns: Sequence[Texts]) -> Texts:
    numbering = _Numbering()
    codes = [numbering.encode(column.names)[column.codes] for column in columns]
    return Texts(tuple(numbering), _joined(codes, np.int64))


def read_columns(
    path: Path, *, texts: Sequence[str] = (), numbers: Sequence[str] = (), optional: Sequence[str] = ()
) -> Columns:
    """Some columns of a file with a header line.

    Args:
        path: the file.
        texts, numbers: names of columns.
        optional: names of columns of numbers that the file may have.

    Raises:
        ValueError: a column that the file has not, a line of another length, or a text that is no number.
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        absent = [name for name in (*texts, *numbers) if name not in header]
        if absent:
            raise ValueError(f"{path}: no column {', '.join(absent)}; it has {', '.join(header)}")
        wanted = [*numbers, *(name for name in optional if name in header)]
        return _columns(reader, header, texts, wanted)


def _columns(reader: Any, header: Sequence[str], texts: Sequence[str], numbers: Sequence[str]) -> Columns:
    numbering: dict[str, _Numbering] = {name: _Numbering() for name in texts}
    codes: dict[str, list[IntArray]] = {name: [] for name in texts}
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in numbers}
    while rows := list(islice(reader, _CHUNK)):
        if {len(row) for row in rows} != {len(header)}:
            raise ValueError(f"line {reader.line_num} or before: expected {len(header)} cells in each")
        column = dict(zip(header, zip(*rows, strict=True), strict=True))
        for name in texts:
            codes[name].append(numbering[name].encode(column[name]))
        for name in numbers:
            values[name].append(np.array([float(cell or "nan") for cell in column[name]]))
    return Columns(
        {name: Texts(tuple(numbering[name]), _joined(codes[name], np.int64)) for name in texts},
        {name: _joined(values[name], np.float64) for name in numbers},
    )


def _joined(parts: Sequence[NDArray], dtype: type) -> NDArray:
    return np.concatenate(parts) if parts else np.empty(0, dtype=dtype)
