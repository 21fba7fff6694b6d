"""Compositions, grids of them, and random solid solutions with exact atom counts.

A *composition* maps element names to atomic fractions, in the campaign's order of elements.
Occupancies are ``uint8[n_sites]``: 0 is a vacancy, i is ``elements[i - 1]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from math import ceil, comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

Composition = Mapping[str, float]

_SUM_TOLERANCE = 1e-6
_NAME_TOLERANCE = 0.0051  # percent, of each element in a composition's name
_TIE_DIGITS = 9  # remainders closer than this are equal, whatever the rounding of the fractions
_SITE_TOLERANCE = 1e-9  # of a number of sites, for the rounding of the fractions


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


def fractions_named(name: str, elements: Sequence[str]) -> NDArray[np.float64]:
    """Fractions float64[n_elements] of a composition from its name, as `composition_name` writes it.

    Exact to the hundredth of a percent that names hold.

    Raises:
        ValueError: no such name, or one with an element that is not among `elements`.
    """
    parts = re.findall(r"([A-Z][a-z]?)(\d+(?:\.\d+)?)?", name)
    percents = [float(percent) for _, percent in parts if percent]
    equimolar = len(parts) > 1 and not percents
    summed = len(percents) == len(parts) and abs(sum(percents) - 100) < _NAME_TOLERANCE * len(parts)
    symbols = [symbol for symbol, _ in parts]
    spelt = "".join(map("".join, parts)) == name and len(set(symbols)) == len(symbols)
    if not spelt or not (equimolar or summed):
        raise ValueError(f"{name!r}: expected the name of a composition, like Nb34Mo33Ta33 or NbMoTa")
    contents = np.array(percents or [1.0] * len(parts))
    return fractions_of(dict(zip(symbols, contents / contents.sum(), strict=True)), elements)


_RINGS = ((5, 17, 5), (10, 17, 4), (15, 18, 3), (20, 20, 2), (25, 25, 1))
"""Least content, step along an edge and points per edge of the published rings, in atomic percent."""

MAX_GRID_ELEMENTS = 5


def _ring(least: int, step: int, per_edge: int) -> Iterator[tuple[int, int, int]]:
    """Contents of the three elements along the three edges of one ring, each corner once."""
    for edge in range(3):
        for i in range(per_edge):
            growing = least + i * step
            contents = (least, growing, 100 - least - growing)
            yield (contents[-edge % 3], contents[(1 - edge) % 3], contents[(2 - edge) % 3])


def published_grid(elements: Sequence[str]) -> list[dict[str, float]]:
    """The 46 compositions of Fan et al. (2022) and Xing et al. (2024, table S3) for three elements.

    Six rings around the equimolar alloy, of least content 5, 10, 15, 20, 25 and 33 % with 15, 12, 9, 6, 3 and
    1 points; the steps along a ring are whole percents, so that its last one is a little longer. The order of
    Nb, Mo, Ta there is that of `elements` here; the innermost point, printed as 33-33-33, is equimolar.

    Raises:
        ValueError: not exactly three different elements.
    """
    if len(elements) != 3 or len(set(elements)) != 3:
        raise ValueError(f"the grid paper46 is for three elements, got {', '.join(elements) or 'none'}")
    rings = [contents for ring in _RINGS for contents in _ring(*ring)]
    listed = [[percent / 100 for percent in contents] for contents in rings] + [[1 / 3] * 3]
    return [dict(zip(elements, fractions, strict=True)) for fractions in listed]


def grid_size(n_elements: int, divisions: int) -> int:
    """Number of points of `simplex_grid`."""
    return comb(n_elements + divisions - 1, divisions)


def simplex_grid(elements: Sequence[str], divisions: int, margin: float = 0.0) -> list[dict[str, float]]:
    """All compositions that divide the range of every element into `divisions` equal steps.

    An element's fraction is ``margin + (1 - n margin) i / divisions`` with whole numbers i that sum to
    `divisions`: with margin 0 the corners are the pure elements.

    Args:
        elements: two to five element names.
        divisions: steps along an edge, at least 1.
        margin: least fraction of every element, below 1 / len(elements).

    Returns:
        ``grid_size(len(elements), divisions)`` compositions; the first element's content falls.

    Raises:
        ValueError: another number of elements, no divisions, or a margin that leaves no room.
    """
    n = len(elements)
    if not 2 <= n <= MAX_GRID_ELEMENTS or len(set(elements)) != n:
        raise ValueError(f"a grid is for 2 to {MAX_GRID_ELEMENTS} elements, got {', '.join(elements)}")
    if divisions < 1:
        raise ValueError(f"divisions={divisions}: expected at least 1")
    if not 0 <= margin < 1 / n - 1e-9:
        raise ValueError(f"margin={margin:g}: expected 0 or more and less than 1/{n}, or all points coincide")
    points = []
    for bars in combinations(range(divisions + n - 1), n - 1):
        steps = np.diff([-1, *bars, divisions + n - 1]) - 1
        fractions = [
            round(margin + (1 - n * margin) * i / divisions, _TIE_DIGITS + 3) for i in steps.tolist()
        ]
        points.append(dict(zip(elements, fractions, strict=True)))
    return points[::-1]


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


def with_content(elements: Sequence[str], element: str, fraction: float) -> dict[str, float]:
    """The composition with `fraction` of `element`; the other elements share the rest equally.

    Raises:
        ValueError: an element that is not among `elements`, or a fraction outside 0 to 1.
    """
    if element not in elements:
        raise ValueError(f"element {element!r}: the elements are {', '.join(elements)}")
    if not 0 <= fraction <= 1:
        raise ValueError(f"fraction={fraction!r}: expected 0 to 1")
    rest = (1 - fraction) / max(len(elements) - 1, 1)
    return {name: fraction if name == element else rest for name in elements}


def sites_with(fractions: ArrayLike, least_atoms: int) -> int:
    """Smallest number of sites that holds `least_atoms` of every element that is there at all.

    Raises:
        ValueError: negative or non-finite fractions, or a sum other than 1.
    """
    values = _checked(fractions)
    return ceil(least_atoms / values[values > 0].min() * (1 - _SITE_TOLERANCE))


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
