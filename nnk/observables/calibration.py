"""Errors of predicted barriers, and whether predictions and their stated spread can be believed.

Groups of predictions are not independent: both directions of a jump, and all jumps of a vacancy, share their
surroundings. Errors of what follows are therefore taken over whole groups (`group_sums`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.observables.statistics import Estimate, Interval, bootstrap

FloatArray = NDArray[np.float64]


class Errors(NamedTuple):
    """Errors of n predictions, predicted minus true, in the unit of the values.

    Attributes:
        n: number of predictions.
        MAE: mean absolute error.
        RMSE: root mean square error.
        R2: coefficient of determination; NaN if the true values do not vary.
        bias: mean error.
        q50, q95, q99: the absolute error that 50, 95 and 99 % of the predictions keep within.
        worst: largest absolute error.
    """

    n: int
    MAE: float
    RMSE: float
    R2: float
    bias: float
    q50: float
    q95: float
    q99: float
    worst: float


def errors_of(true: ArrayLike, predicted: ArrayLike) -> Errors:
    """Errors of `predicted` [n] against `true` [n].

    Raises:
        ValueError: no values, or arrays of different lengths.
    """
    values, guesses = _pairs(true, predicted)
    error = guesses - values
    size = np.abs(error)
    variance = float(((values - values.mean()) ** 2).sum())
    q50, q95, q99 = (float(q) for q in np.quantile(size, [0.5, 0.95, 0.99]))
    return Errors(
        len(values),
        float(size.mean()),
        float(np.sqrt((error**2).mean())),
        1 - float((error**2).sum()) / variance if variance > 0 else np.nan,
        float(error.mean()),
        q50,
        q95,
        q99,
        float(size.max()),
    )


def _pairs(first: ArrayLike, second: ArrayLike) -> tuple[FloatArray, FloatArray]:
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise ValueError(f"expected two arrays of one length, 1 at least, got {a.shape} and {b.shape}")
    return a, b


def group_sums(group: ArrayLike, *columns: ArrayLike) -> FloatArray:
    """Number of members and sums of `columns` [n] of each group, float64[groups, 1 + columns].

    Sums are all that a ratio of sums, and its error over groups, needs.
    """
    _, number = np.unique(np.asarray(group), return_inverse=True)
    return np.stack(
        [np.bincount(number), *(np.bincount(number, np.asarray(column)) for column in columns)], axis=1
    ).astype(np.float64)


def mean_over_groups(values: ArrayLike, group: ArrayLike) -> Estimate:
    """Mean of `values` [n] with its standard error over independent groups of them.

    A mean over groups of n_g members with sums S_g is a ratio of sums, see `ratio_over_groups`; its variance

        G / (G - 1) sum_g (S_g - n_g mean)^2 / (sum_g n_g)^2

    is also what a bootstrap over G groups tends to.

    Returns:
        The mean, its error (NaN for one group), and G.
    """
    return ratio_over_groups(values, np.ones(len(np.asarray(values))), group)


def ratio_over_groups(numerator: ArrayLike, denominator: ArrayLike, group: ArrayLike) -> Estimate:
    """Ratio of the sums of two columns [n] with its standard error over independent groups.

    With the sums A_g and B_g of a group and the ratio r = sum A_g / sum B_g the variance is, to first order,

        G / (G - 1) sum_g (A_g - r B_g)^2 / (sum_g B_g)^2.

    Returns:
        The ratio, its error (NaN for one group), and G; NaN for a denominator of 0.
    """
    _, above, below = group_sums(group, numerator, denominator).T
    groups, whole = len(above), below.sum()
    if not whole > 0:
        return Estimate(np.asarray(np.nan), np.asarray(np.nan), np.asarray(groups))
    ratio = above.sum() / whole
    deviation = np.sqrt(((above - ratio * below) ** 2).sum()) / whole
    error = deviation * np.sqrt(groups / (groups - 1)) if groups > 1 else np.nan
    return Estimate(np.asarray(ratio), np.asarray(error), np.asarray(groups))


def RMSE_over_groups(true: ArrayLike, predicted: ArrayLike, group: ArrayLike) -> Estimate:
    """Root mean square error with its standard error over independent groups; see `mean_over_groups`."""
    y, x = _pairs(true, predicted)
    square = mean_over_groups((x - y) ** 2, group)
    root = np.sqrt(square.mean)
    error = 0.5 * square.error / root if root > 0 else square.error  # no error at all has no error either
    return Estimate(np.asarray(root), np.asarray(error), square.n)


def R2_over_groups(true: ArrayLike, predicted: ArrayLike, group: ArrayLike) -> Estimate:
    """Coefficient of determination with its standard error over independent groups.

    It is 1 - sum of squared errors / sum of squared distances of the true values from their mean, a ratio
    of sums. That the mean is of the same values adds nothing to first order, as it makes the latter least.
    """
    y, x = _pairs(true, predicted)
    missing = ratio_over_groups((x - y) ** 2, (y - y.mean()) ** 2, group)
    return Estimate(np.asarray(1 - missing.mean), missing.error, missing.n)


def calibration_slope(
    true: ArrayLike,
    predicted: ArrayLike,
    group: ArrayLike,
    rng: np.random.Generator,
    *,
    resamples: int = 1000,
) -> Interval:
    """Slope of the straight line of true on predicted values, by least squares.

    1 for predictions that are right on average wherever they are taken: among all barriers predicted to be
    E, the mean is E. Below 1 the predictions are spread too far; above 1 too little. (The line of predicted
    on true values has a slope below 1 for any model with errors, and says nothing.)

    Args:
        true, predicted: [n].
        group: [n], who belongs together.
        rng: for the bootstrap over groups.
        resamples: of the bootstrap.

    Raises:
        ValueError: no values, arrays of different lengths, or predictions that do not vary.
    """
    y, x = _pairs(true, predicted)
    if not np.ptp(x) > 0:
        raise ValueError("predicted: expected values that vary")
    x0, y0 = x.mean(), y.mean()  # about the means, or sums of squares cancel
    rows = group_sums(group, x - x0, y - y0, (x - x0) ** 2, (x - x0) * (y - y0))
    return bootstrap(rows, _slope, rng, resamples=resamples)


def _slope(rows: FloatArray) -> float:
    n, x, y, xx, xy = rows.sum(axis=0)
    width = n * xx - x * x
    return float((n * xy - x * y) / width) if width > 0 else np.nan


@dataclass(frozen=True)
class SpreadCalibration:
    """Whether a stated spread (standard deviation) is that of the errors.

    Attributes:
        spread: float64[bins], root mean square of the spread in bins of equal numbers.
        error: float64[bins], root mean square of the errors there.
        n: int64[bins], predictions in each bin.
        slope: of error on spread through the origin, weighted by n; 1 if calibrated, above 1 if the spread is
            too small.
        within: shares of the errors within one and two spreads; 0.683 and 0.954 for normal errors.
    """

    spread: FloatArray
    error: FloatArray
    n: NDArray[np.int64]
    slope: float
    within: tuple[float, float]


def spread_calibration(error: ArrayLike, spread: ArrayLike, *, bins: int = 10) -> SpreadCalibration:
    """Errors [n] in bins of their stated spread [n] > 0.

    Raises:
        ValueError: arrays of different lengths, a spread that is not positive, fewer predictions than bins.
    """
    e, s = _pairs(error, spread)
    if not (s > 0).all():
        raise ValueError("spread: expected positive numbers")
    if not 1 <= bins <= len(e):
        raise ValueError(f"bins={bins}: expected 1 to {len(e)}, the number of predictions")
    parts = np.array_split(np.argsort(s, kind="stable"), bins)
    root = np.array([[np.sqrt((values[part] ** 2).mean()) for values in (s, e)] for part in parts])
    n = np.array([len(part) for part in parts], dtype=np.int64)
    stated, found = root.T
    return SpreadCalibration(
        spread=stated,
        error=found,
        n=n,
        slope=float((n * stated * found).sum() / (n * stated**2).sum()),
        within=(float((np.abs(e) < s).mean()), float((np.abs(e) < 2 * s).mean())),
    )
