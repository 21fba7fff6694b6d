"""Section ``resources``: what each stage asks of the machine, where the site's defaults are not wanted."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from launch.schema.base import Section
from site_configs.words import WallTime as _WallTime
from site_configs.words import Word as _Word

Word = Annotated[
    _Word, Field(json_schema_extra={"$comment": "letters, digits, '_', '.', '@', '+', ':' and '-'"})
]
WallTime = Annotated[_WallTime, Field(json_schema_extra={"$comment": "HH:MM:SS"})]


class StageResources(Section):
    """What one stage asks for."""

    nodes: Annotated[int, Field(ge=1)] | None = None
    """Nodes of a block of this stage."""

    ranks_per_node: Annotated[int, Field(ge=1)] | None = None
    """MPI ranks (label) or workers (other stages) per node."""

    queue: Word | None = None
    """Queue of its jobs."""

    walltime: WallTime | None = None
    """Longest time of its jobs, HH:MM:SS; work that is left goes into another."""


class Resources(Section):
    """Per stage; what is left out is the site's default."""

    account: Word | None = None
    """Account that pays for the jobs."""

    label: StageResources = StageResources()
    """Barrier searches, the audit among them."""

    train: StageResources = StageResources()
    """Training."""

    kmc: StageResources = StageResources()
    """Kinetic Monte Carlo."""

    snapshots: StageResources = StageResources()
    """Molecular dynamics."""

    forces: StageResources = StageResources()
    """Training of force models."""

    analysis: StageResources = StageResources()
    """Figures and report."""
