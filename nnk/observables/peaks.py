"""Where a curve known at some points has its maximum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.observables.statistics import Interval, bootstrap_means

CAP = 0.1  # share of the curve's whole height, from the top down, that the parabola goes through


def peak_position(x: ArrayLike, y: ArrayLike) -> float:
    """Vertex of the parabola of least squares through the cap of a curve.

    The cap is the highest point, its next neighbours, and all further points that follow them without a gap
    in the upper tenth of the curve's height. The vertex is kept between the next neighbours. Points
    whose y is NaN are left out.

    Args:
        x: float64[n], ascending.
        y: float64[n].

    Returns:
        The position; NaN, undefined, if the highest point is the first or the last, because the maximum
        may then lie beyond.

    Raises:
        ValueError: `x` does not ascend or has another length than `y`.
    """
    places, heights = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if places.ndim != 1 or places.shape != heights.shape or (np.diff(places) <= 0).any():
        raise ValueError(f"x: expected {heights.shape} ascending numbers, got shape {places.shape}")
    known = np.isfinite(heights)
    places, heights = places[known], heights[known]
    top = int(heights.argmax()) if len(heights) else 0
    if top == 0 or top >= len(heights) - 1:
        return float("nan")
    near = _cap(heights, top)
    return _vertex(places[near], heights[near], places[top - 1 : top + 2])


def _cap(heights: NDArray[np.float64], top: int) -> slice:
    below = np.flatnonzero(heights < heights[top] - CAP * np.ptp(heights))
    left, right = below[below < top], below[below > top]
    first = int(left[-1]) + 1 if len(left) else 0
    end = int(right[0]) if len(right) else len(heights)
    return slice(min(first, top - 1), max(end, top + 2))


def _vertex(x: NDArray[np.float64], y: NDArray[np.float64], around: NDArray[np.float64]) -> float:
    """Vertex between the first and the last of three points; the middle one of a parabola that opens up."""
    scale = x[-1] - x[0]
    curvature, slope, _ = np.polyfit((x - around[1]) / scale, y, 2)
    if curvature >= 0:
        return float(around[1])
    return float(np.clip(around[1] - 0.5 * slope / curvature * scale, around[0], around[2]))


def bootstrap_peak(
    x: ArrayLike, values: Sequence[ArrayLike], rng: np.random.Generator, *, resamples: int = 1000
) -> Interval:
    """Position of the maximum of the means over replicas, with its error by resampling the replicas.

    The error and the 95 % interval are those of resampled curves that have a maximum inside; NaN if the
    curve itself or more than half of them have none, or if some point has a single replica.

    Args:
        x: float64[n], ascending.
        values: for each point the values of its replicas.
        rng: random generator.
        resamples: how many resampled curves.

    Raises:
        ValueError: see `peak_position` and `nnk.observables.statistics.bootstrap_means`.
    """
    return bootstrap_means(values, lambda means: peak_position(x, means), rng, resamples=resamples)
