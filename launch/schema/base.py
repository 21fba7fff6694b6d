"""What all sections share: strictness, common types, errors that say what came and what is allowed."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError

STRICT = ConfigDict(
    extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
)


class Section(BaseModel):
    """A mapping of the campaign file: unknown keys and values of another type are errors."""

    model_config = STRICT


def refuse(message: str) -> PydanticCustomError:
    """An error whose text is complete: what came and what is allowed."""
    return PydanticCustomError("refused", "{text}", {"text": message})


PositiveFloat = Annotated[float, Field(gt=0)]
Name = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"),
    Field(json_schema_extra={"$comment": "at most 64 letters, digits, '.', '_' and '-', no space"}),
]
PathText = Annotated[str, StringConstraints(min_length=1)]
Cells = Annotated[
    tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]],
    Field(strict=False, description="Cubic cells along x, y and z."),
]


def unique(values: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    """`values` unchanged; an error when one comes twice."""
    twice = sorted({str(v) for v in values if values.count(v) > 1})
    if twice:
        raise refuse(f"{what} {', '.join(twice)} given twice; each is allowed once")
    return values
