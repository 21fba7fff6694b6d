"""What a user may choose about each analysis: ``analysis_options`` of the campaign file.

The defaults stand here, so that an analysis of a folder without a campaign file takes the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar


@dataclass(frozen=True)
class RandomnessOptions:
    """Of ``randomness``.

    Attributes:
        temperatures_K: whose distributions are drawn; of the runs' temperatures those nearest are taken.
            The defaults are those of figure 4 of Xing et al. (2024).
        most_sites: vacancy sites per state; of a larger state so many are drawn at random.
    """

    temperatures_K: tuple[float, ...] = (400.0, 800.0, 3000.0)
    most_sites: int = 131_072


Options = TypeVar("Options")


def options_from(kind: type[Options], given: Mapping[str, Any]) -> Options:
    """The options of one analysis from plain data, as the resolved campaign file holds them.

    Raises:
        ValueError: a name that is none of its options.
    """
    names = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(set(given) - names)
    if unknown:
        raise ValueError(
            f"{kind.__name__}: unknown {', '.join(unknown)}; allowed: {', '.join(sorted(names))}"
        )
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in given.items()}
    return kind(**values)
