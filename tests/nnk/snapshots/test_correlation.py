"""Correlation times against series whose times are known."""

import numpy as np
import pytest

from nnk.snapshots.correlation import autocorrelation, integrated_time, n_effective


def autoregressive(tau, n, m=1, seed=0):
    """m series with rho(k) = exp(-k / tau)."""
    rng = np.random.default_rng(seed)
    a = np.exp(-1 / tau)
    x = rng.standard_normal((n, m))
    x[1:] *= np.sqrt(1 - a**2)
    for i in range(1, n):
        x[i] += a * x[i - 1]
    return x


def naive(series):
    x = series - series.mean(axis=0)
    n = len(x)
    sums = np.array([sum((x[i] * x[i + k]).sum() for i in range(n - k)) for k in range(n)])
    return sums / sums[0]


@pytest.mark.parametrize("m", [1, 3])
def test_the_function_is_the_sum_over_pairs(m):
    series = autoregressive(3, 40, m)
    np.testing.assert_allclose(autocorrelation(series), naive(series), atol=1e-12)


@pytest.mark.parametrize("tau", [2, 8, 30])
def test_the_time_of_an_exponential_decay_is_found(tau):
    exact = 0.5 / np.tanh(0.5 / tau)  # 1/2 + the sum of a geometric series
    assert integrated_time(autoregressive(tau, 20_000, 20)) == pytest.approx(exact, rel=0.05)


def test_squares_of_a_gaussian_series_forget_twice_as_fast():
    series = autoregressive(20, 20_000, 20)
    assert integrated_time(series**2) == pytest.approx(0.5 / np.tanh(1 / 20), rel=0.08)


def test_independent_values_are_all_effective():
    series = np.random.default_rng(0).standard_normal((5000, 5))
    assert integrated_time(series) == pytest.approx(0.5, abs=0.03)
    assert n_effective(series) == pytest.approx(5000, rel=0.06)


def test_the_error_of_a_mean_follows_from_the_effective_number():
    means = [autoregressive(10, 1000, seed=seed).mean() for seed in range(40)]
    expected = 1 / np.sqrt(np.mean([n_effective(autoregressive(10, 1000, seed=seed)) for seed in range(10)]))
    assert np.std(means) == pytest.approx(expected, rel=0.3)


def test_a_constant_is_known_after_one_value():
    assert integrated_time(np.ones(10)) == 0.5
    with pytest.raises(ValueError, match="two values or more"):
        integrated_time(np.ones(1))
