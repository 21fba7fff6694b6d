"""Counts, means and variances of values that come in parts, exact to rounding whatever the parts.

Two sets with counts n_a, n_b, means m_a, m_b and sums of squared deviations Q_a, Q_b have together
(Chan, Golub and LeVeque 1979)

    m = m_a + (m_b - m_a) n_b / n,    Q = Q_a + Q_b + (m_b - m_a)^2 n_a n_b / n,    n = n_a + n_b.

Errors of what is made of blocks of values that are not independent within a block: the delete-one jackknife
over the blocks (Efron and Stein 1981).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


class Moments(NamedTuple):
    """Of many groups of values at once.

    Attributes:
        number: float64[...], how many values (whole).
        mean: float64[...]; 0 for none.
        squares: float64[...], sum of squared deviations from the mean.
    """

    number: FloatArray
    mean: FloatArray
    squares: FloatArray

    @property
    def means(self) -> FloatArray:
        """Means, NaN for no value."""
        return np.where(self.number > 0, self.mean, np.nan)

    @property
    def std(self) -> FloatArray:
        """Standard deviations of the values themselves (divided by their number), NaN for no value."""
        safe = np.maximum(self.number, 1)
        return np.where(self.number > 0, np.sqrt(np.maximum(self.squares, 0) / safe), np.nan)


def no_moments(shape: tuple[int, ...]) -> Moments:
    """Of groups without values."""
    return Moments(np.zeros(shape), np.zeros(shape), np.zeros(shape))


def moments(values: ArrayLike, group: ArrayLike, n_groups: int) -> Moments:
    """Moments float64[n_groups] of values [m], each of the group int[m]."""
    x, g = np.asarray(values, dtype=np.float64), np.asarray(group)
    count = np.bincount(g, minlength=n_groups).astype(np.float64)
    mean = np.bincount(g, x, n_groups) / np.maximum(count, 1)
    squares = np.bincount(g, (x - mean[g]) ** 2, n_groups)
    return Moments(count, mean, squares.astype(np.float64))


def merged(a: Moments, b: Moments) -> Moments:
    """Moments of both together, group by group."""
    count = a.number + b.number
    share = b.number / np.maximum(count, 1)
    step = b.mean - a.mean
    return Moments(count, a.mean + step * share, a.squares + b.squares + step**2 * a.number * share)


def total(parts: Moments, axis: int = 0) -> Moments:
    """Moments of all groups along `axis` together."""
    count = parts.number.sum(axis=axis)
    mean = (parts.number * parts.mean).sum(axis=axis) / np.maximum(count, 1)
    apart = parts.number * (parts.mean - np.expand_dims(mean, axis)) ** 2
    return Moments(count, mean, (parts.squares + apart).sum(axis=axis))


def without_each(blocks: Moments) -> Moments:
    """Moments [n, ...] of all blocks [n, ...] but one, for each of them."""
    everything = total(blocks)
    count = everything.number - blocks.number
    rest = np.maximum(count, 1)
    mean = (everything.number * everything.mean - blocks.number * blocks.mean) / rest
    apart = (blocks.mean - mean) ** 2 * blocks.number * count / np.maximum(everything.number, 1)
    squares = np.maximum(everything.squares - blocks.squares - apart, 0)
    return Moments(count, np.where(count > 0, mean, 0), np.where(count > 0, squares, 0))


def jackknife_error(estimates: ArrayLike) -> FloatArray:
    """Standard error float64[...] from estimates [n, ...], each made without one of n blocks.

    NaN below two blocks, or where one of the estimates is NaN: one block holds everything.
    """
    values = np.asarray(estimates, dtype=np.float64)
    n = len(values)
    if n < 2:
        return np.full(values.shape[1:], np.nan)
    return np.asarray(np.sqrt((n - 1) / n * ((values - values.mean(axis=0)) ** 2).sum(axis=0)))
