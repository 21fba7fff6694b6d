"""Spread of values within groups, with errors over groups and members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.observables.statistics import mean_and_error

FloatArray = NDArray[np.float64]


class Spread(NamedTuple):
    """Spread of values about what is common to their group.

    Attributes:
        deviation: root of the mean, over groups, of the variance (with n - 1): the least root mean square
            error of whatever knows the group alone.
        deviation_error: its standard error.
        absolute: mean, over groups, of the mean distance from the group's median: the least mean absolute
            error.
        absolute_error: its standard error.
        groups, values: how many there are.
    """

    deviation: float
    deviation_error: float
    absolute: float
    absolute_error: float
    groups: int
    values: int


def pooled_spread(groups: Sequence[ArrayLike], rng: np.random.Generator, *, resamples: int = 500) -> Spread:
    """Spread within groups of two members or more.

    Errors are over groups, which differ in more than chance; of a single one by bootstrap over its members.

    Args:
        groups: float64[n] each; smaller ones are left out.
        rng: random generator, of the bootstrap.
        resamples: of the bootstrap.

    Raises:
        ValueError: no group has two members.
    """
    arrays = [array for group in groups if len(array := np.asarray(group, dtype=np.float64)) > 1]
    if not arrays:
        raise ValueError("groups: expected at least one with two members or more")
    drawn = arrays[0][rng.integers(len(arrays[0]), size=(resamples, len(arrays[0])))]

    def mean_of(measure: Callable[[FloatArray], FloatArray]) -> tuple[float, float]:
        found = mean_and_error([measure(array) for array in arrays])
        error = found.error if len(arrays) > 1 else measure(drawn).std(ddof=1)
        return float(found.mean), float(error)

    variance, its_error = mean_of(lambda values: values.var(axis=-1, ddof=1))
    absolute, absolute_error = mean_of(_distance_from_median)
    deviation = float(np.sqrt(variance))
    return Spread(
        deviation=deviation,
        deviation_error=0.5 * its_error / deviation if deviation > 0 else 0.0,
        absolute=absolute,
        absolute_error=absolute_error,
        groups=len(arrays),
        values=sum(map(len, arrays)),
    )


def _distance_from_median(values: FloatArray) -> FloatArray:
    return np.asarray(np.abs(values - np.median(values, axis=-1, keepdims=True)).mean(axis=-1))
