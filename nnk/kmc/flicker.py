"""Vacancies that flicker: a jump and its way back, again and again, advanced at once and exactly.

At low temperature a vacancy spends nearly all its jumps between a few states. Where the most probable jump
leads to a state that most probably comes straight back, these states are collected into a trap: from the
present one outwards along the most probable ways out, as long as those come back too. The exit from the trap,
its time and the number of jumps are then drawn from their exact distribution (`nnk.kmc.absorbing`). Whether
and which trap is built depends on the present state alone, so nothing is biased.

The jumps recorded are those of the shortest way from the entry to the exit, each a jump that the vacancy
makes in any case; the others are counted (`skipped`). Recorded states are visited ones. A way out is decided
when it begins, and so is its time, which counts from its first jump on.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from nnk.environment import SpeciesArray
from nnk.kmc.absorbing import Elimination, count_transitions, make_elimination, sample_exit
from nnk.kmc.clock import add_time
from nnk.kmc.compiled import compiled
from nnk.kmc.engine import MOST_DECIDED, CACHE_MiB, Engine, Jumps, Progress, RunConditions
from nnk.kmc.kernel import find_record, move_vacancy, read_surroundings
from nnk.kmc.predictor import Predictor
from nnk.kmc.random_numbers import two_uniforms
from nnk.kmc.rates import chosen_jump
from nnk.kmc.variates import Stream, uniform
from nnk.lattice import IntArray, Lattice
from nnk.models.base import BarrierModel
from nnk.models.program import Float64Array

MOST_STATES = MOST_DECIDED - 1
_LIKELY = 0.3  # probability from which on a jump may be that of a trap
_RETURNS = 0.9  # probability of the way back that makes a second state
_JOINS = 0.25  # the same for further states
_WORTH_JUMPS = 20.0  # mean jumps within a trap that pay for building it

_NONE = -1


class Trap(NamedTuple):
    """Work space for the states of a trap, a tree with the present state as its root, number 0.

    Attributes:
        parent: int64[n], the state that each was reached from.
        arrival: int64[n], the jump from the parent.
        probability: float64[n, z], of each jump.
        leads_to: int64[n, z], the state of the trap that each jump leads to, or -1.
        residence_s: float64[n].
        work: work space of the exits.
        stream: random numbers of one exit.
        path: int64[n], a way through the tree.
        decided: uint8[n + 1], the way out, its jumps yet to be made.
        place: int64[2], the next of these and where they end.
    """

    parent: IntArray
    arrival: IntArray
    probability: Float64Array
    leads_to: IntArray
    residence_s: Float64Array
    work: Elimination
    stream: Stream
    path: IntArray
    decided: SpeciesArray
    place: IntArray


def make_trap(z: int) -> Trap:
    """Work space for traps of up to `MOST_STATES` states with `z` jumps each."""
    n = MOST_STATES
    return Trap(
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.int64),
        np.zeros((n, z)),
        np.zeros((n, z), dtype=np.int64),
        np.zeros(n),
        make_elimination(n),
        np.zeros(3, dtype=np.uint64),
        np.zeros(n, dtype=np.int64),
        np.zeros(MOST_DECIDED, dtype=np.uint8),
        np.zeros(2, dtype=np.int64),
    )


@compiled
def _take_in(trap, number, record):  # type: ignore[no-untyped-def]
    """Put the state with `record` into place `number`."""
    z = trap.probability.shape[1]
    below = 0.0
    for jump in range(z - 1):
        trap.probability[number, jump] = record[jump] - below
        below = record[jump]
    trap.probability[number, z - 1] = 1.0 - below
    trap.residence_s[number] = record[z - 1]
    trap.leads_to[number, :] = _NONE


@compiled
def _find_path(trap, number):  # type: ignore[no-untyped-def]
    """Leave the jumps from the root to state `number` in ``trap.path``; how many they are."""
    length, at = 0, number
    while at != 0:
        trap.path[length] = trap.arrival[at]
        at = trap.parent[at]
        length += 1
    for i in range(length // 2):
        other = length - 1 - i
        trap.path[i], trap.path[other] = trap.path[other], trap.path[i]
    return length


@compiled
def _walk_down(grid, state, around, trap, number):  # type: ignore[no-untyped-def]
    """Move the vacancy from the root to state `number`."""
    for i in range(_find_path(trap, number)):
        move_vacancy(grid, state, around, 0, trap.path[i])


@compiled
def _walk_up(grid, state, around, trap, number):  # type: ignore[no-untyped-def]
    """Move the vacancy from state `number` back to the root."""
    z = trap.probability.shape[1]
    while number != 0:
        move_vacancy(grid, state, around, 0, z - 1 - trap.arrival[number])
        number = trap.parent[number]


@compiled
def _try_state(engine, state, trap, n, parent, jump, least):  # type: ignore[no-untyped-def]
    """Make the state behind `jump` of `parent` state `n` if it comes back with probability `least`."""
    grid, around, forward, balanced, conditions, cache, buffers = engine
    z = trap.probability.shape[1]
    _walk_down(grid, state, around, trap, parent)
    move_vacancy(grid, state, around, 0, jump)
    state.energies[0] = np.nan
    read_surroundings(grid, around, state, 0, buffers.species)
    find_record(forward, balanced, conditions, cache, state, buffers)
    _take_in(trap, n, buffers.record)
    move_vacancy(grid, state, around, 0, z - 1 - jump)
    _walk_up(grid, state, around, trap, parent)
    if trap.probability[n, z - 1 - jump] < least:
        return False
    trap.parent[n], trap.arrival[n] = parent, jump
    trap.leads_to[parent, jump] = n
    trap.leads_to[n, z - 1 - jump] = parent
    return True


@compiled
def _tell_work(trap, n):  # type: ignore[no-untyped-def]
    """Write the probabilities of n states for the elimination."""
    level = trap.work.levels[0]
    end = level.shape[0] - 1
    for i in range(n):
        level[i, :] = 0.0
        for jump in range(trap.probability.shape[1]):
            to = trap.leads_to[i, jump]
            level[i, end if to == _NONE else to] += trap.probability[i, jump]


@compiled
def _likeliest_exit(trap, n):  # type: ignore[no-untyped-def]
    """State and jump of the most probable way out of n states, and the mean number of jumps until then."""
    _tell_work(trap, n)
    count_transitions(trap.work, None, n, 0)
    end = trap.work.counts.shape[0] - 1
    best, state, jump, jumps = -1.0, 0, 0, 0.0
    for i in range(n):
        leaving = trap.work.levels[0, i, end]
        jumps += trap.work.counts[i, end]
        for j in range(n):
            jumps += trap.work.counts[i, j]
        for d in range(trap.probability.shape[1]):
            if trap.leads_to[i, d] == _NONE and leaving > 0.0:
                share = trap.work.counts[i, end] * trap.probability[i, d] / leaving
                if share > best:
                    best, state, jump = share, i, d
    return state, jump, jumps


@compiled
def _build(engine, state, trap, record):  # type: ignore[no-untyped-def]
    """Number of states of the trap around the present state; 0 where none pays, -1 without even a look."""
    _take_in(trap, 0, record)
    jump = np.argmax(trap.probability[0])
    if trap.probability[0, jump] < _LIKELY:
        return _NONE
    if not _try_state(engine, state, trap, 1, 0, jump, _RETURNS):
        return 0
    n = 2
    while True:
        parent, jump, jumps = _likeliest_exit(trap, n)
        if n == MOST_STATES or not _try_state(engine, state, trap, n, parent, jump, _JOINS):
            break
        n += 1
    return n if jumps >= _WORTH_JUMPS else 0


@compiled
def _decide(state, trap, n):  # type: ignore[no-untyped-def]
    """Draw the exit: its time is added to the clock and its way is decided; the number of all jumps."""
    _tell_work(trap, n)
    last, time_s, jumps = sample_exit(trap.work, trap.stream, n, 0, trap.residence_s)
    end = trap.work.levels.shape[1] - 1
    wanted = uniform(trap.stream) * trap.work.levels[0, last, end]
    jump, reached = _NONE, 0.0
    for d in range(trap.probability.shape[1]):
        if trap.leads_to[last, d] == _NONE and trap.probability[last, d] > 0.0 and reached < wanted:
            jump = d
            reached += trap.probability[last, d]
    length = _find_path(trap, last)
    for i in range(length):
        trap.decided[i] = trap.path[i]
    trap.decided[length] = jump
    trap.place[0], trap.place[1] = 0, length + 1
    add_time(state.clock, time_s)
    return jumps


@compiled
def _plain_jump(engine, state, number):  # type: ignore[no-untyped-def]
    """The jump that the random numbers of jump `number` choose, and its time."""
    conditions, buffers = engine[4], engine[6]
    z = buffers.barriers.shape[0]
    u_jump, u_time = two_uniforms(conditions.key, np.uint64(number))
    add_time(state.clock, -math.log(u_time) * buffers.record[z - 1])
    return chosen_jump(buffers.record, z, u_jump)


@compiled
def _next_jump(engine, state, trap, number):  # type: ignore[no-untyped-def]
    """The next jump to record, and the jumps that are not recorded."""
    grid, around, forward, balanced, conditions, cache, buffers = engine
    skipped = 0.0
    if trap.place[0] == trap.place[1]:
        read_surroundings(grid, around, state, 0, buffers.species)
        find_record(forward, balanced, conditions, cache, state, buffers)
        n = _build(engine, state, trap, buffers.record)
        if n <= 0:
            if n == 0:  # record and energy are those of the last state looked at
                state.energies[0] = np.nan
                read_surroundings(grid, around, state, 0, buffers.species)
                find_record(forward, balanced, conditions, cache, state, buffers)
            return _plain_jump(engine, state, number), skipped
        trap.stream[0], trap.stream[1], trap.stream[2] = conditions.key, number, 0
        skipped = _decide(state, trap, n) - trap.place[1]
    jump = np.int64(trap.decided[trap.place[0]])
    trap.place[0] += 1
    return jump, skipped


@compiled
def advance_flickering(engine, state, trap, first, directions):  # type: ignore[no-untyped-def]
    """Record ``len(directions)`` jumps, the first of them number `first` of the run.

    Args:
        engine: grid, surroundings, evaluators (one of them None), conditions, cache, buffers.
        state: `nnk.kmc.kernel.State`, changed in place.
        trap: `Trap`.
        first: number of the first jump to record, counting from 0.
        directions: uint8[n], filled with the jumps recorded.

    Returns:
        Jumps made beyond those recorded.
    """
    grid, around = engine[0], engine[1]
    skipped = 0.0
    for i in range(directions.shape[0]):
        jump, more = _next_jump(engine, state, trap, first + i)
        skipped += more
        move_vacancy(grid, state, around, 0, jump)
        state.energies[0] = np.nan
        directions[i] = jump
    return skipped


class FlickerEngine(Engine):
    """The compiled engine of one vacancy, its flickering advanced at once; arguments as `Engine`.

    Attributes:
        skipped: jumps made within traps beyond those recorded.
    """

    def __init__(
        self,
        lattice: Lattice,
        occupancy: SpeciesArray,
        model: BarrierModel,
        conditions: RunConditions,
        *,
        cache: bool = True,
        cache_MiB: float = CACHE_MiB,
    ) -> None:
        super().__init__(lattice, occupancy, model, conditions, cache=cache, cache_MiB=cache_MiB)
        if self._vacancies is not None:
            raise ValueError("flickering is advanced at once for one vacancy only; the occupancy has several")
        if isinstance(self.source, Predictor):
            raise ValueError("flickering is advanced at once for models with a program only")
        self.skipped = 0.0
        self._trap = make_trap(lattice.z)

    def advance(self, jumps: int) -> Jumps:
        """Record `jumps` jumps.

        Raises:
            ValueError: residence times beyond the range of float64, or a model that gives NaN.
        """
        directions = np.empty(jumps, dtype=np.uint8)
        engine = (
            self._grid, self._around, self._forward, self._balanced, self._conditions, self._cache,
            self._buffers,
        )  # fmt: skip
        self.skipped += advance_flickering(engine, self._state, self._trap, self.jumps, directions)
        self.jumps += jumps
        self.check_time()
        return Jumps(directions, None)

    @property
    def progress(self) -> Progress:
        """How far the run has come, the rest of a way that is decided included."""
        first, end = self._trap.place
        decided = self._trap.decided[first:end].copy()
        return replace(super().progress, decided=decided, skipped=self.skipped)

    def resume(self, progress: Progress) -> None:
        """Go on as after `progress`, which ended in the present occupancy.

        Raises:
            ValueError: its vacancy is not that of the occupancy.
        """
        super().resume(progress)
        self.skipped = progress.skipped
        self._trap.decided[: len(progress.decided)] = progress.decided
        self._trap.place[:] = 0, len(progress.decided)
