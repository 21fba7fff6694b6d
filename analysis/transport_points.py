"""What all replicas of a temperature say together about transport, and where that is no diffusivity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.transport_runs import RunTransport
from nnk.observables.statistics import Estimate, mean_and_error
from nnk.observables.transport import Transport, growth_exponent

FloatArray = NDArray[np.float64]

LEAST_GROWTH = 0.8  # exponent of the mean squared displacement with the jumps; 1 for diffusion
LEAST_WAY = 5.0  # root mean square way of a vacancy in a block, in jump lengths
LEAST_ATOM_WAY = 1.0  # the same of an atom in a stretch
WORST_ERROR = 0.5  # relative
GROWTH_LAGS = 4  # powers of two over which a vacancy's growth is judged
ATOM_GROWTH_LAGS = 2


@dataclass(frozen=True)
class Point:
    """All replicas at one temperature.

    "Walkers" are the vacancies, number 0, and the atoms of species i, number i.

    Attributes:
        temperature_K: the temperature.
        runs: the replicas.
        factor: what the tracer diffusivities of the cell are multiplied by
            (`nnk.observables.transport.concentration_factor`); 1 if they are left as they are.
    """

    temperature_K: float
    runs: tuple[RunTransport, ...]
    factor: float = 1.0

    @cached_property
    def diffusivity(self) -> Estimate:
        """float64[1 + n] m^2/s of each walker, with the error over replicas."""
        return mean_and_error([_diffusivities(run, self.factor) for run in self.runs])

    @cached_property
    def block_error(self) -> FloatArray:
        """float64[1 + n] m^2/s, error of that mean from blocks within each run."""
        return _error_of_mean([_diffusivity_errors(run, self.factor) for run in self.runs])

    @cached_property
    def correlation(self) -> Estimate:
        """float64[1 + n], correlation factors f_v and f_i, with the error over replicas."""
        return mean_and_error([_correlations(run) for run in self.runs])

    @cached_property
    def correlation_block_error(self) -> FloatArray:
        """float64[1 + n], error of that mean from blocks within each run."""
        return _error_of_mean([_correlation_errors(run) for run in self.runs])

    def over_runs(self, value: Callable[[Transport], float | FloatArray]) -> Estimate:
        """Mean over the replicas of anything else in their `Transport`."""
        return mean_and_error(np.array([value(run.transport) for run in self.runs]))

    def errors(self, estimate: Estimate, block_error: FloatArray) -> FloatArray:
        """Errors to be shown: over replicas if there are two or more, else from blocks."""
        return estimate.error if len(self.runs) > 1 else block_error

    @cached_property
    def square(self) -> int:
        """Squared jump length, (a/2)^2."""
        return int((self.runs[0].lattice.jumps[0] ** 2).sum())

    @cached_property
    def lag_jumps(self) -> NDArray[np.int64]:
        """Lengths of stretches that all replicas have, int64[n_lags]."""
        return min((run.record.lag_jumps for run in self.runs), key=len)

    @cached_property
    def lag_s(self) -> FloatArray:
        """Mean time of so many jumps, float64[n_lags]."""
        seconds = np.mean([run.time_s / run.record.n_jumps for run in self.runs])
        return np.asarray(self.lag_jumps * seconds, dtype=np.float64)

    @cached_property
    def lag_squares(self) -> FloatArray:
        """Mean squared displacements float64[n_lags, 1 + n] in squared jump lengths, over all stretches."""
        n = len(self.lag_jumps)
        records = [run.record for run in self.runs]
        weights = np.array([record.lag_stretches[:n] for record in records], dtype=np.float64)
        weights /= weights.sum(axis=0)
        rows = [np.column_stack([record.vacancy_lag, record.tracer_lag])[:n] for record in records]
        return np.asarray((weights[:, :, None] * np.array(rows)).sum(axis=0) / self.square)

    def growth(self, walker: int) -> float:
        """Exponent of the mean squared displacement with the jumps at the lengths it is taken at."""
        last, below = self.judged_lag(walker), ATOM_GROWTH_LAGS if walker else GROWTH_LAGS
        which = slice(max(0, last - below), last + 1)
        return growth_exponent(self.lag_jumps[which], self.lag_squares[which, walker])

    def way(self, walker: int) -> float:
        """Root mean square displacement in a block (atoms: a longest stretch), in jump lengths."""
        return float(np.sqrt(self.lag_squares[self.judged_lag(walker), walker]))

    def judged_lag(self, walker: int) -> int:
        """Number of the length over which displacements are taken: a block's, of atoms the longest."""
        if walker:
            return len(self.lag_jumps) - 1
        return min(run.record.block_jumps for run in self.runs).bit_length() - 1

    def fault(self, walker: int) -> str:
        """Why the diffusivity is none; empty where it is sound."""
        value = self.diffusivity.mean[walker]
        if np.isnan(value):
            return "no atoms"
        least = LEAST_ATOM_WAY if walker else LEAST_WAY
        if not self.way(walker) >= least:
            what = "atoms move" if walker else "the vacancy moves"
            return f"trapped: {what} by {self.way(walker):.2g} jump lengths, fewer than {least:g}"
        growth = self.growth(walker)
        if not growth >= LEAST_GROWTH:
            return f"not diffusive: displacements grow with exponent {growth:.2f}, below {LEAST_GROWTH:g}"
        error = self.fit_error(walker) / value
        if not error <= WORST_ERROR:
            return f"uncertain: error of {100 * error:.0f} % of the value, above {100 * WORST_ERROR:g} %"
        return ""

    def fit_error(self, walker: int) -> float:
        """The larger of both errors: that over a few replicas is small at times by chance."""
        return float(np.fmax(self.diffusivity.error[walker], self.block_error[walker]))


def points_of(
    runs: Sequence[RunTransport], factor: Callable[[float, RunTransport], float]
) -> tuple[Point, ...]:
    """Replicas by temperature, ascending; ``factor(temperature_K, run)`` is `Point.factor`."""
    temperatures = sorted({run.file.temperature_K for run in runs})
    groups = [(t, tuple(run for run in runs if run.file.temperature_K == t)) for t in temperatures]
    return tuple(Point(t, group, factor(t, group[0])) for t, group in groups)


def _diffusivities(run: RunTransport, factor: float) -> FloatArray:
    return np.append(run.transport.vacancy_m2_s, factor * run.transport.tracer_m2_s)


def _diffusivity_errors(run: RunTransport, factor: float) -> FloatArray:
    return np.append(run.transport.vacancy_error_m2_s, factor * run.transport.tracer_error_m2_s)


def _correlations(run: RunTransport) -> FloatArray:
    return np.append(run.transport.vacancy_correlation, run.transport.tracer_correlation)


def _correlation_errors(run: RunTransport) -> FloatArray:
    return np.append(run.transport.vacancy_correlation_error, run.transport.tracer_correlation_error)


def _error_of_mean(errors: Sequence[FloatArray]) -> FloatArray:
    squares = np.array(errors) ** 2
    return np.asarray(np.sqrt(squares.sum(axis=0)) / len(errors))
