"""Barrier spectra: distribution, mean and width of migration barriers, per moving species.

As in figure 2 of Xing et al. (2024) and figures 6 to 9 of Fan et al. (2022).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Spectrum:
    """Barriers of one moving species.

    Attributes:
        count: number of barriers.
        mean_eV: their mean; NaN for none.
        std_eV: standard deviation of the spectrum itself (divided by count); NaN for none.
        error_eV: standard error of the mean, taking the barriers as independent; NaN below two. The jumps of
            one vacancy share their surroundings, so the true error is somewhat larger.
        lowest_eV, highest_eV: range; NaN for none.
    """

    count: int
    mean_eV: float
    std_eV: float
    error_eV: float
    lowest_eV: float
    highest_eV: float


def spectrum(barriers_eV: ArrayLike) -> Spectrum:
    """Summary of barriers float64[m] (eV), NaN left out."""
    values = _finite(barriers_eV)
    count = len(values)
    if count == 0:
        return Spectrum(0, *[np.nan] * 5)
    error = float(values.std(ddof=1) / np.sqrt(count)) if count > 1 else np.nan
    return Spectrum(
        count, float(values.mean()), float(values.std()), error, float(values.min()), float(values.max())
    )


def spectra_by_species(barriers_eV: ArrayLike, species: ArrayLike, n_species: int) -> tuple[Spectrum, ...]:
    """Summary per moving species 1..n_species of barriers [m] with their movers int[m]."""
    values, movers = np.asarray(barriers_eV, dtype=np.float64), np.asarray(species)
    if values.shape != movers.shape:
        raise ValueError(f"species: expected shape {values.shape}, got {movers.shape}")
    return tuple(spectrum(values[movers == s]) for s in range(1, n_species + 1))


def common_bins(*barriers_eV: ArrayLike, width_eV: float) -> FloatArray:
    """Edges float64[n + 1] (eV), whole multiples of `width_eV`, that hold all the given barriers.

    Raises:
        ValueError: a width that is not positive, or no finite barrier.
    """
    if not width_eV > 0:
        raise ValueError(f"width_eV={width_eV!r}: expected a positive energy in eV")
    values = np.concatenate([_finite(b) for b in barriers_eV]) if barriers_eV else np.empty(0)
    if not len(values):
        raise ValueError("barriers_eV: expected at least one finite barrier")
    first = int(np.floor(values.min() / width_eV))
    last = int(np.floor(values.max() / width_eV)) + 1
    return np.arange(first, last + 1, dtype=np.float64) * width_eV


def density_histogram(barriers_eV: ArrayLike, edges_eV: ArrayLike) -> FloatArray:
    """Probability density float64[n] (1/eV) of barriers in bins of edges [n + 1]; zeros for no barrier."""
    edges = np.asarray(edges_eV, dtype=np.float64)
    values = _finite(barriers_eV)
    counts, _ = np.histogram(values, edges)
    return np.asarray(counts / (max(len(values), 1) * np.diff(edges)), dtype=np.float64)


def smooth_density(barriers_eV: ArrayLike, at_eV: ArrayLike, bandwidth_eV: float) -> FloatArray:
    """Gaussian kernel estimate float64[n] (1/eV) of the density at energies [n].

    Args:
        barriers_eV: float64[m], NaN left out.
        at_eV: float64[n].
        bandwidth_eV: standard deviation of the kernel; fixed rather than fitted, so that spectra of
            different sizes are smoothed alike.

    Raises:
        ValueError: a bandwidth that is not positive, or no finite barrier.
    """
    if not bandwidth_eV > 0:
        raise ValueError(f"bandwidth_eV={bandwidth_eV!r}: expected a positive energy in eV")
    values = _finite(barriers_eV)
    if not len(values):
        raise ValueError("barriers_eV: expected at least one finite barrier")
    points = np.asarray(at_eV, dtype=np.float64)
    density = np.zeros(points.shape)
    for chunk in np.array_split(values, len(values) // 4096 + 1):
        density += np.exp(-0.5 * ((points[:, None] - chunk) / bandwidth_eV) ** 2).sum(axis=1)
    return density / (len(values) * bandwidth_eV * np.sqrt(2 * np.pi))


def _finite(values: ArrayLike) -> FloatArray:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]
