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
_MOST_BINS = 64  # along an edge


class Neighbours(NamedTuple):
    """Neighbour lists and what they were made from; arrays, changed in place.

    Attributes:
        cell_A: float64[3], edges.
        copies: int64[3], how often the cell is repeated along each edge.
        bins: int64[3], bins along each edge of the repeated cell, no narrower than the reach.
        reach_A: float64[2], the cutoff, and with the skin.
        wrapped_A: float64[n_sources, 3], the present positions folded into the cell, and their copies.
        made_at_A: float64[n, 3], positions the lists were made at; NaN before.
        ends: int64[bins + 1], where the members of each bin begin; the last is where they end.
        members: int32[n_sources], the sources of the bins one after the other.
        near: int32[n_sources], scratch: sources around a bin.
        near_A: float64[3, n_sources], scratch: their positions.
        squares_A2: float64[n_sources], scratch: their distances squared.
        found: int32[n_sources + 1], scratch: those within reach.
        counts: int64[n], neighbours of each atom.
        lists: int32[n, width], their sources.
    """

    cell_A: FloatArray
    copies: NDArray[np.int64]
    bins: NDArray[np.int64]
    reach_A: FloatArray
    wrapped_A: FloatArray
    made_at_A: FloatArray
    ends: NDArray[np.int64]
    members: NDArray[np.int32]
    near: NDArray[np.int32]
    near_A: FloatArray
    squares_A2: FloatArray
    found: NDArray[np.int32]
    counts: NDArray[np.int64]
    lists: NDArray[np.int32]


def allocate(n_atoms: int, cell_A: FloatArray, cutoff_A: float, skin_A: float) -> Neighbours:
    """Empty lists for some atoms in a cell."""
    reach_A = cutoff_A + skin_A
    copies = np.ceil(2 * reach_A / cell_A).astype(np.int64)
    bins = np.minimum(np.floor(cell_A * copies / reach_A), _MOST_BINS).astype(np.int64)
    bins[bins <= 3] = 1  # they would all be neighbours of each other
    n_sources = n_atoms * int(copies.prod())
    expected = 4 / 3 * math.pi * reach_A**3 * n_atoms / float(cell_A.prod())
    return Neighbours(
        cell_A=cell_A,
        copies=copies,
        bins=bins,
        reach_A=np.array([cutoff_A, reach_A]),
        wrapped_A=np.empty((n_sources, 3)),
        made_at_A=np.full((n_atoms, 3), np.nan),
        ends=np.empty(int(bins.prod()) + 1, np.int64),
        members=np.empty(n_sources, np.int32),
        near=np.empty(n_sources, np.int32),
        near_A=np.empty((3, n_sources)),
        squares_A2=np.empty(n_sources),
        found=np.empty(n_sources + 1, np.int32),
        counts=np.zeros(n_atoms, np.int64),
        lists=np.empty((n_atoms, int(_ROOM * expected) + 8), np.int32),
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
def _bin_of(source: int, neighbours: Neighbours) -> int:
    """Number of the bin of a source."""
    number = 0
    for axis in range(3):
        edge, bins = neighbours.cell_A[axis] * neighbours.copies[axis], neighbours.bins[axis]
        number = number * bins + min(int(neighbours.wrapped_A[source, axis] / edge * bins), bins - 1)
    return number


@compiled
def _fill_bins(neighbours: Neighbours) -> None:
    """Sort the sources by bin, and within a bin by number."""
    ends, members, n_sources = neighbours.ends, neighbours.members, len(neighbours.members)
    ends[:] = 0
    for source in range(n_sources):
        ends[_bin_of(source, neighbours)] += 1
    for number in range(1, len(ends)):
        ends[number] += ends[number - 1]
    for source in range(n_sources - 1, -1, -1):  # backwards: ends become beginnings
        number = _bin_of(source, neighbours)
        ends[number] -= 1
        members[ends[number]] = source


@compiled
def _collect(number: int, neighbours: Neighbours) -> int:
    """Gather the sources of a bin and of the bins around it; how many there are."""
    (nx, ny, nz), count = neighbours.bins, 0
    x, y, z = number // (ny * nz), number // nz % ny, number % nz
    for dx in range(-1 if nx > 1 else 0, 2 if nx > 1 else 1):
        for dy in range(-1 if ny > 1 else 0, 2 if ny > 1 else 1):
            for dz in range(-1 if nz > 1 else 0, 2 if nz > 1 else 1):
                other = ((x + dx) % nx * ny + (y + dy) % ny) * nz + (z + dz) % nz
                for place in range(neighbours.ends[other], neighbours.ends[other + 1]):
                    source = neighbours.members[place]
                    neighbours.near[count] = source
                    for axis in range(3):
                        neighbours.near_A[axis, count] = neighbours.wrapped_A[source, axis]
                    count += 1
    return count


@compiled
def _find(i: int, count: int, neighbours: Neighbours) -> int:
    """Write the sources within reach of an atom, out of `count` near its bin, into `found`; how many."""
    near, found, squares = neighbours.near, neighbours.found, neighbours.squares_A2
    wide_x = neighbours.cell_A[0] * neighbours.copies[0]
    wide_y = neighbours.cell_A[1] * neighbours.copies[1]
    wide_z = neighbours.cell_A[2] * neighbours.copies[2]
    x, y, z = neighbours.wrapped_A[i, 0], neighbours.wrapped_A[i, 1], neighbours.wrapped_A[i, 2]
    xs, ys, zs = neighbours.near_A[0], neighbours.near_A[1], neighbours.near_A[2]
    for k in range(count):  # so written that it becomes vector code
        dx, dy, dz = abs(xs[k] - x), abs(ys[k] - y), abs(zs[k] - z)
        dx, dy, dz = min(dx, wide_x - dx), min(dy, wide_y - dy), min(dz, wide_z - dz)
        squares[k] = dx * dx + dy * dy + dz * dz
    kept, square_reach = 0, neighbours.reach_A[1] ** 2
    for k in range(count):
        found[kept] = near[k]
        kept += (squares[k] < square_reach) & (near[k] != i)
    return kept


@compiled
def _sort(numbers: NDArray[np.int32], count: int) -> None:
    """Sort the first few numbers; cheap where they are nearly in order."""
    for k in range(1, count):
        number, place = numbers[k], k
        while place > 0 and numbers[place - 1] > number:
            numbers[place] = numbers[place - 1]
            place -= 1
        numbers[place] = number


@compiled
def make_lists(neighbours: Neighbours) -> bool:
    """Make the lists anew at the present positions; False if they are too narrow (see `widened`)."""
    n, width, fits = len(neighbours.counts), neighbours.lists.shape[1], True
    _fill_bins(neighbours)
    for number in range(len(neighbours.ends) - 1):
        begin, end = neighbours.ends[number], neighbours.ends[number + 1]
        if begin == end or neighbours.members[begin] >= n:
            continue  # no atom but copies: an atom's number is lower than theirs
        near = _collect(number, neighbours)
        for i in neighbours.members[begin:end]:
            if i < n:
                count = _find(i, near, neighbours)
                neighbours.counts[i] = count
                fits = fits and count <= width
                if count <= width:
                    _sort(neighbours.found, count)
                    for k in range(count):
                        neighbours.lists[i, k] = neighbours.found[k]
    if fits:
        for i in range(n):
            for axis in range(3):
                neighbours.made_at_A[i, axis] = neighbours.wrapped_A[i, axis]
    return fits
