"""Histograms of values that come in batches, in bins of fixed width, as many bins as the values need."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


class HistogramCounter:
    """Counts per group.

    Args:
        n_groups: number of groups, numbered from 0.
        width: width of a bin; bin i holds ``i * width <= value < (i + 1) * width``.

    Attributes:
        counts: int64[n_groups, n_bins].
        first: number of the first bin.

    Raises:
        ValueError: a width that is not positive.
    """

    def __init__(self, n_groups: int, width: float) -> None:
        if not width > 0:
            raise ValueError(f"width={width!r}: expected a positive number")
        self.width = width
        self.first = 0
        self.counts: NDArray[np.int64] = np.zeros((n_groups, 0), dtype=np.int64)

    @property
    def centres(self) -> NDArray[np.float64]:
        """Centres of the bins, float64[n_bins]."""
        return self.edges[:-1] + 0.5 * self.width

    @property
    def edges(self) -> NDArray[np.float64]:
        """Edges of the bins, float64[n_bins + 1]."""
        return np.arange(self.first, self.first + self.counts.shape[1] + 1, dtype=np.float64) * self.width

    def add(self, values: ArrayLike, group: ArrayLike) -> None:
        """Count values [...] of groups int[...]; values that are not finite are left out."""
        x = np.asarray(values, dtype=np.float64)
        groups = np.broadcast_to(np.asarray(group), x.shape)[np.isfinite(x)]
        bins = np.floor(x[np.isfinite(x)] / self.width).astype(np.int64)
        if not len(bins):
            return
        self._reach(int(bins.min()), int(bins.max()))
        place = groups * self.counts.shape[1] + (bins - self.first)
        self.counts += np.bincount(place, minlength=self.counts.size).reshape(self.counts.shape)

    def _reach(self, low: int, high: int) -> None:
        if not self.counts.shape[1]:
            self.first = low
        before = max(0, self.first - low)
        after = max(0, high + 1 - self.first - self.counts.shape[1])
        self.counts = np.pad(self.counts, ((0, 0), (before, after)))
        self.first -= before
