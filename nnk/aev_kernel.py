"""Counting atoms and pairs of atoms by class and species on a CPU."""

from __future__ import annotations

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def count(
    sites: NDArray[np.uint8],
    site_class: NDArray[np.int64],
    pairs: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    numbers: NDArray[np.int64],
    atom_counts: NDArray[np.float32],
    pair_counts: NDArray[np.float32],
) -> None:
    """Add to the counts of a batch.

    Args:
        sites: uint8[b, n], 0 where there is no atom.
        site_class: int64[n].
        pairs: first and second site and class, int64[p] each.
        numbers: int64[n_species + 1, n_species + 1], number of a pair of species; 0 if one is empty.
        atom_counts: float32[b, site classes, n_species + 1], species 0 included.
        pair_counts: float32[b, pair classes, pairs of species + 1], number 0 included.
    """
    first, second, pair_class = pairs
    for b in range(len(sites)):
        here = sites[b]
        for n in range(len(here)):
            atom_counts[b, site_class[n], here[n]] += 1.0
        for p in range(len(first)):
            pair_counts[b, pair_class[p], numbers[here[first[p]], here[second[p]]]] += 1.0
