"""Spectra of all vacancies of one cell, of any size: random, or a state of a run.

Errors are those of the jackknife over boxes of the cell, since vacancies nearer to each other than their
surroundings reach are not independent. The boxes share the cell's fixed composition; at that the errors are
rather too large than too small.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.lattice import IntArray, Lattice
from nnk.models.base import BarrierModel
from nnk.observables.barrier_batches import barrier_batches
from nnk.observables.histograms import HistogramCounter
from nnk.observables.spectra import Spectrum, SpectrumCounter

BIN_EV = 0.01
MOST_BOXES, BOX_CELLS = 4, 4  # along an edge at most; cells along a box's edge at least


class CellSpectra:
    """Barriers of vacancies in one cell, counted per box and moving species.

    Attributes:
        n_boxes: number of boxes.
        barriers: mean and width.
        histogram: in bins of `BIN_EV`; group ``box * n_species + species - 1``.
    """

    def __init__(self, n_boxes: int, n_species: int) -> None:
        self.n_boxes, self._n_species = n_boxes, n_species
        self.barriers = SpectrumCounter(n_boxes, n_species)
        self.histogram = HistogramCounter(n_boxes * n_species, BIN_EV)

    def add(self, barriers_eV: NDArray[np.float64], mover: NDArray[np.uint8], box: IntArray) -> None:
        """Count barriers [n, z] of n vacancies, each in its box int[n]."""
        boxes = np.repeat(box[:, None], barriers_eV.shape[1], axis=1)
        self.barriers.add(barriers_eV, mover, boxes)
        self.histogram.add(barriers_eV, boxes * self._n_species + mover.astype(np.int64) - 1)

    def spectrum(self, species: int | None = None) -> Spectrum:
        """Mean and width of one moving species, counted from 1; of all together if None."""
        return self.barriers.spectrum(species)

    def counts(self, species: int | None = None) -> NDArray[np.int64]:
        """Histogram int64[n_boxes, n_bins] of one moving species; of all together if None."""
        by_box = self.histogram.counts.reshape(self.n_boxes, self._n_species, -1)
        return by_box.sum(axis=1) if species is None else by_box[:, species - 1]


def cell_spectra(
    model: BarrierModel, lattice: Lattice, occupancy: NDArray[np.uint8], sites: ArrayLike | None = None
) -> CellSpectra:
    """Spectra of a vacancy put on every one of `sites` in turn; arguments as `barrier_batches`."""
    per_edge = boxes_per_edge(lattice)
    found = CellSpectra(per_edge**3, len(model.elements))
    for batch in barrier_batches(model, lattice, occupancy, sites):
        found.add(batch.barriers_eV, batch.mover, box_of(lattice, batch.sites, per_edge))
    return found


def boxes_per_edge(lattice: Lattice) -> int:
    """Boxes along each edge: as many as `MOST_BOXES` of `BOX_CELLS` cells or more."""
    return max(1, min(MOST_BOXES, min(lattice.cells) // BOX_CELLS))


def box_of(lattice: Lattice, sites: ArrayLike, per_edge: int) -> IntArray:
    """Number int64[n] of the box that each site is in, of `per_edge` boxes along every edge."""
    cells = np.array(lattice.cells)
    basis = lattice.n_sites // int(cells.prod())
    cell = np.stack(np.unravel_index(np.asarray(sites, dtype=np.int64) // basis, lattice.cells), axis=-1)
    x, y, z = (cell * per_edge // cells).T
    return np.asarray((x * per_edge + y) * per_edge + z, dtype=np.int64)
