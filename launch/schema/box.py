"""Key ``box`` of the section ``label``: the lattice parameter that barriers are computed at."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from launch.schema.alloy import Element
from launch.schema.base import PositiveFloat, Section


class FixedBox(Section):
    """One lattice parameter for all compositions."""

    fixed: PositiveFloat
    """Lattice parameter in Å."""


class VegardBox(Section):
    """Lattice parameters by Vegard's rule."""

    vegard: Annotated[
        dict[Element, PositiveFloat],
        Field(
            min_length=1,
            json_schema_extra={"$comment": "a mapping of every element of the alloy to a length in Å"},
        ),
    ]
    """Lattice parameter of each element in Å; an alloy has the mean, weighted by its atomic fractions."""


def _kind(value: Any) -> str:
    if isinstance(value, VegardBox) or (isinstance(value, dict) and "vegard" in value):
        return "(vegard)"
    return "(fixed)" if isinstance(value, dict | FixedBox) else "(word)"


Box = Annotated[
    Annotated[Literal["zero-pressure", "relaxed"], Tag("(word)")]
    | Annotated[FixedBox, Tag("(fixed)")]
    | Annotated[VegardBox, Tag("(vegard)")],
    Discriminator(_kind),
]


def prescribed_lattice_parameter_A(box: Any, fractions: dict[str, float]) -> float | None:
    """The lattice parameter that a box prescribes for a composition; None if the potential decides."""
    if isinstance(box, FixedBox):
        return box.fixed
    if isinstance(box, VegardBox):
        return round(sum(fraction * box.vegard[name] for name, fraction in fractions.items()), 6)
    return None
