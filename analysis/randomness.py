"""Jump randomness R over the sites of frozen states: distribution, map, mean and variance."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.products import FigureProduct, Number, Product, TableProduct
from analysis.randomness_figures import DEFINITION, map_figure, randomness_figure
from analysis.randomness_states import (
    MOST_INITIAL_STATES,
    NAME,
    RESAMPLES,
    Curves,
    FloatArray,
    Randomness,
    final_curves,
    final_peak,
    initial_curves,
    initial_peak,
    map_sites,
    read_randomness,
)
from analysis.style import paper_style
from nnk.observables.jump_randomness import BIN_EDGES
from nnk.observables.statistics import Interval

_STATE = "initial: first states of the runs; last: last states, at their own temperature"


def analyse(inputs: Inputs) -> Product:
    """R at the sites of the initial and last states, through the network that drove the runs."""
    found = read_randomness(inputs)
    with paper_style():
        figures = tuple(figure for r in found for figure in _figures(r))
    return Product(
        name=NAME,
        title="Jump randomness",
        summary=" ".join(_summary(r) for r in found),
        figures=figures,
        tables=(_curve_table(found), _peak_table(found), _histogram_table(found), _map_table(found)),
        numbers=tuple(number for r in found for number in _numbers(r)),
        settings={
            "definition": DEFINITION,
            "states": f"the initial states of the runs (at most {MOST_INITIAL_STATES} per case) at all "
            "temperatures; the last state of each run at its own temperature",
            "errors of peak temperatures": f"bootstrap over states, {RESAMPLES} resamples; the "
            "spacing of the temperatures is not in them",
            "vacancy sites per state": ", ".join(_sites_text(r) for r in found),
        },
    )


def _figures(found: Randomness) -> tuple[FigureProduct, ...]:
    return randomness_figure(found, _summary(found)), map_figure(found)


def _sites_text(found: Randomness) -> str:
    every = found.sites == found.lattice.n_sites
    return f"{found.case}: {'all ' if every else ''}{found.sites}" + (
        "" if every else f" of {found.lattice.n_sites}, drawn at random, the same in all states"
    )


def _summary(found: Randomness) -> str:
    peaks = [f"{_kelvin(initial_peak(found))} in the initial states"]
    last = final_peak(found)
    peaks += [] if np.isnan(last.value) else [f"{_kelvin(last)} in the last states of the runs"]
    modes = ", ".join(f"{_mode(found.initial_density(t)):.2f} at {t:g} K" for t in found.shown_K)
    return (
        f"{found.case}: Var(R) is largest at {' and at '.join(peaks)}; "
        f"R of the initial states is most often {modes}."
    )


def _kelvin(peak: Interval) -> str:
    if np.isnan(peak.value):
        return "no temperature inside the range"
    error = "" if np.isnan(peak.error) else f" ± {peak.error:.0f}"
    return f"{peak.value:.0f}{error} K"


def _mode(density: FloatArray) -> float:
    """Centre of the fullest bin of R."""
    top = int(density.argmax())
    return float(0.5 * (BIN_EDGES[top] + BIN_EDGES[top + 1]))


def _curve_table(all_found: Sequence[Randomness]) -> TableProduct:
    rows: list[list[Any]] = []
    for found in all_found:
        for state, curves in (("initial", initial_curves(found)), ("last", final_curves(found))):
            for i, temperature_K in enumerate(curves.temperature_K):
                numbers = (
                    float(values[i])
                    for estimate in (curves.mean, curves.variance)
                    for values in (estimate.mean, estimate.error)
                )
                states = int(curves.mean.n[i])
                rows.append([found.case, state, float(temperature_K), states, found.sites, *numbers])
    columns = {
        "case": "composition or start of the runs",
        "state": _STATE,
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
        for t in found.shown_K:
            for state, density in (("initial", found.initial_density(t)), ("last", found.final_density(t))):
                rows += [
                    [found.case, state, t, float(low), float(high), float(value)]
                    for low, high, value in zip(BIN_EDGES[:-1], BIN_EDGES[1:], density, strict=True)
                ]
    columns = {
        "case": "composition or start of the runs",
        "state": _STATE,
        "temperature_K": "temperature, K",
        "R_from": "lower edge of the bin",
        "R_to": "upper edge of the bin",
        "density": "probability density of R",
    }
    return TableProduct(f"{NAME}-histograms", "Distributions of the jump randomness", columns, rows)


def _map_table(all_found: Sequence[Randomness]) -> TableProduct:
    rows: list[list[Any]] = []
    for found in all_found:
        shown = map_sites(found.lattice)
        places = (0.5 * found.lattice.coordinates[shown]).tolist()
        for run in (found.at(t)[0] for t in found.shown_K):
            values = zip(shown.tolist(), places, run.map_initial, run.map_final, strict=True)
            head = [found.case, run.file.temperature_K, run.file.replica]
            rows += [[*head, site, *xyz, float(first), float(last)] for site, xyz, first, last in values]
    columns = {
        "case": "composition or start of the runs",
        "temperature_K": "temperature of the run and of the jump probabilities, K",
        "replica": "number of the run",
        "site": "number of the site",
        "x_a": "coordinate in lattice parameters",
        "y_a": "coordinate in lattice parameters",
        "z_a": "coordinate in lattice parameters",
        "R_initial": "R of a vacancy there, in the initial state",
        "R_last": "R of a vacancy there, in the last state",
    }
    return TableProduct(f"{NAME}-map", "Jump randomness on the sites of a slice", columns, rows)


def _peak_table(all_found: Sequence[Randomness]) -> TableProduct:
    rows: list[list[Any]] = []
    for found in all_found:
        for state, peak, curves in _peaks(found):
            states = int(curves.variance.n.min())
            top = float(np.nanmax(curves.variance.mean))
            rows.append([found.case, state, *map(float, peak), states, top])
    columns = {
        "case": "composition or start of the runs",
        "state": _STATE,
        "peak_K": "temperature at which Var(R) is largest, vertex of a parabola at the top, K; empty: "
        "the highest point is the first or the last",
        "peak_error_K": "its standard error, bootstrapped over states, K",
        "low_K": "lower end of its 95 % interval, K",
        "high_K": "upper end of its 95 % interval, K",
        "states": "number of states at each temperature, at least",
        "R_variance": "largest variance of R over sites",
    }
    return TableProduct(f"{NAME}-peaks", "Where the diffusion multiplicity is largest", columns, rows)


def _peaks(found: Randomness) -> tuple[tuple[str, Interval, Curves], ...]:
    return (
        ("initial", initial_peak(found), initial_curves(found)),
        ("last", final_peak(found), final_curves(found)),
    )


def _numbers(found: Randomness) -> list[Number]:
    numbers = []
    for state, peak, curves in _peaks(found):
        top = int(curves.variance.mean.argmax())
        where, count = f"{found.case}: largest Var(R), {state} state", int(curves.variance.n[top])
        height, error = float(curves.variance.mean[top]), float(curves.variance.error[top])
        if not np.isnan(peak.value):
            numbers.append(
                Number(f"{where}, at", peak.value, "K", f"{NAME}-peaks", _known(peak.error), count)
            )
        numbers.append(Number(where, height, "1", NAME, _known(error), count))
    return [*numbers, *(number for t in found.shown_K for number in _numbers_at(found, t))]


def _numbers_at(found: Randomness, temperature_K: float) -> list[Number]:
    """Most frequent and mean R of initial and last states."""
    numbers = []
    states = (
        ("initial", initial_curves(found), found.initial_density(temperature_K)),
        ("last", final_curves(found), found.final_density(temperature_K)),
    )
    for state, curves, density in states:
        i = int(np.flatnonzero(curves.temperature_K == temperature_K)[0])
        where, count = f"{found.case}: {{}} R, {state} state, {temperature_K:g} K", int(curves.mean.n[i])
        error = _known(float(curves.mean.error[i]))
        numbers += [
            Number(where.format("most frequent"), _mode(density), "1", f"{NAME}-histograms", count=count),
            Number(where.format("mean"), float(curves.mean.mean[i]), "1", NAME, error=error, count=count),
        ]
    return numbers


def _known(error: float) -> float | None:
    return None if np.isnan(error) else error


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.randomness WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
