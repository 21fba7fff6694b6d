"""What a user may choose about each analysis: ``analysis_options`` of the campaign file.

The defaults stand here, so that an analysis of a folder without a campaign file takes the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar


@dataclass(frozen=True)
class OrderOptions:
    """Of ``order``.

    Attributes:
        shells: neighbour shells; those that the runs have not counted are counted in their key frames.
        jumps: numbers of jumps whose order is drawn against temperature, and whose peak is sought; of the key
            frames those nearest are taken. None: seven from 1/1000 of the runs' jumps to all of them.
    """

    shells: int = 3
    jumps: tuple[int, ...] | None = None


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


@dataclass(frozen=True)
class ClustersOptions:
    """Of ``clusters``.

    Attributes:
        pair: the two elements of the B2 order; if none are given Mo and Ta where the alloy has both, else the
            pair most favoured as first neighbours at the ends of the runs.
        temperatures_K: which are drawn; of the runs' temperatures those nearest are taken.
        small_below: clusters of fewer centres are small; 8 as in figure 5 of Xing et al. (2024).
    """

    pair: tuple[str, ...] | None = None
    temperatures_K: tuple[float, ...] = (600.0, 800.0, 1000.0, 1500.0, 3000.0)
    small_below: int = 8


@dataclass(frozen=True)
class CompareOptions:
    """Of ``compare``.

    Attributes:
        other: workdir of the other campaign, or a CSV file of somebody else's data whose columns are named as
            those of one of our tables; relative to the campaign file.
        label: what the other side is called; default: the other campaign's name, or that of the file.
        table: the table that is compared; default: all that both sides have, for a CSV file the one whose
            columns it has.
        cases: which case of the other side belongs to a case of this one; default: those of the same name,
            or the only one of each side.
    """

    other: str | None = None
    label: str | None = None
    table: str | None = None
    cases: Mapping[str, str] = field(default_factory=dict)


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
