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


class ModelsOptions(Section):
    """Of the analysis models."""

    loop_lengths: (
        Annotated[
            tuple[Annotated[int, Field(ge=3, le=1000)], ...], Field(strict=False, min_length=1, max_length=20)
        ]
        | None
    ) = defaults.ModelsOptions.loop_lengths
    """Jumps of the closed loops on which models are tried for detailed balance; bcc has even lengths only.
    Default: bcc 4, 8, 16, 32, 64, 100; fcc 3, 6, 12, 25, 50, 100."""

    loops: Annotated[int, Field(ge=2, le=10_000)] = defaults.ModelsOptions.loops
    """Loops of each length; fewer of networks that would take more than ten minutes."""


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
    """The two elements of the B2 order, such as [Mo, Ta]; default: Mo and Ta where the alloy has both, else
    the pair most favoured as first neighbours at the ends of the runs."""

    temperatures_K: Annotated[tuple[PositiveFloat, ...], Field(strict=False, min_length=1, max_length=6)] = (
        defaults.ClustersOptions.temperatures_K
    )
    """Temperatures that are drawn; of the runs' temperatures those nearest are taken."""

    small_below: Annotated[int, Field(ge=2)] = defaults.ClustersOptions.small_below
    """Clusters of fewer centres count as small."""


class TransportOptions(Section):
    """Of the analysis transport."""

    skip_share: Annotated[float, Field(ge=0, le=0.95)] = defaults.TransportOptions.skip_share
    """Share of each run's jumps left out at its beginning, while the cell still changes."""

    blocks: Annotated[int, Field(ge=16, le=4096)] = defaults.TransportOptions.blocks
    """Blocks, at least, into which the rest of a run is divided for displacements and their errors."""

    vacancy_formation_energy_eV: PositiveFloat | None = defaults.TransportOptions.vacancy_formation_energy_eV
    """E_f. With it tracer diffusivities are those at the equilibrium concentration of vacancies, exp(S_f/k -
    E_f/kT); without it those of the cell."""

    vacancy_formation_entropy_kB: float = defaults.TransportOptions.vacancy_formation_entropy_kB
    """S_f/k; it needs vacancy_formation_energy_eV."""

    fit_range_K: (
        Annotated[tuple[PositiveFloat, ...], Field(strict=False, min_length=2, max_length=2)] | None
    ) = None
    """Lowest and highest temperature of the Arrhenius fits, as [1000, 3000]; default: all sound points."""


class MapsOptions(Section):
    """Of the analysis maps."""

    model: Name | None = None
    """Name of the network; published: that of kmc.model. Default: the one that drives the kMC runs, or else
    the first that is trained."""

    divisions: Annotated[int, Field(ge=2, le=100)] = defaults.MapsOptions.divisions
    """Steps along an edge of the diagrams: 20 make 231 compositions of three elements."""

    random_cells: Annotated[int, Field(ge=2, le=1000)] = defaults.MapsOptions.random_cells
    """Random cells of 1,000 sites or more per composition, a vacancy on each of their sites in turn."""

    fixed: dict[Element, Annotated[float, Field(ge=0, lt=1)]] = Field(default_factory=dict)
    """Fraction of each element but three, for alloys of more, such as {V: 0.25}; default: those after the
    third, each with an equal share of the whole."""


class Sweep(Section):
    """Random cells in which the content of one element changes; the others share the rest equally."""

    element: Element
    """The element whose content changes."""

    from_percent: Annotated[float, Field(ge=0, le=100)]
    """Its first content, at.%."""

    to_percent: Annotated[float, Field(ge=0, le=100)]
    """Its last content, at.%."""

    steps: Annotated[int, Field(ge=1, le=200)]
    """Steps from the first to the last."""

    least_atoms: Annotated[int, Field(ge=1)] = 5000
    """Atoms of every species in each cell, at least: at 99 at.% of one of three elements 5,000 take a cell of
    1,000,000 sites."""


class SpectraOptions(Section):
    """Of the analysis spectra."""

    model: Name | None = None
    """Network of the sweep and of the runs' states; as in maps."""

    sweep: Sweep | None = None
    """Spectra against the content of one element; default: none."""


class AnalysisOptions(Section):
    """Choices about the analyses, each by its name."""

    spectra: SpectraOptions = SpectraOptions()
    """Barrier spectra."""

    maps: MapsOptions = MapsOptions()
    """Maps of the barriers over compositions."""

    clusters: ClustersOptions = ClustersOptions()
    """Ordered clusters."""

    transport: TransportOptions = TransportOptions()
    """Diffusivities, correlation factors, jump frequencies."""

    order: OrderOptions = OrderOptions()
    """Chemical order."""

    randomness: RandomnessOptions = RandomnessOptions()
    """Jump randomness."""

    models: ModelsOptions = ModelsOptions()
    """Errors and drift of models."""

    compare: CompareOptions = CompareOptions()
    """Comparison with another campaign, or with somebody else's data."""
