"""Ordered arrangements of atoms: structure prototypes on the bcc and the fcc lattice, for any composition.

=====  ====  ==========================================  =================================================
name   on    first sublattice                            second sublattice
=====  ====  ==========================================  =================================================
B2     bcc   half: corners of the cubic cells            half: their centres
D0_3   bcc   a quarter: every second centre, as in fcc   three quarters: all other sites (even cells only)
L1_0   fcc   half: every second layer along z            half: the layers between
L1_2   fcc   a quarter: corners of the cubic cells       three quarters: centres of their faces
=====  ====  ==========================================  =================================================
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.lattice import IntArray, Lattice, Structure

PROTOTYPES: dict[Structure, tuple[str, ...]] = {"bcc": ("B2", "D0_3"), "fcc": ("L1_0", "L1_2")}
_MAJORITY = 0.6  # of an fcc alloy: from here on L1_2 (three to one) is nearer than L1_0 (one to one)


def default_prototype(structure: Structure, fractions: ArrayLike) -> str:
    """B2 on bcc; on fcc L1_2 where one element has at least 60 %, else L1_0."""
    if structure == "bcc":
        return "B2"
    return "L1_2" if np.max(np.asarray(fractions)) >= _MAJORITY else "L1_0"


def sublattices_of(lattice: Lattice, prototype: str) -> IntArray:
    """Sublattice int64[n_sites] of each site, 0 or 1.

    Raises:
        ValueError: a prototype of another lattice, or cells that it does not fit.
    """
    if prototype not in PROTOTYPES[lattice.structure]:
        allowed = ", ".join(PROTOTYPES[lattice.structure])
        raise ValueError(f"prototype {prototype!r} on {lattice.structure}: allowed are {allowed}")
    x, y, z = lattice.coordinates.T
    if prototype == "B2":
        return x % 2
    if prototype == "L1_0":
        return z % 2
    if prototype == "L1_2":
        return ((x % 2) | (y % 2) | (z % 2)).astype(np.int64)
    if any(n % 2 for n in lattice.cells):
        raise ValueError(f"D0_3 in cells={lattice.cells}: expected even numbers of cells")
    first = (x % 2 == 1) & ((x + y + z - 3) // 2 % 2 == 0)
    return (~first).astype(np.int64)


def default_sublattices(counts: ArrayLike, elements: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """All elements for either sublattice, the rarest first: so the minority gathers on the first one."""
    order = np.argsort(np.asarray(counts), kind="stable")
    names = tuple(elements[i] for i in order)
    return names, ()


def ordered_solution(
    lattice: Lattice,
    counts: ArrayLike,
    elements: Sequence[str],
    prototype: str,
    rng: np.random.Generator,
    *,
    sublattices: Sequence[Sequence[str]] | None = None,
) -> NDArray[np.uint8]:
    """Occupancy uint8[n_sites] as ordered as a prototype and the numbers of atoms allow.

    The elements named for a sublattice fill it in their order, at random within it, as far as their atoms and
    its sites go; whatever is left over is put at random on the sites left over.

    Args:
        lattice: the lattice.
        counts: int[n_elements], atoms of each element; they fill the lattice.
        elements: names of the elements.
        prototype: see `PROTOTYPES`.
        rng: random generator.
        sublattices: names of the elements for the first and for the second sublattice; by default those of
            `default_sublattices`.

    Raises:
        ValueError: as `sublattices_of`, atoms that do not fill the lattice, or not two lists of known
            elements, each named once.
    """
    numbers = sublattices_of(lattice, prototype)
    left = np.array(counts, dtype=np.int64)
    if left.sum() != lattice.n_sites:
        raise ValueError(f"counts {left.tolist()}: expected {lattice.n_sites} atoms together")
    lists = default_sublattices(left, elements) if sublattices is None else sublattices
    named = [name for names in lists for name in names]
    if len(lists) != 2 or len(set(named)) != len(named) or not set(named) <= set(elements):
        raise ValueError(f"sublattices={lists}: expected two lists of {', '.join(elements)}, each once")
    occupancy = np.zeros(lattice.n_sites, dtype=np.uint8)
    for number, names in enumerate(lists):
        sites = rng.permutation(np.flatnonzero(numbers == number))
        for name in names:
            i = list(elements).index(name)
            here, sites = np.split(sites, [min(left[i], len(sites))])
            occupancy[here] = i + 1
            left[i] -= len(here)
    free = rng.permutation(np.flatnonzero(occupancy == 0))
    occupancy[free] = np.repeat(np.arange(1, len(left) + 1, dtype=np.uint8), left)
    return occupancy
