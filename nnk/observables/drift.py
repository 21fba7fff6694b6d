"""Detailed balance on closed loops: what is left of the energy when a vacancy has come back.

Along a closed walk of the vacancy over sites whose atoms are *all one species* the last state is the first
one (atoms of several species would come back permuted), so the energy differences of its jumps add up to
zero. A model's differences dE = E_fwd - E_bwd do so on every loop if and only if they are those of one
function of the state (Kolmogorov's criterion); otherwise

    drift(L) = < abs(sum of the L differences) >

grows with the length L of the loops (Talapatra et al. 2025, figure 9). There all sites of a loop are distinct
and everything beside it is random; so it is here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from nnk.alloy import exact_counts, random_solution
from nnk.environment import gather_jumps
from nnk.lattice import IntArray, Lattice, Structure, jumps, reverse_jump

if TYPE_CHECKING:
    from nnk.models.base import BarrierModel

FloatArray = NDArray[np.float64]

SHORTEST = {"bcc": 4, "fcc": 3}  # sites of the smallest loop
LENGTHS = {"bcc": (4, 8, 16, 32, 64, 100), "fcc": (3, 6, 12, 25, 50, 100)}
_ATTEMPTS = 200  # detours tried per site of a loop before it is begun anew
_BATCH_JUMPS = 65536  # 100 loops of 100 jumps, there and back, in one go


def check_length(structure: Structure, length: int) -> None:
    """Refuse lengths that no loop of distinct sites has.

    Raises:
        ValueError: shorter than the smallest loop, or odd in bcc, whose jumps change the sublattice.
    """
    shortest = SHORTEST[structure]
    if length < shortest or (structure == "bcc" and length % 2):
        kind = "even numbers from 4 on" if structure == "bcc" else "numbers from 3 on"
        raise ValueError(f"length={length}: closed loops of distinct {structure} sites have {kind}")


def closed_loop(lattice: Lattice, length: int, rng: np.random.Generator) -> IntArray:
    """Sites int64[length] of a random closed loop of distinct sites, each a neighbour of the one before.

    A smallest loop grows by detours: one of its edges is replaced by the rest of another smallest loop that
    shares this edge and no other site, until the length is reached.

    Args:
        lattice: the lattice; its periodic images count as the same site.
        length: sites of the loop, see `check_length`.
        rng: random generator.

    Raises:
        ValueError: no loop has this length, or the lattice has no room for it.
    """
    check_length(lattice.structure, length)
    if length > lattice.n_sites // 2:
        raise ValueError(f"length={length}: a lattice of {lattice.n_sites} sites has no room for it")
    start = int(rng.integers(lattice.n_sites))
    for _ in range(_ATTEMPTS):
        loop = _grown(lattice, start, length, rng)
        if loop is not None:
            return np.array(loop, dtype=np.int64)
    raise ValueError(f"length={length}: no loop found in cells={lattice.cells}; take more cells")


def _grown(lattice: Lattice, start: int, length: int, rng: np.random.Generator) -> list[int] | None:
    """A loop from `start`, or None where growth has got stuck."""
    detours = _detours(lattice.structure)
    loop = [start, int(lattice.neighbours[start, rng.integers(lattice.z)])]
    taken = set(loop)
    for _ in range(_ATTEMPTS * length):
        if len(loop) == length:
            return loop
        at = int(rng.integers(len(loop)))
        edge = int(_jump_between(lattice, np.array(loop[at]), np.array(loop[(at + 1) % len(loop)])))
        ways = detours[edge]
        new = _met(lattice, loop[at], ways[rng.integers(len(ways))])
        if taken.isdisjoint(new):
            loop[at + 1 : at + 1] = new
            taken.update(new)
    return None


def _jump_between(lattice: Lattice, site: IntArray, following: IntArray) -> IntArray:
    """Jumps int64[...] that lead from sites to neighbours of theirs."""
    return np.asarray((lattice.neighbours[site] == following[..., None]).argmax(axis=-1))


def _met(lattice: Lattice, site: int, directions: tuple[int, ...]) -> list[int]:
    """Sites met on the way from `site`."""
    met = []
    for direction in directions:
        site = int(lattice.neighbours[site, direction])
        met.append(site)
    return met


@cache
def _detours(structure: Structure) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """For each jump the other short ways to its end, without their last jump: bcc 2 of 3, fcc 1 of 2."""
    steps = [tuple(step) for step in jumps(structure).tolist()]
    count = SHORTEST[structure] - 2
    ways: list[tuple[tuple[int, ...], ...]] = []
    for edge in range(len(steps)):
        found = [
            way
            for way in product(range(len(steps)), repeat=count)
            if way[0] != edge and _is_jump(steps, edge, way) and not _turns_back(len(steps), way)
        ]
        ways.append(tuple(found))
    return tuple(ways)


def _is_jump(steps: list[tuple[int, ...]], edge: int, way: tuple[int, ...]) -> bool:
    """Whether one more jump after `way` ends where `edge` does."""
    rest = np.array(steps[edge]) - np.sum([steps[d] for d in way], axis=0)
    return tuple(rest.tolist()) in steps


def _turns_back(z: int, way: tuple[int, ...]) -> bool:
    return any(b == z - 1 - a for a, b in pairwise(way))


def loop_sums_eV(
    model: BarrierModel, lattice: Lattice, occupancies: NDArray[np.uint8], loops: IntArray
) -> FloatArray:
    """Sum float64[n] of the energy differences E_fwd - E_bwd of a vacancy's jumps around each loop.

    Args:
        model: the barriers.
        lattice: the lattice of all states.
        occupancies: uint8[n, n_sites], full crystals in which all sites of a loop hold one species; the atom
            on the loop's first site is the one that the vacancy replaces.
        loops: int64[n, L], sites of each loop, neighbours of each other, the last one of the first.

    Raises:
        ValueError: a loop that is not closed or whose atoms are of several species, or a lattice that the
            model refuses.
    """
    n, length = loops.shape
    following = np.roll(loops, -1, axis=1)
    jump = _jump_between(lattice, loops, following)
    if (np.take_along_axis(lattice.neighbours[loops], jump[..., None], axis=2)[..., 0] != following).any():
        raise ValueError("loops: expected neighbouring sites one after the other, the last beside the first")
    atoms = np.take_along_axis(occupancies, loops, axis=1)
    if (atoms != atoms[:, :1]).any() or (atoms == 0).any():
        raise ValueError("occupancies: expected atoms of one species on all sites of a loop")
    sample = np.repeat(np.arange(n), length)
    back = reverse_jump(lattice.structure, jump)
    places = (
        np.concatenate([sample, sample]),
        np.concatenate([loops.ravel(), following.ravel()]),
        np.concatenate([jump.ravel(), back.ravel()]),
    )
    forward, backward = _barriers(model, lattice, occupancies, places).reshape(2, n, length)
    return np.asarray((forward - backward).sum(axis=1))


def _barriers(
    model: BarrierModel,
    lattice: Lattice,
    occupancies: NDArray[np.uint8],
    places: tuple[IntArray, IntArray, IntArray],
) -> FloatArray:
    """Barriers float64[m] (eV) of jumps, given by sample, site of the vacancy, and direction."""
    barriers = np.empty(len(places[0]))
    for start in range(0, len(barriers), _BATCH_JUMPS):
        rows = slice(start, start + _BATCH_JUMPS)
        index = tuple(part[rows] for part in places)
        species, mover = gather_jumps(model.environment, lattice, occupancies, *index)
        barriers[rows] = model.predict(species, mover, index[2].astype(np.uint8))
    return barriers


@dataclass(frozen=True)
class Drift:
    """Energy left over on loops of one length.

    Attributes:
        length: jumps of each loop.
        left_eV: float64[n], sum of the energy differences around each loop.
        species: uint8[n], species of the atoms on each loop.
    """

    length: int
    left_eV: FloatArray
    species: NDArray[np.uint8]


def drift_on_loops(
    model: BarrierModel,
    lattice: Lattice,
    fractions: FloatArray,
    *,
    length: int,
    loops: int,
    rng: np.random.Generator,
) -> Drift:
    """The drift on random loops in random solid solutions, a new one for each loop; see the module.

    The first loops are the same however many there are.

    Args:
        model: the barriers.
        lattice: large enough for loop and environment.
        fractions: float64[n_species], composition of the surroundings.
        length: jumps of each loop, see `check_length`.
        loops: how many; their species alternate between all that the composition has.
        rng: random generator.

    Raises:
        ValueError: no such loop, or a lattice that the model refuses.
    """
    counts = exact_counts(fractions, lattice.n_sites)
    present = np.flatnonzero(counts) + 1
    species = present[np.arange(loops) % len(present)].astype(np.uint8)
    drawn = [(closed_loop(lattice, length, rng), random_solution(counts, rng)) for _ in range(loops)]
    walks, occupancies = (np.stack(parts) for parts in zip(*drawn, strict=True))
    np.put_along_axis(occupancies, walks, species[:, None], axis=1)
    return Drift(length, loop_sums_eV(model, lattice, occupancies, walks), species)
