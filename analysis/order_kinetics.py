"""How order grows: against time, the temperature where it is highest, and how fast it relaxes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.order_parameters import Order, alpha_of, delta_of
from analysis.runs import Run
from nnk.files import rng
from nnk.observables.peaks import bootstrap_peak
from nnk.observables.relaxation import at_frame, at_points, log_points, relaxation
from nnk.observables.statistics import Estimate, Interval, mean_and_error

PER_DECADE = 5  # times at which order is averaged over replicas
JUMP_SERIES = 7  # numbers of jumps whose curves against temperature are drawn
RESAMPLES = 1000


@dataclass(frozen=True)
class TimeRow:
    """Order against physical time at one temperature.

    Attributes:
        time_s: float64[n], evenly spaced over its logarithm, while all replicas run.
        delta, alpha: float64[n, shells, n_species, n_species], mean and error over replicas.
    """

    time_s: NDArray[np.float64]
    delta: Estimate
    alpha: Estimate


def time_rows(order: Order) -> list[TimeRow]:
    """Order against time at each temperature, between key frames on straight lines over log time."""
    return [_time_row(order.case.at(t)) for t in order.case.temperatures_K]


def _time_row(runs: list[Run]) -> TimeRow:
    ends = [float(run.time_s[-1]) for run in runs]
    firsts = [float(run.time_s[run.time_s > 0][0]) for run, end in zip(runs, ends, strict=True) if end > 0]
    times = log_points(max(firsts), min(ends), PER_DECADE) if len(firsts) == len(runs) else np.empty(0)
    delta, alpha = (
        mean_and_error([at_points(run.time_s, parameter(run), times) for run in runs])
        for parameter in (delta_of, alpha_of)
    )
    return TimeRow(times, delta, alpha)


def series_frames(jumps: NDArray[np.int64], wanted: tuple[int, ...] | None) -> list[int]:
    """Key frames nearest to the numbers of jumps wanted; if none are, a row from 1/1000 of the last on."""
    numbers = np.array(wanted) if wanted else np.geomspace(max(jumps[-1] / 1000, 1), jumps[-1], JUMP_SERIES)
    started = np.flatnonzero(jumps > 0)
    nearest = [started[np.abs(np.log(jumps[started] / number)).argmin()] for number in numbers]
    return sorted({int(frame) for frame in nearest})


@dataclass(frozen=True)
class Peak:
    """Where the leading pair's order is highest, over the temperature, after some jumps.

    Attributes:
        jumps: how many.
        temperature_K: position with its bootstrap error; NaN where it is undefined.
        why: why it is; empty where it is defined.
    """

    jumps: int
    temperature_K: Interval
    why: str


def peaks(order: Order, frames: list[int]) -> list[Peak]:
    """The peak after each of these numbers of jumps, given as frames of `order.jumps`."""
    a, b = order.leading
    runs = [order.case.at(t) for t in order.case.temperatures_K]
    rows = [
        [delta_of(run)[np.isin(run.jumps, order.jumps), 0, a, b] for run in replicas] for replicas in runs
    ]
    return [_peak(order, frame, [[row[frame] for row in replicas] for replicas in rows]) for frame in frames]


def _peak(order: Order, frame: int, values: list[list[float]]) -> Peak:
    jumps, nothing = int(order.jumps[frame]), Interval(*[np.nan] * 4)
    if len(values) < 3:
        return Peak(jumps, nothing, "fewer than three temperatures")
    if not order.significant(frame):
        return Peak(jumps, nothing, "no order beyond noise")
    generator = rng(0, "peak", order.case.name, jumps)
    interval = bootstrap_peak(order.temperature_K, values, generator, resamples=RESAMPLES)
    return Peak(
        jumps, interval, "highest at the first or last temperature" if np.isnan(interval.value) else ""
    )


@dataclass(frozen=True)
class PairRelaxation:
    """Relaxation of the first-shell order of one pair at one temperature.

    Attributes:
        temperature_K: temperature.
        pair: species, numbered from 0.
        replicas: runs.
        relaxed: how many of them have relaxed.
        jumps, time_s: geometric mean over those; NaN unless half of the runs have.
        jumps_error, time_error: standard error of the mean logarithm: relative error of the value.
    """

    temperature_K: float
    pair: tuple[int, int]
    replicas: int
    relaxed: int
    jumps: float
    jumps_error: float
    time_s: float
    time_error: float


def relaxations(order: Order) -> list[PairRelaxation]:
    """Relaxation of every pair at every temperature."""
    return [_relaxation(order, t, pair) for t in order.case.temperatures_K for pair in order.pairs]


def _relaxation(order: Order, temperature_K: float, pair: tuple[int, int]) -> PairRelaxation:
    runs, noise = order.case.at(temperature_K), float(order.spread[0, *pair])
    frames = [relaxation(run.jumps, delta_of(run)[:, 0, *pair], noise=noise).frame for run in runs]
    relaxed = int(np.isfinite(frames).sum())
    if 2 * relaxed < len(runs):
        return PairRelaxation(temperature_K, pair, len(runs), relaxed, *[np.nan] * 4)
    values = []
    for name in ("jumps", "time_s"):
        logs = [np.log(at_frame(getattr(run, name), frame)) for run, frame in zip(runs, frames, strict=True)]
        mean, error, _ = mean_and_error(logs)
        values += [float(np.exp(mean)), float(error)]
    return PairRelaxation(temperature_K, pair, len(runs), relaxed, *values)


@dataclass(frozen=True)
class Kinetics:
    """How the order of one case grows.

    Attributes:
        order: against temperature and jumps.
        frames: those whose order against temperature is drawn, see `series_frames`.
        peaks: one for each of them.
        times: one for each temperature.
        relaxations: one for each temperature and pair; none where the temperature changes along the runs.
    """

    order: Order
    frames: list[int]
    peaks: list[Peak]
    times: list[TimeRow]
    relaxations: list[PairRelaxation]


def kinetics_of(order: Order, wanted_jumps: tuple[int, ...] | None = None) -> Kinetics:
    """All of it; `wanted_jumps` as in `series_frames`."""
    frames = series_frames(order.jumps, wanted_jumps)
    if order.scheduled:
        return Kinetics(order, frames, [], time_rows(order), [])
    return Kinetics(order, frames, peaks(order, frames), time_rows(order), relaxations(order))
