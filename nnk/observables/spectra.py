"""Barrier spectra: distribution, mean and width of migration barriers, per moving species.

As in figure 2 of Xing et al. (2024) and figures 6 to 9 of Fan et al. (2022). The jumps of one vacancy share
their surroundings, and so do neighbouring vacancies: errors are those of the jackknife over blocks of
barriers (a vacancy, a random cell, a slab of a large one), never those of independent barriers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.observables.moments import Moments, jackknife_error, merged, moments, no_moments, total, without_each

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Spectrum:
    """Barriers of one moving species.

    Attributes:
        count: number of barriers.
        mean_eV: their mean; NaN for none.
        error_eV: standard error of the mean; NaN below two blocks.
        std_eV: standard deviation of the spectrum itself (divided by count); NaN for none.
        std_error_eV: standard error of `std_eV`; NaN below two blocks.
        lowest_eV, highest_eV: range; NaN for none.
    """

    count: int
    mean_eV: float
    error_eV: float
    std_eV: float
    std_error_eV: float
    lowest_eV: float
    highest_eV: float


class SpectrumCounter:
    """Mean and width of barriers that come in batches, with errors over blocks.

    Memory is that of the blocks alone.

    Args:
        n_blocks: number of blocks, numbered from 0; those that stay empty do not count.
        n_species: number of elements.
    """

    def __init__(self, n_blocks: int, n_species: int) -> None:
        self._moments = no_moments((n_blocks, n_species))
        self._range = np.stack([np.full(n_species, np.inf), np.full(n_species, -np.inf)])

    def add(self, barriers_eV: ArrayLike, mover: ArrayLike, block: ArrayLike) -> None:
        """Count barriers [...] (eV) with their moving species and blocks int[...]; NaN is left out.

        Raises:
            ValueError: species and barriers of different shapes, or an unknown species or block.
        """
        values, movers = np.asarray(barriers_eV, dtype=np.float64), np.asarray(mover)
        if values.shape != movers.shape:
            raise ValueError(f"mover: expected shape {values.shape}, got {movers.shape}")
        blocks = np.broadcast_to(np.asarray(block), values.shape)
        finite = np.isfinite(values)
        values, movers, blocks = values[finite], movers[finite].astype(np.int64) - 1, blocks[finite]
        n_blocks, n_species = self._moments.number.shape
        for name, numbers, top in (("mover", movers, n_species), ("block", blocks, n_blocks)):
            if len(numbers) and not (numbers.min() >= 0 and numbers.max() < top):
                raise ValueError(
                    f"{name}: got {numbers.min()} to {numbers.max()}, counted from 0: {top} known"
                )
        found = moments(values, blocks * n_species + movers, n_blocks * n_species)
        by_block = Moments(*(part.reshape(n_blocks, n_species) for part in found))
        self._moments = merged(self._moments, by_block)
        np.minimum.at(self._range[0], movers, values)
        np.maximum.at(self._range[1], movers, values)

    def spectrum(self, species: int | None = None) -> Spectrum:
        """Of one moving species, counted from 1; of all together if None."""
        if species is None:
            blocks, (low, high) = total(self._moments, axis=1), (self._range[0].min(), self._range[1].max())
        else:
            blocks = Moments(*(part[:, species - 1] for part in self._moments))
            low, high = self._range[:, species - 1]
        blocks = Moments(*(part[blocks.number > 0] for part in blocks))
        whole, others = total(blocks), without_each(blocks)
        empty = whole.number == 0
        return Spectrum(
            int(whole.number),
            float(whole.means),
            float(jackknife_error(others.means)),
            float(whole.std),
            float(jackknife_error(others.std)),
            np.nan if empty else float(low),
            np.nan if empty else float(high),
        )

    def spectra(self) -> tuple[Spectrum, ...]:
        """Of each moving species."""
        return tuple(self.spectrum(s + 1) for s in range(self._moments.number.shape[1]))


def spectra_by_species(
    barriers_eV: ArrayLike, species: ArrayLike, n_species: int, *, block: ArrayLike | None = None
) -> tuple[Spectrum, ...]:
    """Summary per moving species 1..n_species.

    Args:
        barriers_eV: [m], NaN left out.
        species: int[m], moving species.
        n_species: number of elements.
        block: [m], names of what the barriers belong to that is independent of the rest (their vacancy);
            each barrier by itself if None.
    """
    values = np.asarray(barriers_eV, dtype=np.float64)
    numbers = np.arange(len(values)) if block is None else np.unique(block, return_inverse=True)[1]
    counter = SpectrumCounter(int(numbers.max(initial=-1)) + 1, n_species)
    counter.add(values, species, numbers)
    return counter.spectra()


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
