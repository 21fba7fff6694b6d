"""Displacements over stretches, against a replay that looks at every state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.kmc import Replay
from nnk.lattice import Lattice
from nnk.observables.walks import JumpFollower, block_length


def make_state(lattice, n_species, n_vacancies, rng):
    occupancy = rng.integers(1, n_species + 1, lattice.n_sites).astype(np.uint8)
    occupancy[rng.choice(lattice.n_sites, n_vacancies, replace=False)] = 0
    return occupancy


def naive(lattice, occupancy, directions, length):
    """Displacements of vacancies and atoms in stretches of `length`, and who jumped in them."""
    for i in range(len(directions) // length):
        state = Replay(lattice, occupancy)
        jumped = np.zeros(lattice.n_sites + 1, dtype=np.int64)
        for direction in directions[i * length : (i + 1) * length]:
            jumped[state.occupancy[lattice.neighbours[state.vacancies[0], direction]]] += 1
            state.follow(np.array([direction], dtype=np.uint8))
        yield state.vacancy_displacement[0], state.atom_displacement, occupancy, jumped
        occupancy = state.occupancy


@settings(max_examples=12, deadline=None)
@given(
    structure=st.sampled_from(["bcc", "fcc"]),
    seed=st.integers(0, 2**16),
    n_jumps=st.integers(40, 400),
    blocks=st.integers(4, 9),
)
def test_every_square_is_that_of_a_replay(structure, seed, n_jumps, blocks):
    rng, n_species = np.random.default_rng(seed), 3
    lattice = Lattice(structure, (2, 2, 2), 3.0)
    occupancy = make_state(lattice, n_species, 1, rng)
    directions = rng.integers(0, lattice.z, n_jumps).astype(np.uint8)
    follower = JumpFollower(lattice, occupancy, n_species, n_jumps=n_jumps, blocks=blocks)
    for piece in np.split(directions, np.sort(rng.integers(0, n_jumps, 3))):
        follower.follow(piece)
    record = follower.record
    for k, length in enumerate(record.lag_jumps):
        stretches = list(naive(lattice, occupancy, directions, length))
        assert record.lag_stretches[k] == len(stretches)
        vacancy = [(way**2).sum() for way, *_ in stretches]
        assert record.vacancy_lag[k] == pytest.approx(np.mean(vacancy))
        kinds = range(1, n_species + 1)
        atoms = [[(steps[at == s] ** 2).sum() for s in kinds] for _, steps, at, _ in stretches]
        totals = [[steps[at == s].sum(axis=0) for s in kinds] for _, steps, at, _ in stretches]
        if np.isfinite(record.tracer_lag[k]).any():
            counts = np.bincount(occupancy, minlength=n_species + 1)[1:]
            np.testing.assert_array_equal(counts, record.atoms)
            found = np.nan_to_num(record.tracer_lag[k]) * counts  # NaN for a species without atoms
            np.testing.assert_allclose(found, np.mean(atoms, axis=0))
        if length == record.block_jumps:
            np.testing.assert_array_equal(record.vacancy_squares, vacancy)
            np.testing.assert_array_equal(record.collective_squares, (np.array(totals) ** 2).sum(axis=2))
        if length == record.stretch_jumps:
            np.testing.assert_array_equal(record.tracer_squares, atoms)
            jumped = [row[1 : n_species + 1] for *_, row in stretches]
            np.testing.assert_array_equal(record.jumps, jumped)
    assert record.stretch_jumps == record.lag_jumps[-1] >= record.block_jumps
    assert np.isfinite(record.tracer_lag[-1]).any()


def test_several_vacancies_are_followed_each():
    rng = np.random.default_rng(2)
    lattice, n = Lattice.bcc((4, 4, 4), 3.0), 64
    occupancy = np.ones(lattice.n_sites, dtype=np.uint8)
    occupancy[[3, 70]] = 0
    state, directions, movers = Replay(lattice, occupancy, [70, 3]), [], []
    while len(directions) < n:
        mover, jump = int(rng.integers(2)), int(rng.integers(lattice.z))
        if state.occupancy[lattice.neighbours[state.vacancies[mover], jump]]:
            directions.append(jump)
            movers.append(mover)
            state.follow(np.array([jump], dtype=np.uint8), np.array([mover]))
    follower = JumpFollower(lattice, occupancy, 1, n_jumps=n, blocks=1, vacancies=[70, 3])
    follower.follow(np.array(directions, dtype=np.uint8), np.array(movers))
    record = follower.record
    assert record.n_vacancies == 2
    assert record.block_jumps == n
    assert record.vacancy_squares[0] == (state.vacancy_displacement**2).sum()
    assert record.vacancy_lag[-1] == (state.vacancy_displacement**2).sum() / 2
    assert record.tracer_squares[0, 0] == (state.atom_displacement.astype(int) ** 2).sum()
    assert record.collective_squares[0, 0] == (state.vacancy_displacement.sum(axis=0) ** 2).sum()


def test_a_block_is_the_longest_power_of_two():
    assert block_length(1000, 10) == 64
    assert block_length(64, 1) == 64
    assert block_length(5, 5) == 1
    with pytest.raises(ValueError, match="1 to 5 blocks"):
        block_length(5, 6)


def test_what_does_not_belong_together_is_refused():
    lattice = Lattice.bcc((2, 2, 2), 3.0)
    occupancy = np.ones(16, dtype=np.uint8)
    with pytest.raises(ValueError, match="the occupancy has"):
        JumpFollower(lattice, occupancy, 1, n_jumps=8, blocks=1)
    occupancy[:2] = 0
    with pytest.raises(ValueError, match="the occupancy has"):
        JumpFollower(lattice, occupancy, 1, n_jumps=8, blocks=1, vacancies=[0, 5])
    follower = JumpFollower(lattice, occupancy, 1, n_jumps=8, blocks=1)
    row = np.zeros(8, dtype=np.uint8)
    with pytest.raises(ValueError, match="which one"):
        follower.follow(row)
    with pytest.raises(ValueError, match="below 2"):
        follower.follow(row, np.full(8, 2))
    with pytest.raises(ValueError, match="direction 8"):
        follower.follow(row + np.uint8(8), np.zeros(8, dtype=int))
    with pytest.raises(ValueError, match="got more"):
        follower.follow(np.zeros(9, dtype=np.uint8), np.zeros(9, dtype=int))
    with pytest.raises(ValueError, match="expected 8 jumps, got 0"):
        _ = follower.record
