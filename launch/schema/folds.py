"""Key ``folds`` of the section ``train``: how labels are divided for cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Discriminator, Field, Tag

from launch.schema.base import PathText, unique
from nnk.folds import Folds, composition_folds, read_fold_file

HELD_OUT_OTHERWISE = ("test_compositions", "test_fraction")
"""Keys of the section train that say the same in another way."""

_Fold = Annotated[
    tuple[Annotated[str, Field(min_length=1)], ...],
    Field(strict=False, min_length=1),
    AfterValidator(lambda names: unique(names, "name")),
]


def _kind(value: object) -> str:
    if isinstance(value, list | tuple):
        return "(lists)"
    return "(file)" if isinstance(value, str) else "(count)"


FoldChoice = Annotated[
    Annotated[int, Field(ge=2, le=1000), Tag("(count)")]
    | Annotated[PathText, Tag("(file)")]
    | Annotated[tuple[_Fold, ...], Field(strict=False, min_length=2), Tag("(lists)")],
    Discriminator(_kind),
]


def folds_of(
    choice: int | str | Folds, base_dir: Path, compositions: Callable[[], Sequence[str]], seed: int
) -> Folds:
    """The names that each fold tests.

    Args:
        choice: what the campaign says.
        base_dir: folder that files are relative to.
        compositions: gives the names of the labels' compositions.
        seed: deals them.

    Raises:
        ValueError, OSError: a number that the compositions do not fill, or a file that holds no folds.
    """
    if isinstance(choice, str):
        return read_fold_file(base_dir / Path(choice).expanduser())
    return composition_folds(compositions(), choice, seed) if isinstance(choice, int) else choice
