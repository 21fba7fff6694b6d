"""Lists and grids of compositions, as the sections label and kmc take them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from launch.schema.alloy import Composition, Element
from launch.schema.base import Section, refuse, unique
from nnk.alloy import MAX_GRID_ELEMENTS, published_grid, simplex_grid

MOST_POINTS = 10_000


class Divisions(Section):
    """All compositions that divide the range of each element into equal steps."""

    divisions: Annotated[int, Field(ge=1, le=1000)]
    """Steps along an edge: three elements and 10 divisions make 66 compositions."""

    margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.0
    """Least fraction of every element; 0 takes the pure elements and binary alloys in."""


class Grid(Section):
    """Compositions on a grid."""

    grid: Annotated[
        Annotated[Literal["paper46"], Tag("(paper46)")] | Annotated[Divisions, Tag("(divisions)")],
        Discriminator(lambda value: "(paper46)" if isinstance(value, str) else "(divisions)"),
    ]
    """paper46: the 46 compositions of Fan et al. (2022) and Xing et al. (2024), for three elements.
    {divisions: n, margin: x}: all compositions in n steps per edge, for two to five elements."""

    elements: (
        Annotated[
            tuple[Element, ...],
            Field(strict=False, min_length=2, max_length=MAX_GRID_ELEMENTS),
            AfterValidator(lambda values: unique(values, "element")),
        ]
        | None
    ) = None
    """Elements of the grid, for an alloy of more. Default: all of the alloy."""

    def points(self, elements: tuple[str, ...]) -> list[dict[str, float]]:
        """The compositions, for an alloy of `elements`."""
        chosen = self.elements or elements
        if isinstance(self.grid, str):
            return published_grid(chosen)
        return simplex_grid(chosen, self.grid.divisions, self.grid.margin)


def _listed(value: Any) -> Any:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict) and "grid" not in value:
        allowed = "equimolar, a list of compositions, {grid: paper46} or {grid: {divisions: 5, margin: 0.1}}"
        raise refuse(f"got a mapping without the key grid; allowed: {allowed}")
    return value


_List = Annotated[
    tuple[Composition, ...],
    Field(strict=False, min_length=1, json_schema_extra={"x-word": "equimolar"}),
]
CompositionList = Annotated[
    Annotated[_List, Tag("(list)")] | Annotated[Grid, Tag("(grid)")],
    Discriminator(lambda value: "(grid)" if isinstance(value, dict | Grid) else "(list)"),
    BeforeValidator(_listed),
]
"""The word equimolar, a list of compositions, or a grid."""

Compositions = tuple[str | dict[str, float], ...] | Grid


def listed(compositions: Compositions, elements: tuple[str, ...]) -> list[str | dict[str, float]]:
    """Every composition by itself, for an alloy of `elements`.

    Raises:
        ValueError: a grid that these elements cannot fill.
    """
    if isinstance(compositions, Grid):
        return list(compositions.points(elements))
    return list(compositions)
