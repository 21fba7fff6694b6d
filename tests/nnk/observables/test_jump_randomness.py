from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnk.alloy import exact_counts, random_solution
from nnk.constants import K_B_eV_K
from nnk.lattice import Lattice
from nnk.observables.jump_randomness import (
    jump_probabilities,
    jump_randomness,
    randomness_curve,
)
from nnk.observables.site_barriers import site_barriers
from nnk.published import read_nkk_weights

barrier_rows = arrays(np.float64, (3, 8), elements=st.floats(0.0, 5.0))
temperatures = st.floats(50.0, 5000.0)


def naive_randomness(barriers, temperature_K):
    rates = [np.exp(-e / (K_B_eV_K * temperature_K)) for e in barriers]
    p = [k / sum(rates) for k in rates]
    directional = np.zeros(len(p))
    directional[0] = 1
    return 1 - np.std(p) / np.std(directional)


def test_equals_the_definition_by_standard_deviations():
    barriers = np.random.default_rng(0).normal(1.8, 0.25, (50, 8))
    expected = [naive_randomness(row, 900.0) for row in barriers]
    np.testing.assert_allclose(jump_randomness(barriers, 900.0), expected, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(barrier_rows, st.floats(300.0, 5000.0))
def test_equals_the_definition_for_any_barriers(barriers, temperature):
    expected = [naive_randomness(row, temperature) for row in barriers]
    np.testing.assert_allclose(jump_randomness(barriers, temperature), expected, atol=1e-7)


@pytest.mark.parametrize("open_paths", range(1, 9))
def test_open_paths_of_equal_barriers(open_paths):
    """n equally easy of 8 paths: sum p^2 = 1/n."""
    barriers = np.where(np.arange(8) < open_paths, 1.2, np.inf)
    assert jump_randomness(barriers, 900.0) == pytest.approx(1 - np.sqrt((8 / open_paths - 1) / 7))


@settings(max_examples=60, deadline=None)
@given(barrier_rows, temperatures)
def test_bounds_and_invariance(barriers, temperature):
    r = jump_randomness(barriers, temperature)
    assert ((r >= 0) & (r <= 1)).all()
    np.testing.assert_allclose(jump_randomness(barriers[:, ::-1] + 0.5, temperature), r, atol=1e-6)
    np.testing.assert_allclose(jump_probabilities(barriers, temperature).sum(axis=-1), 1)


def test_limits():
    one_path = np.array([1.7] + [np.inf] * 7)
    assert jump_randomness(one_path, 3000.0) == 0
    one_easy = np.array([0.1] + [2.0] * 7)
    assert jump_randomness(one_easy, 300.0) == pytest.approx(0, abs=1e-12)
    assert jump_randomness(np.full(8, 1.7), 300.0) == 1
    assert jump_randomness(np.full(12, 0.7), 300.0) == 1
    assert jump_randomness(np.random.default_rng(1).normal(1.8, 0.25, 8), 1e9) == pytest.approx(1, abs=1e-5)


def test_no_underflow_at_low_temperature():
    p = jump_probabilities([2.0, 2.0, 2.5, 3.0, 3.0, 3.0, 3.0, 3.0], 5.0)
    np.testing.assert_allclose(p[:2], 0.5)


def test_impossible_jump_has_probability_zero():
    p = jump_probabilities([1.0, np.inf, 1.0], 500.0)
    np.testing.assert_allclose(p, [0.5, 0, 0.5])


@pytest.mark.parametrize(
    ("barriers", "temperature"),
    [([1.0, 2.0], 0.0), ([1.0, np.nan], 300.0), ([np.inf, np.inf], 300.0), ([1.0, 2.0], float("nan"))],
)
def test_nonsense_is_refused(barriers, temperature):
    with pytest.raises(ValueError, match="expected"):
        jump_probabilities(barriers, temperature)


def test_curve_is_mean_and_variance_over_sites():
    barriers = np.random.default_rng(2).normal(1.8, 0.25, (40, 8))
    curve = randomness_curve(barriers, [400.0, 900.0])
    r = jump_randomness(barriers, 900.0)
    assert curve.mean[1] == r.mean()
    assert curve.variance[1] == pytest.approx(np.mean((r - r.mean()) ** 2))
    assert curve.counts.sum(axis=1).tolist() == [40, 40]
    assert curve.counts[1][int(25 * r[0])] == ((25 * r).astype(int) == int(25 * r[0])).sum()
    assert curve.at(900.0) == 1
    with pytest.raises(ValueError, match="none of those"):
        curve.at(901.0)


def test_published_network_is_most_heterogeneous_near_850_K(nkk_weights):
    """Figure 4 of Xing et al. (2024): Var(R) peaks near 850 K; R peaks at 0 at 400 K and at 0.7 at 3000 K."""
    model = read_nkk_weights(nkk_weights, allow_pickle=True)
    lattice = Lattice.bcc((16, 16, 16), 3.24)
    occupancy = random_solution(exact_counts([1 / 3] * 3, lattice.n_sites), np.random.default_rng(0))
    barriers = site_barriers(model, lattice, occupancy, np.arange(0, lattice.n_sites, 2))
    curve = randomness_curve(barriers, np.arange(100.0, 3001.0, 50.0))
    top = curve.variance.argmax()
    assert 800 <= curve.temperature_K[top] <= 950
    assert curve.variance[top] == pytest.approx(0.031, abs=0.002)
    for temperature_K, low, high in ((400.0, 0.0, 0.04), (3000.0, 0.66, 0.78)):
        counts, edges = np.histogram(jump_randomness(barriers, temperature_K), 50, (0, 1))
        assert low <= edges[counts.argmax()] <= high
