"""Section ``label``: which barriers are computed, in which cells, how tightly."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from launch.schema.base import Cells, Section
from launch.schema.box import Box
from launch.schema.compositions import CompositionList


class Samples(Section):
    """How atoms are placed in the cells that barriers are computed in."""

    kind: Literal["random"] = "random"
    """random: random solid solutions with exact atom counts."""

    vacancies_per_sample: Annotated[int, Field(ge=1)] = 1
    """Vacancy positions, one at a time, tried in each sample before the next sample is drawn."""


class Audit(Section):
    """Labels computed again by an independent method (climbing-image NEB)."""

    fraction: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Fraction of the labels."""

    at_least: Annotated[int, Field(ge=0)] = 30
    """At least this many labels, split paths among them."""


class Label(Section):
    """Vacancy-migration barriers from transition-state searches."""

    compositions: CompositionList
    """Compositions as atomic fractions that sum to 1, such as {Nb: 0.5, Mo: 0.5}; or equimolar; or a grid."""

    samples: Samples = Samples()
    """How the atoms are placed."""

    cells: Cells
    """Cubic cells along x, y and z of each sample."""

    vacancies_per_composition: Annotated[int, Field(ge=1, le=1_000_000)]
    """Vacancy positions per composition; each gives one barrier per jump (bcc: 8)."""

    max_force_eV_A: Annotated[float, Field(gt=0, le=0.1)] = 0.02
    """Largest force left on an atom at a relaxed state or a saddle."""

    connect: bool = True
    """true: walk down both sides of every saddle, so that each label joins its two states. false: forward
    barriers alone, from the initial state, at less than half the cost; they cannot train a network."""

    method: Literal["search", "neb"] = "search"
    """search: one image, quasi-Newton, with the elastic band where that fails. neb: climbing-image nudged
    elastic bands alone, at several times the cost."""

    box: Box = "zero-pressure"
    """zero-pressure: the alloy's own lattice parameter, by the potential. relaxed: besides, every state and
    every saddle in a box of its own without pressure. {fixed: 3.24}, or {vegard: {Cu: 3.615, Ni: 3.52}}."""

    ranks_per_barrier: Annotated[int, Field(ge=1, le=64)] = 1
    """MPI ranks that share one vacancy, for costly potentials: the images of a band, and the two ways down from
    a saddle, are evaluated at once."""

    audit: Audit = Audit()
    """Which share of the labels is computed again by another method."""

    @property
    def samples_per_composition(self) -> int:
        """Samples that hold all the vacancies asked for."""
        return -(-self.vacancies_per_composition // self.samples.vacancies_per_sample)
