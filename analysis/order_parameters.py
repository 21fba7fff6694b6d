"""Order parameters of all runs of a case: mean and error over replicas."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from analysis.runs import Case, Run
from nnk.files import rng
from nnk.observables.pair_order import (
    coordination,
    neighbour_numbers,
    pair_parameter,
    random_spread,
    warren_cowley,
)
from nnk.observables.statistics import Estimate, mean_and_error

NORMALISATION = (
    "δ_ab = N_ab − N_0,ab with N_ab the mean number of b among the neighbours of an a atom (per a atom) "
    "and N_0,ab its mean over random arrangements"
)
ARRANGEMENTS = 100


@dataclass(frozen=True)
class Order:
    """Order parameters of one case.

    Attributes:
        case: its runs.
        start: how they begin, see `analysis.runs.start_of`.
        temperature_K: float64[n_T].
        jumps: int64[n_frames].
        neighbours, delta, alpha: float64[n_T, n_frames, shells, n, n], mean and error over replicas.
        spread: float64[shells, n, n], standard deviation of delta over random arrangements of the atoms.
    """

    case: Case
    start: str
    temperature_K: NDArray[np.float64]
    jumps: NDArray[np.int64]
    neighbours: Estimate
    delta: Estimate
    alpha: Estimate
    spread: NDArray[np.float64]

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of the species."""
        return self.case.first.elements

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Pairs of species, numbered from 0, the first not after the second; absent species left out."""
        present = [i for i, count in enumerate(self.case.first.numbers) if count]
        return [(a, b) for a in present for b in present if a <= b]

    def pair_name(self, pair: tuple[int, int]) -> str:
        """``Mo-Ta``."""
        return f"{self.elements[pair[0]]}-{self.elements[pair[1]]}"

    @property
    def leading(self) -> tuple[int, int]:
        """The unlike pair with the highest first-shell delta at the end of any run; a like pair if alone."""
        unlike = [pair for pair in self.pairs if pair[0] != pair[1]] or self.pairs
        return max(unlike, key=lambda pair: float(self.delta.mean[:, -1, 0, pair[0], pair[1]].max()))

    @property
    def has_start(self) -> bool:
        """Whether the runs begin with an order that is worth showing: not with a random solution."""
        return self.start != "random"

    @property
    def scheduled(self) -> bool:
        """Whether the temperature changes along the runs, so that there is no order against temperature."""
        return any(run.file.scheduled for run in self.case.runs)

    @property
    def single(self) -> bool:
        """One replica at every temperature, so no errors."""
        return all(len(self.case.at(t)) == 1 for t in self.case.temperatures_K)

    def noise(self, pair: tuple[int, int], shell: int = 0) -> float:
        """Twice the standard deviation that a mean over the replicas has in random cells."""
        replicas = min(len(self.case.at(t)) for t in self.case.temperatures_K)
        return float(2 * self.spread[shell, pair[0], pair[1]] / np.sqrt(replicas))

    def significant(self, frame: int) -> bool:
        """Whether the leading pair's order is more than chance gives its best of all pairs and temperatures.

        At the 5 % level, for that many independent normal values (Šidák).
        """
        a, b = self.leading
        trials = len(self.temperature_K) * len(self.pairs)
        deviations = NormalDist().inv_cdf(0.95 ** (1 / trials))
        return bool(self.delta.mean[:, frame, 0, a, b].max() > 0.5 * deviations * self.noise((a, b)))

    @property
    def beyond_noise(self) -> bool:
        """Whether the order at the end is `significant`."""
        return self.significant(-1)


def order_of(case: Case, start: str = "random") -> Order:
    """Order parameters of every run, averaged over the replicas of each temperature."""
    runs = [case.at(t) for t in case.temperatures_K]
    return Order(
        case=case,
        start=start,
        temperature_K=np.array(case.temperatures_K),
        jumps=case.jumps,
        neighbours=_averaged(runs, case.jumps, _neighbours),
        delta=_averaged(runs, case.jumps, delta_of),
        alpha=_averaged(runs, case.jumps, alpha_of),
        spread=_spread(case.first),
    )


def _averaged(
    runs: list[list[Run]], jumps: NDArray[np.int64], parameter: Callable[[Run], NDArray[np.float64]]
) -> Estimate:
    """Mean and error over the replicas of each temperature after these numbers of jumps, stacked."""
    found = [
        mean_and_error([parameter(run)[np.isin(run.jumps, jumps)] for run in replicas]) for replicas in runs
    ]
    return Estimate(*(np.stack(column) for column in zip(*found, strict=True)))


def _spread(run: Run) -> NDArray[np.float64]:
    generator = rng(0, "random arrangements", run.file.case)  # one yardstick per case, whatever the seed
    n_species = len(run.elements)
    return random_spread(run.lattice, run.final, run.shells, n_species, generator, arrangements=ARRANGEMENTS)


def _neighbours(run: Run) -> NDArray[np.float64]:
    return neighbour_numbers(run.pair_counts, run.numbers)


def delta_of(run: Run) -> NDArray[np.float64]:
    """delta of every key frame of a run, float64[n_frames, shells, n, n]."""
    z = coordination(run.lattice.structure, run.shells)
    return pair_parameter(run.pair_counts, run.numbers, run.lattice.n_sites, z)


def alpha_of(run: Run) -> NDArray[np.float64]:
    """Warren-Cowley alpha of every key frame of a run, float64[n_frames, shells, n, n]."""
    z = coordination(run.lattice.structure, run.shells)
    return warren_cowley(run.pair_counts, run.numbers, run.lattice.n_sites, z)


def summary(order: Order) -> str:
    """Which pair is favoured, where most."""
    a, b = order.leading
    delta = order.delta.mean[:, -1, 0, a, b]
    top = int(delta.argmax())
    if not order.beyond_noise:
        return (
            f"{order.case.name}: no order beyond the noise of random cells after {order.jumps[-1]:,} jumps "
            f"(highest: {order.pair_name((a, b))}, δ = {delta[top]:.2f} per {order.elements[a]} atom)."
        )
    return (
        f"{order.case.name}: the favoured pair is {order.pair_name((a, b))}, strongest at "
        f"{order.temperature_K[top]:g} K (δ = {delta[top]:.2f} per {order.elements[a]} atom, α = "
        f"{order.alpha.mean[top, -1, 0, a, b]:.2f}) after {order.jumps[-1]:,} jumps."
    )
