"""Numbers that say how much alike elements are: group, period, and volume of an atom."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from ase.data import atomic_numbers, reference_states

_NOBLE = (0, 2, 10, 18, 36, 54, 86)
_VOLUMES = {"bcc": 1 / 2, "fcc": 1 / 4, "diamond": 1 / 8}  # of an atom, in cubes of the lattice parameter


class ElementNumbers(NamedTuple):
    """Of one element: its column and row in the periodic table, and its volume in the pure crystal, Å^3."""

    group: int
    period: int
    volume_A3: float


def element_numbers(symbol: str) -> ElementNumbers:
    """The numbers of a metal that is bcc, fcc, hcp or of diamond structure; the volume as ASE has it.

    Raises:
        ValueError: another crystal structure, or no element.
    """
    number = atomic_numbers.get(symbol, 0)
    if not 0 < number <= _NOBLE[-1]:
        raise ValueError(f"{symbol!r} is no element up to radon: no numbers are known of it")
    period = int(np.searchsorted(_NOBLE, number))
    return ElementNumbers(_group(number, period), period, _volume_A3(symbol, number))


def _group(number: int, period: int) -> int:
    place, length = number - _NOBLE[period - 1], _NOBLE[period] - _NOBLE[period - 1]
    if place <= 2 and number != 2:
        return place
    return max(3, place + 18 - length)  # the lanthanides stand with lanthanum


def _volume_A3(symbol: str, number: int) -> float:
    crystal: dict[str, Any] = reference_states[number] or {}
    symmetry, a_A = crystal.get("symmetry"), float(crystal.get("a", np.nan))
    if symmetry == "hcp":
        return float(np.sqrt(3) / 4 * a_A**3 * crystal["c/a"])
    if symmetry not in _VOLUMES:
        known = ", ".join(("hcp", *_VOLUMES))
        raise ValueError(f"{symbol}: a crystal of type {symmetry}; volumes are known of {known}")
    return float(a_A**3 * _VOLUMES[symmetry])
