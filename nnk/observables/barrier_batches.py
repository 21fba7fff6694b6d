"""Barriers of very many vacancies in bounded memory: a batch of sites of a frozen state at a time.

A block of 1,000,000 sites has 8,000,000 barriers in bcc; what is wanted of them is collected batch by batch
(`nnk.observables.spectra.SpectrumCounter`), and none of them need be kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.kmc.grid import Grid, make_grid, memory_shifts, padded_occupancy
from nnk.lattice import IntArray, Lattice
from nnk.models.base import BarrierModel
from nnk.observables.site_barriers import site_barriers

BATCH_SITES = 16_384  # a few MiB; the model's tables are laid out once per batch, in a hundredth of the time


class Batch(NamedTuple):
    """Barriers of a vacancy put on n sites in turn.

    Attributes:
        sites: int64[n].
        barriers_eV: float64[n, z], in the order of ``lattice.jumps``.
        mover: uint8[n, z], species of the atom that jumps.
    """

    sites: IntArray
    barriers_eV: NDArray[np.float64]
    mover: NDArray[np.uint8]


def barrier_batches(
    model: BarrierModel,
    lattice: Lattice,
    occupancy: NDArray[np.uint8],
    sites: ArrayLike | None = None,
    *,
    batch_sites: int = BATCH_SITES,
) -> Iterator[Batch]:
    """Barriers of a vacancy put on every one of `sites` in turn, batch by batch.

    What the states are, and when they are refused, see `nnk.observables.site_barriers.site_barriers`.

    Args:
        model: the barriers.
        lattice: the lattice.
        occupancy: uint8[n_sites], species numbered as in `model.elements`; at most one vacancy (0).
        sites: int[n]; all sites if None.
        batch_sites: most sites of a batch; results do not depend on it.

    Raises:
        ValueError: a batch of no sites, or as `site_barriers`.
    """
    if batch_sites < 1:
        raise ValueError(f"batch_sites={batch_sites}: expected at least 1")
    chosen = None if sites is None else np.asarray(sites, dtype=np.int64)
    grid = make_grid(lattice, 1)
    padded = padded_occupancy(lattice, grid, occupancy)
    n = lattice.n_sites if chosen is None else len(chosen)
    for first in range(0, n, batch_sites):
        last = min(first + batch_sites, n)
        here = np.arange(first, last) if chosen is None else chosen[first:last]
        barriers = site_barriers(model, lattice, occupancy, here)
        yield Batch(here, barriers, _movers(lattice, grid, padded, here))


def _movers(lattice: Lattice, grid: Grid, padded: NDArray[np.uint8], sites: IntArray) -> NDArray[np.uint8]:
    """Neighbours uint8[n, z]; where the state's own vacancy is, the atom displaced by the vacancy stands."""
    cell, basis = np.divmod(sites, lattice.n_sites // int(np.prod(lattice.cells)))
    inside = np.stack(np.unravel_index(cell, lattice.cells), axis=-1) + grid.rim
    place = basis * grid.strides[0] + inside @ grid.strides[1:]
    found = padded[place[:, None] + memory_shifts(lattice, grid, lattice.jumps)[basis]]
    return np.where(found == 0, padded[place][:, None], found)
