"""Rows of files of barriers: what all barriers of a file share, samples, barriers, and their texts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.lattice import Lattice, Structure

ROWS_AT_ONCE = 65_536
BLOCK_BYTES = 8 << 20  # of atoms in memory at a time

Bytes = NDArray[np.bytes_]


@dataclass(frozen=True)
class Header:
    """What all barriers of a file share.

    Attributes:
        elements, structure, cells, attrs: as in `nnk.barriers.BarrierSet`.
    """

    elements: tuple[str, ...]
    structure: Structure
    cells: tuple[int, int, int]
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_sites(self) -> int:
        """Sites of a sample."""
        return Lattice(self.structure, self.cells, 1.0).n_sites

    def check_like(self, other: Header) -> None:
        """Return if barriers of the two may stand in one file.

        Raises:
            ValueError: other elements or another lattice.
        """
        for name in ("elements", "structure", "cells"):
            if getattr(self, name) != getattr(other, name):
                raise ValueError(f"{name} differ: {getattr(self, name)} and {getattr(other, name)}")


@dataclass(frozen=True)
class Sizes:
    """How much a file is to hold.

    Attributes:
        samples, barriers: numbers of them.
        key_bytes, hash_bytes: length of the longest sample key and hash of an item.
    """

    samples: int
    barriers: int
    key_bytes: int
    hash_bytes: int


@dataclass(frozen=True)
class SampleRows:
    """Some samples; see `nnk.barriers.BarrierSet`.

    Attributes:
        columns: the arrays of `SAMPLE_COLUMNS`.
    """

    occupancy: NDArray[np.uint8]
    a_A: NDArray[np.float64]
    sample_key: Bytes
    composition: NDArray[np.float64]
    columns: Mapping[str, NDArray]


@dataclass(frozen=True)
class BarrierRows:
    """Some barriers; see `nnk.barriers.BarrierSet`.

    Attributes:
        columns: the arrays of `COLUMNS`.
        item_hash: S[m].
        reason: int64[m], numbers of the file's reasons.
    """

    columns: Mapping[str, NDArray]
    item_hash: Bytes
    reason: NDArray[np.int64]


def encoded(texts: Sequence[str]) -> Bytes:
    """Texts as fixed-length bytes."""
    return np.array([text.encode() for text in texts], dtype=np.bytes_).reshape(len(texts))


def starts_of_equals(texts: Bytes) -> NDArray[np.int64]:
    """Where each row of equal texts begins."""
    if not len(texts):
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.concatenate([[True], texts[1:] != texts[:-1]]))


def first_of_equals(texts: Bytes) -> Bytes:
    """The first of each row of equal texts."""
    return texts[starts_of_equals(texts)]


def texts_of(rows: Bytes) -> tuple[str, ...]:
    """The texts of fixed-length bytes; equal neighbours are one object."""
    found: list[str] = []
    last = None
    for row in rows.tolist():
        found.append(found[-1] if row == last else row.decode())
        last = row
    return tuple(found)


def numbered(texts: Iterable[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct texts in the order in which they come, and the number of each."""
    numbers: dict[str, int] = {}
    number = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
    return list(numbers), number


def parts(n: int, size: int = ROWS_AT_ONCE) -> list[slice]:
    """Consecutive slices of at most `size` that cover n rows."""
    return [slice(first, min(first + size, n)) for first in range(0, n, size)]
