"""Section ``analysis_options``: what may be chosen about each analysis."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from analysis import options as defaults
from launch.schema.base import PositiveFloat, Section


class RandomnessOptions(Section):
    """Of the analysis randomness."""

    temperatures_K: Annotated[tuple[PositiveFloat, ...], Field(strict=False, min_length=1, max_length=6)] = (
        defaults.RandomnessOptions.temperatures_K
    )
    """Temperatures whose distributions are drawn; of the runs' temperatures those nearest are taken."""

    most_sites: Annotated[int, Field(ge=1)] = defaults.RandomnessOptions.most_sites
    """Vacancy sites per state; of a larger state so many are drawn at random."""


class AnalysisOptions(Section):
    """Choices about the analyses, each by its name."""

    randomness: RandomnessOptions = RandomnessOptions()
    """Jump randomness."""
