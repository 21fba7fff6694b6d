"""Spectra of random cells against the content of one element (figure 9 of Fan et al. 2022)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.inputs import Inputs, MissingInput
from analysis.networks import alloy_elements, chosen_network
from analysis.options import SpectraOptions
from analysis.products import FigureProduct, Number, Product, TableProduct
from analysis.style import DOUBLE_COLUMN_IN, letter_panels, new_figure, series_style
from nnk.alloy import composition_name, exact_counts, fractions_of, random_solution, sites_with, with_content
from nnk.files import rng
from nnk.lattice import Lattice, Structure
from nnk.observables.bimodality import Bimodality, bimodality
from nnk.observables.cell_spectra import cell_spectra
from nnk.observables.histograms import HistogramCounter
from nnk.observables.spectra import Spectrum

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nnk.models import BarrierModel

TABLE, HISTOGRAMS = "spectra-sweep", "spectra-sweep-histograms"
NO_SWEEP = "no sweep is asked for (analysis_options: {spectra: {sweep: ...}})"


@dataclass(frozen=True)
class Step:
    """One composition of a sweep.

    Attributes:
        percent: content of the element, at.%.
        composition: its name.
        sites: of the cell, each with the vacancy in turn.
        spectra: by moving species.
        shapes: of each spectrum; None where there is too little of it.
        histogram: of the whole cell, a group per moving species.
    """

    percent: float
    composition: str
    sites: int
    spectra: tuple[Spectrum, ...]
    shapes: tuple[Bimodality | None, ...]
    histogram: HistogramCounter


def sweep_part(inputs: Inputs, options: SpectraOptions) -> Product:
    """The sweep of the options.

    Raises:
        MissingInput: none is asked for, or there is no network.
    """
    if options.sweep is None:
        raise MissingInput(NO_SWEEP)
    elements, sweep = alloy_elements(inputs), options.sweep
    network = chosen_network(inputs, options.model, elements)
    if network is None:
        raise MissingInput("the sweep needs a network, and the campaign has none")
    name, model = network.name, network.model
    contents = np.linspace(sweep["from_percent"], sweep["to_percent"], sweep["steps"] + 1)
    seed = inputs.campaign()["seed"]
    steps = [step_of(model, sweep["element"], float(x), sweep["least_atoms"], seed) for x in contents]
    return Product(
        name="spectra",
        title="Sweep of the composition",
        summary=_summary(steps, elements, sweep["element"]),
        figures=(_figure(steps, elements, sweep["element"], name),),
        tables=(_table(steps, elements, name), _histograms(steps, elements)),
        numbers=_numbers(steps, elements, sweep["element"]),
        settings={"network of the sweep": name, "atoms of every species in the sweep": sweep["least_atoms"]},
    )


def cube_with(structure: Structure, n_sites: int) -> Lattice:
    """The smallest cube of cells with at least `n_sites` sites and at least 8 cells along an edge."""
    per_cell = Lattice(structure, (1, 1, 1), 1.0).n_sites
    edge = max(8, round((n_sites / per_cell) ** (1 / 3)))
    edge += edge**3 * per_cell < n_sites
    return Lattice(structure, (edge,) * 3, 1.0)


def step_of(model: BarrierModel, element: str, percent: float, least_atoms: int, seed: int) -> Step:
    """Spectra of a random cell with `percent` of `element`; the others share the rest equally."""
    composition = with_content(model.elements, element, percent / 100)
    fractions = fractions_of(composition, model.elements)
    lattice = cube_with(model.structure, sites_with(fractions, least_atoms))
    counts = exact_counts(fractions, lattice.n_sites)
    occupancy = random_solution(counts, rng(seed, "spectra", "sweep", f"{percent:.6f}"))
    found = cell_spectra(model, lattice, occupancy)
    species = range(1, len(model.elements) + 1)
    generator = rng(seed, "spectra", "bootstrap", f"{percent:.6f}")
    whole = HistogramCounter(len(species), found.histogram.width)
    whole.first = found.histogram.first
    whole.counts = np.stack([found.counts(s).sum(axis=0) for s in species])
    return Step(
        percent,
        composition_name(composition, model.elements),
        lattice.n_sites,
        tuple(found.spectrum(s) for s in species),
        tuple(bimodality(found.counts(s), found.histogram.centres, generator) for s in species),
        whole,
    )


def _summary(steps: Sequence[Step], elements: Sequence[str], element: str) -> str:
    parts = []
    for s, moving in enumerate(elements):
        at = [step.percent for step in steps if (shape := step.shapes[s]) is not None and shape.bimodal]
        parts.append(f"{moving} {_range(at)}" if at else f"{moving} nowhere")
    return f"Along {element}, spectra are bimodal, by the moving atom: {', '.join(parts)}."


def _range(at: Sequence[float]) -> str:
    return f"at {len(at)} of the contents, from {min(at):.3g} to {max(at):.3g} at.%"


def _figure(steps: Sequence[Step], elements: Sequence[str], element: str, network: str) -> FigureProduct:
    figure, axes = new_figure(2, max(3, len(elements)), width_in=DOUBLE_COLUMN_IN, height_in=4.9)
    images = [_draw_densities(axes[0, s], steps, s) for s in range(len(elements))]
    for panel, name in zip(axes[0], elements, strict=False):
        panel.set_title(f"{name} moves")
        panel.set(xlabel=f"{element} (at.%)", ylabel="barrier $E$ (eV)")
    drawn = [image for image in images if image is not None]
    if drawn:
        top = max(float(image.get_array().max()) for image in drawn)
        for image in drawn:
            image.set_clim(0, min(top, 8.0))
        figure.colorbar(drawn[-1], ax=list(axes[0]), label="density (1/eV)", extend="max")
    for s, name in enumerate(elements):
        _draw_curves(axes[1], steps, s, name)
    texts = ("mean barrier (eV)", "standard deviation (eV)", "depth of the valley")
    for panel, text in zip(axes[1], texts, strict=False):
        panel.set(xlabel=f"{element} (at.%)", ylabel=text)
    axes[1, 0].legend()
    for panel in [*axes[0, len(elements) :], *axes[1, 3:]]:
        panel.set_axis_off()
    letter_panels([*axes[0, : len(elements)], *axes[1, :3]])
    return FigureProduct(
        name=TABLE,
        title=f"Barrier spectra against the content of {element}",
        caption=(
            f"Random solid solutions whose other elements share the rest equally, {steps[0].sites:,} to "
            f"{max(step.sites for step in steps):,} sites with the vacancy on each in turn, predicted by the "
            f"network {network}. Upper row: distribution of the barriers by the atom that jumps. Lower row: "
            "mean, standard deviation, and depth of the valley between the two foremost maxima of the "
            "distribution, smoothed by a Gaussian of 30 meV, with 5 % or more of the barriers in the second "
            "(0: one maximum); filled: bimodal, that is a depth of 0.1 or more, above 0 by two standard "
            "errors. Error bars: standard error over boxes of the cell, jackknife for mean and standard "
            "deviation, bootstrap for the depth."
        ),
        alt=f"Heat maps of barrier distributions against {element}; curves below. "
        f"{_summary(steps, elements, element)}",
        figure=figure,
        table=TABLE,
    )


def _draw_densities(panel: Axes, steps: Sequence[Step], species: int) -> Any:
    filled = [step.histogram.counts[species].any() for step in steps]
    if len(steps) < 2 or not any(filled):
        return None
    width = steps[0].histogram.width
    low = min(step.histogram.first for step in steps)
    high = max(step.histogram.first + step.histogram.counts.shape[1] for step in steps)
    density = np.zeros((high - low, len(steps)))
    for column, step in enumerate(steps):
        counts = step.histogram.counts[species]
        first = step.histogram.first - low
        density[first : first + len(counts), column] = counts / max(counts.sum(), 1) / width
    half = 0.5 * (steps[1].percent - steps[0].percent)
    extent = (steps[0].percent - half, steps[-1].percent + half, low * width, high * width)
    return panel.imshow(density, origin="lower", aspect="auto", cmap="magma_r", extent=extent)


def _draw_curves(panels: Sequence[Axes], steps: Sequence[Step], species: int, name: str) -> None:
    x = [step.percent for step in steps]
    style = {**series_style(species), "markersize": 2.5, "linewidth": 0.8}
    spectra = [step.spectra[species] for step in steps]
    for panel, which, error in ((panels[0], "mean_eV", "error_eV"), (panels[1], "std_eV", "std_error_eV")):
        bars = np.nan_to_num([getattr(s, error) for s in spectra])
        panel.errorbar(x, [getattr(s, which) for s in spectra], bars, label=f"{name} moves", **style)
    shapes = [(step.percent, shape) for step in steps if (shape := step.shapes[species]) is not None]
    for chosen, fill in ((True, style["color"]), (False, "white")):
        points = [(p, shape.depth, shape.error) for p, shape in shapes if shape.bimodal == chosen]
        if points:
            at, depth, error = np.nan_to_num(np.array(points)).T
            look = {**style, "linestyle": "none", "markerfacecolor": fill}
            panels[2].errorbar(at, depth, error, **look)


def _table(steps: Sequence[Step], elements: Sequence[str], network: str) -> TableProduct:
    rows: list[list[Any]] = []
    for step in steps:
        for s, name in enumerate(elements):
            spectrum, shape = step.spectra[s], step.shapes[s]
            row: list[Any] = [step.percent, step.composition, step.sites, network, name, spectrum.count]
            row += [spectrum.mean_eV, spectrum.error_eV, spectrum.std_eV, spectrum.std_error_eV]
            row += [None] * 6 if shape is None else _shape_cells(shape)
            rows.append(row)
    columns = {
        "percent": "content of the element that is swept, at.%",
        "composition": "atomic percent",
        "sites": "sites of the random cell, each with the vacancy in turn",
        "network": "name of the network",
        "moving_species": "element of the atom that jumps",
        "barriers": "number of barriers",
        "mean_eV": "mean barrier, eV",
        "error_eV": "standard error of the mean, jackknife over boxes of the cell, eV",
        "std_eV": "standard deviation of the spectrum, eV",
        "std_error_eV": "its standard error, jackknife over boxes of the cell, eV",
        "valley": "depth of the valley between the two foremost maxima, 0: one maximum",
        "valley_error": "its standard error, bootstrap over boxes of the cell",
        "lower_peak_eV": "lower maximum, eV",
        "upper_peak_eV": "upper maximum, eV; the same for one maximum",
        "second_share": "share of the barriers in the second peak",
        "bimodal": "1: depth 0.1 or more and above 0 by two errors",
    }
    return TableProduct(TABLE, "Barrier spectra along the sweep", columns, rows)


def _shape_cells(shape: Bimodality) -> list[Any]:
    return [shape.depth, shape.error, *shape.peaks_eV, shape.second_share, int(shape.bimodal)]


def _histograms(steps: Sequence[Step], elements: Sequence[str]) -> TableProduct:
    rows: list[list[Any]] = []
    for step in steps:
        edges, width = step.histogram.edges, step.histogram.width
        for name, counts in zip(elements, step.histogram.counts, strict=True):
            rows += [
                [
                    step.percent,
                    name,
                    float(edges[i]),
                    float(edges[i + 1]),
                    float(counts[i] / counts.sum() / width),
                ]
                for i in np.flatnonzero(counts)
            ]
    columns = {
        "percent": "content of the element that is swept, at.%",
        "moving_species": "element of the atom that jumps",
        "from_eV": "lower edge of the bin, eV",
        "to_eV": "upper edge of the bin, eV",
        "density_per_eV": "probability density in the bin, 1/eV; empty bins are left out",
    }
    return TableProduct(HISTOGRAMS, "Barrier spectra along the sweep, distributions", columns, rows)


def _numbers(steps: Sequence[Step], elements: Sequence[str], element: str) -> tuple[Number, ...]:
    found = []
    for s, name in enumerate(elements):
        known = [step for step in steps if step.spectra[s].count]
        if known:
            top = max(known, key=lambda step: step.spectra[s].mean_eV)
            spectrum = top.spectra[s]
            label = f"highest mean along {element}, {name} moves, at {top.percent:.3g} at.%"
            error = None if np.isnan(spectrum.error_eV) else spectrum.error_eV
            found.append(Number(label, spectrum.mean_eV, "eV", TABLE, error, spectrum.count))
    return tuple(found)
