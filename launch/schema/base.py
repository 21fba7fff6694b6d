"""What all sections share: strictness, common types, errors that say what came and what is allowed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
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


def _usable_path(text: str) -> str:
    """A path that the system takes; whether anything is there is asked elsewhere."""
    try:
        parts = os.fsencode(Path(text).expanduser()).split(b"/")
    except (RuntimeError, UnicodeEncodeError):
        raise refuse(f'got "{text}"; allowed: characters, after ~ the name of a user if any') from None
    if any(ord(character) < 32 for character in text):
        raise refuse(f'got "{text}"; allowed: a path without control characters')
    if max(map(len, parts)) > 255 or len(os.fsencode(text)) > 3000:
        raise refuse(f'got "{text[:40]}..."; allowed: a path with at most 255 bytes for each name')
    return text


PathText = Annotated[str, StringConstraints(min_length=1), AfterValidator(_usable_path)]
Edge = Annotated[int, Field(ge=1, le=1000)]  # sites are numbered with 32 bits
Cells = Annotated[
    tuple[Edge, Edge, Edge],
    Field(strict=False, description="Cubic cells along x, y and z."),
]


def unique(values: tuple[Any, ...], what: str) -> tuple[Any, ...]:
    """`values` unchanged; an error when one comes twice."""
    twice = sorted({str(v) for v in values if values.count(v) > 1})
    if twice:
        raise refuse(f"{what} {', '.join(twice)} given twice; each is allowed once")
    return values
