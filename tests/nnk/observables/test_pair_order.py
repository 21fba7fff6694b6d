from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.lattice import Lattice, shell_offsets
from nnk.observables.pair_order import (
    coordination,
    neighbour_numbers,
    pair_counts,
    pair_parameter,
    random_neighbour_numbers,
    random_spread,
    species_numbers,
    warren_cowley,
)


def naive_counts(lattice, occupancy, shells, n_species):
    counts = np.zeros((shells, n_species, n_species), dtype=int)
    for k in range(shells):
        for site in range(lattice.n_sites):
            for offset in shell_offsets(lattice.structure, k + 1):
                other = lattice.site_at(lattice.coordinates[site] + offset)
                a, b = occupancy[site], occupancy[other]
                if a and b:
                    counts[k, a - 1, b - 1] += 1
    return counts


def random_state(lattice, n_species, seed, vacancies=1):
    rng = np.random.default_rng(seed)
    occupancy = rng.integers(1, n_species + 1, lattice.n_sites).astype(np.uint8)
    occupancy[rng.choice(lattice.n_sites, vacancies, replace=False)] = 0
    return occupancy


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_counts_equal_those_of_a_plain_loop(structure):
    lattice = Lattice(structure, (3, 4, 3), 3.0)
    occupancy = random_state(lattice, 3, seed=1, vacancies=2)
    np.testing.assert_array_equal(
        pair_counts(lattice, occupancy, 4, 3), naive_counts(lattice, occupancy, 4, 3)
    )


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["bcc", "fcc"]), st.integers(1, 4), st.integers(0, 3))
def test_neighbours_of_an_atom_sum_to_the_shell(seed, structure, n_species, vacancies):
    lattice = Lattice(structure, (4, 3, 3), 3.0)
    occupancy = random_state(lattice, n_species, seed, vacancies)
    counts = pair_counts(lattice, occupancy, 3, n_species)
    numbers, z = species_numbers(occupancy, n_species), coordination(structure, 3)
    np.testing.assert_array_equal(counts, counts.transpose(0, 2, 1))
    all_sites = pair_counts(lattice, np.where(occupancy, occupancy, n_species + 1), 3, n_species + 1)
    np.testing.assert_array_equal(all_sites.sum(axis=2)[:, :n_species], np.outer(z, numbers))
    if vacancies == 0 and numbers.all():
        total = neighbour_numbers(counts, numbers).sum(axis=-1)
        np.testing.assert_allclose(total, np.repeat(z[:, None], n_species, axis=1))
        delta = pair_parameter(counts, numbers, lattice.n_sites, z)
        np.testing.assert_allclose(delta.sum(axis=-1), 0, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_alpha_is_symmetric_and_delta_scales_with_the_numbers(seed):
    lattice = Lattice.bcc((4, 4, 4), 3.0)
    occupancy = random_state(lattice, 3, seed)
    counts, numbers = pair_counts(lattice, occupancy, 2, 3), species_numbers(occupancy, 3)
    z = coordination("bcc", 2)
    alpha = warren_cowley(counts, numbers, lattice.n_sites, z)
    delta = pair_parameter(counts, numbers, lattice.n_sites, z)
    np.testing.assert_allclose(alpha, alpha.transpose(0, 2, 1), atol=1e-12)
    weighted = delta * numbers[:, None]
    np.testing.assert_allclose(weighted, weighted.transpose(0, 2, 1), atol=1e-9)


def test_every_arrangement_of_a_small_cell_averages_to_exactly_zero():
    """Three a, four b and one vacancy on eight sites: all 280 arrangements, not a sample of them."""
    lattice = Lattice.bcc((2, 2, 1), 3.0)
    z = np.array([8])
    found = []
    for vacancy in range(8):
        rest = [s for s in range(8) if s != vacancy]
        for ones in combinations(rest, 3):
            occupancy = np.full(8, 2, dtype=np.uint8)
            occupancy[vacancy] = 0
            occupancy[list(ones)] = 1
            found.append(pair_parameter(pair_counts(lattice, occupancy, 1, 2), [3, 4], 8, z))
    assert len(found) == 280
    np.testing.assert_allclose(np.mean(found, axis=0), 0, atol=1e-12)
    spread = random_spread(lattice, occupancy, 1, 2, np.random.default_rng(5), arrangements=4000)
    np.testing.assert_allclose(spread, np.std(found, axis=0), rtol=0.1)


def test_perfect_b2_crystal():
    lattice = Lattice.bcc((4, 4, 4), 3.0)
    occupancy = (1 + lattice.coordinates[:, 0] % 2).astype(np.uint8)
    n = lattice.n_sites
    counts, numbers = pair_counts(lattice, occupancy, 2, 2), species_numbers(occupancy, 2)
    np.testing.assert_allclose(neighbour_numbers(counts, numbers)[:, 0], [[0, 8], [6, 0]])
    alpha = warren_cowley(counts, numbers, n, coordination("bcc", 2))
    unlike = 1 - (n - 1) / (n / 2)  # -1 in the limit of a large cell
    np.testing.assert_allclose(alpha[0], [[1, unlike], [unlike, 1]])
    np.testing.assert_allclose(alpha[1, 0, 1], 1)
    delta = pair_parameter(counts, numbers, n, coordination("bcc", 2))
    np.testing.assert_allclose(delta[0, 0, 1], 8 - 8 * (n / 2) / (n - 1))


def test_b2_alpha_tends_to_minus_one():
    lattice = Lattice.bcc((10, 10, 10), 3.0)
    occupancy = (1 + lattice.coordinates[:, 0] % 2).astype(np.uint8)
    counts = pair_counts(lattice, occupancy, 1, 2)
    alpha = warren_cowley(counts, species_numbers(occupancy, 2), lattice.n_sites, coordination("bcc", 1))
    assert alpha[0, 0, 1] == pytest.approx(-1, abs=2e-3)


def test_absent_species_is_undefined_not_zero():
    expected = random_neighbour_numbers([4, 0], 5, [8])
    assert np.isnan(expected[0, 1]).all()
    assert np.isnan(warren_cowley(np.zeros((1, 2, 2)), [4, 0], 5, [8])[0, 1]).all()
    assert np.isnan(warren_cowley(np.zeros((1, 2, 2)), [4, 0], 5, [8])[0, 0, 1])
    assert pair_parameter(np.zeros((1, 2, 2)), [4, 0], 5, [8])[0, 0, 1] == 0


def test_frames_are_batched():
    lattice = Lattice.bcc((3, 3, 3), 3.0)
    states = [random_state(lattice, 2, seed) for seed in range(3)]
    numbers = species_numbers(states[0], 2)
    counts = np.array([pair_counts(lattice, s, 2, 2) for s in states])
    z = coordination("bcc", 2)
    together = pair_parameter(counts, numbers, lattice.n_sites, z)
    for one, state_counts in zip(together, counts, strict=True):
        np.testing.assert_array_equal(one, pair_parameter(state_counts, numbers, lattice.n_sites, z))


@pytest.mark.parametrize(
    ("cells", "occupancy", "message"),
    [
        ((3, 3, 3), np.ones(5, np.uint8), r"expected shape \(54,\)"),
        ((3, 3, 3), np.full(54, 4, np.uint8), "species 4"),
        ((1, 3, 3), np.ones(18, np.uint8), "own neighbour in shell 2"),
    ],
)
def test_what_cannot_be_counted_is_refused(cells, occupancy, message):
    with pytest.raises(ValueError, match=message):
        pair_counts(Lattice.bcc(cells, 3.0), occupancy, 2, 3)


def exact_variance(numbers, n_sites, z, a, b):
    """Of delta_ab, a unlike b, over all arrangements: from the a-b bonds taken two by two."""
    n_a, n_b, bonds = int(numbers[a]), int(numbers[b]), n_sites * z // 2
    sharing = n_sites * z * (z - 1)  # ordered pairs of bonds with one site in common
    apart = bonds * (bonds - 1) - sharing
    two, three = n_sites * (n_sites - 1), n_sites * (n_sites - 1) * (n_sites - 2)
    mean = bonds * 2 * n_a * n_b / two
    both_sharing = n_a * n_b * (n_a + n_b - 2) / three
    both_apart = 4 * n_a * (n_a - 1) * n_b * (n_b - 1) / (three * (n_sites - 3))
    return (mean + sharing * both_sharing + apart * both_apart - mean**2) / n_a**2


@pytest.mark.parametrize("shell", [1, 2, 3])
def test_a_random_solution_scatters_about_zero_by_its_exact_variance(shell):
    lattice, generator = Lattice.bcc((5, 5, 5), 3.3), np.random.default_rng(8)
    occupancy = generator.permutation(np.repeat([0, 1, 2, 3], [1, 100, 80, 69])).astype(np.uint8)
    numbers, z = species_numbers(occupancy, 3), coordination("bcc", 3)
    arrangements = 400
    drawn = np.array(
        [
            pair_parameter(
                pair_counts(lattice, generator.permutation(occupancy), 3, 3), numbers, lattice.n_sites, z
            )
            for _ in range(arrangements)
        ]
    )[:, shell - 1]
    spread = random_spread(lattice, occupancy, 3, 3, generator, arrangements=arrangements)[shell - 1]
    for a, b in ((0, 1), (1, 2), (2, 0)):
        exact = np.sqrt(exact_variance(numbers, lattice.n_sites, z[shell - 1], a, b))
        assert abs(drawn[:, a, b].mean()) < 4 * exact / np.sqrt(arrangements)
        assert drawn[:, a, b].std() == pytest.approx(exact, rel=4 / np.sqrt(2 * arrangements))
        assert spread[a, b] == pytest.approx(exact, rel=4 / np.sqrt(2 * arrangements))
