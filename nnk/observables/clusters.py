"""Clusters of B2 order in a bcc crystal (Xing et al. 2024, Methods and figure S7).

* A site of element a is a *centre* if at least 6 of its 8 first neighbours are b, or the other way round
  (three quarters: in an alloy of more elements than two a complete B2 cell is rare). Centres of both kinds
  count together.                                                              `b2_centres`
* Two centres are *linked* below (sqrt(3) + 2) a / 2 = 1.866 a, halfway between the fifth and the sixth
  neighbour shell: the shells at 0.866, 1, 1.414, 1.658 and 1.732 a, 58 sites. The two cubic cells around
  them share volume (shell 1), a face (2), an edge (3), or a point (5); in shell 4 they share nothing, they
  lie half a lattice parameter apart.
* A *cluster* is a connected component of linked centres in the periodic block; its *size* is its number of
  centres: one lone B2 cell, of nine atoms, has size 1.                        `b2_clusters`

Chance makes centres too: `random_centre_share` is how many of the sites are one in a random arrangement. As
each has 58 linked neighbours, centres need not be many to connect through the whole block: of sites taken at
random, 4 to 5 % do. `wrapping` tells the clusters that do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import hypergeom

from nnk.environment import SpeciesArray
from nnk.lattice import IntArray, Lattice, offsets_within

LEAST_NEIGHBOURS = 6
LINKED_SHELLS = 5
LINK_LENGTH_A = (np.sqrt(3) + 2) / 2
"""Centres nearer than this (in units of the lattice parameter) are linked."""

Pair = tuple[int, int]


@dataclass(frozen=True)
class Clusters:
    """Clusters of linked centres, the largest first (of equal ones, that of the lowest site).

    Attributes:
        centre: int64[m], sites of the centres, ascending.
        cluster: int64[m], number of the cluster that each belongs to, 0 for the largest.
        size: int64[n], centres of each cluster, descending.
    """

    centre: IntArray
    cluster: IntArray
    size: IntArray

    def of_sites(self, n_sites: int) -> IntArray:
        """Number of the cluster at each site, int64[n_sites]; -1 where there is no centre."""
        found = np.full(n_sites, -1, dtype=np.int64)
        found[self.centre] = self.cluster
        return found


def check_b2(lattice: Lattice, pair: Sequence[int]) -> None:
    """Raise unless B2 order of two species is defined on a lattice.

    Raises:
        ValueError: a lattice other than bcc, or a pair that is not two different species.
    """
    if lattice.structure != "bcc":
        raise ValueError(f"B2 is an order of the bcc lattice, got {lattice.structure}")
    if len(pair) != 2 or pair[0] == pair[1] or min(pair) < 1:
        raise ValueError(f"pair={tuple(pair)}: expected two different species, numbered from 1")


def b2_centres(lattice: Lattice, occupancy: SpeciesArray, pair: Pair) -> NDArray[np.bool_]:
    """Whether each site is a centre, bool[n_sites].

    Args:
        lattice: a bcc lattice.
        occupancy: uint8[n_sites], 0 for a vacancy.
        pair: the two species, numbered as in `occupancy`.

    Raises:
        ValueError: see `check_b2`; an occupancy of another shape.
    """
    check_b2(lattice, pair)
    if occupancy.shape != (lattice.n_sites,):
        raise ValueError(f"occupancy: expected shape ({lattice.n_sites},), got {occupancy.shape}")
    found = np.zeros(lattice.n_sites, dtype=bool)
    for a, b in (pair, pair[::-1]):
        found |= (occupancy == a) & (_neighbours_that_are(lattice, occupancy == b) >= LEAST_NEIGHBOURS)
    return found


def _neighbours_that_are(lattice: Lattice, chosen: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """First neighbours of each site of bcc that are chosen, uint8[n_sites].

    The neighbours of a corner are the body centres of the eight cells around it: those of its own cell and
    of the one before, along each axis; those of a body centre the corners of its cell and of the one after.
    """
    grid = chosen.reshape(*lattice.cells, 2).view(np.uint8)
    sums = np.empty_like(grid)
    for basis, border in ((0, (1, 0)), (1, (0, 1))):
        total = np.pad(grid[..., 1 - basis], (border,) * 3, mode="wrap")
        total = total[1:] + total[:-1]
        total = total[:, 1:] + total[:, :-1]
        sums[..., basis] = total[:, :, 1:] + total[:, :, :-1]
    return sums.reshape(-1)


def b2_cells(lattice: Lattice, occupancy: SpeciesArray, pair: Pair, centre: IntArray) -> NDArray[np.bool_]:
    """Whether the atom at each site belongs to the B2 cell of a centre, bool[n_sites].

    A centre's cell is the centre itself and those of its first neighbours that are the other species.

    Args:
        lattice, occupancy, pair: see `b2_centres`.
        centre: int[m], sites of the centres.
    """
    found = np.zeros(lattice.n_sites, dtype=bool)
    found[centre] = True
    for a, b in (pair, pair[::-1]):
        of_this_kind = np.zeros(lattice.n_sites, dtype=bool)
        of_this_kind[centre] = occupancy[centre] == a
        found |= (occupancy == b) & (_neighbours_that_are(lattice, of_this_kind) > 0)
    return found


def b2_clusters(lattice: Lattice, occupancy: SpeciesArray, pair: Pair) -> Clusters:
    """Clusters of the centres of a state.

    Raises:
        ValueError: see `b2_centres`.
    """
    return linked_clusters(lattice, np.flatnonzero(b2_centres(lattice, occupancy, pair)))


def linked_clusters(lattice: Lattice, centre: ArrayLike, shells: int = LINKED_SHELLS) -> Clusters:
    """Connected components of sites that are linked if they are neighbours up to shell `shells`.

    Args:
        lattice: the periodic block.
        centre: int[m], different sites.
        shells: neighbour shells that link.
    """
    sites = np.sort(np.asarray(centre, dtype=np.int64))
    first, second, _ = _links(lattice, sites, shells)
    links = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(len(sites), len(sites)))
    _, component = connected_components(links, directed=False)
    return _largest_first(sites, component)


def _links(lattice: Lattice, sites: IntArray, shells: int) -> tuple[IntArray, IntArray, IntArray]:
    """Every link once (or twice, in blocks so small that both ways lead there).

    Returns:
        first, second: int64[k], places in `sites`.
        offset: int64[k], which of `_half_of_the_offsets` leads from the first to the second.
    """
    offsets = _half_of_the_offsets(lattice, shells)
    reach = int(np.abs(offsets).max())
    grid = np.full(lattice.extent, -1, dtype=np.int32)
    coordinates = lattice.coordinates[sites]
    grid[tuple(coordinates.T)] = np.arange(len(sites))
    wide = np.pad(grid, reach, mode="wrap")  # an offset is then one step, the same from every site
    steps = np.array([wide.shape[1] * wide.shape[2], wide.shape[2], 1])
    other = wide.ravel()[((coordinates + reach) @ steps)[:, None] + offsets @ steps]
    first, offset = np.nonzero(other >= 0)
    return first, other[first, offset].astype(np.int64), offset


def _half_of_the_offsets(lattice: Lattice, shells: int) -> IntArray:
    """Offsets to neighbours; the other half of them are the negatives of these."""
    offsets = offsets_within(lattice.structure, shells)
    return offsets[np.lexsort(offsets.T)][len(offsets) // 2 :]


def wrapping(lattice: Lattice, clusters: Clusters, shells: int = LINKED_SHELLS) -> NDArray[np.bool_]:
    """Whether each cluster meets its own periodic image along each axis, bool[n, 3].

    Two blocks are put side by side along an axis: a cluster that wraps joins its copies in both. (One that
    closes only after an even number of turns would be missed.)
    """
    m = len(clusters.centre)
    first, second, offset = _links(lattice, clusters.centre, shells)
    unfolded = lattice.coordinates[clusters.centre[first]] + _half_of_the_offsets(lattice, shells)[offset]
    turns = unfolded // lattice.extent
    any_member = np.empty(len(clusters.size), dtype=np.int64)
    any_member[clusters.cluster] = np.arange(m)
    found = np.zeros((len(clusters.size), 3), dtype=bool)
    for axis in range(3):
        swaps = turns[:, axis] % 2 == 1
        rows = np.concatenate([first, first + m])
        columns = np.concatenate([second + m * swaps, second + m * ~swaps])
        links = coo_array((np.ones(len(rows), dtype=np.int8), (rows, columns)), shape=(2 * m, 2 * m))
        _, component = connected_components(links, directed=False)
        found[:, axis] = component[any_member] == component[any_member + m]
    return found


def _largest_first(sites: IntArray, component: NDArray[np.integer]) -> Clusters:
    _, first, label, count = np.unique(component, return_index=True, return_inverse=True, return_counts=True)
    order = np.lexsort((first, -count))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    return Clusters(sites, rank[label], count[order].astype(np.int64))


def random_centre_share(numbers: ArrayLike, n_sites: int, pair: Pair) -> float:
    """Share of the sites that are centres, averaged over all arrangements of the atoms; exact.

    In an infinite random alloy of contents c it is c_a P_8(c_b) + c_b P_8(c_a), P_8 the binomial probability
    of 6, 7 or 8 of 8; here the neighbours are drawn from the finite rest.

    Args:
        numbers: int[n], atoms of each species.
        n_sites: sites, vacancies among them.
        pair: the two species, numbered from 1.
    """
    count = np.asarray(numbers, dtype=np.int64)
    share = 0.0
    for a, b in (pair, pair[::-1]):
        enough = hypergeom.sf(LEAST_NEIGHBOURS - 1, n_sites - 1, count[b - 1], 8)
        share += float(count[a - 1] / n_sites * enough)
    return share
