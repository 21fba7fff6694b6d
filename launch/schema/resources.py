"""Section ``resources``: what each stage asks of the machine, where the site's defaults are not wanted."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from launch.schema.base import Section


class StageResources(Section):
    """What one stage asks for."""

    nodes: Annotated[int, Field(ge=1)] | None = None
    """Nodes of a block of this stage."""

    ranks_per_node: Annotated[int, Field(ge=1)] | None = None
    """MPI ranks (label) or workers (other stages) per node."""


class Resources(Section):
    """Per stage; what is left out is the site's default."""

    label: StageResources = StageResources()
    """Barrier searches, the audit among them."""

    train: StageResources = StageResources()
    """Training."""

    kmc: StageResources = StageResources()
    """Kinetic Monte Carlo."""

    analysis: StageResources = StageResources()
    """Figures and report."""
