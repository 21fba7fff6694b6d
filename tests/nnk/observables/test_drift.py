from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.lattice import Lattice, reverse_jump
from nnk.observables.drift import LENGTHS, check_length, closed_loop, drift_on_loops, loop_sums_eV

EQUAL = np.full(3, 1 / 3)
LATTICES = {"bcc": Lattice.bcc((8, 8, 8), 3.2), "fcc": Lattice.fcc((6, 6, 6), 3.6)}


def naive_sum_eV(model, lattice, occupancy, loop):
    """The vacancy carried around jump by jump in a real state."""
    state = occupancy.copy()
    state[loop[0]] = 0
    start, total = state.copy(), 0.0
    for site, following in zip(loop, [*loop[1:], loop[0]], strict=True):
        jump = lattice.neighbours[site].tolist().index(following)
        forward = model.barriers(state, int(site), lattice)[jump]
        state[site], state[following] = state[following], 0
        total += forward - model.barriers(state, int(following), lattice)[reverse_jump("bcc", jump)]
    assert np.array_equal(state, start), "the loop does not bring the state back"
    return total


def random_states(lattice, loops, seed):
    occupancies = np.random.default_rng(seed).integers(1, 4, (len(loops), lattice.n_sites)).astype(np.uint8)
    np.put_along_axis(occupancies, loops, 1 + np.arange(len(loops))[:, None] % 3, axis=1)
    return occupancies


@settings(max_examples=60, deadline=None)
@given(structure=st.sampled_from(["bcc", "fcc"]), half=st.integers(2, 40), seed=st.integers(0, 10_000))
def test_loops_are_closed_and_cross_no_site_twice(structure, half, seed):
    lattice = LATTICES[structure]
    length = 2 * half if structure == "bcc" else half + 1
    loop = closed_loop(lattice, length, np.random.default_rng(seed))
    assert len(set(loop.tolist())) == len(loop) == length
    for site, following in zip(loop, np.roll(loop, -1), strict=True):
        assert following in lattice.neighbours[site]


def test_all_shortest_loops_are_found():
    rng = np.random.default_rng(0)
    lattice = LATTICES["bcc"]
    shapes = set()
    for _ in range(400):
        loop = closed_loop(lattice, 4, rng)
        steps = (lattice.coordinates[np.roll(loop, -1)] - lattice.coordinates[loop] + 8) % 16 - 8
        shapes.add(tuple(map(tuple, steps[:3])))
    every = {
        (a, b, c)
        for a in map(tuple, lattice.jumps)
        for b in map(tuple, lattice.jumps)
        for c in map(tuple, lattice.jumps)
        if tuple(-np.sum([a, b, c], axis=0)) in set(map(tuple, lattice.jumps))
        and (np.add(a, b) != 0).any()
        and (np.add(b, c) != 0).any()
    }
    assert shapes <= every
    assert len(shapes) > 0.8 * len(every)


@pytest.mark.parametrize(("structure", "length"), [("bcc", 2), ("bcc", 5), ("fcc", 2), ("bcc", 0)])
def test_lengths_that_no_loop_has_are_refused(structure, length):
    with pytest.raises(ValueError, match="closed loops of distinct"):
        check_length(structure, length)


def test_a_lattice_without_room_is_refused():
    with pytest.raises(ValueError, match="no room"):
        closed_loop(Lattice.bcc((3, 3, 3), 3.2), 30, np.random.default_rng(0))


@settings(max_examples=8, deadline=None)
@given(half=st.integers(2, 6), seed=st.integers(0, 1000))
@pytest.mark.parametrize("kind", ["mlp", "detailed-balance"])
def test_sums_are_those_of_a_vacancy_that_walks(kind, random_mlp, random_balanced, half, seed):
    model = {"mlp": random_mlp, "detailed-balance": random_balanced}[kind](seed=1, shells=2)
    lattice, rng = Lattice.bcc((5, 5, 5), 3.2), np.random.default_rng(seed)
    loops = np.stack([closed_loop(lattice, 2 * half, rng) for _ in range(3)])
    occupancies = random_states(lattice, loops, seed)
    found = loop_sums_eV(model, lattice, occupancies, loops)
    expected = [naive_sum_eV(model, lattice, o, loop) for o, loop in zip(occupancies, loops, strict=True)]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_the_first_loops_are_the_same_however_many_there_are(random_mlp):
    lattice, model = LATTICES["bcc"], random_mlp(seed=2, shells=2)
    few, many = (
        drift_on_loops(model, lattice, EQUAL, length=8, loops=n, rng=np.random.default_rng(3)) for n in (3, 8)
    )
    np.testing.assert_allclose(many.left_eV[:3], few.left_eV, atol=1e-9)
    np.testing.assert_array_equal(many.species[:3], few.species)


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_a_set_of_loops_is_asked_for_at_once(random_balanced, structure):
    model = random_balanced(seed=2, shells=1, structure=structure)
    asked = []

    class Counting:
        environment = model.environment

        def predict(self, species, mover, jump):
            asked.append(len(mover))
            return model.predict(species, mover, jump)

    for length in LENGTHS[structure]:
        drift_on_loops(
            Counting(), LATTICES[structure], EQUAL, length=length, loops=5, rng=np.random.default_rng(0)
        )
    assert asked == [2 * 5 * length for length in LENGTHS[structure]]


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_a_balanced_model_does_not_drift(random_balanced, structure):
    model = random_balanced(seed=2, shells=3, structure=structure)
    for length in (4, 12, 40):
        rng = np.random.default_rng(length)
        drift = drift_on_loops(model, LATTICES[structure], EQUAL, length=length, loops=6, rng=rng)
        assert np.abs(drift.left_eV).max() < 1e-10
        assert drift.species.tolist() == [1, 2, 3, 1, 2, 3]


def test_a_forward_only_model_drifts_and_more_so_on_longer_loops(random_mlp):
    model = random_mlp(seed=2, shells=3)
    lattice, means = LATTICES["bcc"], []
    for length in (4, 36):
        rng = np.random.default_rng(length)
        drift = drift_on_loops(model, lattice, EQUAL, length=length, loops=40, rng=rng)
        means.append(np.abs(drift.left_eV).mean())
    assert means[0] > 0.01
    assert means[1] > 1.5 * means[0]


def test_the_sign_turns_with_the_direction(random_mlp):
    model, lattice = random_mlp(seed=4, shells=2), LATTICES["bcc"]
    loops = np.stack([closed_loop(lattice, 10, np.random.default_rng(s)) for s in range(4)])
    occupancies = random_states(lattice, loops, 0)
    there = loop_sums_eV(model, lattice, occupancies, loops)
    back = loop_sums_eV(model, lattice, occupancies, loops[:, ::-1])
    np.testing.assert_allclose(back, -there, atol=1e-9)


def test_what_is_no_loop_of_one_species_is_refused(random_mlp):
    model, lattice = random_mlp(seed=4, shells=2), LATTICES["bcc"]
    loops = closed_loop(lattice, 6, np.random.default_rng(1))[None]
    occupancies = random_states(lattice, loops, 0)
    other = occupancies.copy()
    other[0, loops[0, 2]] = 3
    with pytest.raises(ValueError, match="one species"):
        loop_sums_eV(model, lattice, other, loops)
    with pytest.raises(ValueError, match="neighbouring sites"):
        loop_sums_eV(model, lattice, occupancies, loops[:, [0, 2, 1, 3, 4, 5]])
