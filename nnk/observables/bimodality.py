"""Whether a spectrum has two peaks: a mixture of two Gaussians, fitted to its histogram.

Two numbers say it. Ashman's D (Ashman, Bird and Zepf 1994),

    D = sqrt(2) |mu_1 - mu_2| / sqrt(sigma_1^2 + sigma_2^2),

the distance of the two components in units of their widths, of which D > 2 is needed for them to be told
apart; and the depth of the valley,

    1 - (density at the lowest point between the maxima) / (density at the lower maximum).

Its three points are those of the fit, its densities those of the spectrum itself, smoothed by a Gaussian of
30 meV: two Gaussians fitted to a flat-topped spectrum have a valley that it has not. 0 where the fit has one
maximum. A spectrum is called bimodal when D exceeds 2 and the depth 0, each by two of its errors, and the
lesser component has 5 % or more.

No likelihood ratio or information criterion is used: any spectrum that is not a Gaussian prefers two
components, and ever more so with the number of barriers, whether it has two maxima or one.

Errors: bootstrap over blocks of barriers (see `nnk.observables.spectra`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

STEPS, STEPS_AGAIN = 400, 60  # of the fit, and from its result on of a resampled histogram
LEAST_WEIGHT, LEAST_DISTANCE = 0.05, 2.0
SPLITS = (0.06, 0.2, 0.35, 0.5, 0.65, 0.8, 0.94)  # shares of the lower part in the starts of the fit
POINTS = 400  # energies at which the fitted density is looked at
BANDWIDTH_EV = 0.03


@dataclass(frozen=True)
class Bimodality:
    """Two Gaussians fitted to a spectrum.

    Attributes:
        distance: Ashman's D.
        distance_error: its standard error.
        valley: depth of the valley, at most 1.
        valley_error: its standard error.
        means_eV: of the lower and the upper component.
        widths_eV: their standard deviations.
        upper_weight: share of the upper component.
    """

    distance: float
    distance_error: float
    valley: float
    valley_error: float
    means_eV: tuple[float, float]
    widths_eV: tuple[float, float]
    upper_weight: float

    @property
    def bimodal(self) -> bool:
        """See the module; False where the errors are unknown."""
        apart = self.distance - 2 * self.distance_error > LEAST_DISTANCE
        deep = self.valley - 2 * self.valley_error > 0
        return apart and deep and min(self.upper_weight, 1 - self.upper_weight) >= LEAST_WEIGHT


def bimodality(
    counts: ArrayLike, centres_eV: ArrayLike, rng: np.random.Generator, *, resamples: int = 100
) -> Bimodality | None:
    """Fit to a histogram, with errors over blocks; None for fewer than four filled bins.

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
    filled = blocks.any(axis=0)
    if filled.sum() < 4:
        return None
    floor_eV = float(x[1] - x[0]) / np.sqrt(12)  # no component is narrower than a bin
    blocks, x = blocks[blocks.any(axis=1)][:, filled], x[filled]
    best = _best_fit(blocks.sum(axis=0), x, floor_eV)
    drawn = rng.multinomial(len(blocks), np.full(len(blocks), 1 / len(blocks)), size=resamples) @ blocks
    again = _fit(drawn, x, np.repeat(best[None], resamples, axis=0), floor_eV, STEPS_AGAIN)
    valleys = [_valley(fit, row, x) for fit, row in zip(again, drawn, strict=True)]
    alone = len(blocks) < 2
    return Bimodality(
        distance=float(_distance(best)),
        distance_error=np.nan if alone else float(_distance(again).std(ddof=1)),
        valley=_valley(best, blocks.sum(axis=0), x),
        valley_error=np.nan if alone else float(np.std(valleys, ddof=1)),
        means_eV=(float(best[0, 1]), float(best[1, 1])),
        widths_eV=(float(best[0, 2]), float(best[1, 2])),
        upper_weight=float(best[1, 0]),
    )


def _best_fit(counts: FloatArray, x: FloatArray, floor_eV: float) -> FloatArray:
    """The likeliest of fits from several starts, float64[2, 3]."""
    fits = _fit(counts[None], x, _starts(counts, x), floor_eV, STEPS)
    densities = _gaussians(fits, x).sum(axis=1)
    return fits[int((np.log(np.maximum(densities, 1e-300)) @ counts).argmax())]


def _starts(counts: FloatArray, x: FloatArray) -> FloatArray:
    """Components float64[n, 2, 3] (weight, mean, width): the histogram cut in two at several places."""
    share = np.cumsum(counts) / counts.sum()
    starts = []
    for split in SPLITS:
        lower = np.minimum(np.searchsorted(share, split), len(x) - 2)
        parts = [np.arange(len(x)) <= lower, np.arange(len(x)) > lower]
        starts.append([_component(counts * part, x, counts.sum()) for part in parts])
    return np.array(starts)


def _component(counts: FloatArray, x: FloatArray, everything: float) -> list[float]:
    mean = float(counts @ x / counts.sum())
    return [float(counts.sum() / everything), mean, float(np.sqrt(counts @ (x - mean) ** 2 / counts.sum()))]


def _gaussians(components: FloatArray, x: FloatArray) -> FloatArray:
    """Weighted densities float64[n, 2, m] of components [n, 2, 3] at x [m]."""
    weight, mean, width = (components[..., i, None] for i in range(3))
    return weight * np.exp(-0.5 * ((x - mean) / width) ** 2) / (width * np.sqrt(2 * np.pi))


def _fit(
    counts: FloatArray, x: FloatArray, components: FloatArray, floor_eV: float, steps: int
) -> FloatArray:
    """Expectation maximisation of n fits at once, the lower mean first: counts [n or 1, m]."""
    found = components.copy()
    found[..., 2] = np.maximum(found[..., 2], floor_eV)
    for _ in range(steps):
        density = _gaussians(found, x)
        belongs = counts[:, None] * density / np.maximum(density.sum(axis=1, keepdims=True), 1e-300)
        numbers = np.maximum(belongs.sum(axis=2), 1e-12)
        found[..., 0] = numbers / numbers.sum(axis=1, keepdims=True)
        found[..., 1] = belongs @ x / numbers
        spread = (belongs * (x - found[..., 1, None]) ** 2).sum(axis=2) / numbers
        found[..., 2] = np.sqrt(np.maximum(spread, floor_eV**2))
    order = np.argsort(found[..., 1], axis=1)
    return np.take_along_axis(found, order[..., None], axis=1)


def _distance(components: FloatArray) -> FloatArray:
    """D, float64[...], of components [..., 2, 3]."""
    lower, upper = components[..., 0, :], components[..., 1, :]
    apart = upper[..., 1] - lower[..., 1]
    return np.asarray(np.sqrt(2) * apart / np.hypot(lower[..., 2], upper[..., 2]))


def _valley(components: FloatArray, counts: FloatArray, x: FloatArray) -> float:
    """Depth of the valley of a histogram where the fit [2, 3] has its maxima and its valley."""
    at = np.linspace(components[0, 1], components[1, 1], POINTS)  # the maxima lie between the two means
    density = _gaussians(components[None], at)[0].sum(axis=0)
    lowest = int(density.argmin())
    places = at[[int(density[: lowest + 1].argmax()), lowest, lowest + int(density[lowest:].argmax())]]
    kernel = np.exp(-0.5 * ((places[:, None] - x) / BANDWIDTH_EV) ** 2)
    left, bottom, right = kernel @ counts
    return float(1 - bottom / min(left, right)) if min(left, right) > 0 else 0.0
