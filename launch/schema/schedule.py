"""Key ``schedule`` of the section ``train``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from launch.schema.base import Section
from nnk.training import parameters


class Plateau(Section):
    """A learning rate that falls when the validation error does not."""

    factor: Annotated[float, Field(gt=0, lt=1)] = parameters.Plateau.factor
    """Of the rate, each time."""

    patience: Annotated[int, Field(ge=1)] = parameters.Plateau.patience
    """Epochs without a new best validation error before that."""

    floor: Annotated[float, Field(ge=0)] = parameters.Plateau.floor
    """Lowest rate."""


class PlateauSchedule(Section):
    """The mapping plateau."""

    plateau: Plateau
    """When and how far the rate falls."""


def _kind(value: Any) -> str:
    return "(mapping)" if isinstance(value, dict | PlateauSchedule) else "(word)"


Schedule = Annotated[
    Annotated[Literal["one-cycle"], Tag("(word)")] | Annotated[PlateauSchedule, Tag("(mapping)")],
    Discriminator(_kind),
]
