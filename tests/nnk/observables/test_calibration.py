from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from nnk.observables.calibration import (
    R2_over_groups,
    RMSE_over_groups,
    calibration_slope,
    errors_of,
    group_sums,
    mean_over_groups,
    spread_calibration,
)
from nnk.observables.statistics import bootstrap

values = arrays(np.float64, 12, elements=st.floats(-3, 3).map(lambda x: round(x, 3)))


def rng():
    return np.random.default_rng(5)


@settings(max_examples=60, deadline=None)
@given(values, values)
def test_errors_are_those_of_a_plain_loop(true, predicted):
    found = errors_of(true, predicted)
    differences = [p - t for t, p in zip(true, predicted, strict=True)]
    sizes = sorted(abs(d) for d in differences)
    assert found.n == 12
    assert pytest.approx(sum(sizes) / 12) == found.MAE
    assert pytest.approx((sum(d * d for d in differences) / 12) ** 0.5) == found.RMSE
    assert found.bias == pytest.approx(sum(differences) / 12, abs=1e-12)
    assert found.worst == sizes[-1]
    assert found.q50 == pytest.approx((sizes[5] + sizes[6]) / 2)
    assert sizes[10] <= found.q95 <= found.q99 <= sizes[11]
    assert found.q95 == pytest.approx(sizes[10] + 0.45 * (sizes[11] - sizes[10]))
    total = sum((t - sum(true) / 12) ** 2 for t in true)
    if total > 1e-6:
        assert pytest.approx(1 - sum(d * d for d in differences) / total) == found.R2


def test_r2_of_equal_values_is_undefined():
    assert np.isnan(errors_of([1.0, 1.0], [1.0, 2.0]).R2)


@pytest.mark.parametrize(("a", "b"), [([], []), ([1.0], [1.0, 2.0]), ([[1.0]], [[1.0]])])
def test_pairs_that_are_none_are_refused(a, b):
    with pytest.raises(ValueError, match="two arrays of one length"):
        errors_of(a, b)


@settings(max_examples=40, deadline=None)
@given(arrays(np.int64, 12, elements=st.integers(0, 4)), values)
def test_group_sums_are_those_of_a_plain_loop(group, column):
    found = group_sums(group, column)
    names = sorted(set(group.tolist()))
    assert len(found) == len(names)
    for row, name in zip(found, names, strict=True):
        members = [v for g, v in zip(group, column, strict=True) if g == name]
        np.testing.assert_allclose(row, [len(members), sum(members)], atol=1e-12)


def test_mean_over_groups_has_the_error_of_the_groups_not_of_their_members():
    """20 groups of 50 equal values: 20 independent numbers, not 1000."""
    levels = rng().normal(0, 1, 20)
    found = mean_over_groups(np.repeat(levels, 50), np.repeat(np.arange(20), 50))
    assert found.mean == pytest.approx(levels.mean())
    assert found.error == pytest.approx(levels.std(ddof=1) / np.sqrt(20))
    assert found.n == 20


def test_mean_over_groups_has_the_error_of_a_bootstrap():
    """Groups of 1 to 12 correlated members."""
    sizes = rng().integers(1, 13, 300)
    group = np.repeat(np.arange(300), sizes)
    column = np.repeat(rng().normal(1, 1, 300), sizes) + rng().normal(0, 0.5, len(group))
    rows = group_sums(group, column)
    drawn = bootstrap(rows, lambda r: float(r[:, 1].sum() / r[:, 0].sum()), rng(), resamples=3000)
    found = mean_over_groups(column, group)
    assert found.mean == pytest.approx(column.mean()) == drawn.value
    assert found.error == pytest.approx(drawn.error, rel=0.06)


def correlated(groups=400):
    """Predictions whose errors are alike within groups of 1 to 8."""
    sizes = rng().integers(1, 9, groups)
    group = np.repeat(np.arange(groups), sizes)
    true = rng().normal(1.5, 0.3, len(group))
    shared = np.random.default_rng(8).normal(0, 0.1, groups)[group]
    return true, true + shared + np.random.default_rng(9).normal(0, 0.05, len(group)), group


def drawn_error(statistic, true, predicted, group):
    """Standard deviation of a statistic over resampled groups, the slow way."""
    generator, members = rng(), [np.flatnonzero(group == g) for g in range(group.max() + 1)]
    found = []
    for _ in range(600):
        rows = np.concatenate([members[i] for i in generator.integers(len(members), size=len(members))])
        found.append(statistic(errors_of(true[rows], predicted[rows])))
    return np.std(found)


@pytest.mark.parametrize(("over_groups", "name"), [(RMSE_over_groups, "RMSE"), (R2_over_groups, "R2")])
def test_RMSE_and_R2_have_the_errors_of_a_bootstrap(over_groups, name):
    true, predicted, group = correlated()
    found = over_groups(true, predicted, group)
    assert found.mean == pytest.approx(getattr(errors_of(true, predicted), name))
    expected = drawn_error(lambda errors: getattr(errors, name), true, predicted, group)
    assert found.error == pytest.approx(expected, rel=0.12)
    assert found.n == 400


def test_estimates_of_known_numbers():
    """Two groups; squared errors 0 and 4, squared distances from the mean 1 and 1."""
    found = R2_over_groups([1.0, 3.0], [1.0, 1.0], [0, 1])
    assert found.mean == 1 - 4 / 2
    assert found.error == pytest.approx(np.sqrt(2 * (2**2 + 2**2)) / 2)
    assert RMSE_over_groups([1.0, 3.0], [1.0, 1.0], [0, 1]).mean == pytest.approx(np.sqrt(2))
    assert RMSE_over_groups([1.0, 3.0], [1.0, 3.0], [0, 1])[:2] == (0, 0)
    assert np.isnan(R2_over_groups([1.0, 1.0], [1.0, 2.0], [0, 1]).mean)


def test_one_group_has_no_error():
    assert np.isnan(mean_over_groups([1.0, 2.0], [3, 3]).error)


def test_calibrated_predictions_have_slope_one():
    predicted = rng().normal(1.8, 0.25, 4000)
    true = predicted + np.random.default_rng(6).normal(0, 0.1, 4000)
    found = calibration_slope(true, predicted, np.arange(4000), rng())
    assert found.value == pytest.approx(np.polyfit(predicted, true, 1)[0])
    assert abs(found.value - 1) < 3 * found.error < 0.03
    assert found.error == pytest.approx(0.1 / 0.25 / np.sqrt(4000), rel=0.15)


def test_predictions_spread_too_far_have_a_smaller_slope():
    true = rng().normal(1.8, 0.25, 4000)
    overdone = 1.8 + 1.5 * (true - 1.8)
    shrunk = 1.8 + 0.5 * (true - 1.8)
    group = np.arange(4000)
    assert calibration_slope(true, overdone, group, rng()).value == pytest.approx(1 / 1.5)
    assert calibration_slope(true, shrunk, group, rng()).value == pytest.approx(2)


def test_predictions_that_do_not_vary_have_no_slope():
    with pytest.raises(ValueError, match="vary"):
        calibration_slope([1.0, 2.0], [1.5, 1.5], [0, 1], rng())


def test_a_calibrated_spread_has_slope_one():
    spread = rng().uniform(0.01, 0.1, 20_000)
    error = np.random.default_rng(7).normal(0, spread)
    found = spread_calibration(error, spread)
    assert found.slope == pytest.approx(1, abs=0.03)
    np.testing.assert_allclose(found.error, found.spread, rtol=0.1)
    assert found.within == (pytest.approx(0.683, abs=0.015), pytest.approx(0.954, abs=0.01))
    assert found.n.tolist() == [2000] * 10
    assert spread_calibration(3 * error, spread).slope == pytest.approx(3 * found.slope)


@settings(max_examples=40, deadline=None)
@given(values, arrays(np.float64, 12, elements=st.floats(0.01, 1), unique=True), st.integers(1, 12))
def test_bins_of_the_spread_are_those_of_a_plain_loop(error, spread, bins):
    found = spread_calibration(error, spread, bins=bins)
    pairs = sorted(zip(spread.tolist(), error.tolist(), strict=True))
    first = 0
    for k, n in enumerate(found.n.tolist()):
        members = pairs[first : first + n]
        first += n
        assert found.spread[k] == pytest.approx((sum(s * s for s, _ in members) / n) ** 0.5)
        assert found.error[k] == pytest.approx((sum(e * e for _, e in members) / n) ** 0.5)
    assert first == 12
    assert found.within[0] == pytest.approx(sum(abs(e) < s for s, e in pairs) / 12)


@pytest.mark.parametrize(
    ("spread", "bins", "message"),
    [([0.1, 0.0], 1, "positive"), ([0.1, 0.1], 3, "1 to 2"), ([0.1, 0.1], 0, "1")],
)
def test_spreads_that_are_none_are_refused(spread, bins, message):
    with pytest.raises(ValueError, match=message):
        spread_calibration([0.1, 0.2], spread, bins=bins)
