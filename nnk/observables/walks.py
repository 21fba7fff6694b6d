"""Displacements of vacancies and atoms over stretches of jumps, gathered while the jumps pass by.

Stretches of ``2^k`` jumps follow each other without overlap, for every k for which there are four or more.
Memory does not grow with the jumps; the time of a stretch is not known here (`nnk.kmc.Frames`).

Displacements of a vacancy forget their past after far fewer jumps than those of the atoms, which wait for the
vacancy to come back; but a vacancy is one and the atoms are many. So vacancies, and the summed displacements
of all atoms of a species, are noted by *blocks*, many short ones, and atoms by *stretches* of the longest
length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.lattice import IntArray, Lattice

FloatArray = NDArray[np.float64]

FEWEST_AT_LONGEST = 4  # stretches of the longest length
SHORTER = 4  # lengths below that of a block at which atoms are followed too, if they are long enough
JUMPS_PER_SITE = 4  # shortest stretch of atoms: setting them out costs the work of so many jumps

# Nothing in the loops allocates, so none needs reference counts: they would take ten times the work.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}
_compiled = numba.njit(cache=True, **_OPTIONS)
_inlined = numba.njit(inline="always", **_OPTIONS)


@dataclass(frozen=True, eq=False)
class JumpRecord:
    """What jumps did; squares of displacements in (a/2)^2.

    Attributes:
        n_jumps: jumps that were followed.
        n_vacancies: vacancies that made them.
        atoms: int64[n], atoms of each species.
        block_jumps: jumps of a block.
        vacancy_squares: float64[n_blocks], squared displacements of all vacancies in each block, summed.
        collective_squares: float64[n_blocks, n], square of the summed displacement of a species' atoms.
        stretch_jumps: jumps of a stretch of the longest length, not below a block's.
        tracer_squares: float64[n_stretches, n], squared displacements of a species' atoms, summed.
        jumps: int64[n_stretches, n], jumps of each species' atoms.
        lag_jumps: int64[n_lags], lengths of stretches, powers of two.
        lag_stretches: int64[n_lags], how many of each.
        vacancy_lag: float64[n_lags], mean squared displacement of a vacancy over a stretch.
        tracer_lag: float64[n_lags, n], of an atom of each species; NaN where atoms were not followed, or
            are none.
    """

    n_jumps: int
    n_vacancies: int
    atoms: IntArray
    block_jumps: int
    vacancy_squares: FloatArray
    collective_squares: FloatArray
    stretch_jumps: int
    tracer_squares: FloatArray
    jumps: IntArray
    lag_jumps: IntArray
    lag_stretches: IntArray
    vacancy_lag: FloatArray
    tracer_lag: FloatArray


def block_length(n_jumps: int, blocks: int) -> int:
    """The largest power of two that divides `n_jumps` into at least so many `blocks`.

    Raises:
        ValueError: fewer jumps than blocks.
    """
    if not 1 <= blocks <= n_jumps:
        raise ValueError(f"expected 1 to {n_jumps} blocks of {n_jumps} jumps, got {blocks}")
    return 1 << ((n_jumps // blocks).bit_length() - 1)


class JumpFollower:
    """Follows the jumps it is given; `record` says what they did.

    Args:
        lattice: the lattice.
        occupancy: uint8[n_sites], the state before the first jump.
        n_species: species of the alloy.
        n_jumps: jumps that will be followed.
        blocks: at least so many blocks.
        vacancies: sites of the vacancies in the order of their numbers; ascending if not given.

    Raises:
        ValueError: no vacancy, `vacancies` other than those of `occupancy`, or fewer jumps than blocks.
    """

    def __init__(
        self,
        lattice: Lattice,
        occupancy: NDArray[np.uint8],
        n_species: int,
        *,
        n_jumps: int,
        blocks: int,
        vacancies: ArrayLike | None = None,
    ) -> None:
        vacant = np.flatnonzero(occupancy == 0)
        sites = vacant if vacancies is None else np.array(vacancies, dtype=np.int64)
        if not len(vacant) or not np.array_equal(np.sort(sites), vacant):
            raise ValueError(f"vacancies={sites.tolist()}: the occupancy has {vacant.tolist()}")
        self._lattice, self._n_jumps, self._done = lattice, n_jumps, 0
        self.block_jumps = block_length(n_jumps, blocks)
        self._levels = max((n_jumps // FEWEST_AT_LONGEST).bit_length(), self.block_jumps.bit_length())
        self._state = _make_state(lattice, occupancy, sites)
        self._tally = self._make_tally(n_species, len(sites), lattice.n_sites)

    def _make_tally(self, n_species: int, n_vacancies: int, n_sites: int) -> tuple[NDArray, ...]:
        block = self.block_jumps.bit_length() - 1
        enough = (JUMPS_PER_SITE * n_sites - 1).bit_length()
        first = min(block, max(block - SHORTER, enough))
        n_blocks, n_stretches = self._n_jumps // self.block_jumps, self._n_jumps >> (self._levels - 1)
        return (
            np.array([block, first, self._levels]),
            np.zeros((self._levels, n_vacancies, 3), dtype=np.int64),
            np.zeros((self._levels - first, n_sites, 3), dtype=np.int32),
            np.zeros((n_species, 3), dtype=np.int64),
            np.zeros((n_species, 3), dtype=np.int64),
            np.zeros(self._levels),
            np.zeros((self._levels, n_species)),
            np.zeros(n_blocks),
            np.zeros((n_blocks, n_species)),
            np.zeros((n_stretches, n_species)),
            np.zeros((n_stretches, n_species), dtype=np.int64),
        )

    def follow(self, directions: NDArray[np.uint8], movers: NDArray[np.integer] | None = None) -> None:
        """Make the jumps `directions` uint8[m]; vacancy ``movers[i]`` makes the i-th.

        Raises:
            ValueError: more jumps than were announced, a direction that is none of the lattice, an unknown
                vacancy, or several vacancies and no `movers`.
        """
        if self._done + len(directions) > self._n_jumps:
            raise ValueError(f"expected {self._n_jumps} jumps, got more")
        if len(directions) and directions.max() >= self._lattice.z:
            raise ValueError(f"direction {directions.max()}: expected 0 to {self._lattice.z - 1}")
        n_vacancies = len(self._state[1])
        if movers is None:
            if n_vacancies > 1:
                raise ValueError(f"{n_vacancies} vacancies: expected to be told which one jumps")
            movers = np.zeros(len(directions), dtype=np.uint16)
        elif len(movers) != len(directions) or (len(movers) and movers.max() >= n_vacancies):
            raise ValueError(f"movers: expected {len(directions)} numbers below {n_vacancies}")
        jumps = np.ascontiguousarray(self._lattice.jumps), directions, movers.astype(np.uint16)
        _follow(self._lattice.neighbours, jumps, self._state, self._tally, self._done)
        self._done += len(directions)

    @property
    def record(self) -> JumpRecord:
        """What the jumps did.

        Raises:
            ValueError: not all of them have been followed.
        """
        if self._done != self._n_jumps:
            raise ValueError(f"expected {self._n_jumps} jumps, got {self._done}")
        (_, first, _), _, _, _, _, way_sums, atom_sums, *series = self._tally
        vacancy, collective, tracers, jumps = (row.copy() for row in series)
        lag_jumps = 1 << np.arange(self._levels, dtype=np.int64)
        stretches = self._n_jumps // lag_jumps
        species, n_vacancies = self._state[0], len(self._state[1])
        atoms = np.bincount(species, minlength=atom_sums.shape[1] + 1)[1:]
        with np.errstate(invalid="ignore"):
            tracer_lag = atom_sums / stretches[:, None] / atoms
        tracer_lag[:first] = np.nan
        return JumpRecord(
            self._n_jumps, n_vacancies, atoms, self.block_jumps, vacancy, collective,
            int(lag_jumps[-1]), tracers, jumps,
            lag_jumps, stretches, way_sums / stretches / n_vacancies, tracer_lag,
        )  # fmt: skip


def _make_state(lattice: Lattice, occupancy: NDArray[np.uint8], sites: IntArray) -> tuple[NDArray, ...]:
    """Species and whereabouts of every atom (named by its first site), of the vacancies, and their ways."""
    return (
        np.array(occupancy, dtype=np.uint8),
        np.array(sites, dtype=np.int64),
        np.arange(lattice.n_sites, dtype=np.int32),
        np.zeros((len(sites), 3), dtype=np.int64),
        np.zeros((lattice.n_sites, 3), dtype=np.int32),
    )


@_compiled
def _follow(neighbours, row, state, tally, done):  # type: ignore[no-untyped-def]
    jumps, directions, movers = row
    species, vacancies, atom_at, ways, displacement = state
    total, counts, longest = tally[3], tally[10], tally[0][2] - 1
    for i in range(directions.shape[0]):
        mover, jump = movers[i], directions[i]
        vacancy = vacancies[mover]
        site = neighbours[vacancy, jump]
        atom = atom_at[site]
        kind = species[atom] - 1
        for axis in range(3):
            step = jumps[jump, axis]
            displacement[atom, axis] -= step
            ways[mover, axis] += step
            total[kind, axis] -= step
        atom_at[vacancy], atom_at[site] = atom, atom_at[vacancy]
        vacancies[mover] = site
        number = done + i
        if number >> longest < counts.shape[0]:
            counts[number >> longest, kind] += 1
        _end_stretches(state, tally, number + 1)


@_inlined
def _end_stretches(state, tally, number):  # type: ignore[no-untyped-def]
    """Take in every stretch that ends with jump `number`."""
    ways = state[3]
    places, way_marks, way_sums, way_blocks = tally[0], tally[1], tally[5], tally[7]
    block, first, levels = places
    level = 0
    while level < levels and number & ((1 << level) - 1) == 0:
        squares = 0
        for v in range(ways.shape[0]):
            for axis in range(3):
                step = ways[v, axis] - way_marks[level, v, axis]
                squares += step * step
                way_marks[level, v, axis] = ways[v, axis]
        way_sums[level] += squares
        if level == block:
            way_blocks[(number >> block) - 1] = squares
            _end_collective(tally, (number >> block) - 1)
        if level >= first:
            _end_atoms(state, tally, level, number)
        level += 1


@_compiled
def _end_collective(tally, which):  # type: ignore[no-untyped-def]
    """Squares of the species' summed displacements in a block."""
    total, total_marks, squares = tally[3], tally[4], tally[8]
    for kind in range(total.shape[0]):
        for axis in range(3):
            step = total[kind, axis] - total_marks[kind, axis]
            squares[which, kind] += step * step
            total_marks[kind, axis] = total[kind, axis]


@_compiled
def _end_atoms(state, tally, level, number):  # type: ignore[no-untyped-def]
    """Sums of the atoms' squared displacements in a stretch."""
    species, displacement = state[0], state[4]
    places, marks, sums, series = tally[0], tally[2], tally[6], tally[9]
    place, longest = level - places[1], places[2] - 1
    for atom in range(species.shape[0]):
        kind = species[atom] - 1
        squares = 0
        for axis in range(3):
            step = displacement[atom, axis] - marks[place, atom, axis]
            squares += step * step
            marks[place, atom, axis] = displacement[atom, axis]
        if kind >= 0:
            sums[level, kind] += squares
            if level == longest:
                series[(number >> longest) - 1, kind] += squares
