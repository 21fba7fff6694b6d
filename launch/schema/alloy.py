"""Section ``alloy``: the elements, their order and the lattice; and how compositions are written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from ase.data import chemical_symbols
from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from launch.schema.base import PositiveFloat, Section, refuse, unique

SUM_TOLERANCE = 1e-6


def _element(symbol: str) -> str:
    if symbol not in chemical_symbols[1:]:
        raise refuse(f'got "{symbol}"; allowed: the symbol of a chemical element, such as Nb')
    return symbol


Element = Annotated[str, AfterValidator(_element)]


def _supported(lattice: Any) -> Any:
    if lattice in ("hcp", "sc", "diamond"):
        raise refuse(f"{lattice} is not supported in this version; allowed: bcc, fcc")
    return lattice


class Alloy(Section):
    """The elements of the alloy and the lattice they sit on."""

    elements: Annotated[
        tuple[Element, ...],
        Field(strict=False, min_length=1, max_length=20),
        AfterValidator(lambda values: unique(values, "element")),
    ]
    """Chemical symbols; their order is the order of species in every product."""

    lattice: Annotated[Literal["bcc", "fcc"], BeforeValidator(_supported)]
    """The lattice of the alloy; the built-in potential and the published network are for bcc."""

    lattice_parameter_A: PositiveFloat | None = None
    """Lattice parameter of the kMC cells; it scales lengths, not order or times. Default: at zero pressure by
    the potential, or the published network's own."""


def _sums_to_one(fractions: dict[str, float]) -> dict[str, float]:
    total = sum(fractions.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise refuse(f"the fractions sum to {total:.9g}; allowed: a sum of 1 within {SUM_TOLERANCE:g}")
    return fractions


Fractions = Annotated[
    dict[str, Annotated[float, Field(ge=0, le=1)]], Field(min_length=1), AfterValidator(_sums_to_one)
]


def _kind(value: Any) -> str:
    return "(equimolar)" if isinstance(value, str) else "(fractions)"


Composition = Annotated[
    Annotated[Literal["equimolar"], Tag("(equimolar)")] | Annotated[Fractions, Tag("(fractions)")],
    Discriminator(_kind),
]
"""Atomic fractions by element, or the word equimolar."""


def fractions_of(composition: str | dict[str, float], elements: tuple[str, ...]) -> dict[str, float]:
    """Atomic fractions in the order of `elements`, without the elements that are absent."""
    if isinstance(composition, str):
        return {name: 1 / len(elements) for name in elements}
    return {name: composition[name] for name in elements if composition.get(name, 0) > 0}
