"""R of the states of kMC runs: one run in memory at a time, what is kept of each is small."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.inputs import Inputs, RunFile
from analysis.options import RandomnessOptions
from analysis.runs import sound_runs, warn_of_vacancies
from nnk.files import rng
from nnk.lattice import IntArray, Lattice
from nnk.observables.jump_randomness import RandomnessCurve, jump_randomness, randomness_curve
from nnk.observables.peaks import bootstrap_peak, peak_position
from nnk.observables.site_barriers import site_barriers, with_one_vacancy
from nnk.observables.statistics import Estimate, Interval, bootstrap, mean_and_error

if TYPE_CHECKING:
    from nnk.kmc import Trajectory
    from nnk.models import BarrierModel

NAME = "randomness"
GRID_K = np.arange(100.0, 3001.0, 50.0)
MOST_INITIAL_STATES = 8
RESAMPLES = 1000
MAP_CELLS = 40  # along each edge of a map

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RunRandomness:
    """R of one run's states, all at the run's temperature unless said otherwise.

    Attributes:
        file: case, temperature, replica.
        lattice: its lattice.
        jumps: made by the run.
        final: R over the sites of the last state.
        map_initial, map_final: float64[m], R on the sites `map_sites` of the first and the last state.
    """

    file: RunFile
    lattice: Lattice
    jumps: int
    final: RandomnessCurve
    map_initial: FloatArray
    map_final: FloatArray


@dataclass(frozen=True)
class Randomness:
    """R of one case.

    Attributes:
        case: its name.
        runs: sorted by temperature and replica.
        initial: R of each distinct initial state, at `GRID_K` and the temperatures of the runs.
        sites: vacancy sites per state.
        wanted_K: temperatures whose distributions are asked for.
    """

    case: str
    runs: tuple[RunRandomness, ...]
    initial: tuple[RandomnessCurve, ...]
    sites: int
    wanted_K: tuple[float, ...]

    @property
    def lattice(self) -> Lattice:
        """The lattice of all runs."""
        return self.runs[0].lattice

    @property
    def temperatures_K(self) -> list[float]:
        """Temperatures of the runs, ascending."""
        return sorted({run.file.temperature_K for run in self.runs})

    @property
    def shown_K(self) -> list[float]:
        """Temperatures whose distributions are drawn: of the runs', those nearest to the wanted ones."""
        available = np.array(self.temperatures_K)
        return sorted({float(available[np.abs(available - t).argmin()]) for t in self.wanted_K})

    @property
    def jumps_text(self) -> str:
        """Jumps made by the runs, for captions."""
        made = sorted({run.jumps for run in self.runs})
        return f"{made[0]:,}" if len(made) == 1 else f"{made[0]:,} to {made[-1]:,}"

    @property
    def replicas_text(self) -> str:
        """Number of replicas, for captions."""
        counts = sorted({len(self.at(t)) for t in self.temperatures_K})
        text = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        return f"{text} replica{'s' if text != '1' else ''}"

    def at(self, temperature_K: float) -> list[RunRandomness]:
        """The replicas at one temperature."""
        return [run for run in self.runs if run.file.temperature_K == temperature_K]

    def initial_density(self, temperature_K: float) -> FloatArray:
        """Probability density of R, float64[bins], over the sites of all initial states."""
        return _density([curve.counts[curve.at(temperature_K)] for curve in self.initial])

    def final_density(self, temperature_K: float) -> FloatArray:
        """The same for the last states of the runs at that temperature."""
        return _density([run.final.counts[0] for run in self.at(temperature_K)])


@dataclass(frozen=True)
class Curves:
    """Mean and variance of R over sites against temperature, with the error over states.

    Attributes:
        temperature_K: float64[n].
        mean, variance: over the states, with the standard error.
    """

    temperature_K: FloatArray
    mean: Estimate
    variance: Estimate


def initial_curves(found: Randomness) -> Curves:
    """Of the initial states, each at all temperatures."""
    mean = mean_and_error([curve.mean for curve in found.initial])
    variance = mean_and_error([curve.variance for curve in found.initial])
    return Curves(found.initial[0].temperature_K, mean, variance)


def final_curves(found: Randomness) -> Curves:
    """Of the last states, each at the temperature of its run."""
    groups = [found.at(t) for t in found.temperatures_K]
    means = [mean_and_error([run.final.mean[0] for run in group]) for group in groups]
    variances = [mean_and_error([run.final.variance[0] for run in group]) for group in groups]
    mean, variance = (Estimate(*map(np.array, zip(*e, strict=True))) for e in (means, variances))
    return Curves(np.array(found.temperatures_K), mean, variance)


def initial_peak(found: Randomness) -> Interval:
    """Temperature (K) at which Var(R) of the initial states is largest, with its error over the states.

    Each state is evaluated at all temperatures, so its curve is smooth: the parabola goes through the highest
    point and its two neighbours.
    """
    temperature_K, variances = found.initial[0].temperature_K, np.array([c.variance for c in found.initial])

    def position(rows: FloatArray) -> float:
        mean = rows.mean(axis=0)
        top = int(mean.argmax())
        near = slice(max(top - 1, 0), top + 2)
        return peak_position(temperature_K[near], mean[near])

    if len(variances) < 2:
        return Interval(position(variances), np.nan, np.nan, np.nan)

    generator = rng(0, NAME, "initial", found.case)
    return bootstrap(variances, position, generator, resamples=RESAMPLES, few=True)


def final_peak(found: Randomness) -> Interval:
    """The same of the last states, resampled at each temperature; NaN if it is the first or the last one."""
    values = [[run.final.variance[0] for run in found.at(t)] for t in found.temperatures_K]
    generator = rng(0, NAME, "last", found.case)
    return bootstrap_peak(found.temperatures_K, values, generator, resamples=RESAMPLES)


def _density(counts: Sequence[NDArray[np.int64]]) -> FloatArray:
    total = np.sum(counts, axis=0)
    return np.asarray(total / total.sum() * len(total), dtype=np.float64)


def map_sites(lattice: Lattice) -> IntArray:
    """Sites int64[m] of a slice one half-edge thick (bcc: two atomic layers), at most `MAP_CELLS` wide.

    Seen along z they form a centred square lattice, in bcc (z = 0 and a/2) as in fcc (z = 0).
    """
    layers = 2 if lattice.structure == "bcc" else 1
    x, y, z = lattice.coordinates.T
    inside = (z < layers) & (x < 2 * MAP_CELLS) & (y < 2 * MAP_CELLS)
    return np.flatnonzero(inside)


def read_randomness(inputs: Inputs) -> list[Randomness]:
    """R of all finished runs that can be read, by case, through the network that drove them.

    Raises:
        MissingInput: no run, or no network.
        DamagedInput: none of the runs can be read, or the network cannot.
    """
    campaign, options = inputs.campaign(), inputs.options(NAME, RandomnessOptions)
    temperatures_K = {run.temperature_K for run in inputs.run_files()}
    grid = np.union1d(GRID_K, sorted(temperatures_K))
    model = inputs.kmc_model(campaign["alloy"]["elements"])
    readers: dict[str, Reader] = {}

    def read(file: RunFile, trajectory: Trajectory) -> RunRandomness:
        warn_of_vacancies(inputs, trajectory)
        reader = readers.setdefault(file.case, Reader(model, options.most_sites, campaign["seed"], grid))
        return reader.read(file, trajectory)

    runs = list(sound_runs(inputs, read))
    return [
        Randomness(
            case=case,
            runs=tuple(run for run in runs if run.file.case == case),
            initial=tuple(reader.initial),
            sites=len(reader.sites),
            wanted_K=options.temperatures_K,
        )
        for case, reader in readers.items()
        if any(run.file.case == case for run in runs)
    ]


@dataclass
class Reader:
    """Evaluates the states of the runs of one case, one after the other.

    Attributes:
        model: the network that drove them.
        most_sites: of a larger state so many sites, drawn by the seed, stand for all.
        seed: of the campaign.
        grid_K: temperatures at which initial states are evaluated, float64[n].
        initial: R of the distinct initial states so far.
    """

    model: BarrierModel
    most_sites: int
    seed: int
    grid_K: FloatArray
    initial: list[RandomnessCurve] = field(default_factory=list)
    _sites: IntArray | None = None
    _seen: set[bytes] = field(default_factory=set)

    @property
    def sites(self) -> IntArray:
        """Vacancy sites, the same in all states."""
        return np.empty(0, dtype=np.int64) if self._sites is None else self._sites

    def read(self, file: RunFile, trajectory: Trajectory) -> RunRandomness:
        """R of one run."""
        lattice, frames, temperature_K = trajectory.lattice, trajectory.frames(), file.temperature_K
        first, last = (with_one_vacancy(frames.occupancy[i]) for i in (0, -1))
        shown = map_sites(lattice)
        if self._sites is None:
            self._sites = chosen_sites(lattice, self.most_sites, self.seed)
        self._note_initial(lattice, first)
        return RunRandomness(
            file=file,
            lattice=lattice,
            jumps=int(frames.jump[-1]),
            final=randomness_curve(site_barriers(self.model, lattice, last, self._sites), [temperature_K]),
            map_initial=jump_randomness(site_barriers(self.model, lattice, first, shown), temperature_K),
            map_final=jump_randomness(site_barriers(self.model, lattice, last, shown), temperature_K),
        )

    def _note_initial(self, lattice: Lattice, state: NDArray[np.uint8]) -> None:
        """Evaluate an initial state unless it is known, or one too many."""
        content = state.tobytes()
        if content not in self._seen and len(self._seen) < MOST_INITIAL_STATES:
            self._seen.add(content)
            barriers = site_barriers(self.model, lattice, state, self._sites)
            self.initial.append(randomness_curve(barriers, self.grid_K))


def chosen_sites(lattice: Lattice, most: int, seed: int) -> IntArray:
    """All sites int64[n] of a lattice, or `most` of them drawn at random.

    Evenly spaced ones would all lie on one sublattice, and ordered states differ between sublattices.
    """
    if lattice.n_sites <= most:
        return np.arange(lattice.n_sites)
    return np.sort(rng(seed, NAME, "sites").choice(lattice.n_sites, most, replace=False))
