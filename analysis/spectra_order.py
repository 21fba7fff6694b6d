"""Spectra of the runs' states against their chemical order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.inputs import Inputs, MissingInput, RunFile
from analysis.networks import alloy_elements, chosen_network
from analysis.options import SpectraOptions
from analysis.products import FigureProduct, Product, TableProduct
from analysis.runs import sound_runs, warn_of_vacancies
from analysis.style import DOUBLE_COLUMN_IN, letter_panels, new_figure, series_style
from nnk.lattice import Lattice
from nnk.observables.cell_spectra import BIN_EV, cell_spectra
from nnk.observables.pair_order import coordination, species_numbers, warren_cowley
from nnk.observables.site_barriers import with_one_vacancy
from nnk.observables.spectra import Spectrum
from nnk.observables.statistics import mean_and_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nnk.kmc import Trajectory
    from nnk.models import BarrierModel

TABLE = "spectra-order"
STATES_PER_RUN = 5  # key frames, the first and the last among them
MOST_SITES = 8192  # vacancy sites of a state
REBIN = 4  # bins of `BIN_EV` that are drawn as one


@dataclass(frozen=True)
class StateSpectra:
    """Spectra of one state of a run.

    Attributes:
        case, temperature_K, replica: the run; the first state counts for every temperature.
        jumps: made before the state.
        alpha: float64[n, n], Warren-Cowley parameters of first neighbours.
        spectra: by moving species.
        counts: int64[n, n_bins], their histograms.
        first_eV: lower edge of the first bin.
    """

    case: str
    temperature_K: float
    replica: int
    jumps: int
    alpha: NDArray[np.float64]
    spectra: tuple[Spectrum, ...]
    counts: NDArray[np.int64]
    first_eV: float


@dataclass(frozen=True)
class Ensemble:
    """States of the replicas of one temperature after as many jumps.

    Attributes:
        states: one per replica.
        pair: elements' numbers whose alpha is the degree of order.
    """

    states: tuple[StateSpectra, ...]
    pair: tuple[int, int]

    @property
    def alpha(self) -> tuple[float, float]:
        """Mean over the replicas, and its error; 0 for one replica."""
        return _mean([state.alpha[self.pair] for state in self.states], np.nan)

    def measure(self, which: str, error: str, species: int) -> tuple[float, float]:
        """Mean over the replicas of a measure of a spectrum, and its error; of one replica over boxes."""
        spectra = [state.spectra[species] for state in self.states]
        return _mean([getattr(s, which) for s in spectra], getattr(spectra[0], error))


def _mean(values: Sequence[float], error_of_one: float) -> tuple[float, float]:
    found = mean_and_error(values)
    return float(found.mean), float(found.error if len(values) > 1 else error_of_one)


def order_part(inputs: Inputs, options: SpectraOptions) -> Product:
    """Spectra along the runs, a figure per case.

    Raises:
        MissingInput: no runs, or no network.
        DamagedInput: no run that can be read.
    """
    elements = alloy_elements(inputs)
    network = chosen_network(inputs, options.model, elements)
    if network is None:
        raise MissingInput("no network for the states of the runs")
    name, model = network.name, network.model

    def read(file: RunFile, trajectory: Trajectory) -> list[StateSpectra]:
        warn_of_vacancies(inputs, trajectory)
        return states_of(model, file, trajectory)

    states = [state for run in sound_runs(inputs, read) for state in run]
    ensembles = {case: ensembles_of([s for s in states if s.case == case]) for case in _cases(states)}
    return Product(
        name="spectra",
        title="Spectra against order",
        summary="",
        figures=tuple(_figure(case, found, elements, name) for case, found in ensembles.items()),
        tables=(_table(ensembles, elements, name),),
        settings={"network at the runs' states": name, "vacancy sites per state, at most": MOST_SITES},
    )


def _cases(states: Sequence[StateSpectra]) -> list[str]:
    return list(dict.fromkeys(state.case for state in states))


def chosen_frames(jumps: NDArray[np.int64]) -> list[int]:
    """At most `STATES_PER_RUN` key frames by number: the first, the last, some between, evenly in log."""
    wanted = np.geomspace(max(int(jumps[-1]) / 1000, 1.0), max(int(jumps[-1]), 1), STATES_PER_RUN - 1)
    return sorted({0, *(int(np.abs(jumps - x).argmin()) for x in wanted), len(jumps) - 1})


def states_of(model: BarrierModel, file: RunFile, trajectory: Trajectory) -> list[StateSpectra]:
    """Some states of one run with their spectra."""
    frames, lattice = trajectory.frames(), trajectory.lattice
    n, found = len(trajectory.elements), []
    sites = np.unique(np.linspace(0, lattice.n_sites - 1, min(lattice.n_sites, MOST_SITES)).astype(np.int64))
    for i in chosen_frames(frames.jump):
        spectra = cell_spectra(model, lattice, with_one_vacancy(frames.occupancy[i]), sites)
        found.append(
            StateSpectra(
                case=file.case,
                temperature_K=file.temperature_K,
                replica=file.replica,
                jumps=int(frames.jump[i]),
                alpha=_alpha(lattice, frames.occupancy[i], frames.pair_counts[i], n),
                spectra=tuple(spectra.spectrum(s + 1) for s in range(n)),
                counts=np.stack([spectra.counts(s + 1).sum(axis=0) for s in range(n)]),
                first_eV=float(spectra.histogram.edges[0]),
            )
        )
    return found


def _alpha(
    lattice: Lattice, occupancy: NDArray[np.uint8], counts: NDArray[np.int64], n_species: int
) -> NDArray[np.float64]:
    numbers = species_numbers(occupancy, n_species)
    z = coordination(lattice.structure, 1)
    return np.asarray(warren_cowley(counts[:1], numbers, lattice.n_sites, z)[0])


def ensembles_of(states: Sequence[StateSpectra]) -> list[Ensemble]:
    """States of one case by temperature and jumps; the pair is the unlike one with the strongest order."""
    n = len(states[0].alpha)
    strength = np.nan_to_num(np.abs([state.alpha for state in states])).max(axis=0)
    pair = max(combinations(range(n), 2), key=lambda p: strength[p]) if n > 1 else (0, 0)
    keys = sorted({(s.temperature_K, s.jumps) for s in states})
    return [Ensemble(tuple(s for s in states if (s.temperature_K, s.jumps) == key), pair) for key in keys]


def _figure(case: str, found: Sequence[Ensemble], elements: Sequence[str], network: str) -> FigureProduct:
    figure, axes = new_figure(1, 3, width_in=DOUBLE_COLUMN_IN, height_in=2.7)
    a, b = (elements[i] for i in found[0].pair)
    start = min(found, key=lambda e: e.states[0].jumps)
    ordered = max(found, key=lambda e: abs(e.alpha[0]))
    for s, name in enumerate(elements):
        _draw_distributions(axes[0, 0], start, ordered, s)
        for panel, measure in (
            (axes[0, 1], ("mean_eV", "error_eV")),
            (axes[0, 2], ("std_eV", "std_error_eV")),
        ):
            _draw_points(panel, found, measure, s, f"{name} moves")
    axes[0, 0].set(xlabel="barrier $E$ (eV)", ylabel="probability density (1/eV)")
    order = f"Warren-Cowley $\\alpha_{{{a}{b}}}$"
    for panel, text in ((axes[0, 1], "mean barrier (eV)"), (axes[0, 2], "standard deviation (eV)")):
        panel.set(xlabel=order, ylabel=text)
    handles, texts = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(texts))
    letter_panels(axes[0])
    at = ordered.states[0]
    where = f"{at.temperature_K:g} K, {at.jumps:,} jumps, α = {ordered.alpha[0]:.2f}"
    replicas = max(len(e.states) for e in found)
    errors = f"over {replicas} replicas" if replicas > 1 else "jackknife over boxes of the cell"
    return FigureProduct(
        name=f"{TABLE}-{case}",
        title=f"Barrier spectra against chemical order, {case}",
        caption=(
            f"{case}. (a) Distributions of the barriers by the atom that jumps: filled, the first states of "
            f"the runs; lines, the most ordered states ({where}). (b) Mean and (c) standard deviation "
            f"against the Warren-Cowley parameter of {a}-{b} first neighbours (below 0: favoured), a point "
            f"for each temperature at up to {STATES_PER_RUN} stages of the runs. Predicted by the network "
            f"{network} with the vacancy on up to {MOST_SITES:,} sites in turn. Error bars: standard "
            f"error, {errors}."
        ),
        alt=f"Distributions, means and widths against order; the most ordered states are at {where}.",
        figure=figure,
        table=TABLE,
    )


def _draw_distributions(panel: Axes, start: Ensemble, ordered: Ensemble, species: int) -> None:
    colour = series_style(species)["color"]
    for ensemble, filled in ((start, True), (ordered, False)):
        edges, density = _density(ensemble, species)
        style: Any = {"fill": True, "alpha": 0.25} if filled else {"linewidth": 1.0}
        panel.stairs(density, edges, color=colour, **style)


def _density(ensemble: Ensemble, species: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Edges float64[m + 1] (eV) and density float64[m] (1/eV) of all replicas."""
    firsts = [round(s.first_eV / BIN_EV) for s in ensemble.states]
    low = min(firsts) // REBIN * REBIN
    high = max(f + s.counts.shape[1] for f, s in zip(firsts, ensemble.states, strict=True))
    counts = np.zeros(-(-(high - low) // REBIN) * REBIN)
    for first, state in zip(firsts, ensemble.states, strict=True):
        counts[first - low : first - low + state.counts.shape[1]] += state.counts[species]
    rebinned = counts.reshape(-1, REBIN).sum(axis=1)
    edges = np.arange(low, low + REBIN * (len(rebinned) + 1), REBIN, dtype=np.float64) * BIN_EV
    return edges, rebinned / (max(counts.sum(), 1) * REBIN * BIN_EV)


def _draw_points(
    panel: Axes, found: Sequence[Ensemble], measure: tuple[str, str], species: int, label: str
) -> None:
    x = np.nan_to_num([ensemble.alpha for ensemble in found])
    y = np.array([ensemble.measure(*measure, species) for ensemble in found])
    style = {**series_style(species), "linestyle": "none", "markersize": 2.5, "elinewidth": 0.5, "capsize": 0}
    panel.errorbar(x[:, 0], y[:, 0], np.nan_to_num(y[:, 1]), x[:, 1], label=label, **style)


def _table(found: dict[str, list[Ensemble]], elements: Sequence[str], network: str) -> TableProduct:
    rows: list[list[Any]] = []
    for case, ensembles in found.items():
        for ensemble in ensembles:
            state, (i, j) = ensemble.states[0], ensemble.pair
            for s, name in enumerate(elements):
                rows.append([case, state.temperature_K, state.jumps, len(ensemble.states), network, name])
                rows[-1] += [f"{elements[i]}-{elements[j]}", *ensemble.alpha]
                rows[-1] += ensemble.measure("mean_eV", "error_eV", s)
                rows[-1] += ensemble.measure("std_eV", "std_error_eV", s)
    columns = {
        "case": "composition or start of the runs",
        "temperature_K": "temperature, K",
        "jumps": "vacancy jumps since the start",
        "replicas": "number of runs",
        "network": "name of the network",
        "moving_species": "element of the atom that jumps",
        "pair": "elements whose order is given",
        "alpha": "Warren-Cowley parameter of the pair, first neighbours",
        "alpha_error": "its standard error over replicas",
        "mean_eV": "mean barrier, eV",
        "error_eV": "its standard error, over replicas; of one replica over boxes of the cell, eV",
        "std_eV": "standard deviation of the spectrum, eV",
        "std_error_eV": "its standard error, over replicas; of one replica over boxes of the cell, eV",
    }
    return TableProduct(TABLE, "Barrier spectra along the runs", columns, rows)
