"""Neighbours of atoms in an orthorhombic periodic cell, kept from one evaluation to the next.

Lists hold everything within the cutoff plus a skin, in the order of the atoms' numbers, so that what is found
within the cutoff, and its order, depend on the positions alone and not on when the list was made. Cells
narrower than twice that reach are repeated until they are not; the copies are sources of their own, so that
an atom may have several images of another one, or of itself, as neighbours.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.potentials.base import FloatArray
from nnk.potentials.mtp.compiled import compiled, inlined

_ROOM = 1.25  # columns of the list per neighbour expected
_FINEST = 2  # bins per reach
_MOST_BINS = 64  # along an edge


class Neighbours(NamedTuple):
    """Neighbour lists and what they were made from; arrays, changed in place.

    Attributes:
        cell_A: float64[3], edges.
        copies: int64[3], how often the cell is repeated along each edge.
        bins: int64[3], bins along each edge of the repeated cell.
        reach_A: float64[2], the cutoff, and with the skin.
        wrapped_A: float64[n_sources, 3], the present positions folded into the cell, and their copies.
        made_at_A: float64[n, 3], positions the lists were made at; NaN before.
        first: int64[bins], first source of each bin, -1 if there is none.
        following: int64[n_sources], next source of the same bin, -1 after the last.
        counts: int64[n], neighbours of each atom.
        lists: int32[n, width], their sources.
        scan: int64[3, 3], scratch of `make_lists`.
    """

    cell_A: FloatArray
    copies: NDArray[np.int64]
    bins: NDArray[np.int64]
    reach_A: FloatArray
    wrapped_A: FloatArray
    made_at_A: FloatArray
    first: NDArray[np.int64]
    following: NDArray[np.int64]
    counts: NDArray[np.int64]
    lists: NDArray[np.int32]
    scan: NDArray[np.int64]


def allocate(n_atoms: int, cell_A: FloatArray, cutoff_A: float, skin_A: float) -> Neighbours:
    """Empty lists for some atoms in a cell."""
    reach_A = cutoff_A + skin_A
    copies = np.ceil(2 * reach_A / cell_A).astype(np.int64)
    bins = np.clip(np.floor(cell_A * copies * _FINEST / reach_A), 1, _MOST_BINS).astype(np.int64)
    n_sources = n_atoms * int(copies.prod())
    expected = 4 / 3 * math.pi * reach_A**3 * n_atoms / float(cell_A.prod())
    return Neighbours(
        cell_A=cell_A,
        copies=copies,
        bins=bins,
        reach_A=np.array([cutoff_A, reach_A]),
        wrapped_A=np.empty((n_sources, 3)),
        made_at_A=np.full((n_atoms, 3), np.nan),
        first=np.empty(int(bins.prod()), np.int64),
        following=np.empty(n_sources, np.int64),
        counts=np.zeros(n_atoms, np.int64),
        lists=np.empty((n_atoms, int(_ROOM * expected) + 8), np.int32),
        scan=np.empty((3, 3), np.int64),
    )


def widened(neighbours: Neighbours) -> Neighbours:
    """Room for the counts that did not fit."""
    n_atoms, width = len(neighbours.counts), int(_ROOM * int(neighbours.counts.max())) + 8
    return neighbours._replace(lists=np.empty((n_atoms, width), np.int32))


@inlined
def nearest_image(difference: float, edge: float) -> float:
    """The difference of two positions folded into a cell, to the nearest image of the second."""
    half = 0.5 * edge
    if difference > half:
        return difference - edge
    if difference < -half:
        return difference + edge
    return difference


@compiled
def fold(positions_A: FloatArray, neighbours: Neighbours) -> None:
    """Write `wrapped_A`: positions within the cell, and their copies."""
    n, cell, (nx, ny, nz) = len(positions_A), neighbours.cell_A, neighbours.copies
    wrapped = neighbours.wrapped_A
    for i in range(n):
        for axis in range(3):
            x, edge = positions_A[i, axis], cell[axis]
            wrapped[i, axis] = x - edge * math.floor(x / edge)
    source = n
    for copy in range(1, nx * ny * nz):
        shift = (copy // (ny * nz) * cell[0], copy // nz % ny * cell[1], copy % nz * cell[2])
        for i in range(n):
            for axis in range(3):
                wrapped[source, axis] = wrapped[i, axis] + shift[axis]
            source += 1


@compiled
def is_stale(neighbours: Neighbours) -> bool:
    """Whether two atoms may have come within the cutoff that are not in the lists."""
    made_at, wrapped, cell = neighbours.made_at_A, neighbours.wrapped_A, neighbours.cell_A
    skin = neighbours.reach_A[1] - neighbours.reach_A[0]
    farthest, second = 0.0, 0.0
    for i in range(len(made_at)):
        square = 0.0
        for axis in range(3):
            d = wrapped[i, axis] - made_at[i, axis]
            if neighbours.copies[axis] == 1:  # else another copy is the neighbour now
                d = nearest_image(d, cell[axis])
            square += d * d
        if not square <= farthest:  # also where there is no list yet
            farthest, second = square, farthest
        elif square > second:
            second = square
    return not math.sqrt(farthest) + math.sqrt(second) < skin


@compiled
def _bin_of(x: float, edge: float, bins: int) -> int:
    return min(int(x / edge * bins), bins - 1)


@compiled
def _fill_bins(neighbours: Neighbours) -> None:
    """Chain the real atoms of each bin of the repeated cell."""
    cell, copies, bins = neighbours.cell_A, neighbours.copies, neighbours.bins
    neighbours.first[:] = -1
    for i in range(len(neighbours.counts)):
        number = 0
        for axis in range(3):
            edge = cell[axis] * copies[axis]
            number = number * bins[axis] + _bin_of(neighbours.wrapped_A[i, axis], edge, bins[axis])
        neighbours.following[i] = neighbours.first[number]
        neighbours.first[number] = i


@compiled
def _enter(source: int, number: int, neighbours: Neighbours) -> int:
    """Add a source to the lists of the atoms of a bin; the longest list so far."""
    wrapped, (nx, ny, nz), cell = neighbours.wrapped_A, neighbours.copies, neighbours.cell_A
    square_reach, longest = neighbours.reach_A[1] ** 2, 0
    i = neighbours.first[number]
    while i >= 0:
        dx = nearest_image(wrapped[source, 0] - wrapped[i, 0], nx * cell[0])
        dy = nearest_image(wrapped[source, 1] - wrapped[i, 1], ny * cell[1])
        dz = nearest_image(wrapped[source, 2] - wrapped[i, 2], nz * cell[2])
        if dx * dx + dy * dy + dz * dz < square_reach and i != source:
            count = neighbours.counts[i]
            if count < neighbours.lists.shape[1]:
                neighbours.lists[i, count] = source
            neighbours.counts[i] = count + 1
            longest = max(longest, count + 1)
        i = neighbours.following[i]
    return longest


@compiled
def make_lists(neighbours: Neighbours) -> bool:
    """Make the lists anew at the present positions; False if they are too narrow (see `widened`).

    Sources are taken one after the other and enter the lists of the atoms around them: so the lists come out
    in the order of the sources.
    """
    n, bins, width = len(neighbours.counts), neighbours.bins, neighbours.lists.shape[1]
    _fill_bins(neighbours)
    neighbours.counts[:] = 0
    at, low, span = neighbours.scan[0], neighbours.scan[1], neighbours.scan[2]
    longest = 0
    for source in range(len(neighbours.wrapped_A)):
        for axis in range(3):
            edge = neighbours.cell_A[axis] * neighbours.copies[axis]
            at[axis] = _bin_of(neighbours.wrapped_A[source, axis], edge, bins[axis])
            radius = math.ceil(neighbours.reach_A[1] * bins[axis] / edge)
            span[axis] = min(2 * radius + 1, bins[axis])
            low[axis] = at[axis] - radius + bins[axis] if span[axis] > 2 * radius else 0
        for x in range(span[0]):
            along_x = (low[0] + x) % bins[0] * bins[1]
            for y in range(span[1]):
                along_xy = (along_x + (low[1] + y) % bins[1]) * bins[2]
                for z in range(span[2]):
                    number = along_xy + (low[2] + z) % bins[2]
                    longest = max(longest, _enter(source, number, neighbours))
    if longest > width:
        return False
    for i in range(n):
        for axis in range(3):
            neighbours.made_at_A[i, axis] = neighbours.wrapped_A[i, axis]
    return True
