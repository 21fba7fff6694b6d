"""Parts of the engine: random numbers, rates, padded grid, replay, cache."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnk.constants import K_B_eV_K
from nnk.kmc import replay
from nnk.kmc.cache import make_cache, pack_key, recall, remember, whole_words
from nnk.kmc.grid import (
    address,
    make_grid,
    memory_shifts,
    move,
    padded_occupancy,
    plain_occupancy,
    position_of,
    set_site,
    site_of,
)
from nnk.kmc.random_numbers import philox4x32, two_uniforms
from nnk.kmc.rates import chosen_jump, residence
from nnk.lattice import Lattice, offsets_within

LATTICES = [Lattice.bcc((3, 4, 5), 3.0), Lattice.fcc((4, 3, 6), 3.0), Lattice.bcc((7, 8, 6), 3.0)]


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # known answers of Random123 1.14, file kat_vectors
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(counter, key, expected, philox_reference):
    words = [np.uint64(word) for word in counter]
    assert philox4x32(*words, np.uint64(key[0] | key[1] << 32)) == expected
    assert tuple(philox_reference(counter, key)) == expected


def test_uniforms_are_uniform_and_independent():
    draws = np.array([two_uniforms(np.uint64(99), np.uint64(i)) for i in range(20_000)])
    assert draws.min() > 0
    assert draws.max() <= 1
    # 20,000 draws: standard errors 0.002 (mean), 0.0005 (moments), 0.007 (correlation)
    np.testing.assert_allclose(draws.mean(axis=0), 0.5, atol=0.01)
    np.testing.assert_allclose(draws.var(axis=0), 1 / 12, atol=0.003)
    assert abs(np.corrcoef(draws.T)[0, 1]) < 0.03
    assert abs(np.corrcoef(draws[1:, 0], draws[:-1, 0])[0, 1]) < 0.03


@given(
    barriers=st.lists(st.floats(0.0, 4.0), min_size=8, max_size=12),
    temperature_K=st.floats(100.0, 5000.0),
)
def test_rates_against_logarithms(barriers, temperature_K):
    kT = K_B_eV_K * temperature_K
    record = np.zeros(len(barriers))
    residence(np.array(barriers), kT, np.log(1e13), record)
    scaled = -np.array(barriers) / kT
    log_gamma = np.logaddexp.reduce(scaled) + np.log(1e13)
    expected = np.cumsum(np.exp(scaled + np.log(1e13) - log_gamma))
    np.testing.assert_allclose(record[:-1], expected[:-1], atol=1e-12)
    assert np.log(record[-1]) == pytest.approx(-log_gamma, rel=1e-12, abs=1e-11)


def test_impossible_jumps_are_never_chosen():
    barriers = np.array([np.inf, 1.0, np.inf, 1.0, np.inf, np.inf, np.inf, np.inf])
    record = np.zeros(8)
    residence(barriers, 0.1, 0.0, record)
    chosen = {chosen_jump(record, 8, u) for u in (2.0**-53, 0.25, 0.5, 0.5 + 1e-9, 0.999, 1.0)}
    assert chosen == {1, 3}


def test_frequencies_and_times_of_a_two_state_system():
    """One fast and one slow jump: shares k_i / Gamma, exponential times of mean 1 / Gamma."""
    barriers, kT = np.array([0.30, 0.25]), 0.05
    rates = np.exp(-barriers / kT)
    record = np.zeros(2)
    residence(barriers, kT, 0.0, record)
    draws = [two_uniforms(np.uint64(7), np.uint64(i)) for i in range(40_000)]
    slow = np.mean([chosen_jump(record, 2, u) == 0 for u, _ in draws])
    times = np.array([-np.log(u) * record[-1] for _, u in draws])
    assert slow == pytest.approx(rates[0] / rates.sum(), abs=4 * 0.5 / 200)
    assert times.mean() == pytest.approx(1 / rates.sum(), rel=4 / 200)
    assert times.std() == pytest.approx(1 / rates.sum(), rel=4 * 2**0.5 / 200)


@pytest.mark.parametrize("lattice", LATTICES, ids=str)
def test_grid_shows_every_neighbour_of_every_site(lattice):
    offsets = offsets_within(lattice.structure, 5)
    grid = make_grid(lattice, int(np.abs(offsets).max()))
    numbers = np.arange(lattice.n_sites) % 251
    padded = padded_occupancy(lattice, grid, numbers.astype(np.uint8))
    shifts = memory_shifts(lattice, grid, offsets)
    for site in range(lattice.n_sites):
        position = position_of(lattice, site)
        assert site_of(lattice, position) == site
        seen = padded[address(grid, position) + shifts[position[0]]]
        np.testing.assert_array_equal(seen, numbers[lattice.sites_around(site, offsets)])
    np.testing.assert_array_equal(plain_occupancy(lattice, grid, padded), numbers)


@pytest.mark.parametrize("lattice", LATTICES, ids=str)
def test_writes_reach_every_image(lattice):
    grid = make_grid(lattice, 5)
    occupancy = np.zeros(lattice.n_sites, dtype=np.uint8)
    padded = padded_occupancy(lattice, grid, occupancy)
    for site in range(lattice.n_sites):
        position = position_of(lattice, site)
        occupancy[site] = site % 250 + 1
        set_site(grid, padded, position[0], tuple(position[1:]), np.uint8(occupancy[site]))
        np.testing.assert_array_equal(padded, padded_occupancy(lattice, grid, occupancy))


@pytest.mark.parametrize("lattice", LATTICES, ids=str)
def test_moves_are_jumps(lattice):
    grid = make_grid(lattice, 5)
    for site in range(lattice.n_sites):
        for jump in range(lattice.z):
            position = position_of(lattice, site)
            move(grid, position, jump)
            assert site_of(lattice, position) == lattice.neighbours[site, jump]


def test_a_grid_needs_room_for_its_rim():
    with pytest.raises(ValueError, match="takes 5 cells or more"):
        make_grid(Lattice.bcc((4, 9, 9), 3.0), 9)


@pytest.mark.parametrize("n_species", [3, 7])
def test_cache_compares_the_whole_key(n_species):
    length = whole_words(120, n_species)
    rng = np.random.default_rng(0)
    cache = make_cache(length, n_species, 4, 1e-6)
    assert len(cache.words) == 1
    known = rng.integers(1, n_species + 1, length).astype(np.uint8)
    remember(cache, pack_key(cache, known), np.arange(4.0))
    values = np.zeros(4)
    for site in range(length):  # every other surroundings falls into the same place
        other = known.copy()
        other[site] = other[site] % n_species + 1
        assert not recall(cache, pack_key(cache, other), values)
    assert recall(cache, pack_key(cache, known), values)
    np.testing.assert_array_equal(values, np.arange(4.0))


def test_cache_keeps_to_its_size():
    for size_MiB in (0.01, 1.0, 8.0):
        cache = make_cache(128, 3, 8, size_MiB)
        assert size_MiB / 2 < cache.words.nbytes / 2**20 <= size_MiB


def test_replay_moves_atoms_and_vacancy_oppositely():
    lattice = Lattice.bcc((3, 3, 3), 3.0)
    occupancy = np.ones(lattice.n_sites, dtype=np.uint8)
    occupancy[4] = 0
    occupancy[lattice.neighbours[4, 6]] = 2
    end = replay(lattice, occupancy, np.array([6, 6, 1], dtype=np.uint8))
    first = int(lattice.neighbours[4, 6])
    second = int(lattice.neighbours[first, 6])
    assert end.occupancy[4] == 2  # the first jump brought it there
    assert end.vacancies.tolist() == [lattice.neighbours[second, 1]] == [first]
    np.testing.assert_array_equal(end.vacancy_displacement, lattice.jumps[[6]])
    np.testing.assert_array_equal(end.atom_displacement[first], -lattice.jumps[6])
    np.testing.assert_array_equal(end.atom_displacement.sum(axis=0), -end.vacancy_displacement[0])
    assert end.atom_at[4] == first


def test_replay_refuses_what_is_not_a_run():
    lattice = Lattice.bcc((3, 3, 3), 3.0)
    full = np.ones(lattice.n_sites, dtype=np.uint8)
    with pytest.raises(ValueError, match="got none"):
        replay(lattice, full, np.zeros(1, dtype=np.uint8))
    full[0] = 0
    with pytest.raises(ValueError, match="direction 8"):
        replay(lattice, full, np.array([8], dtype=np.uint8))
