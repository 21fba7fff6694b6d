from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import lfilter

from nnk.observables.blocking import blocked_mean


def autoregressive(n, memory, rng):
    """x_i = memory x_(i-1) + noise, variance 1."""
    noise = rng.normal(size=n + 200) * np.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], noise)[200:]


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_error_of_correlated_values_is_that_of_their_mean(memory):
    rng = np.random.default_rng(int(10 * memory))
    n = 2**13
    exact = np.sqrt((1 + memory) / (1 - memory) / n)
    found = [blocked_mean(autoregressive(n, memory, rng)) for _ in range(100)]
    errors = np.array([each.error for each in found])
    assert np.sqrt(np.mean(errors**2)) == pytest.approx(exact, rel=0.08)
    assert np.std([each.mean for each in found]) == pytest.approx(exact, rel=0.25)


def test_independent_values_have_the_plain_error():
    values = np.random.default_rng(5).normal(size=1024)
    found, fours = blocked_mean(values), values.reshape(-1, 4).mean(axis=1)
    assert found == (values.mean(), pytest.approx(fours.std(ddof=1) / 16), 4)
    assert found.error == pytest.approx(values.std(ddof=1) / 32, rel=0.15)
    assert blocked_mean(values[:6]).error == pytest.approx(values[:6].std(ddof=1) / np.sqrt(6))


def test_memory_nearly_as_long_as_the_values_is_seen():
    assert blocked_mean(np.repeat([0.0, 1.0, 0.0, 1.0], 64)).error > 5 * 0.5 / 16


def test_an_odd_value_counts_for_the_mean():
    assert blocked_mean([1.0, 2.0, 6.0]).mean == 3.0
    assert blocked_mean([1.0, 2.0, 6.0]).error == pytest.approx(np.sqrt(7 / 3))


def test_few_or_equal_values():
    assert np.isnan(blocked_mean([]).mean)
    assert blocked_mean([3.0]).mean == 3.0
    assert np.isnan(blocked_mean([3.0]).error)
    assert blocked_mean(np.ones(64)) == (1.0, 0.0, 4)
    with pytest.raises(ValueError, match="finite"):
        blocked_mean([1.0, np.nan])
    with pytest.raises(ValueError, match="row"):
        blocked_mean(np.ones((2, 2)))
