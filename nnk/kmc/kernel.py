"""The residence-time algorithm, compiled: from one state through many jumps.

One pass: read the species around the vacancy; find or compute the record of these surroundings (cumulative
probabilities, mean residence time); draw two numbers; move. Whether a record was found or computed changes
nothing but the time it takes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.kmc.cache import pack_key, recall, remember
from nnk.kmc.clock import add_time
from nnk.kmc.compiled import compiled, inlined
from nnk.kmc.evaluators import balanced_barriers, forward_barriers, state_energy
from nnk.kmc.grid import address, move, set_site
from nnk.kmc.random_numbers import two_uniforms
from nnk.kmc.rates import chosen_jump, residence
from nnk.lattice import IntArray
from nnk.models.program import Float64Array

_LANE = np.uint64(8)  # bits of a neighbour count
_LANE_MASK = np.uint64(255)
_UNIT = np.uint64(1)
MOST_SPECIES = 7  # and the vacancy: eight counts in a word

MISSING, COMPUTED, FOUND = 0, 1, 2  # what became of a record that was looked for


class State(NamedTuple):
    """What changes from jump to jump; arrays, changed in place.

    Attributes:
        padded: uint8, the occupancy with its rim (`nnk.kmc.grid`).
        positions: int64[n_v, 4], basis position and cell of each vacancy.
        displacements: int64[n_v, 3], their ways since the start, not folded back (a/2).
        clock: float64[2], time and its rest in s (`nnk.kmc.clock`).
        energies: float64[n_v], S_vac of each vacancy's present surroundings in eV (NaN: not known).
        pair_counts: int64[shells, n_species, n_species].
    """

    padded: SpeciesArray
    positions: IntArray
    displacements: IntArray
    clock: Float64Array
    energies: Float64Array
    pair_counts: IntArray


class Surroundings(NamedTuple):
    """Where things lie in memory relative to a site, by its basis position.

    Attributes:
        read: int32[n_basis, n], the sites that the model reads.
        nearest: int64[z], which of them the jumps lead to.
        shells: int32[n_basis, m], neighbour shells 1..k.
        shell_ends: int64[k], where each shell ends in `shells`.
        jumps: int64[z, 3], jump vectors (a/2).
    """

    read: NDArray[np.int32]
    nearest: IntArray
    shells: NDArray[np.int32]
    shell_ends: IntArray
    jumps: IntArray


class Conditions(NamedTuple):
    """Temperature as k_B T (eV), attempt frequency as its logarithm (1/s), key of the random numbers."""

    kT_eV: float
    log_frequency: float
    key: np.uint64


class Buffers(NamedTuple):
    """Species around the vacancy and then fillers, uint8; its record float64; its barriers float64[z], eV."""

    species: SpeciesArray
    record: Float64Array
    barriers: Float64Array


@inlined
def _update_pair_counts(state, around, old, new, basis_old, basis_new, species):  # type: ignore[no-untyped-def]
    """Bonds of the atom that is about to move from memory place `old` to `new`, the vacancy.

    Neighbours of one shell are counted in a word, eight bits for each species. All reading comes before the
    move's writing: a read right behind a write to the same line waits for it.
    """
    counts = state.pair_counts
    first = 0
    itself = _UNIT << (_LANE * np.uint64(species))  # it stands in the new place's first shell
    for shell in range(counts.shape[0]):
        gained = lost = np.uint64(0)
        for i in range(first, around.shell_ends[shell]):
            neighbour = state.padded[new + around.shells[basis_new, i]]
            gained += _UNIT << (_LANE * np.uint64(neighbour))
            neighbour = state.padded[old + around.shells[basis_old, i]]
            lost += _UNIT << (_LANE * np.uint64(neighbour))
        if shell == 0:
            gained -= itself
        first = around.shell_ends[shell]
        for other in range(counts.shape[1]):
            gained >>= _LANE
            lost >>= _LANE
            change = np.int64(gained & _LANE_MASK) - np.int64(lost & _LANE_MASK)
            counts[shell, species - 1, other] += change
            counts[shell, other, species - 1] += change


@inlined
def make_jump(grid, state, around, number, jump):  # type: ignore[no-untyped-def]
    """Exchange vacancy `number` and the atom at `jump`."""
    position = state.positions[number]
    here = address(grid, position)
    basis = position[0]
    cell = (position[1], position[2], position[3])
    move(grid, position, jump)
    there = address(grid, position)
    species = state.padded[there]
    _update_pair_counts(state, around, there, here, position[0], basis, np.int64(species))
    set_site(grid, state.padded, position[0], (position[1], position[2], position[3]), np.uint8(0))
    set_site(grid, state.padded, basis, cell, species)
    for axis in range(3):
        state.displacements[number, axis] += around.jumps[jump, axis]


@compiled
def move_vacancy(grid, state, around, number, jump):  # type: ignore[no-untyped-def]
    """As `make_jump`, for where it is not made at every jump."""
    make_jump(grid, state, around, number, jump)


@inlined
def read_surroundings(grid, around, state, number, species):  # type: ignore[no-untyped-def]
    """Species around vacancy `number` into the first entries of `species`."""
    position = state.positions[number]
    basis = position[0]
    here = address(grid, position)
    for site in range(around.read.shape[1]):
        species[site] = state.padded[here + around.read[basis, site]]


@compiled
def _compute_record(forward, balanced, conditions, state, buffers):  # type: ignore[no-untyped-def]
    """Probabilities and residence time of the present surroundings; balanced: S_vac after each jump too.

    False without an evaluator.
    """
    if forward is None and balanced is None:
        return False
    z = buffers.barriers.shape[0]
    # one of the two is None, and its branch is dropped at compile time
    if forward is not None:
        forward_barriers(forward, buffers.species, buffers.barriers)
    if balanced is not None:
        if math.isnan(state.energies[0]):
            state_energy(balanced, buffers.species, state.energies)
        after = buffers.record[z:]
        balanced_barriers(balanced, buffers.species, state.energies[0], buffers.barriers, after)
    residence(buffers.barriers, conditions.kT_eV, conditions.log_frequency, buffers.record)
    return True


@inlined
def _look_up(forward, balanced, conditions, cache, state, buffers):  # type: ignore[no-untyped-def]
    """Leave the record of the present surroundings in ``buffers.record``: FOUND, COMPUTED or MISSING."""
    place = pack_key(cache, buffers.species)
    if cache.used and recall(cache, place, buffers.record):
        return FOUND
    if not _compute_record(forward, balanced, conditions, state, buffers):
        return MISSING
    remember(cache, place, buffers.record)
    return COMPUTED


@compiled
def find_record(forward, balanced, conditions, cache, state, buffers):  # type: ignore[no-untyped-def]
    """As `_look_up`, for where it is not done at every jump."""
    return _look_up(forward, balanced, conditions, cache, state, buffers)


@compiled
def advance(  # type: ignore[no-untyped-def]
    grid, around, forward, balanced, conditions, cache, state, buffers, first, directions, answered
):
    """Let the only vacancy make ``len(directions)`` jumps, the first of them number `first` of the run.

    Args:
        grid: `Grid`.
        around: `Surroundings`.
        forward: `ForwardEvaluator`, or None.
        balanced: `BalancedEvaluator`, or None.
        conditions: `Conditions`.
        cache: `Cache`.
        state: `State`, changed in place.
        buffers: `Buffers`.
        first: number of the first jump, counting from 0.
        directions: uint8[n], filled with the jumps.
        answered: the record of the present surroundings stands in ``buffers.record`` already.

    Returns:
        Number of jumps made, and of those whose record was found in the cache. Without an evaluator the
        jumps end where a record is missing: that of ``buffers.species``.
    """
    z = buffers.barriers.shape[0]
    hits = 0
    for i in range(directions.shape[0]):
        if not answered:
            read_surroundings(grid, around, state, 0, buffers.species)
            found = _look_up(forward, balanced, conditions, cache, state, buffers)
            if found == MISSING:
                return i, hits
            hits += found == FOUND
        answered = False
        u_jump, u_time = two_uniforms(conditions.key, np.uint64(first + i))
        jump = chosen_jump(buffers.record, z, u_jump)
        add_time(state.clock, -math.log(u_time) * buffers.record[z - 1])
        if balanced is not None:
            state.energies[0] = buffers.record[z + jump]
        make_jump(grid, state, around, 0, jump)
        directions[i] = jump
    return directions.shape[0], hits
