"""Means and their errors over replicas, and bootstrap errors of any statistic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


class Estimate(NamedTuple):
    """A mean with its error.

    Attributes:
        mean: float64[...]; NaN for no value.
        error: float64[...], standard error of the mean; NaN below two values.
        n: int64[...], values that went in.
    """

    mean: FloatArray
    error: FloatArray
    n: NDArray[np.int64]


def mean_and_error(values: ArrayLike, axis: int = 0) -> Estimate:
    """Mean over `axis` with its standard error, s / sqrt(n), s with n - 1; NaN values are left out."""
    array = np.asarray(values, dtype=np.float64)
    valid = np.isfinite(array)
    count = valid.sum(axis=axis)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(valid, array, 0.0).sum(axis=axis) / count
        squares = np.where(valid, array - np.expand_dims(mean, axis), 0.0) ** 2
        error = np.sqrt(squares.sum(axis=axis) / ((count - 1) * count))
    return Estimate(np.where(count > 0, mean, np.nan), np.where(count > 1, error, np.nan), count)


class Interval(NamedTuple):
    """A bootstrap estimate: the statistic of the data, its standard error and a confidence interval."""

    value: float
    error: float
    low: float
    high: float


def bootstrap(
    values: ArrayLike,
    statistic: Callable[[NDArray], float],
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    few: bool = False,
) -> Interval:
    """Error of `statistic` by resampling the first axis of `values` with replacement.

    Args:
        values: [n, ...]; what is resampled must be independent (all jumps of a vacancy as one row).
        statistic: a number from values [n, ...].
        rng: random generator.
        resamples: how many resampled sets.
        confidence: coverage of the percentile interval, between 0 and 1.
        few: draw n - 1 of n, as `bootstrap_means` does; then two values are needed.

    Raises:
        ValueError: no values (few: fewer than two), fewer than two resamples, or a coverage outside (0, 1).
    """
    array = np.asarray(values)
    size = len(array) - few
    if size < 1:
        raise ValueError("values: expected at least two" if few else "values: expected at least one")
    if resamples < 2 or not 0 < confidence < 1:
        raise ValueError(f"expected resamples >= 2 and 0 < confidence < 1, got {resamples}, {confidence}")
    drawn = [statistic(array[rng.integers(len(array), size=size)]) for _ in range(resamples)]
    tail = 0.5 * (1 - confidence)
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(float(statistic(array)), float(np.std(drawn, ddof=1)), float(low), float(high))


def bootstrap_means(
    groups: Sequence[ArrayLike],
    statistic: Callable[[FloatArray], float],
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
) -> Interval:
    """Error of a statistic of the means of independent groups, by resampling each group.

    Of a group of n, n - 1 members are drawn with replacement: the means then scatter with the variance
    s^2 / n that they have (with n drawn it would be smaller by (n - 1) / n, much for few replicas).
    Resamples where the statistic is NaN are left out; if they are more than half, or a group has a single
    member, or the statistic of the data is NaN, the error is NaN.

    Args:
        groups: float64[n] each, at least one member.
        statistic: a number from the means float64[len(groups)].
        rng: random generator.
        resamples: how many resampled sets.
        confidence: coverage of the percentile interval, between 0 and 1.

    Raises:
        ValueError: no or an empty group, fewer than two resamples, or a coverage outside (0, 1).
    """
    arrays = [np.asarray(group, dtype=np.float64) for group in groups]
    if not arrays or not all(len(array) for array in arrays):
        raise ValueError("groups: expected at least one, each with at least one member")
    if resamples < 2 or not 0 < confidence < 1:
        raise ValueError(f"expected resamples >= 2 and 0 < confidence < 1, got {resamples}, {confidence}")
    value = float(statistic(np.array([array.mean() for array in arrays])))
    if np.isnan(value) or min(map(len, arrays)) < 2:
        return Interval(value, np.nan, np.nan, np.nan)
    means = [a[rng.integers(len(a), size=(resamples, len(a) - 1))].mean(axis=1) for a in arrays]
    drawn = np.array([statistic(row) for row in np.stack(means, axis=1)])
    drawn = drawn[np.isfinite(drawn)]
    if len(drawn) <= resamples // 2:
        return Interval(value, np.nan, np.nan, np.nan)
    tail = 0.5 * (1 - confidence)
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(value, float(np.std(drawn, ddof=1)), float(low), float(high))
