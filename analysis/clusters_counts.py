"""What is counted of ordered clusters, in a state and along a run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.lattice import IntArray, Lattice
from nnk.observables.clusters import Clusters, Pair, b2_cells
from nnk.observables.lineage import Lineage

FloatArray = NDArray[np.float64]


class Counts(NamedTuple):
    """What is counted of states; each float64[...].

    Attributes:
        small, large: clusters of fewer centres than `ClustersOptions.small_below`, and the others.
        lone: clusters of one centre.
        largest: centres of the largest cluster.
        centres: share of the sites that are centres.
        cells: share of the sites whose atoms belong to B2 cells, see `nnk.observables.clusters.b2_cells`.
    """

    small: FloatArray
    large: FloatArray
    lone: FloatArray
    largest: FloatArray
    centres: FloatArray
    cells: FloatArray


class Events(NamedTuple):
    """What has happened between key frames so far; each float64[n_frames].

    Attributes:
        born, split, merged, died: clusters so far, see `nnk.observables.lineage`.
        lasting: clusters that are there from this key frame to the last.
    """

    born: FloatArray
    split: FloatArray
    merged: FloatArray
    died: FloatArray
    lasting: FloatArray

    @classmethod
    def of(cls, lineage: Lineage) -> Events:
        """Those of one run."""
        return cls(
            born=_so_far(lineage.births()),
            split=_so_far(lineage.splits()),
            merged=_so_far(lineage.merges()),
            died=_so_far(lineage.deaths()),
            lasting=lineage.since().astype(np.float64),
        )


def _so_far(steps: IntArray) -> FloatArray:
    return np.cumsum(steps).astype(np.float64)


MEASURES = (*Counts._fields, *Events._fields)


def counts_of(
    lattice: Lattice, occupancy: NDArray[np.uint8], clusters: Clusters, pair: Pair, small_below: int
) -> tuple[float, ...]:
    """What is counted of one state, in the order of `Counts`."""
    size = clusters.size
    return (
        float((size < small_below).sum()),
        float((size >= small_below).sum()),
        float((size == 1).sum()),
        float(size.max(initial=0)),
        len(clusters.centre) / lattice.n_sites,
        float(b2_cells(lattice, occupancy, pair, clusters.centre).mean()),
    )
