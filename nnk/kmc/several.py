"""The residence-time algorithm for several vacancies in one block.

A jump and its reverse belong to the same vacancy's surroundings, so that the balance between both is kept
where surroundings overlap (Talapatra et al., eqs. 5-8). Vacancies see each other as sites without an atom.
The energy of a state is that of its pairs and of *all* vacancies' surroundings: a barrier also holds half of
what the jump changes in the surroundings of the other vacancies nearby.

Records also hold barriers here, for those of vacancies near each other get a share of the other's. After a
jump only those vacancies are looked at again whose surroundings, or whose neighbours', it changed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from nnk.environment import SpeciesArray
from nnk.kmc.cache import pack_key, recall, remember
from nnk.kmc.clock import add_time
from nnk.kmc.compiled import compiled, inlined
from nnk.kmc.evaluators import balanced_barriers, forward_barriers, state_energies, state_energy
from nnk.kmc.grid import address, move, set_site
from nnk.kmc.kernel import COMPUTED, FOUND, MISSING, make_jump, read_surroundings
from nnk.kmc.networks import FILLER
from nnk.kmc.random_numbers import third_uniform, two_uniforms
from nnk.kmc.rates import chosen_jump, residence
from nnk.kmc.selection import chosen_leaf, make_tree, set_rate
from nnk.lattice import IntArray, Lattice
from nnk.models.program import Float64Array

VALID, SHIFTED, CHANGED = 0, 1, 2  # a vacancy's rates: as they are; the others nearby; its own surroundings


class Vacancies(NamedTuple):
    """What is known of each vacancy, and where it stands.

    Attributes:
        coordinates: int64[n_v, 3] (a/2), folded into the box.
        extent: int64[3], edges of the box (a/2).
        reach2: squared distance (a/2) up to which a changed site changes a vacancy's record.
        far2: the same for its rates, where another vacancy stands between.
        records: float64[n_v, n], each vacancy's record: barriers; balanced: S_vac after each jump and now; at
            the end what `rates` would be without other vacancies nearby.
        rates: float64[n_v, z], cumulative probabilities and mean residence time (`nnk.kmc.rates`).
        state: uint8[n_v], VALID, SHIFTED or CHANGED.
        coupled: uint8[n_v], whether another vacancy takes part in its barriers.
        tree: total rates (1/s) of the vacancies (`nnk.kmc.selection`).
        blocks: uint8[z n], surroundings of another vacancy after each jump.
        energies: float64[z], their energies.
    """

    coordinates: IntArray
    extent: IntArray
    reach2: int
    far2: int
    records: Float64Array
    rates: Float64Array
    state: SpeciesArray
    coupled: SpeciesArray
    tree: Float64Array
    blocks: SpeciesArray
    energies: Float64Array


def make_vacancies(
    lattice: Lattice, sites: IntArray, read: IntArray, n_values: int, n_entries: int
) -> Vacancies:
    """Nothing is known yet of the vacancies at `sites`, which read `read` int64[n, 3] (a/2) around them."""
    n = len(sites)
    reach2 = int((read**2).sum(axis=1).max())
    return Vacancies(
        coordinates=lattice.coordinates[sites].copy(),
        extent=lattice.extent,
        reach2=reach2,
        far2=4 * reach2,
        records=np.zeros((n, n_values)),
        rates=np.zeros((n, lattice.z)),
        state=np.full(n, CHANGED, dtype=np.uint8),
        coupled=np.zeros(n, dtype=np.uint8),
        tree=make_tree(n),
        blocks=np.full(lattice.z * n_entries, FILLER, dtype=np.uint8),
        energies=np.zeros(lattice.z),
    )


@inlined
def _distance2(vacancies, number, point):  # type: ignore[no-untyped-def]
    """Squared distance (a/2) of a vacancy from the nearest image of `point`, three numbers."""
    total = 0
    for axis in range(3):
        away = abs(vacancies.coordinates[number, axis] - point[axis])
        away = min(away, vacancies.extent[axis] - away)
        total += away * away
    return total


@inlined
def _place(vacancies, number):  # type: ignore[no-untyped-def]
    here = vacancies.coordinates[number]
    return here[0], here[1], here[2]


@compiled
def rates_of(barriers, conditions, rates):  # type: ignore[no-untyped-def]
    """As `nnk.kmc.rates.residence`; a vacancy enclosed by others stays for ever."""
    residence(barriers, conditions.kT_eV, conditions.log_frequency, rates)
    for jump in range(barriers.shape[0]):
        if barriers[jump] != np.inf:
            return
    rates[barriers.shape[0] - 1] = np.inf


@compiled
def _compute_record(  # type: ignore[no-untyped-def]
    forward, balanced, around, conditions, state, number, buffers
):
    """Record of ``buffers.species`` into ``buffers.record``; False without an evaluator."""
    if forward is None and balanced is None:
        return False
    z = buffers.barriers.shape[0]
    record = buffers.record
    if forward is not None:
        forward_barriers(forward, buffers.species, record[:z])
    if balanced is not None:
        now = record[2 * z :]
        now[0] = state.energies[number]
        if math.isnan(now[0]):
            state_energy(balanced, buffers.species, now)
        balanced_barriers(balanced, buffers.species, now[0], record[:z], record[z : 2 * z])
    for jump in range(z):
        if buffers.species[around.nearest[jump]] == 0:
            record[jump] = np.inf  # two vacancies: nothing would move
    rates_of(record[:z], conditions, record[record.shape[0] - z :])
    return True


@inlined
def _find_record(  # type: ignore[no-untyped-def]
    forward, balanced, around, conditions, cache, state, number, buffers
):
    """As the function of this name in `nnk.kmc.kernel`."""
    if not cache.used:
        return (
            COMPUTED
            if _compute_record(forward, balanced, around, conditions, state, number, buffers)
            else MISSING
        )
    place = pack_key(cache, buffers.species)
    if recall(cache, place, buffers.record):
        return FOUND
    if not _compute_record(forward, balanced, around, conditions, state, number, buffers):
        return MISSING
    remember(cache, place, buffers.record)
    return COMPUTED


@compiled
def _exchange(grid, state, number, jump):  # type: ignore[no-untyped-def]
    """Exchange a vacancy's site and the one at `jump`, and nothing else; done twice it changes nothing."""
    here = state.positions[number]
    place = (here[0], here[1], here[2], here[3])
    first = state.padded[address(grid, here)]
    move(grid, here, jump)
    second = state.padded[address(grid, here)]
    set_site(grid, state.padded, here[0], (here[1], here[2], here[3]), first)
    set_site(grid, state.padded, place[0], (place[1], place[2], place[3]), second)
    for i in range(4):
        here[i] = place[i]


@compiled
def _add_share(grid, around, balanced, state, vacancies, number, other, barriers):  # type: ignore[no-untyped-def]
    """Add half of what each jump of vacancy `number` changes in the surroundings of vacancy `other`."""
    n = vacancies.blocks.shape[0] // barriers.shape[0]
    for jump in range(barriers.shape[0]):
        possible = barriers[jump] < np.inf
        if possible:
            _exchange(grid, state, number, jump)
        read_surroundings(grid, around, state, other, vacancies.blocks[jump * n : (jump + 1) * n])
        if possible:
            _exchange(grid, state, number, jump)
    state_energies(balanced, vacancies.blocks, vacancies.energies)
    for jump in range(barriers.shape[0]):
        barriers[jump] += 0.5 * (vacancies.energies[jump] - state.energies[other])


@compiled
def _add_shares(  # type: ignore[no-untyped-def]
    grid, around, balanced, state, vacancies, number, barriers
):
    """Add to the barriers of vacancy `number` what its jumps change around others; whether there are any."""
    here = _place(vacancies, number)
    for jump in range(barriers.shape[0]):
        barriers[jump] = vacancies.records[number, jump]
    coupled = False
    for other in range(vacancies.state.shape[0]):
        if other != number and _distance2(vacancies, other, here) <= vacancies.reach2:
            _add_share(grid, around, balanced, state, vacancies, number, other, barriers)
            coupled = True
    return coupled


@inlined
def _set_rates(  # type: ignore[no-untyped-def]
    grid, around, balanced, conditions, state, buffers, vacancies, number
):
    """Rates of one vacancy's jumps from its record."""
    z = buffers.barriers.shape[0]
    rates, record = vacancies.rates[number], vacancies.records[number]
    coupled = False
    if balanced is not None:
        coupled = _add_shares(grid, around, balanced, state, vacancies, number, buffers.barriers)
    vacancies.coupled[number] = coupled
    if coupled:
        rates_of(buffers.barriers, conditions, rates)
    else:
        for jump in range(z):
            rates[jump] = record[record.shape[0] - z + jump]
    set_rate(vacancies.tree, number, 1.0 / rates[z - 1])


@inlined
def _update(  # type: ignore[no-untyped-def]
    grid, around, forward, balanced, conditions, cache, state, buffers, vacancies, answered
):
    """Make all rates valid: FOUND if every record was known, COMPUTED, or MISSING where one must be given."""
    result = COMPUTED if answered else FOUND
    z = buffers.barriers.shape[0]
    for number in range(vacancies.state.shape[0]):
        if vacancies.state[number] != CHANGED:
            continue
        if not answered:
            read_surroundings(grid, around, state, number, buffers.species)
            found = _find_record(forward, balanced, around, conditions, cache, state, number, buffers)
            if found == MISSING:
                return MISSING
            result = min(result, found)
        answered = False
        for i in range(buffers.record.shape[0]):
            vacancies.records[number, i] = buffers.record[i]
        if balanced is not None:
            state.energies[number] = buffers.record[2 * z]
        vacancies.state[number] = SHIFTED
    for number in range(vacancies.state.shape[0]):
        if vacancies.state[number] == SHIFTED:
            _set_rates(grid, around, balanced, conditions, state, buffers, vacancies, number)
            vacancies.state[number] = VALID
    return result


@inlined
def _mark(state, vacancies, mover, point):  # type: ignore[no-untyped-def]
    """Note what the change of the site at `point` by vacancy `mover` makes invalid."""
    for number in range(vacancies.state.shape[0]):
        distance2 = _distance2(vacancies, number, point)
        if distance2 <= vacancies.reach2:
            vacancies.state[number] = CHANGED
            if number != mover:
                state.energies[number] = np.nan
        elif vacancies.coupled[number] and distance2 <= vacancies.far2:
            vacancies.state[number] = max(vacancies.state[number], np.uint8(SHIFTED))


@inlined
def _jump(grid, around, balanced, state, vacancies, number, jump):  # type: ignore[no-untyped-def]
    if balanced is not None:
        state.energies[number] = vacancies.records[number, around.jumps.shape[0] + jump]
    _mark(state, vacancies, number, _place(vacancies, number))
    make_jump(grid, state, around, number, jump)
    for axis in range(3):
        place = vacancies.coordinates[number, axis] + around.jumps[jump, axis]
        vacancies.coordinates[number, axis] = place % vacancies.extent[axis]
    _mark(state, vacancies, number, _place(vacancies, number))


@compiled
def advance_several(  # type: ignore[no-untyped-def]
    grid, around, forward, balanced, conditions, cache, state, buffers, vacancies, first, directions, numbers,
    answered,
):  # fmt: skip
    """Make ``len(directions)`` jumps of any of the vacancies; arguments as for `nnk.kmc.kernel.advance`.

    Args:
        vacancies: `Vacancies`, changed in place.
        numbers: uint16[n], filled with the numbers of the vacancies that jump.

    Returns:
        Number of jumps made, and of those for which all records were found in the cache.
    """
    z = buffers.barriers.shape[0]
    hits = 0
    for i in range(directions.shape[0]):
        found = _update(
            grid, around, forward, balanced, conditions, cache, state, buffers, vacancies, answered
        )
        if found == MISSING:
            return i, hits
        hits += found == FOUND
        answered = False
        draw = np.uint64(first + i)
        u_jump, u_time = two_uniforms(conditions.key, draw)
        number = chosen_leaf(vacancies.tree, third_uniform(conditions.key, draw))
        jump = chosen_jump(vacancies.rates[number], z, u_jump)
        add_time(state.clock, -math.log(u_time) / vacancies.tree[1])
        _jump(grid, around, balanced, state, vacancies, number, jump)
        directions[i] = jump
        numbers[i] = number
    return directions.shape[0], hits
