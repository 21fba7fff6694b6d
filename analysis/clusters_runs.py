"""Ordered clusters along kMC runs: counts of every key frame, averaged over replicas, and those of chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial, reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.clusters_counts import MEASURES, Counts, Events, FloatArray, counts_of
from analysis.inputs import Inputs, MissingInput, RunFile
from analysis.options import ClustersOptions
from analysis.runs import sound_runs
from nnk.files import rng
from nnk.lattice import IntArray, Lattice
from nnk.observables.clusters import (
    Pair,
    b2_clusters,
    random_centre_share,
    wrapping,
)
from nnk.observables.lineage import Lineage, follow
from nnk.observables.pair_order import coordination, species_numbers, warren_cowley
from nnk.observables.statistics import Estimate, mean_and_error

if TYPE_CHECKING:
    from nnk.kmc import Trajectory

NAME = "clusters"
PAPER_PAIR = ("Mo", "Ta")
RANDOM_SITES = 2_000_000
MOST_ARRANGEMENTS, FEWEST_ARRANGEMENTS = 200, 10


@dataclass(frozen=True)
class ClusterRun:
    """Clusters along one run.

    Attributes:
        file: case, temperature, replica.
        lattice: its lattice.
        numbers: int64[n], atoms of each species.
        jumps: int64[n_frames], jump number of each key frame.
        counts, events: of each key frame.
        lineage: tracks through the key frames.
        wraps: whether the largest cluster of the last state meets its own periodic image.
        final: uint8[n_sites], the last state.
    """

    file: RunFile
    lattice: Lattice
    numbers: IntArray
    jumps: IntArray
    counts: Counts
    events: Events
    lineage: Lineage
    wraps: bool
    final: NDArray[np.uint8]

    def values(self, name: str) -> FloatArray:
        """One of `Counts` or `Events`, float64[n_frames]."""
        return np.asarray(getattr(self.counts if name in Counts._fields else self.events, name))

    def sizes(self, jumps: int) -> IntArray:
        """Sizes of the clusters in the key frame after so many jumps, descending."""
        frame = int(np.flatnonzero(self.jumps == jumps)[0])
        return self.lineage.size[self.lineage.state == frame]


@dataclass(frozen=True)
class ClusterCase:
    """Clusters in all runs of one case.

    Attributes:
        name: of the case.
        elements: species i of an occupancy is ``elements[i - 1]``.
        pair: the two species of the B2 order.
        options: as chosen.
        runs: sorted by temperature and replica.
        jumps: int64[n], jump numbers of the key frames that all runs have.
        temperature_K: float64[n_T], ascending.
        counts: mean and error over replicas of all of `Counts` and `Events` by name, each [n_T, n].
        chance: counts of random arrangements of the atoms, float64[arrangements].
        chance_sizes: sizes of the clusters of each arrangement.
        chance_share: share of centres in a random arrangement, exact.
    """

    name: str
    elements: tuple[str, ...]
    pair: Pair
    options: ClustersOptions
    runs: tuple[ClusterRun, ...]
    jumps: IntArray
    temperature_K: FloatArray
    counts: dict[str, Estimate]
    chance: Counts
    chance_sizes: tuple[IntArray, ...]
    chance_share: float

    @property
    def pair_name(self) -> str:
        """``Mo-Ta``."""
        return "-".join(self.elements[species - 1] for species in self.pair)

    def at(self, temperature_K: float) -> list[ClusterRun]:
        """The replicas at one temperature."""
        return [run for run in self.runs if run.file.temperature_K == temperature_K]

    @property
    def replicas(self) -> tuple[int, int]:
        """Fewest and most replicas at a temperature."""
        found = [len(self.at(t)) for t in self.temperature_K]
        return min(found), max(found)

    @property
    def shown(self) -> list[int]:
        """Which temperatures are drawn: those nearest to the wanted ones."""
        wanted = np.array(self.options.temperatures_K)
        return sorted({int(np.abs(self.temperature_K - t).argmin()) for t in wanted})

    @property
    def strongest(self) -> int:
        """The temperature with the greatest share of centres at the end."""
        return int(self.counts["centres"].mean[:, -1].argmax())

    @property
    def typical(self) -> ClusterRun:
        """The run that is drawn alone: the first replica at the strongest temperature."""
        return self.at(float(self.temperature_K[self.strongest]))[0]

    def chance_mean(self, name: str) -> float:
        """Mean of a count over random arrangements; of the share of centres the exact one."""
        return self.chance_share if name == "centres" else float(getattr(self.chance, name).mean())

    def chance_spread(self, name: str) -> float:
        """Standard deviation that a mean over the replicas has in random cells."""
        return float(getattr(self.chance, name).std(ddof=1) / np.sqrt(self.replicas[0]))


def cluster_cases(inputs: Inputs) -> list[ClusterCase]:
    """Clusters of all runs, by case.

    Raises:
        MissingInput: no run, runs on a lattice without B2 order, of an alloy without the pair, or without key
            frames in common.
        DamagedInput: no run can be read.
    """
    options = inputs.options(NAME, ClustersOptions)
    alloy = inputs.campaign()["alloy"]
    if alloy["lattice"] != "bcc":
        raise MissingInput(f"clusters of B2 order need runs on the bcc lattice, these are {alloy['lattice']}")
    elements = tuple(alloy["elements"])
    chosen = options.pair or _default_pair(inputs, elements)
    absent = [name for name in chosen if name not in elements]
    if absent:
        raise MissingInput(f"no atoms of {', '.join(absent)}: the alloy is of {', '.join(elements)}")
    pair = elements.index(chosen[0]) + 1, elements.index(chosen[1]) + 1
    runs = list(sound_runs(inputs, partial(_run_of, pair=pair, options=options)))
    names = dict.fromkeys(run.file.case for run in runs)
    return [_case([run for run in runs if run.file.case == name], elements, pair, options) for name in names]


def _default_pair(inputs: Inputs, elements: Sequence[str]) -> tuple[str, str]:
    """Mo-Ta, that of Xing et al. (2024), where both are; else the pair most favoured at the ends of runs."""
    if set(PAPER_PAIR) <= set(elements):
        return PAPER_PAIR
    if len(elements) < 2:
        raise MissingInput(f"B2 order needs two elements, the alloy is of {', '.join(elements)} alone")
    alpha = mean_and_error(list(sound_runs(inputs, _final_alpha))).mean
    above = np.triu(np.isfinite(alpha), 1)
    a, b = np.unravel_index(int(np.where(above, alpha, np.inf).argmin()), alpha.shape)
    return elements[int(a)], elements[int(b)]


def _final_alpha(_: RunFile, trajectory: Trajectory) -> FloatArray:
    """Warren-Cowley parameters of first neighbours at the end of a run, float64[n, n]."""
    numbers = species_numbers(trajectory.occupancy, len(trajectory.elements))
    counts = trajectory.end.pair_counts[0, :1]
    z = coordination(trajectory.lattice.structure, 1)
    return warren_cowley(counts, numbers, trajectory.lattice.n_sites, z)[0]


def _run_of(file: RunFile, trajectory: Trajectory, *, pair: Pair, options: ClustersOptions) -> ClusterRun:
    lattice, frames = trajectory.lattice, trajectory.frames()
    found = [b2_clusters(lattice, occupancy, pair) for occupancy in frames.occupancy]
    counts = [
        counts_of(lattice, occupancy, clusters, pair, options.small_below)
        for occupancy, clusters in zip(frames.occupancy, found, strict=True)
    ]
    lineage = follow(found)
    return ClusterRun(
        file=file,
        lattice=lattice,
        numbers=species_numbers(trajectory.occupancy, len(trajectory.elements)),
        jumps=frames.jump,
        counts=Counts(*np.array(counts).T),
        events=Events.of(lineage),
        lineage=lineage,
        wraps=bool(wrapping(lattice, found[-1])[:1].any()),
        final=trajectory.occupancy,
    )


def _case(
    runs: Sequence[ClusterRun], elements: tuple[str, ...], pair: Pair, options: ClustersOptions
) -> ClusterCase:
    temperatures = np.unique([run.file.temperature_K for run in runs])
    jumps = np.asarray(reduce(np.intersect1d, [run.jumps for run in runs]))
    first = runs[0]
    if not jumps.any():
        raise MissingInput(
            f"{first.file.case}: its runs have no key frame in common but the first; see kmc.key_frames"
        )
    arranged = list(_random_arrangements(first, pair, options.small_below))
    return ClusterCase(
        name=first.file.case,
        elements=elements,
        pair=pair,
        options=options,
        runs=tuple(runs),
        jumps=jumps,
        temperature_K=temperatures,
        counts={name: _averaged(runs, temperatures, jumps, name) for name in MEASURES},
        chance=Counts(*np.array([counts for counts, _ in arranged]).T),
        chance_sizes=tuple(sizes for _, sizes in arranged),
        chance_share=random_centre_share(first.numbers, first.lattice.n_sites, pair),
    )


def _averaged(runs: Sequence[ClusterRun], temperatures: FloatArray, jumps: IntArray, name: str) -> Estimate:
    found = [
        mean_and_error(
            [
                run.values(name)[np.isin(run.jumps, jumps)]
                for run in runs
                if run.file.temperature_K == temperature
            ]
        )
        for temperature in temperatures
    ]
    return Estimate(*(np.stack(column) for column in zip(*found, strict=True)))


def _random_arrangements(
    run: ClusterRun, pair: Pair, small_below: int
) -> Iterator[tuple[tuple[float, ...], IntArray]]:
    """Counts and sizes of random arrangements of a run's atoms."""
    generator = rng(0, NAME, run.file.case)  # one yardstick per case, whatever the seed
    wanted = int(np.clip(RANDOM_SITES // len(run.final), FEWEST_ARRANGEMENTS, MOST_ARRANGEMENTS))
    for _ in range(wanted):
        occupancy = generator.permutation(run.final)
        found = b2_clusters(run.lattice, occupancy, pair)
        yield counts_of(run.lattice, occupancy, found, pair, small_below), found.size
