"""Jump randomness R over the sites of frozen states, its mean and its variance, against temperature."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.options import RandomnessOptions
from analysis.products import FigureProduct, Number, Product, TableProduct
from analysis.runs import Case, Run, read_cases
from analysis.style import (
    BLUE,
    DOUBLE_COLUMN_IN,
    VERMILION,
    letter_panels,
    new_figure,
    paper_style,
    ramp,
)
from nnk.observables.jump_randomness import jump_randomness, randomness_curve
from nnk.observables.site_barriers import site_barriers
from nnk.observables.statistics import Estimate, mean_and_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nnk.models import BarrierModel

NAME = "randomness"
GRID_K = np.arange(100.0, 3001.0, 50.0)
BINS = np.linspace(0.0, 1.0, 26)
MOST_INITIAL_STATES = 4
MOST_SITES = 4096
DEFINITION = (
    "R = 1 - sqrt((z sum p_i^2 - 1) / (z - 1)) with p_i the probability of jump i of a vacancy: 0 if one "
    "jump is always taken, 1 if all z are equally likely"
)


@dataclass(frozen=True)
class Randomness:
    """R of one case.

    Attributes:
        case: its runs.
        sites: vacancy sites per state.
        initial: barriers float64[sites, z] of each distinct initial state.
        final: the same of the last state of each run, in the order of ``case.runs``.
        wanted_K: temperatures whose distributions are asked for.
    """

    case: Case
    sites: int
    initial: list[NDArray[np.float64]]
    final: list[NDArray[np.float64]]
    wanted_K: tuple[float, ...]

    @property
    def shown_K(self) -> list[float]:
        """Temperatures whose distributions are drawn: of the campaign's, those nearest to the wanted ones."""
        available = np.array(self.case.temperatures_K)
        return sorted({float(available[np.abs(available - t).argmin()]) for t in self.wanted_K})

    def at(self, temperature_K: float) -> list[NDArray[np.float64]]:
        """Barriers of the last states of the runs at one temperature."""
        pairs = zip(self.case.runs, self.final, strict=True)
        return [barriers for run, barriers in pairs if run.file.temperature_K == temperature_K]


@dataclass(frozen=True)
class Curves:
    """Mean and variance of R against temperature, with the error over states.

    Attributes:
        temperature_K: float64[n].
        mean, variance: of R over the sites; mean and standard error over the states.
    """

    temperature_K: NDArray[np.float64]
    mean: Estimate
    variance: Estimate


def analyse(inputs: Inputs) -> Product:
    """R at every site of the initial and last states, through the network that drove the runs."""
    cases = read_cases(inputs)
    model = inputs.kmc_model(cases[0].first.elements)
    wanted_K = inputs.options(NAME, RandomnessOptions).temperatures_K
    found = [_randomness(case, model, wanted_K) for case in cases]
    with paper_style():
        figures = tuple(_figure(r) for r in found)
    return Product(
        name=NAME,
        title="Jump randomness",
        summary=" ".join(_summary(r) for r in found),
        figures=figures,
        tables=(_curve_table(found), _histogram_table(found)),
        numbers=tuple(number for r in found for number in _numbers(r)),
        settings={
            "definition": DEFINITION,
            "states": "the initial states of the runs at all temperatures; the last state of each run at its "
            "own temperature",
            "vacancy sites per state": ", ".join(f"{r.case.name}: {r.sites}" for r in found),
        },
    )


def _randomness(case: Case, model: BarrierModel, wanted_K: tuple[float, ...]) -> Randomness:
    distinct = {run.initial.tobytes(): run for run in case.runs}
    initial = [
        _site_barriers(run, run.initial, model) for run in list(distinct.values())[:MOST_INITIAL_STATES]
    ]
    final = [_site_barriers(run, run.final, model) for run in case.runs]
    return Randomness(case, len(initial[0]), initial, final, wanted_K)


def _site_barriers(run: Run, occupancy: NDArray[np.uint8], model: BarrierModel) -> NDArray[np.float64]:
    n_sites = run.lattice.n_sites
    sites = np.unique(np.linspace(0, n_sites - 1, min(n_sites, MOST_SITES)).astype(np.int64))
    return site_barriers(model, run.lattice, occupancy, sites)


def _initial_curves(found: Randomness) -> Curves:
    grid = np.union1d(GRID_K, found.case.temperatures_K)
    curves = [randomness_curve(barriers, grid) for barriers in found.initial]
    mean = mean_and_error([curve.mean for curve in curves])
    return Curves(grid, mean, mean_and_error([curve.variance for curve in curves]))


def _final_curves(found: Randomness) -> Curves:
    temperatures = found.case.temperatures_K
    means, variances = [], []
    for t in temperatures:
        values = np.array([jump_randomness(barriers, t) for barriers in found.at(t)])
        means.append(mean_and_error(values.mean(axis=1)))
        variances.append(mean_and_error(values.var(axis=1)))
    mean, variance = (Estimate(*map(np.array, zip(*e, strict=True))) for e in (means, variances))
    return Curves(np.array(temperatures), mean, variance)


def _pooled(states: Sequence[NDArray[np.float64]], temperature_K: float) -> NDArray[np.float64]:
    """R at all sites of all states."""
    return np.concatenate([jump_randomness(barriers, temperature_K) for barriers in states])


def _figure(found: Randomness) -> FigureProduct:
    figure, axes = new_figure(2, 2, width_in=DOUBLE_COLUMN_IN, height_in=4.9)
    _draw_histograms(axes[0, 0], found, final=False)
    _draw_histograms(axes[0, 1], found, final=True)
    initial, final = _initial_curves(found), _final_curves(found)
    _draw_curves(axes[1, 0], initial, final, "mean")
    _draw_curves(axes[1, 1], initial, final, "variance")
    axes[1, 0].set(ylabel="mean of $R$ over sites", ylim=(0, 1))
    axes[1, 1].set(ylabel="Var($R$), diffusion multiplicity")
    letter_panels(axes.ravel())
    run = found.case.first
    return FigureProduct(
        name=f"{NAME}-{found.case.name}",
        title=f"Jump randomness and diffusion multiplicity, {found.case.name}",
        caption=(
            f"{found.case.name}, {run.lattice.n_sites:,} sites. {DEFINITION}. The vacancy is put on "
            f"{found.sites:,} sites of a frozen state in turn. (a) Distribution of R over the sites of "
            f"{_states(len(found.initial), 'initial state')}, at three temperatures. (b) The same for "
            f"the last states of the runs at these temperatures ({found.case.replicas_text}, "
            f"{run.jumps[-1]:,} jumps). (c) Mean and (d) variance of R over sites against temperature; line: "
            "initial state; points: last states, each at its own temperature, with the standard error over "
            "replicas. Open diamond: largest variance of the initial states."
        ),
        alt=f"Histograms of R at three temperatures, its mean and its variance. {_summary(found)}",
        figure=figure,
        table=NAME,
    )


def _states(count: int, noun: str) -> str:
    return f"the {noun}" if count == 1 else f"{count} {noun}s"


def _draw_histograms(axes: Axes, found: Randomness, *, final: bool) -> None:
    shown = found.shown_K
    for t, colour, line in zip(shown, ramp(len(shown)), ("-", "--", "-."), strict=False):
        states = found.at(t) if final else found.initial
        density, _ = np.histogram(_pooled(states, t), BINS, density=True)
        axes.stairs(density, BINS, color=colour, linestyle=line, linewidth=1.2, label=f"{t:g} K")
        axes.stairs(density, BINS, color=colour, fill=True, alpha=0.12)
    axes.set(xlabel="jump randomness $R$", ylabel="probability density", xlim=(0, 1))
    axes.set_title("last states of the runs" if final else "initial states")
    axes.legend(loc="upper center", bbox_to_anchor=(0.42, 1.0))


def _draw_curves(axes: Axes, initial: Curves, final: Curves, which: str) -> None:
    line, points = getattr(initial, which), getattr(final, which)
    axes.plot(initial.temperature_K, line.mean, color=BLUE, label="initial states")
    bars = None if np.isnan(points.error).all() else np.nan_to_num(points.error)
    axes.errorbar(
        final.temperature_K, points.mean, bars, fmt="s", color=VERMILION, label="last states of the runs"
    )
    if which == "variance":
        top = int(line.mean.argmax())
        axes.plot(
            initial.temperature_K[top],
            line.mean[top],
            "D",
            color=BLUE,
            markerfacecolor="white",
            markersize=5,
        )
        axes.set_ylim(0, None)
    axes.set(xlabel="temperature (K)", xlim=(0, 1.03 * float(initial.temperature_K.max())))
    axes.legend(loc="lower right")


def _summary(found: Randomness) -> str:
    curves = _initial_curves(found)
    top = int(curves.variance.mean.argmax())
    modes = ", ".join(f"{_mode(found.initial, t):.2f} at {t:g} K" for t in found.shown_K)
    return (
        f"{found.case.name}: in the initial state Var(R) is largest, "
        f"{curves.variance.mean[top]:.4f}, at {curves.temperature_K[top]:g} K; R is most often {modes}."
    )


def _mode(states: Sequence[NDArray[np.float64]], temperature_K: float) -> float:
    """Centre of the fullest bin of R."""
    counts, edges = np.histogram(_pooled(states, temperature_K), BINS)
    top = int(counts.argmax())
    return float(0.5 * (edges[top] + edges[top + 1]))


def _curve_table(all_found: Sequence[Randomness]) -> TableProduct:
    rows: list[list[Any]] = []
    for found in all_found:
        for state, curves in (("initial", _initial_curves(found)), ("last", _final_curves(found))):
            for i, temperature_K in enumerate(curves.temperature_K):
                numbers = (
                    float(values[i])
                    for estimate in (curves.mean, curves.variance)
                    for values in (estimate.mean, estimate.error)
                )
                states = int(curves.mean.n[i])
                rows.append([found.case.name, state, float(temperature_K), states, found.sites, *numbers])
    columns = {
        "case": "composition or start of the runs",
        "state": "initial: first states of the runs; last: last states, at their own temperature",
        "temperature_K": "temperature of the jump probabilities, K",
        "states": "number of states",
        "sites": "vacancy sites per state",
        "R_mean": "mean of R over sites",
        "R_mean_error": "standard error over states",
        "R_variance": "variance of R over sites (diffusion multiplicity)",
        "R_variance_error": "standard error over states",
    }
    return TableProduct(NAME, "Mean and variance of the jump randomness", columns, rows)


def _histogram_table(all_found: Sequence[Randomness]) -> TableProduct:
    rows: list[list[Any]] = []
    for found in all_found:
        for temperature_K in found.shown_K:
            for state, states in (("initial", found.initial), ("last", found.at(temperature_K))):
                density, _ = np.histogram(_pooled(states, temperature_K), BINS, density=True)
                rows += [
                    [found.case.name, state, temperature_K, float(low), float(high), float(value)]
                    for low, high, value in zip(BINS[:-1], BINS[1:], density, strict=True)
                ]
    columns = {
        "case": "composition or start of the runs",
        "state": "initial: first states of the runs; last: last states, at their own temperature",
        "temperature_K": "temperature, K",
        "R_from": "lower edge of the bin",
        "R_to": "upper edge of the bin",
        "density": "probability density of R",
    }
    return TableProduct(f"{NAME}-histograms", "Distributions of the jump randomness", columns, rows)


def _numbers(found: Randomness) -> list[Number]:
    curves, case = _initial_curves(found), found.case.name
    top = int(curves.variance.mean.argmax())
    count, error = len(found.initial), float(curves.variance.error[top])
    peak = f"{case}: largest Var(R), initial state"
    value = float(curves.variance.mean[top])
    return [
        Number(f"{peak}, at", float(curves.temperature_K[top]), "K", NAME, count=count),
        Number(peak, value, "1", NAME, error=None if np.isnan(error) else error, count=count),
        *(
            Number(f"{case}: most frequent R, initial state, {t:g} K", _mode(found.initial, t), "1", NAME)
            for t in found.shown_K
        ),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.randomness WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
