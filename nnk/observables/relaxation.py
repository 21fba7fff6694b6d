"""How fast a quantity goes from its start to its plateau, and curves at given points of a logarithmic axis.

The relaxation of y(n) is where y has made the share 1 - 1/e of its way from the start to the plateau. Of the
stretched exponential of Kohlrausch (1854) and of Williams and Watts (1970),

    y(n) = y_plateau + (y_start - y_plateau) exp(-(n / tau)^beta)

that is tau, whatever beta; other shapes have it too, with no fit.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

SHARE = 1.0 - np.exp(-1.0)
WINDOW = 4.0  # the plateau is what lies after 1/4 of the run; it is compared with what lies from 1/16 to 1/4
TOLERANCE = 0.1  # of the way from start to plateau
DEFINITION = (
    "A run has relaxed if its mean over its last three quarters differs from that between 1/16 and 1/4 of "
    "it by at most 10 % of the way from the start to it (or two standard errors), and this way is beyond "
    "three standard deviations of random cells; its relaxation is where 1 − 1/e of the way is made"
)


class Relaxation(NamedTuple):
    """Relaxation of one row.

    Attributes:
        frame: place in the row where the share `SHARE` of the way is made, a fraction between two frames;
            NaN, undefined, if the row has not relaxed.
        plateau: mean over the last three quarters of the run.
        change: plateau minus start.
    """

    frame: float
    plateau: float
    change: float


def relaxation(n: ArrayLike, y: ArrayLike, *, noise: float = 0.0) -> Relaxation:
    """Relaxation of values `y` kept at `n` jumps (or another measure of how far the run is).

    A row has relaxed if its mean over n in (N/4, N] and that over (N/16, N/4], two values at least in each,
    differ by at most `TOLERANCE` of the change from the start to the former (or two standard errors of their
    difference, if that is more), and this change is beyond three standard deviations. The place is found on
    straight lines over log n.

    Args:
        n: float64[m], ascending, from 0 on.
        y: float64[m].
        noise: standard deviation of a single value where there is no order; the values scatter by this, or
            by as much as those after N/4 do if that is more.

    Raises:
        ValueError: `n` does not ascend from 0 or has another length than `y`.
    """
    steps, values = np.asarray(n, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if steps.ndim != 1 or steps.shape != values.shape or not len(steps):
        raise ValueError(f"n: expected as many as y, {values.shape}, got {steps.shape}")
    if steps[0] != 0 or (np.diff(steps) <= 0).any():
        raise ValueError("n: expected ascending numbers from 0 on")
    late = steps > steps[-1] / WINDOW
    before = (steps > steps[-1] / WINDOW**2) & ~late
    plateau = float(values[late].mean()) if late.any() else float(values[-1])
    change = plateau - float(values[0])
    counts = int(late.sum()), int(before.sum())
    if min(counts) < 2 or abs(change) <= 3 * noise:
        return Relaxation(float("nan"), plateau, change)
    scatter = max(noise, float(values[late].std(ddof=1)))
    allowed = max(TOLERANCE * abs(change), 2 * scatter * np.sqrt(1 / counts[0] + 1 / counts[1]))
    if abs(values[before].mean() - plateau) > allowed:
        return Relaxation(float("nan"), plateau, change)
    return Relaxation(_crossing((values - values[0]) / change), plateau, change)


def _crossing(share: FloatArray) -> float:
    """Place where a row that begins at 0 first reaches `SHARE`; NaN if it does not."""
    reached = np.flatnonzero(share >= SHARE)
    if not len(reached):
        return float("nan")
    i = int(reached[0])
    return i - 1 + float((SHARE - share[i - 1]) / (share[i] - share[i - 1]))


def at_frame(x: ArrayLike, frame: float) -> float:
    """Value of `x`, float64[m], ascending from 0, at a fraction between two frames, on a logarithmic scale.

    Between 0 and the first number after it the scale is linear. NaN for NaN.
    """
    row = np.asarray(x, dtype=np.float64)
    if np.isnan(frame):
        return float("nan")
    i = min(int(frame), len(row) - 1)
    part = frame - i
    if not part:
        return float(row[i])
    if row[i] <= 0:
        return float(part * row[i + 1])
    return float(row[i] * (row[i + 1] / row[i]) ** part)


def log_points(low: float, high: float, per_decade: int) -> FloatArray:
    """Numbers from `low` to `high` on a logarithmic grid that is the same for all ranges; none if low > high.

    Raises:
        ValueError: limits that are not positive and finite.
    """
    if not (0 < low < np.inf and 0 < high < np.inf):
        raise ValueError(f"expected positive limits, got {low!r} to {high!r}")
    first, last = (per_decade * np.log10(limit) for limit in (low, high))
    return np.asarray(10.0 ** (np.arange(np.ceil(first), np.floor(last) + 1) / per_decade))


def at_points(x: ArrayLike, y: ArrayLike, points: ArrayLike) -> FloatArray:
    """Values float64[p, ...] of y, float64[m, ...], at `points` of its row x, on straight lines over log x.

    Args:
        x: float64[m], ascending; numbers that are not positive are left out, of equal ones the last counts.
        y: float64[m, ...].
        points: float64[p]; NaN is returned for those outside of x.
    """
    row, values, wanted = (np.asarray(a, dtype=np.float64) for a in (x, y, points))
    kept = (row > 0) & np.append(np.diff(row) > 0, True)
    row, values = np.log(row[kept]), values[kept]
    if not len(row):
        return np.full((len(wanted), *values.shape[1:]), np.nan)
    place = np.interp(np.log(wanted), row, np.arange(len(row)), left=np.nan, right=np.nan)
    inside = np.isfinite(place)
    found = np.full((len(wanted), *values.shape[1:]), np.nan)
    low = place[inside].astype(np.int64)
    high = np.minimum(low + 1, len(row) - 1)
    part = (place[inside] - low).reshape(-1, *[1] * (values.ndim - 1))
    found[inside] = (1 - part) * values[low] + part * values[high]
    return found
