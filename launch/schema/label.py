"""Section ``label``: which barriers are computed, in which cells, how tightly."""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from launch.schema.base import Cells, Section
from launch.schema.box import Box
from launch.schema.compositions import CompositionList
from launch.schema.samples import (
    AnySamples,
    FarFieldSamples,
    OrderedSamples,
    RandomSamples,
    Samples,
    Sites,
    SitesByEnvironment,
    SiteWord,
    site_choice,
)


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

    samples: Samples = RandomSamples()
    """How the atoms are placed."""

    cells: Cells
    """Cubic cells along x, y and z of each sample."""

    sites: Sites = "random"
    """Which sites of a sample become vacancies, one at a time: random, k-means (most different environments
    first), all, or {choice: k-means, clusters: ..., shells: ..., features: ...}."""

    vacancies_per_composition: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """Vacancy positions per composition; each gives one barrier per jump (bcc: 8). Left out with sites: all,
    where every site of every sample is one, and with far-field samples, which have one each."""

    max_force_eV_A: Annotated[float, Field(gt=0, le=0.1)] = 0.02
    """Largest force left on an atom at a relaxed state or a saddle."""

    connect: bool = True
    """true: walk down both sides of every saddle, so that each label joins its two states. false: forward
    barriers alone, from the initial state, at less than half the cost."""

    method: Literal["search", "neb"] = "search"
    """search: one image, quasi-Newton, with the elastic band where that fails. neb: climbing-image nudged
    elastic bands alone, at several times the cost."""

    box: Box = "zero-pressure"
    """zero-pressure: the alloy's own lattice parameter, by the potential. relaxed: besides, every state and
    every saddle in a box of its own without pressure. {fixed: 3.24}, or {vegard: {Cu: 3.615, Ni: 3.52}}."""

    ranks_per_barrier: Annotated[int, Field(ge=1, le=64)] = 1
    """MPI ranks that share one vacancy, for costly potentials: the images of a band, and the two ways down
    from a saddle, are evaluated at once."""

    audit: Audit = Audit()
    """Which share of the labels is computed again by another method."""

    def amounts(self, n_sites: int) -> Amounts:
        """How many samples and vacancies there are per composition, for samples of so many sites."""
        return amounts(self.samples, self.sites, self.vacancies_per_composition, n_sites)


class Amounts(NamedTuple):
    """Numbers per composition."""

    samples: int
    vacancies_per_sample: int
    vacancies: int


def amounts(
    samples: AnySamples,
    sites: SiteWord | SitesByEnvironment,
    vacancies: int | None,
    n_sites: int,
) -> Amounts:
    """What follows from what a campaign says of samples, sites and vacancies."""
    if isinstance(samples, FarFieldSamples):
        count = samples.parameters().n_samples
        return Amounts(count, 1, count)
    if site_choice(sites).choice == "all" or vacancies is None:
        count = samples.count or samples.degrees
        return Amounts(count, n_sites, count * n_sites)
    each = samples.vacancies_per_sample or _default_each(samples, sites, vacancies, n_sites)
    return Amounts(-(-vacancies // each), each, vacancies)


def _default_each(
    samples: RandomSamples | OrderedSamples,
    sites: SiteWord | SitesByEnvironment,
    vacancies: int,
    n_sites: int,
) -> int:
    """Vacancies per sample where the campaign does not say."""
    if isinstance(samples, RandomSamples) and site_choice(sites).choice == "random":
        return 1
    return min(n_sites, -(-vacancies // samples.degrees))
