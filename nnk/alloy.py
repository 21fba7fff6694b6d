"""Compositions and random solid solutions with exact atom counts.

A *composition* maps element names to atomic fractions, in the campaign's order of elements.
Occupancies are ``uint8[n_sites]``: 0 is a vacancy, i is ``elements[i - 1]``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Composition = Mapping[str, float]

_SUM_TOLERANCE = 1e-6
_TIE_DIGITS = 9  # remainders closer than this are equal, whatever the rounding of the fractions


def _checked(fractions: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(fractions, dtype=np.float64)
    if values.ndim != 1 or not len(values):
        raise ValueError(f"fractions: expected one number per element, got shape {values.shape}")
    if not np.isfinite(values).all() or (values < 0).any():
        raise ValueError(f"fractions {values.tolist()}: expected finite numbers >= 0")
    if abs(values.sum() - 1) > _SUM_TOLERANCE:
        raise ValueError(f"fractions {values.tolist()} sum to {values.sum():.9g}: expected 1")
    return values / values.sum()


def fractions_of(composition: Composition, elements: Sequence[str]) -> NDArray[np.float64]:
    """Fractions float64[n_elements] of `composition` in the order of `elements` (absent: 0).

    Raises:
        ValueError: an element that is not among `elements`, or fractions that do not sum to 1.
    """
    unknown = [name for name in composition if name not in elements]
    if unknown:
        raise ValueError(f"composition names {', '.join(unknown)}: the elements are {', '.join(elements)}")
    return _checked([composition.get(name, 0.0) for name in elements])


def composition_name(composition: Composition, elements: Sequence[str] | None = None) -> str:
    """Name of a composition in atomic percent: ``"Nb34Mo33Ta33"``; equimolar: ``"NbMoTa"``.

    Args:
        composition: fraction of each element.
        elements: order of the elements; the mapping's own order if not given. Absent elements are left out.
    """
    order = list(composition) if elements is None else list(elements)
    fractions = fractions_of(composition, order)
    present = fractions[fractions > 0]
    if len(present) > 1 and np.ptp(present) < _SUM_TOLERANCE:
        return "".join(name for name, fraction in zip(order, fractions, strict=True) if fraction > 0)
    percents = [f"{100 * fraction:.2f}".rstrip("0").rstrip(".") for fraction in fractions]
    return "".join(name + percent for name, percent in zip(order, percents, strict=True) if percent != "0")


def exact_counts(fractions: ArrayLike, n_sites: int) -> NDArray[np.int64]:
    """Whole numbers of atoms int64[n_elements] closest to `fractions` that sum to `n_sites`.

    Largest remainders are rounded up; of equal remainders the earlier element's.

    Raises:
        ValueError: negative or non-finite fractions, or a sum other than 1.
    """
    if n_sites < 1:
        raise ValueError(f"n_sites={n_sites}: expected at least 1")
    ideal = _checked(fractions) * n_sites
    counts = np.floor(np.round(ideal, _TIE_DIGITS)).astype(np.int64)
    remainders = np.round(ideal - counts, _TIE_DIGITS)
    missing = n_sites - int(counts.sum())
    counts[np.argsort(-remainders, kind="stable")[:missing]] += 1
    return counts


def random_solution(counts: ArrayLike, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A random solid solution uint8[sum(counts)] with exactly `counts` atoms of each element."""
    numbers = np.asarray(counts, dtype=np.int64)
    if numbers.ndim != 1 or (numbers < 0).any() or len(numbers) > np.iinfo(np.uint8).max:
        raise ValueError(f"counts {numbers.tolist()}: expected at most 255 whole numbers >= 0")
    occupancy = np.repeat(np.arange(1, len(numbers) + 1, dtype=np.uint8), numbers)
    return rng.permutation(occupancy)


def with_vacancy(occupancy: NDArray[np.uint8], site: int) -> NDArray[np.uint8]:
    """A copy of `occupancy` with the atom at `site` taken out.

    Raises:
        ValueError: no such site, or no atom there.
    """
    if not 0 <= site < len(occupancy):
        raise ValueError(f"site {site}: expected 0 to {len(occupancy) - 1}")
    if occupancy[site] == 0:
        raise ValueError(f"site {site} is vacant already")
    emptied = occupancy.copy()
    emptied[site] = 0
    return emptied
