"""How atoms are placed in the cells that barriers are computed in, and where vacancies are made."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from launch.schema.base import PositiveFloat, Section, unique
from nnk.samples import FarFieldParameters, OrderedParameters, SiteChoice

_Count = Annotated[int, Field(ge=1, le=1_000_000)]


class RandomSamples(Section):
    """Random solid solutions with exact atom counts."""

    kind: Literal["random"] = "random"
    """random: random solid solutions."""

    vacancies_per_sample: _Count | None = None
    """Vacancy positions, one at a time, tried in each sample before the next sample is drawn. Default: 1;
    with sites: k-means all that are asked for; with sites: all every site."""

    count: _Count | None = None
    """Samples per composition, with sites: all; otherwise it follows from the vacancies. Default: 1."""

    @property
    def degrees(self) -> int:
        """Samples that belong together: each stands alone."""
        return 1


class PairEnergies(Section):
    """Pair energies fitted to the potential, per composition."""

    shells: Annotated[int, Field(ge=1, le=10)] = 5
    """Neighbour shells that interact."""

    energies: Literal["relaxed", "unrelaxed"] = "relaxed"
    """What is fitted: energies of relaxed cells, or with the atoms on their ideal sites."""

    cells: Annotated[int, Field(ge=4, le=100_000)] | None = None
    """Cells evaluated for the fit. Default: six per unknown, at least 40."""


class Dynamics(Section):
    """Cycles of molecular dynamics and exchanges."""

    steps: Annotated[int, Field(ge=1, le=10_000_000)] = 100
    """Steps of dynamics between two rounds of exchanges."""

    trials_per_pair: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    """Exchanges tried of every pair of elements in each round."""

    timestep_fs: Annotated[float, Field(gt=0, le=20)] = 2.0
    """Time step, in fs."""

    friction_per_ps: PositiveFloat = 10.0
    """Friction of the Langevin thermostat, in 1/ps."""


MODE_OF_KEY = {"pairs": "lattice", "dynamics": "md"}
"""Keys of ordered samples that belong to one mode alone."""


class OrderedSamples(Section):
    """States along Metropolis exchange runs: short-range order of several degrees."""

    kind: Literal["ordered"]
    """ordered: snapshots along exchange runs, each begun from a random solid solution."""

    mode: Literal["lattice", "relax", "md"] = "lattice"
    """lattice: exchanges on the ideal lattice, with pair energies fitted to the potential. relax: all atoms
    are relaxed after every exchange tried. md: between rounds of molecular dynamics, as published."""

    temperature_K: Annotated[float, Field(ge=1, le=1e5)] = 300.0
    """Temperature of the exchanges, and of the dynamics."""

    trials_per_atom: Annotated[float, Field(gt=0, le=1e7)] = 100.0
    """Length of a run: exchanges tried, divided by the number of atoms."""

    degrees: Annotated[int, Field(ge=1, le=10_000)] = 1
    """Snapshots along a run, which are samples one after the other: of several, the first is the random start
    and the last the end of the run."""

    spacing: Literal["log", "linear"] = "log"
    """Spacing of the snapshots in the number of exchanges tried; log begins at 1/1000 of the run."""

    pairs: PairEnergies = PairEnergies()
    """Of mode: lattice."""

    dynamics: Dynamics = Dynamics()
    """Of mode: md."""

    vacancies_per_sample: _Count | None = None
    """Vacancy positions, one at a time, tried in each sample. Default: as many as make one run enough; with
    sites: all every site."""

    count: _Count | None = None
    """Samples per composition, with sites: all; otherwise it follows from the vacancies. Default: one run."""

    def resolved(self) -> dict[str, Any]:
        """Plain data with every default that the mode has."""
        data = self.model_dump(mode="json", exclude_none=True)
        return {name: value for name, value in data.items() if MODE_OF_KEY.get(name, self.mode) == self.mode}

    def parameters(self) -> OrderedParameters:
        """The runs as the library names them."""
        return OrderedParameters(
            mode=self.mode,
            temperature_K=self.temperature_K,
            trials_per_atom=self.trials_per_atom,
            degrees=self.degrees,
            spacing=self.spacing,
            shells=self.pairs.shells,
            energies=self.pairs.energies,
            fit_cells=self.pairs.cells,
            steps=self.dynamics.steps,
            trials_per_pair=self.dynamics.trials_per_pair,
            timestep_fs=self.dynamics.timestep_fs,
            friction_per_ps=self.dynamics.friction_per_ps,
        )


class FarFieldSamples(Section):
    """The surroundings of single jumps, kept up to a cutoff, with other atoms beyond it each time."""

    kind: Literal["far-field"]
    """far-field: how far a network has to see. Labels of one jump each, which the analysis farfield reads and
    networks are not trained on."""

    shells: Annotated[
        tuple[Annotated[int, Field(ge=1, le=10)], ...],
        Field(strict=False, min_length=1, max_length=10),
        AfterValidator(lambda values: unique(values, "shells")),
    ]
    """Cutoffs: neighbour shells of either end of the jump within which no atom changes."""

    jumps: _Count = FarFieldParameters.jumps
    """Jumps per composition, each in a random solid solution; moving atoms are of all elements in turn."""

    resamples: Annotated[int, Field(ge=2, le=1_000_000)] = FarFieldParameters.resamples
    """Samples of each jump and cutoff: the atoms beyond the cutoff have changed places at random."""

    def parameters(self) -> FarFieldParameters:
        """The samples as the library names them."""
        return FarFieldParameters(self.shells, self.jumps, self.resamples)


AnySamples = RandomSamples | OrderedSamples | FarFieldSamples
Samples = Annotated[
    Annotated[RandomSamples, Tag("(random)")]
    | Annotated[OrderedSamples, Tag("(ordered)")]
    | Annotated[FarFieldSamples, Tag("(far-field)")],
    Discriminator(lambda value: f"({_kind(value)})" if _kind(value) in _OTHERS else "(random)"),
]
_OTHERS = ("ordered", "far-field")


def _kind(value: object) -> object:
    return value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)


class SitesByEnvironment(Section):
    """Which sites of a sample become vacancies."""

    choice: Literal["random", "k-means", "all"]
    """random: sites at random. k-means: environments are sorted into clusters, and the most typical site of
    each comes first, the most different clusters first of all. all: every site."""

    clusters: Annotated[int, Field(ge=2, le=10_000)] = 32
    """Clusters of environments (k-means)."""

    shells: Annotated[int, Field(ge=1, le=10)] = 8
    """Neighbour shells of an environment (k-means)."""

    features: Literal["shell-counts", "one-hot"] = "shell-counts"
    """shell-counts: the share of each element in every shell. one-hot: the element on every site. For
    k-means."""

    def site_choice(self) -> SiteChoice:
        """The choice as the library names it."""
        return SiteChoice(self.choice, self.clusters, self.shells, self.features)


SiteWord = Literal["random", "k-means", "all"]
Sites = Annotated[
    Annotated[SiteWord, Tag("(word)")] | Annotated[SitesByEnvironment, Tag("(mapping)")],
    Discriminator(lambda value: "(word)" if isinstance(value, str) else "(mapping)"),
]


def site_choice(sites: SiteWord | SitesByEnvironment) -> SiteChoice:
    """The choice of sites as the library names it."""
    return SiteChoice(sites) if isinstance(sites, str) else sites.site_choice()
