"""Barriers of one and the same jump, up to symmetry, that a set of labels holds more than once.

A jump is known by its direction and by all atoms of its cell, seen from the vacancy. Turned or mirrored by
an operation that maps the cell onto itself, or shifted, it is still the same jump and has the same barrier.
The way back, E_bwd, is the forward barrier of another jump: that of the vacancy at the neighbour's site. So
in pure metals, dilute alloys, ordered samples, and wherever neighbouring vacancies were labelled, barriers
that must be equal were computed independently of each other: what they differ by is the labels' own error.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnk.barriers import BarrierSet
from nnk.files import rng
from nnk.lattice import IntArray, Lattice, point_group

Keys = NDArray[np.uint64]

_AT_ONCE = 2**22  # atoms in memory together
_LENGTH_DIGITS = 6  # boxes that differ by less (Å, decimals) are one


@dataclass(frozen=True)
class Equivalents:
    """k barriers in g groups of at least two that must be equal.

    Attributes:
        label: int64[k], number of the label; a label stands twice if both its directions are listed.
        backward: bool[k], whether it is the label's E_bwd rather than its E_fwd.
        group: int64[k], ascending, 0 to g - 1.
        E_eV: float64[k].
    """

    label: IntArray
    backward: NDArray[np.bool_]
    group: IntArray
    E_eV: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.label)

    @property
    def n_groups(self) -> int:
        """How many groups."""
        return int(self.group[-1]) + 1 if len(self) else 0

    @property
    def size(self) -> IntArray:
        """Members of each group, int64[g]."""
        return np.bincount(self.group, minlength=self.n_groups)

    @property
    def mean_eV(self) -> NDArray[np.float64]:
        """Mean of each group, float64[g]."""
        return np.bincount(self.group, self.E_eV, minlength=self.n_groups) / self.size

    @property
    def deviation_eV(self) -> NDArray[np.float64]:
        """Each barrier minus the mean of its group, float64[k]."""
        return np.asarray(self.E_eV - self.mean_eV[self.group], dtype=np.float64)

    @property
    def spread_eV(self) -> NDArray[np.float64]:
        """Largest minus smallest barrier of each group, float64[g]."""
        starts = np.flatnonzero(np.diff(self.group, prepend=-1))
        if not len(starts):
            return np.empty(0)
        highest = np.maximum.reduceat(self.E_eV, starts)
        return np.asarray(highest - np.minimum.reduceat(self.E_eV, starts), dtype=np.float64)

    @property
    def repeatability_eV(self) -> float:
        """Standard deviation of one barrier, pooled over the groups; NaN without any."""
        degrees = len(self) - self.n_groups
        return float(np.sqrt((self.deviation_eV**2).sum() / degrees)) if degrees else float("nan")


def equivalents(barriers: BarrierSet) -> Equivalents:
    """Groups of barriers of the usable labels that must be equal.

    Two samples are comparable if their lattice parameters are equal to 1e-6 Å.
    """
    usable = np.flatnonzero(barriers.usable)
    there_and_back = usable[np.isfinite(barriers.E_bwd_eV[usable])]
    label = np.concatenate([usable, there_and_back])
    backward = np.arange(len(label)) >= len(usable)
    # a coarse key of all first: it costs one sixth, and few barriers share it by chance
    for fine in (False, True):
        keys = _keys(barriers, label, backward, fine=fine)
        _, inverse, count = np.unique(keys, return_inverse=True, return_counts=True)
        repeated = count[inverse] > 1
        label, backward, inverse = label[repeated], backward[repeated], inverse[repeated]
    _, group = np.unique(inverse, return_inverse=True)
    order = np.lexsort((label, group))
    label, backward = label[order], backward[order]
    energies = np.where(backward, barriers.E_bwd_eV[label], barriers.E_fwd_eV[label])
    return Equivalents(label, backward, group[order].astype(np.int64), energies)


def cell_operations(lattice: Lattice) -> IntArray:
    """Operations int64[m, 3, 3] of O_h that map the periodic block onto itself; 48 for a cube."""
    extent = lattice.extent
    return np.array([g for g in point_group() if (np.abs(g) @ extent == extent).all()])


@dataclass(frozen=True)
class _Frames:
    """Every jump turned onto the first of those that the cell's symmetry makes equivalent to it.

    Attributes:
        target: int64[z], that jump.
        offsets: int64[z, n_sites, 3], what is at each site in the turned crystal, seen from the vacancy.
        turns: for each target, the operations that leave it alone, as permutations int64[h, n_sites].
    """

    target: IntArray
    offsets: IntArray
    turns: dict[int, IntArray]


def _frames(lattice: Lattice) -> _Frames:
    operations, sites = cell_operations(lattice), lattice.coordinates
    number = {tuple(jump): d for d, jump in enumerate(lattice.jumps.tolist())}
    images = np.array([[number[tuple(g @ jump)] for g in operations] for jump in lattice.jumps])
    first = images.argmin(axis=1)
    turns = {
        int(d): np.stack([lattice.site_at(sites @ g.T) for g in operations[images[d] == d]])
        for d in np.unique(images.min(axis=1))
    }
    return _Frames(images.min(axis=1), np.stack([sites @ operations[i] for i in first]), turns)


def _keys(barriers: BarrierSet, label: IntArray, backward: NDArray[np.bool_], *, fine: bool) -> Keys:
    """A number for each barrier, equal for equivalent ones.

    Coarse, it counts the species on each set of equivalent sites. Fine, it is the smallest of the hashes of
    the turned cells, and differs between jumps that are not equivalent (but for a chance of 1e-19 a pair).
    """
    lattice = Lattice(barriers.structure, barriers.cells, 1.0)
    frames, n_sites = _frames(lattice), lattice.n_sites
    numbers = rng(0, "equivalence")
    weight = numbers.integers(2**63, size=(len(barriers.elements) + 1, n_sites), dtype=np.uint64)
    of_jump = numbers.integers(2**63, size=lattice.z, dtype=np.uint64)
    lengths, box = np.unique(np.round(barriers.a_A, _LENGTH_DIGITS), return_inverse=True)
    of_box = numbers.integers(2**63, size=len(lengths), dtype=np.uint64)
    keys = np.empty(len(label), dtype=np.uint64)
    start, jump = _start(barriers, lattice, label, backward)
    for d in range(lattice.z):
        turns = frames.turns[int(frames.target[d])]
        weights = [weight[:, turn] for turn in turns] if fine else [weight[:, turns.min(axis=0)]]
        these = np.flatnonzero(jump == d)
        for part in np.array_split(these, len(these) * n_sites // _AT_ONCE + 1):
            rows = label[part], backward[part], start[part]
            cells = _cells(barriers, lattice, rows, frames.offsets[d], int(frames.target[d]))
            keys[part] = _least_hash(cells, weights) + of_jump[frames.target[d]]
    return keys + of_box[box[barriers.sample[label]]]


def _least_hash(cells: NDArray[np.uint8], weights: list[Keys]) -> Keys:
    """The smallest of the sums (modulo 2^64) of the atoms' weights, uint64[m]."""
    sites = np.arange(cells.shape[1])
    sums = [weight[cells, sites].sum(axis=1, dtype=np.uint64) for weight in weights]
    return np.asarray(np.min(sums, axis=0), dtype=np.uint64)


def _start(
    barriers: BarrierSet, lattice: Lattice, label: IntArray, backward: NDArray[np.bool_]
) -> tuple[IntArray, IntArray]:
    """Site of the vacancy before each jump, and the jump, int64[m] each."""
    site, jump = barriers.vacancy_site[label], barriers.jump[label].astype(np.int64)
    end = lattice.neighbours[site, jump]
    return np.where(backward, end, site), np.where(backward, lattice.z - 1 - jump, jump)


def _cells(
    barriers: BarrierSet,
    lattice: Lattice,
    rows: tuple[IntArray, NDArray[np.bool_], IntArray],
    offsets: IntArray,
    target: int,
) -> NDArray[np.uint8]:
    """All atoms of each cell, uint8[m, n_sites], in the turned crystal with the vacancy at the origin."""
    label, backward, start = rows
    sample = barriers.sample[label]
    places, which = np.unique(start, return_inverse=True)
    cells = barriers.occupancy[sample[:, None], lattice.sites_around(places, offsets)[which]]
    mover = barriers.moving_species[label]
    cells[:, int(lattice.site_at(np.zeros(3, dtype=np.int64)))] = 0
    beside = int(lattice.site_at(lattice.jumps[target]))
    # before the way back the atom that has jumped stands where the vacancy was
    cells[:, beside] = np.where(backward, mover, cells[:, beside])
    return cells
