"""Correlation times of series that were recorded at equal intervals.

The integrated autocorrelation time of a series with the normalised autocorrelation function rho(k) is
tau = 1/2 + sum_k rho(k), in intervals: n values tell as much of the mean as n / (2 tau) independent ones.
The sum ends at the first window W that is at least five times the tau up to there (Madras and Sokal, J. Stat.
Phys. 50, 109, 1988).

Forces of a crystal swing to and fro, so that their own sum nearly cancels: a force would seem forgotten while
its size is still what it was. The time of the *squares* of the forces says when the motion is a new one; for
Gaussian forces it is the sum over rho(k)^2.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

WINDOW = 5.0
_LEAST = 0.5  # of values that are independent


def autocorrelation(series: FloatArray) -> FloatArray:
    """Normalised autocorrelation function float64[n] of series float64[n] or float64[n, m].

    Of several series the functions are averaged, each with its own mean taken off and weighted by its
    variance. Lag k has n - k pairs, and is divided by n: the estimate of a long lag is small, not wild.

    Raises:
        ValueError: fewer than two values.
    """
    columns = np.asarray(series, dtype=np.float64)
    columns = columns.reshape(len(columns), -1)
    n = len(columns)
    if n < 2:
        raise ValueError(f"series: expected two values or more, got {n}")
    total = np.zeros(n)
    size = 1 << (2 * n - 1).bit_length()
    for column in (columns - columns.mean(axis=0)).T:
        spectrum = np.fft.rfft(column, size)
        total += np.fft.irfft(np.abs(spectrum) ** 2, size)[:n]
    return total / total[0] if total[0] > 0 else np.eye(1, n)[0]


def integrated_time(series: FloatArray) -> float:
    """Integrated autocorrelation time of series float64[n] or float64[n, m], in intervals; at least 1/2.

    Raises:
        ValueError: fewer than two values.
    """
    rho = autocorrelation(series)
    times = np.cumsum(rho) - 0.5
    enough = np.flatnonzero(np.arange(len(times)) >= WINDOW * np.maximum(times, _LEAST))
    return max(float(times[enough[0] if len(enough) else -1]), _LEAST)


def n_effective(series: FloatArray) -> float:
    """Independent values that tell as much of the mean as these, at most as many as there are."""
    return len(series) / (2 * integrated_time(series))
