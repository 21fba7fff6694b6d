"""Whether a spectrum has two peaks: the depth of the valley between them.

The spectrum's histogram is smoothed by a Gaussian of 30 meV. Each maximum but the highest has a valley, the
lowest point on the way to a higher one, and a share, that of the barriers on its side of the valley. Of those
with a share of 5 % or more the one with the largest prominence counts as the second peak, and

    depth = 1 - (density in its valley) / (density at the second peak),

0 where there is no such peak. A spectrum is called bimodal when the depth is 0.1 or more and exceeds 0 by two
of its standard errors (bootstrap over blocks of barriers, see `nnk.observables.spectra`).

Two Gaussians are not fitted: of peaks that are themselves not Gaussian, such as the narrow ones of dilute
alloys on a broad foot, they find the narrow and the broad part, so that their distance (Ashman, Bird and Zepf
1994) says nothing of the peaks; and a flat-topped spectrum is fitted by two with a valley that it has not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

BANDWIDTH_EV = 0.03
LEAST_DEPTH, LEAST_SHARE = 0.1, 0.05
MARGIN_EV = 4 * BANDWIDTH_EV  # beyond the filled bins, where a peak's far side may lie


@dataclass(frozen=True)
class Bimodality:
    """The two peaks of a spectrum.

    Attributes:
        depth: of the valley, 0 to 1; 0: one peak.
        error: its standard error; NaN for one block.
        peaks_eV: the lower and the upper peak; the same twice for one peak.
        second_share: share of the barriers on the second peak's side of the valley; 0 for one peak.
    """

    depth: float
    error: float
    peaks_eV: tuple[float, float]
    second_share: float

    @property
    def bimodal(self) -> bool:
        """See the module; False where the error is unknown."""
        return self.depth - 2 * self.error > 0 and self.depth >= LEAST_DEPTH


def bimodality(
    counts: ArrayLike, centres_eV: ArrayLike, rng: np.random.Generator, *, resamples: int = 100
) -> Bimodality | None:
    """The peaks of a histogram, with errors over blocks; None for fewer than two bins or no counts.

    Args:
        counts: [n_blocks, n_bins], counts of each block.
        centres_eV: float64[n_bins], equally spaced.
        rng: for the bootstrap.
        resamples: resampled sets, at least two.

    Raises:
        ValueError: shapes that do not belong together, or too few resamples.
    """
    blocks, x = np.asarray(counts, dtype=np.float64), np.asarray(centres_eV, dtype=np.float64)
    if blocks.ndim != 2 or blocks.shape[1] != len(x):
        raise ValueError(f"counts: expected shape (n_blocks, {len(x)}), got {blocks.shape}")
    if resamples < 2:
        raise ValueError(f"resamples={resamples}: expected at least 2")
    blocks = blocks[blocks.any(axis=1)]
    if len(x) < 2 or not len(blocks):
        return None
    step = float(x[1] - x[0])
    beyond = int(np.ceil(MARGIN_EV / step))
    at = x[0] + step * np.arange(-beyond, len(x) + beyond)
    kernel = np.exp(-0.5 * ((at[:, None] - x) / BANDWIDTH_EV) ** 2)
    whole = blocks.sum(axis=0)
    density = kernel @ whole
    found = _second_peak(density, np.pad(whole / whole.sum(), beyond))
    if found is None:
        top = float(at[density.argmax()])
        return Bimodality(0.0, 0.0 if len(blocks) > 1 else np.nan, (top, top), 0.0)
    places = list(found[:3])
    drawn = rng.multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), size=resamples) @ blocks
    depths = _depth(kernel[places] @ drawn.T)
    lower, upper = sorted((float(at[found[0]]), float(at[found[2]])))
    error = float(depths.std(ddof=1)) if len(blocks) > 1 else np.nan
    return Bimodality(float(_depth(density[places])), error, (lower, upper), found[3])


def _depth(densities: FloatArray) -> FloatArray:
    """Depth of a valley from the densities [3, ...] at one peak, the valley and the other peak."""
    first, valley, second = densities
    lower = np.minimum(first, second)
    return np.asarray(np.where(lower > 0, 1 - valley / np.where(lower > 0, lower, 1.0), 0.0))


def _second_peak(density: FloatArray, shares: FloatArray) -> tuple[int, int, int, float] | None:
    """Places of the second peak, of its valley and of the higher peak beyond, and its share; None without."""
    inner = density[1:-1]
    peaks = 1 + np.flatnonzero((inner > density[:-2]) & (inner >= density[2:]))
    highest = int(density.argmax())
    ways = []
    for peak in (int(p) for p in peaks if p != highest):
        valley = _valley_of(density, peak)
        share = float(shares[valley + 1 :].sum() if valley < peak else shares[:valley].sum())
        if share >= LEAST_SHARE:
            ways.append((float(density[peak] - density[valley]), peak, valley, share))
    if not ways:
        return None
    _, peak, valley, share = max(ways)
    beyond = np.arange(valley) if valley < peak else np.arange(valley, len(density))
    return peak, valley, int(beyond[density[beyond].argmax()]), share


def _valley_of(density: FloatArray, peak: int) -> int:
    """The lowest point on the better of the two ways from a maximum to a higher one."""
    ways = []
    for step in (-1, 1):
        place = lowest = peak
        while 0 <= place < len(density) and density[place] <= density[peak]:
            lowest = place if density[place] < density[lowest] else lowest
            place += step
        if 0 <= place < len(density):
            ways.append(lowest)
    return max(ways, key=lambda place: float(density[place]))
