"""Section ``analysis_options``: what may be chosen about each analysis."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from analysis import options as defaults
from launch.schema.alloy import Element
from launch.schema.base import Name, PathText, PositiveFloat, Section, unique


class OrderOptions(Section):
    """Of the analysis order."""

    shells: Annotated[int, Field(ge=1, le=5)] = defaults.OrderOptions.shells
    """Neighbour shells; those that the runs have not counted are counted in their key frames."""

    jumps: (
        Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False, min_length=1, max_length=8)]
        | None
    ) = defaults.OrderOptions.jumps
    """Numbers of jumps whose order is drawn against temperature, and whose peak is sought; the nearest key
    frames are taken. Default: seven from 1/1000 of the runs' jumps to all of them."""


class RandomnessOptions(Section):
    """Of the analysis randomness."""

    temperatures_K: Annotated[tuple[PositiveFloat, ...], Field(strict=False, min_length=1, max_length=6)] = (
        defaults.RandomnessOptions.temperatures_K
    )
    """Temperatures whose distributions are drawn; of the runs' temperatures those nearest are taken."""

    most_sites: Annotated[int, Field(ge=1)] = defaults.RandomnessOptions.most_sites
    """Vacancy sites per state; of a larger state so many are drawn at random."""


class ClustersOptions(Section):
    """Of the analysis clusters."""

    pair: (
        Annotated[
            tuple[Element, ...],
            Field(strict=False, min_length=2, max_length=2),
            AfterValidator(lambda values: unique(values, "element")),
        ]
        | None
    ) = None
    """The two elements of the B2 order, such as [Mo, Ta]; default: Mo and Ta where the alloy has both, else the
    pair most favoured as first neighbours at the ends of the runs."""

    temperatures_K: Annotated[tuple[PositiveFloat, ...], Field(strict=False, min_length=1, max_length=6)] = (
        defaults.ClustersOptions.temperatures_K
    )
    """Temperatures that are drawn; of the runs' temperatures those nearest are taken."""

    small_below: Annotated[int, Field(ge=2)] = defaults.ClustersOptions.small_below
    """Clusters of fewer centres count as small."""


class CompareOptions(Section):
    """Of the analysis compare: what this campaign is compared with. It needs `other`."""

    other: PathText | None = None
    """Workdir of another campaign, or a CSV file with columns named as those of a table of ours; relative to
    the campaign file."""

    label: Annotated[str, Field(min_length=1, max_length=60)] | None = None
    """What the other side is called; default: its campaign's name, or the file's."""

    table: Name | None = None
    """The table that is compared, such as order; default: all that both sides have, or the one whose columns
    the file has."""

    cases: dict[Name, Name] = Field(default_factory=dict)
    """Case of the other side by case of this one, such as {NbMoTa: NbMoTa-exchanged}; default: those of the
    same name, or the only one of each side."""


class AnalysisOptions(Section):
    """Choices about the analyses, each by its name."""

    clusters: ClustersOptions = ClustersOptions()
    """Ordered clusters."""

    order: OrderOptions = OrderOptions()
    """Chemical order."""

    randomness: RandomnessOptions = RandomnessOptions()
    """Jump randomness."""

    compare: CompareOptions = CompareOptions()
    """Comparison with another campaign, or with somebody else's data."""
