"""Spectra of the labels per moving species and composition, and the networks' on the same samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.inputs import Inputs
from analysis.networks import network, network_names
from analysis.options import SpectraOptions
from analysis.products import FigureProduct, Number, Product
from analysis.spectra_map import spectra_map
from analysis.spectra_tables import Barriers, histogram_table, summary_table
from analysis.style import (
    DOUBLE_COLUMN_IN,
    SERIES_COLOURS,
    SINGLE_COLUMN_IN,
    letter_panels,
    new_figure,
    series_style,
)
from nnk.barriers import BarrierSet
from nnk.observables.site_barriers import site_barriers
from nnk.observables.spectra import common_bins, density_histogram, smooth_density, spectra_by_species

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from nnk.models import BarrierModel

NAME = "spectra"
BIN_EV = 0.1
BANDWIDTH_EV = 0.04
MOST_PANELS = 12  # compositions that are drawn as curves, a panel each
MOST_VACANCIES = 512  # per composition, for the networks' spectra


def labels_part(inputs: Inputs, options: SpectraOptions) -> Product:
    """Spectra of the labels, and of each network at many vacancies of the same samples."""
    labels = inputs.labels()
    whole = "known_shells" not in labels.attrs
    models = _models(inputs, labels.elements) if whole else {}
    if not whole:
        inputs.warn("The labels do not tell their whole samples: no spectra of networks at other sites.")
    sets = _label_spectra(labels)
    for name, model in models.items():
        sets += _model_spectra(labels, name, model)
    many = len(_compositions(sets)) > MOST_PANELS
    drawn = _distribution_map(labels, sets) if many else _distributions(labels, sets)
    return Product(
        name=NAME,
        title="Barrier spectra",
        summary=_summary(labels, sets),
        figures=(drawn, _means(labels, sets)),
        tables=(summary_table(labels.elements, sets), histogram_table(labels.elements, sets, BIN_EV)),
        numbers=_numbers(labels),
        settings={
            "width of a bin, eV": BIN_EV,
            "standard deviation of the smoothing kernel, eV": BANDWIDTH_EV,
            "vacancies per composition in the networks' spectra, at most": MOST_VACANCIES,
        },
        warnings=_warnings(labels, models),
    )


def _warnings(labels: BarrierSet, models: Mapping[str, BarrierModel]) -> tuple[str, ...]:
    said = () if models else ("No network: spectra of the labels only.",)
    left_out = int((~labels.usable).sum())
    if not left_out:
        return said
    return (*said, f"{left_out} of {len(labels)} labels have no verified barrier and are left out.")


def _models(inputs: Inputs, elements: Sequence[str]) -> dict[str, BarrierModel]:
    """All networks at hand; labels alone have spectra too."""
    return {name: network(inputs, name, elements).model for name in network_names(inputs)}


def _label_spectra(labels: BarrierSet) -> list[Barriers]:
    """Forward barriers only: a backward one starts from a state that is not a random one."""
    names, vacancy = labels.composition_name, _vacancies(labels)
    chosen = [(name, labels.usable & (names == name)) for name in dict.fromkeys(names.tolist())]
    return [
        Barriers(name, "labels", labels.E_fwd_eV[mask], labels.moving_species[mask], vacancy[mask])
        for name, mask in chosen
    ]


def _vacancies(labels: BarrierSet) -> NDArray[np.int64]:
    """A number int64[m] for the vacancy that each label belongs to."""
    places = labels.sample.astype(np.int64) * labels.occupancy.shape[1] + labels.vacancy_site
    return np.unique(places, return_inverse=True)[1]


def _model_spectra(labels: BarrierSet, source: str, model: BarrierModel) -> list[Barriers]:
    names = labels.composition_name
    spectra = []
    for name in dict.fromkeys(names.tolist()):
        samples = np.unique(labels.sample[names == name])
        per_sample = -(-MOST_VACANCIES // len(samples))
        parts = [_sample_barriers(labels, int(sample), per_sample, model) for sample in samples]
        energies, movers, sites = (np.concatenate(column) for column in zip(*parts, strict=True))
        # vacancies of one sample see parts of the same surroundings
        block = (
            np.repeat(np.arange(len(parts)), [len(part[0]) for part in parts]) if len(parts) > 1 else sites
        )
        spectra.append(Barriers(name, source, energies, movers, block))
    return spectra


def _sample_barriers(
    labels: BarrierSet, sample: int, count: int, model: BarrierModel
) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.int64]]:
    """Barriers float64[m], movers and sites of evenly spread vacancies in one sample."""
    lattice, occupancy = labels.lattice(sample), labels.occupancy[sample]
    sites = np.unique(np.linspace(0, lattice.n_sites - 1, min(count, lattice.n_sites)).astype(np.int64))
    barriers = site_barriers(model, lattice, occupancy, sites)
    return barriers.ravel(), occupancy[lattice.neighbours[sites]].ravel(), np.repeat(sites, lattice.z)


def _compositions(sets: Sequence[Barriers]) -> list[str]:
    return list(dict.fromkeys(barriers.composition for barriers in sets))


def _sources(sets: Sequence[Barriers]) -> list[str]:
    return list(dict.fromkeys(barriers.source for barriers in sets))


def _distribution_map(labels: BarrierSet, sets: Sequence[Barriers]) -> FigureProduct:
    """The spectra of the labels alone, for more compositions than have room as curves."""
    rows = [
        (b.composition, {e: b.E_fwd_eV[b.mover == s] for s, e in enumerate(labels.elements, start=1)})
        for b in sets
        if b.source == "labels"
    ]
    return FigureProduct(
        name=NAME,
        title="Barrier spectra per moving species and composition",
        caption=(
            f"Forward barriers of the {int(labels.usable.sum())} labels, smoothed by a Gaussian of "
            f"{1000 * BANDWIDTH_EV:.0f} meV and normalised to 1 in each row, a row per composition, the "
            "highest mean first. White: no label of such a jump. Networks: in the tables."
        ),
        alt=(
            f"Distributions of the migration barrier in {len(rows)} compositions as rows of colours, one "
            f"panel per moving species, {', '.join(labels.elements)}. Means and widths are in the table."
        ),
        figure=spectra_map(rows, labels.elements, BANDWIDTH_EV),
        table=f"{NAME}-histograms",
    )


def _distributions(labels: BarrierSet, sets: Sequence[Barriers]) -> FigureProduct:
    compositions = _compositions(sets)
    columns = min(3, len(compositions))
    rows = -(-len(compositions) // columns)
    width = DOUBLE_COLUMN_IN if columns > 1 else SINGLE_COLUMN_IN
    figure, axes = new_figure(
        rows, columns, width_in=width, height_in=0.5 + 1.9 * rows, share_x=True, share_y=True
    )
    edges = common_bins(*(s.E_fwd_eV for s in sets), width_eV=BIN_EV)
    panels = axes.ravel()
    for panel, name in zip(panels, compositions, strict=False):
        for barriers in (s for s in sets if s.composition == name):
            _draw_spectrum(panel, labels, barriers, edges)
        panel.set_title(name)
    for panel in panels[len(compositions) :]:
        panel.set_axis_off()
    figure.supxlabel("migration barrier $E$ (eV)", fontsize=8)
    figure.supylabel("probability density (1/eV)", fontsize=8)
    handles, texts = _legend(labels, sets)
    figure.legend(handles, texts, loc="outside upper center", ncols=len(handles))
    letter_panels(panels[: len(compositions)])
    networks = [source for source in _sources(sets) if source != "labels"]
    lines = (
        f" Lines: the network {' and '.join(networks)} at up to {MOST_VACANCIES} vacancies of the same "
        f"samples per composition, smoothed by a Gaussian of {1000 * BANDWIDTH_EV:.0f} meV."
        if networks
        else ""
    )
    return FigureProduct(
        name=NAME,
        title="Barrier spectra per moving species and composition",
        caption=(
            f"Filled: forward barriers of the {int(labels.usable.sum())} labels, in bins of {BIN_EV} eV, "
            "each species normalised to 1." + lines
        ),
        alt=(
            f"Distributions of the migration barrier in {len(compositions)} compositions, one colour per "
            f"moving species, {', '.join(labels.elements)}. Means and widths are in the table."
        ),
        figure=figure,
        table=f"{NAME}-histograms",
    )


def _draw_spectrum(axes: Axes, labels: BarrierSet, barriers: Barriers, edges: NDArray[np.float64]) -> None:
    at = np.linspace(edges[0], edges[-1], 300)
    for species in range(1, len(labels.elements) + 1):
        values = barriers.E_fwd_eV[barriers.mover == species]
        colour = SERIES_COLOURS[species - 1]
        if not len(values):
            continue
        if barriers.source == "labels":
            density = density_histogram(values, edges)
            axes.stairs(density, edges, fill=True, color=colour, alpha=0.28)
            axes.stairs(density, edges, color=colour, linewidth=0.6)
        else:
            axes.plot(at, smooth_density(values, at, BANDWIDTH_EV), color=colour)


def _legend(labels: BarrierSet, sets: Sequence[Barriers]) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [Patch(color=SERIES_COLOURS[i]) for i in range(len(labels.elements))]
    texts = [f"{element} moves" for element in labels.elements]
    handles.append(Patch(facecolor="0.8", edgecolor="0.4", linewidth=0.6))
    texts.append("labels")
    if len(_sources(sets)) > 1:
        handles.append(Line2D([], [], color="0.2"))
        texts.append("network")
    return handles, texts


def _means(labels: BarrierSet, sets: Sequence[Barriers]) -> FigureProduct:
    compositions = _compositions(sets)
    many = len(compositions) > MOST_PANELS
    shape, height = ((2, 1), 5.4) if many else ((1, 2), 2.9)
    figure, axes = new_figure(*shape, width_in=DOUBLE_COLUMN_IN, height_in=height, share_x=many)
    panels = list(axes.ravel())
    for s in range(len(labels.elements)):
        for number, source in enumerate(_sources(sets)):
            _draw_means(panels, labels, [b for b in sets if b.source == source], s, number)
    for panel, text in zip(panels, ("mean barrier (eV)", "standard deviation (eV)"), strict=True):
        panel.set(ylabel=text, xlim=(-0.5, len(compositions) - 0.5))
        turn = {"rotation": 90} if many else {"rotation": 35, "ha": "right"}
        panel.set_xticks(range(len(compositions)), compositions, **turn)
    panels[1].set_ylim(bottom=0)
    handles, texts = panels[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=min(len(handles), 6))
    letter_panels(panels)
    return FigureProduct(
        name=f"{NAME}-composition",
        title="Mean and width of the barrier spectra over compositions",
        caption=(
            "(a) Mean and (b) standard deviation of the forward barriers per moving species. Filled: labels; "
            "open: networks, on more vacancies of the same samples. Error bars: standard error, jackknife "
            "over vacancies (labels) or samples (networks)."
        ),
        alt="Two panels over the compositions: mean barrier and its standard deviation, per moving species.",
        figure=figure,
        table=f"{NAME}",
    )


def _draw_means(
    panels: Sequence[Axes], labels: BarrierSet, sets: Sequence[Barriers], species: int, number: int
) -> None:
    spectra = [barriers.spectra(len(labels.elements))[species] for barriers in sets]
    shift = 0.16 * (species - (len(labels.elements) - 1) / 2) + 0.06 * number
    x = np.arange(len(spectra)) + shift
    style = series_style(species)
    fill = style["color"] if sets[0].source == "labels" else "white"
    common = {**style, "linestyle": "none", "markerfacecolor": fill}
    text = f"{labels.elements[species]}, {sets[0].source}"
    errors = [s.error_eV for s in spectra]
    panels[0].errorbar(x, [s.mean_eV for s in spectra], errors, label=text, **common)
    panels[1].errorbar(x, [s.std_eV for s in spectra], [s.std_error_eV for s in spectra], **common)


def _summary(labels: BarrierSet, sets: Sequence[Barriers]) -> str:
    own = [barriers for barriers in sets if barriers.source == "labels"]
    pooled = spectra_by_species(
        np.concatenate([b.E_fwd_eV for b in own]),
        np.concatenate([b.mover for b in own]),
        len(labels.elements),
    )
    parts = [
        f"{element} {s.mean_eV:.2f} ± {s.std_eV:.2f} eV"
        for element, s in zip(labels.elements, pooled, strict=True)
        if s.count
    ]
    return f"Mean and standard deviation of the labelled barriers, by the moving atom: {', '.join(parts)}."


def _numbers(labels: BarrierSet) -> tuple[Number, ...]:
    chosen = labels.usable
    pooled = spectra_by_species(
        labels.E_fwd_eV[chosen],
        labels.moving_species[chosen],
        len(labels.elements),
        block=_vacancies(labels)[chosen],
    )
    return tuple(
        Number(f"mean barrier, {element} moves", s.mean_eV, "eV", NAME, error=s.error_eV, count=s.count)
        for element, s in zip(labels.elements, pooled, strict=True)
        if s.count
    )
