"""Error of the mean of correlated values that follow each other."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import chi2

FloatArray = NDArray[np.float64]
SIGNIFICANCE = 0.01
MARGIN = (
    2  # levels: what is left of the correlations, too little to be seen, makes errors up to 15 % too small
)
FEWEST = 8  # averages that the margin leaves


class BlockedMean(NamedTuple):
    """A mean with the error that its correlations allow.

    Attributes:
        mean: of all values; NaN for none.
        error: standard error; NaN below two values.
        values: neighbouring values that were averaged into one before they counted as independent.
    """

    mean: float
    error: float
    values: int


def blocked_mean(values: ArrayLike) -> BlockedMean:
    """Mean of float64[n] values in the order of their making, with an error that knows their correlations.

    Neighbours are averaged in pairs, again and again (Flyvbjerg and Petersen, J. Chem. Phys. 91, 461 (1989)),
    until the averages show no correlation with their neighbours: the first level k for which the sum over
    levels i >= k of ``n_i (g_i + s_i (n_i - 1) / n_i^2)^2 / s_i^2`` is below the 99 % quantile of chi
    squared (Jonsson, Phys. Rev. E 98, 043304 (2018)), with s_i the variance and g_i the covariance of
    neighbours among the n_i averages of level i. The error is that of two levels further, where eight
    averages or more are left. An odd value at the end is left out of the next level.

    Raises:
        ValueError: values that are not a row of finite numbers.
    """
    row = np.asarray(values, dtype=np.float64)
    if row.ndim != 1 or not np.isfinite(row).all():
        raise ValueError("values: expected a row of finite numbers")
    if len(row) < 2:
        return BlockedMean(float(row.mean()) if len(row) else np.nan, np.nan, 1)
    levels = _levels(row)
    tests = np.array([_correlation(level) for level in levels])
    sums = np.cumsum(tests[::-1])[::-1]
    quantiles = chi2.ppf(1 - SIGNIFICANCE, np.arange(len(levels), 0, -1))
    passes = sums < quantiles
    passes[-1] = True
    chosen = int(np.argmax(passes))
    further = [k for k in range(chosen, chosen + MARGIN + 1) if k < len(levels) and len(levels[k]) >= FEWEST]
    chosen = max([chosen, *further])
    error = np.sqrt(levels[chosen].var(ddof=1) / len(levels[chosen]))
    return BlockedMean(float(row.mean()), float(error), 2**chosen)


def _levels(row: FloatArray) -> list[FloatArray]:
    """The values, their averages in pairs, and so on while there are two or more."""
    levels = [row]
    while len(levels[-1]) >= 4:
        even = levels[-1][: len(levels[-1]) // 2 * 2]
        levels.append(0.5 * (even[::2] + even[1::2]))
    return levels


def _correlation(values: FloatArray) -> float:
    """Squared correlation of neighbours in units of what chance gives it."""
    n, deviations = len(values), values - values.mean()
    variance = float(np.mean(deviations**2))
    if variance == 0:
        return 0.0
    neighbours = float(np.sum(deviations[:-1] * deviations[1:])) / n
    return n * (neighbours / variance + (n - 1) / n**2) ** 2
