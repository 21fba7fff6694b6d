from __future__ import annotations

import numpy as np
import pytest

from nnk.observables.statistics import bootstrap, bootstrap_means, mean_and_error


def test_mean_and_error_equal_scipy():
    from scipy.stats import sem

    values = np.random.default_rng(0).normal(size=(6, 4))
    found = mean_and_error(values, axis=0)
    np.testing.assert_allclose(found.mean, values.mean(axis=0))
    np.testing.assert_allclose(found.error, sem(values, axis=0))
    np.testing.assert_array_equal(found.n, 6)


def test_missing_values_are_left_out():
    found = mean_and_error([[1.0, np.nan, np.nan], [3.0, 5.0, np.nan]])
    np.testing.assert_array_equal(found.mean, [2.0, 5.0, np.nan])
    np.testing.assert_array_equal(found.error, [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(found.n, [2, 1, 0])


def test_bootstrap_error_of_a_mean_is_the_standard_error():
    values = np.random.default_rng(1).normal(2.0, 0.5, 400)
    found = bootstrap(values, np.mean, np.random.default_rng(2), resamples=2000)
    assert found.value == values.mean()
    assert found.error == pytest.approx(values.std() / 20, rel=0.1)
    assert found.low < found.value < found.high
    assert found.high - found.low == pytest.approx(2 * 1.96 * found.error, rel=0.1)


def test_bootstrap_is_reproducible_and_resamples_rows():
    pairs = np.arange(20.0).reshape(10, 2)
    difference = lambda rows: float((rows[:, 1] - rows[:, 0]).mean())  # noqa: E731
    found = bootstrap(pairs, difference, np.random.default_rng(3))
    assert found == bootstrap(pairs, difference, np.random.default_rng(3))
    assert found.error == pytest.approx(0)


def test_bootstrap_refuses_nonsense():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least one"):
        bootstrap([], np.mean, rng)
    with pytest.raises(ValueError, match="resamples"):
        bootstrap([1.0], np.mean, rng, resamples=1)
    with pytest.raises(ValueError, match="confidence"):
        bootstrap([1.0], np.mean, rng, confidence=1.0)


def test_bootstrap_of_means_has_the_standard_error_even_of_few_members():
    generator = np.random.default_rng(4)
    groups = [generator.normal(size=4) for _ in range(200)]
    found = bootstrap_means(groups, np.sum, generator, resamples=4000)
    expected = np.sqrt(np.sum([np.var(group, ddof=1) / 4 for group in groups]))
    assert found.value == pytest.approx(np.sum([group.mean() for group in groups]))
    assert found.error == pytest.approx(expected, rel=0.05)
    assert found.low < found.value < found.high


def test_bootstrap_of_means_is_undefined_for_single_members_and_undefined_statistics():
    generator = np.random.default_rng(0)
    assert np.isnan(bootstrap_means([[1.0], [2.0, 3.0]], np.sum, generator).error)
    often_nan = lambda means: float("nan") if means[0] > 1.2 else 1.0  # noqa: E731
    assert np.isnan(bootstrap_means([[0.0, 1.0, 2.0, 1.5]], lambda _: float("nan"), generator).value)
    rarely = bootstrap_means([[0.0, 1.0, 2.0, 1.5]], often_nan, generator)
    assert rarely.value == 1.0


@pytest.mark.parametrize(
    ("groups", "options", "match"),
    [([], {}, "at least one"), ([[]], {}, "at least one"), ([[1, 2]], {"resamples": 1}, "resamples")],
)
def test_bootstrap_of_means_refuses_what_it_cannot_do(groups, options, match):
    with pytest.raises(ValueError, match=match):
        bootstrap_means(groups, np.sum, np.random.default_rng(0), **options)


def test_bootstrap_of_few_has_the_standard_error_of_their_mean():
    values = np.array([1.0, 2.0, 4.0, 8.0])
    found = bootstrap(values, np.mean, np.random.default_rng(1), resamples=4000, few=True)
    assert found.error == pytest.approx(values.std(ddof=1) / 2, rel=0.05)
    with pytest.raises(ValueError, match="at least two"):
        bootstrap([1.0], np.mean, np.random.default_rng(1), few=True)
