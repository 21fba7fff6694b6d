"""The atoms of the samples of a file of barriers, read where they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.barrier_files import BarrierFile
from nnk.barrier_rows import BLOCK_BYTES


class OccupancyRows:
    """The atoms of all samples, uint8[n_samples, n_sites], read from a file where they are asked for.

    It is indexed as an array is by one or two integers, slices or arrays of integers of which the first
    counts samples; what is asked for, and nothing else, is then in memory.
    """

    dtype = np.dtype(np.uint8)
    ndim = 2

    def __init__(self, file: BarrierFile) -> None:
        self._file = file
        self.shape = (file.n_samples, file.header.n_sites)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Number of sites of all samples."""
        return self.shape[0] * self.shape[1]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        return self[:].astype(dtype or np.uint8)

    def __getitem__(self, index: Any) -> NDArray:
        rows, others = (index[0], index[1:]) if isinstance(index, tuple) else (index, ())
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
            if others:
                return self[rows][:, *others]
        rows = np.asarray(rows)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        return self._gather(rows, others)

    def _gather(self, rows: NDArray, others: tuple[Any, ...]) -> NDArray:
        """Values at broadcast rows and sites, some samples in memory at a time."""
        if not others:
            return self._by_row(rows)
        (sites,) = others
        if isinstance(sites, slice):
            return self._by_row(rows)[..., sites]
        rows, sites = np.broadcast_arrays(rows, sites)
        flat_rows, flat_sites = rows.reshape(-1), sites.reshape(-1)
        values = np.empty(len(flat_rows), dtype=np.uint8)
        order = np.argsort(flat_rows, kind="stable")
        for part, block, in_block in self._blocks(flat_rows[order]):
            chosen = order[part]
            values[chosen] = block[in_block, flat_sites[chosen]]
        return values.reshape(rows.shape) if rows.ndim else values[0]

    def _by_row(self, rows: NDArray) -> NDArray:
        flat = rows.reshape(-1)
        values = np.empty((len(flat), self.shape[1]), dtype=np.uint8)
        order = np.argsort(flat, kind="stable")
        for part, block, in_block in self._blocks(flat[order]):
            values[order[part]] = block[in_block]
        return values.reshape(*rows.shape, self.shape[1])

    def _blocks(self, ascending: NDArray) -> Iterator[tuple[slice, NDArray, NDArray]]:
        """Blocks of consecutive samples with those of `ascending` that lie in them."""
        if len(ascending) and not 0 <= ascending[0] <= ascending[-1] < len(self):
            raise IndexError(f"samples {ascending[0]} to {ascending[-1]} of {len(self)}")
        size = max(1, BLOCK_BYTES // self.shape[1])
        first = 0
        while first < len(ascending):
            low = int(ascending[first])
            last = int(np.searchsorted(ascending, low + size))
            block = self._file.column("occupancy", slice(low, int(ascending[last - 1]) + 1))
            yield slice(first, last), block, ascending[first:last] - low
            first = last
