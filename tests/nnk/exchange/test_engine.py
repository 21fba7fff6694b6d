"""Exchanges on the lattice: exact bookkeeping, exact statistics, the same however they are cut."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from nnk.alloy import random_solution
from nnk.constants import K_B_eV_K
from nnk.exchange.engine import LatticeExchange, Snapshot
from nnk.exchange.kernel import UNIT_EV
from nnk.exchange.pairs import PairHamiltonian
from nnk.exchange.parameters import trial_numbers
from nnk.lattice import Lattice

LATTICES = [("bcc", (4, 4, 4), 4), ("bcc", (2, 3, 4), 2), ("fcc", (3, 3, 4), 3), ("bcc", (4, 4, 4), 8)]


def start_of(lattice, seed, n_species=3, vacancies=1):
    rng = np.random.default_rng(seed)
    counts = np.bincount(rng.integers(0, n_species, lattice.n_sites - vacancies), minlength=n_species)
    atoms = random_solution(counts, rng)
    return np.insert(atoms, rng.integers(0, len(atoms), vacancies), 0).astype(np.uint8)


@pytest.mark.parametrize(("structure", "cells", "shells"), LATTICES)
@pytest.mark.parametrize("vacancies", [0, 1, 3])
def test_energy_kept_equals_energy_counted(structure, cells, shells, vacancies, make_pairs):
    """Also in boxes where two sites are neighbours in several ways."""
    lattice = Lattice(structure, cells, 3.2)
    pairs = make_pairs(structure, shells)
    start = start_of(lattice, 5, vacancies=vacancies)
    run = LatticeExchange(lattice, pairs, start, key=3)
    assert run.energy_eV == pytest.approx(pairs.energy_eV(lattice, start), abs=1e-6)
    for temperature_K in (3000.0, 1000.0):
        assert run.advance(2000, temperature_K) > 100
        assert run.energy_eV == run.recount()
        assert run.energy_eV == pytest.approx(pairs.energy_eV(lattice, run.occupancy), abs=1e-6)
        assert np.array_equal(np.bincount(run.occupancy), np.bincount(start))
        assert np.array_equal(run.occupancy == 0, start == 0)


@given(st.lists(st.integers(1, 700), min_size=1, max_size=5), st.integers(0, 2**64 - 1))
@settings(max_examples=20, deadline=None)
def test_a_run_in_parts_is_the_whole_run(parts, key):
    lattice = Lattice.bcc((3, 3, 3), 3.2)
    half = np.random.default_rng(1).normal(size=(2, 4, 4)) * 0.03
    pairs = PairHamiltonian(("Nb", "Mo", "Ta"), "bcc", half + half.transpose(0, 2, 1))
    start = start_of(lattice, 2)
    whole = LatticeExchange(lattice, pairs, start, key)
    whole.advance(sum(parts), 900.0)
    run = LatticeExchange(lattice, pairs, start, key)
    for part in parts:
        run.advance(part, 900.0)
        run = LatticeExchange(lattice, pairs, start, key, run.save())
    assert np.array_equal(run.occupancy, whole.occupancy)
    assert np.array_equal(run.save().site_of, whole.save().site_of)
    assert (run.trials, run.accepted, run.energy_eV) == (whole.trials, whole.accepted, whole.energy_eV)


@pytest.mark.parametrize(("structure", "cells", "shells"), LATTICES)
@pytest.mark.parametrize("temperature_K", [300.0, 3000.0])
def test_fields_and_walks_make_the_same_exchanges(structure, cells, shells, temperature_K, make_pairs):
    lattice, ends = Lattice(structure, cells, 3.2), []
    for walks in (False, True):
        run = LatticeExchange(lattice, make_pairs(structure, shells), start_of(lattice, 3), key=8)
        run._walks = walks
        run.advance(3000, temperature_K)
        ends.append((run.energy_eV, run.accepted, run.save().site_of.tolist()))
        assert run.energy_eV == run.recount()
    assert ends[0] == ends[1]


def test_the_way_follows_the_share_that_is_accepted(make_pairs):
    lattice = Lattice.bcc((3, 3, 3), 3.2)
    run = LatticeExchange(lattice, make_pairs("bcc", 2), start_of(lattice, 3), key=8)
    ways = []
    for temperature_K in (1e6, 1e6, 50.0, 50.0, 50.0):
        run.advance(60_000, temperature_K)
        ways.append(run._walks)
        assert run.energy_eV == run.recount()
    assert ways[1]
    assert not ways[-1]


def test_the_key_decides(make_pairs):
    lattice = Lattice.bcc((4, 4, 4), 3.2)
    start = start_of(lattice, 1)
    states = []
    for key in (1, 1, 2):
        run = LatticeExchange(lattice, make_pairs("bcc", 2), start, key)
        run.advance(500, 1500.0)
        states.append(run.occupancy.tolist())
    assert states[0] == states[1] != states[2]


def naive_energy_changes(lattice, pairs, start, swaps):
    """Energies by counting every state anew."""
    occupancy, energies = start.copy(), []
    for i, j in swaps:
        occupancy[[i, j]] = occupancy[[j, i]]
        energies.append(pairs.energy_eV(lattice, occupancy))
    return occupancy, energies


def test_at_infinite_temperature_every_trial_is_accepted_with_its_energy(make_pairs):
    """The sequence of states against the same exchanges counted from scratch."""
    lattice, pairs = Lattice.fcc((2, 3, 3), 3.6), make_pairs("fcc", 3)
    start = start_of(lattice, 4)
    run = LatticeExchange(lattice, pairs, start, key=11)
    states = [start]
    energies = []
    for _ in range(60):
        assert run.advance(1, 1e12) == 1
        states.append(run.occupancy)
        energies.append(run.energy_eV)
    swaps = [np.flatnonzero(a != b) for a, b in pairwise(states)]
    assert all(len(swap) == 2 for swap in swaps)
    end, counted = naive_energy_changes(lattice, pairs, start, swaps)
    assert np.array_equal(end, run.occupancy)
    assert np.allclose(energies, counted, atol=1e-6)


def test_pairs_of_elements_and_atoms_are_tried_alike():
    lattice = Lattice.bcc((2, 2, 2), 3.2)
    start = np.array([1] * 8 + [2] * 5 + [3] * 3, dtype=np.uint8)
    pairs = PairHamiltonian(("Nb", "Mo", "Ta"), "bcc", np.zeros((1, 4, 4)))
    run = LatticeExchange(lattice, pairs, start, key=5)
    n, moved, exchanged = 12_000, np.zeros(16), np.zeros((4, 4))
    before = run.save().site_of
    for _ in range(n):
        run.advance(1, 300.0)
        after = run.save().site_of
        atoms = np.flatnonzero(before != after)
        moved[atoms] += 1
        a, b = np.array([1] * 8 + [2] * 5 + [3] * 3)[atoms]
        exchanged[a, b] += 1
        before = after
    trios = np.array([exchanged[1, 2], exchanged[1, 3], exchanged[2, 3]])
    assert ((trios - n / 3) ** 2 / (n / 3)).sum() < chi2.ppf(0.9999, 2)
    expected = np.repeat(2 * n / 3 / np.array([8, 5, 3]), [8, 5, 3])
    assert ((moved - expected) ** 2 / expected).sum() < chi2.ppf(0.9999, 13)


def test_the_states_of_a_small_cell_follow_boltzmann():
    """16 sites, 1,365 arrangements: frequencies against exp(-E/kT) by chi-square."""
    lattice = Lattice.bcc((2, 2, 2), 3.2)
    pair_eV = np.zeros((2, 3, 3))
    pair_eV[:, 1, 2] = pair_eV[:, 2, 1] = [-0.02, 0.015]
    pair_eV[:, 2, 2] = [0.01, 0.0]
    pairs = PairHamiltonian(("Nb", "Mo"), "bcc", pair_eV)
    temperature_K, n_states, stride = 1100.0, 150_000, 40
    energies = arrangements(lattice, pairs)
    weights = {state: np.exp(-energy / (K_B_eV_K * temperature_K)) for state, energy in energies.items()}
    total = sum(weights.values())
    start = np.array([0] + [1] * 11 + [2] * 4, dtype=np.uint8)
    run = LatticeExchange(lattice, pairs, start, key=2)
    counts: dict[tuple[int, ...], int] = {}
    run.advance(5000, temperature_K)
    for _ in range(n_states):
        run.advance(stride, temperature_K)
        state = tuple(np.flatnonzero(run._state.occupancy == 2).tolist())
        counts[state] = counts.get(state, 0) + 1
    expected = np.array([n_states * weight / total for weight in weights.values()])
    found = np.array([counts.get(state, 0) for state in weights])
    assert expected.min() > 5
    assert found.sum() == n_states
    statistic = ((found - expected) ** 2 / expected).sum()
    assert statistic < chi2.ppf(0.9999, len(expected) - 1)
    uniform = n_states / len(expected)
    assert ((found - uniform) ** 2 / uniform).sum() > chi2.ppf(0.9999, len(expected) - 1)  # it can fail


def arrangements(lattice, pairs):
    """Energy of every arrangement of 4 Mo on the sites 1 to 15 beside a vacancy on site 0, by their sites."""
    energies = {}
    for sites in combinations(range(1, 16), 4):
        occupancy = np.ones(16, dtype=np.uint8)
        occupancy[0] = 0
        occupancy[list(sites)] = 2
        energies[sites] = pairs.energy_eV(lattice, occupancy)
    return energies


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lattice": Lattice.fcc((3, 3, 3), 3.6)}, "pair energies of bcc"),
        ({"start": np.ones(3, dtype=np.uint8)}, "expected shape"),
        ({"start": np.full(54, 4, dtype=np.uint8)}, "species 4"),
        ({"start": np.ones(54, dtype=np.uint8)}, "two elements"),
        ({"lattice": Lattice.bcc((1, 3, 9), 3.2)}, "its own neighbour"),
        ({"snapshot": Snapshot(np.zeros(53, dtype=np.int32))}, "other atoms"),
    ],
)
def test_what_cannot_be_run(change, message, make_pairs):
    lattice = Lattice.bcc((3, 3, 3), 3.2)
    arguments = {
        "lattice": lattice,
        "hamiltonian": make_pairs("bcc", 2),
        "start": start_of(lattice, 0),
        "key": 1,
    }
    with pytest.raises(ValueError, match=message):
        LatticeExchange(**{**arguments, **change})


def test_what_cannot_be_advanced(make_pairs):
    lattice = Lattice.bcc((3, 3, 3), 3.2)
    run = LatticeExchange(lattice, make_pairs("bcc", 2), start_of(lattice, 0), 1)
    with pytest.raises(ValueError, match="trials=-1"):
        run.advance(-1, 300.0)
    with pytest.raises(ValueError, match="temperature_K=0"):
        run.advance(1, 0)


@given(st.integers(1, 10**6), st.integers(1, 30), st.sampled_from(["linear", "log"]))
def test_degrees_lie_between_start_and_end(trials, degrees, spacing):
    if trials < degrees:
        with pytest.raises(ValueError, match="degrees of order"):
            trial_numbers(min(trials, degrees - 2), degrees, spacing)
        return
    numbers = trial_numbers(trials, degrees, spacing)
    assert len(numbers) == degrees
    assert (np.diff(numbers) > 0).all()
    assert numbers[-1] == trials
    assert degrees == 1 or numbers[0] == 0


def test_degrees():
    assert trial_numbers(1000, 5, "linear").tolist() == [0, 250, 500, 750, 1000]
    assert trial_numbers(100_000, 4, "log").tolist() == [0, 100, 3162, 100_000]
    assert trial_numbers(7, 1, "log").tolist() == [7]
    with pytest.raises(ValueError, match="allowed are linear, log"):
        trial_numbers(7, 2, "cubic")


def test_the_unit_of_energy_is_far_below_any_error():
    assert UNIT_EV < 1e-9
