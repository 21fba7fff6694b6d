"""Means and their errors over replicas, and bootstrap errors of any statistic."""

from __future__ import annotations

from collections.abc import Callable
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
) -> Interval:
    """Error of `statistic` by resampling the first axis of `values` with replacement.

    Args:
        values: [n, ...]; what is resampled must be independent (all jumps of a vacancy as one row).
        statistic: a number from values [n, ...].
        rng: random generator.
        resamples: how many resampled sets.
        confidence: coverage of the percentile interval, between 0 and 1.

    Raises:
        ValueError: no values, fewer than two resamples, or a coverage outside (0, 1).
    """
    array = np.asarray(values)
    if not len(array):
        raise ValueError("values: expected at least one")
    if resamples < 2 or not 0 < confidence < 1:
        raise ValueError(f"expected resamples >= 2 and 0 < confidence < 1, got {resamples}, {confidence}")
    drawn = [statistic(array[rng.integers(len(array), size=len(array))]) for _ in range(resamples)]
    tail = 0.5 * (1 - confidence)
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(float(statistic(array)), float(np.std(drawn, ddof=1)), float(low), float(high))
