"""Mean and width of the barrier spectra over all compositions of an alloy."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.command import run_analysis
from analysis.inputs import Inputs, MissingInput
from analysis.maps_figures import binaries_figure, map_figures
from analysis.maps_points import (
    Plane,
    Point,
    cell_of,
    columns_of,
    labelled,
    name_of,
    plane_of,
    predicted,
    rows_of,
    wanted_compositions,
)
from analysis.networks import alloy_elements, chosen_network
from analysis.options import MapsOptions
from analysis.products import Number, Product, TableProduct
from analysis.style import paper_style

NAME = "maps"


@dataclass(frozen=True)
class Maps:
    """All that is known.

    Attributes:
        elements: of the alloy.
        plane: of the ternary diagrams; None for a binary alloy.
        network: points of the network, in order; empty without one.
        labels: points of the labels; empty without any.
    """

    elements: tuple[str, ...]
    plane: Plane | None
    network: list[Point]
    labels: list[Point]

    @property
    def best(self) -> list[Point]:
        """The points that maps are drawn of: the network's, or else the labels'."""
        return self.network or self.labels


def analyse(inputs: Inputs) -> Product:
    """Maps by a network, with the labels in them; by the labels alone where there is no network."""
    options = inputs.options(NAME, MapsOptions)
    maps, source = _maps(inputs, options)
    with paper_style():
        figures = map_figures(maps.plane, maps.elements, maps.network, maps.labels)
        figures += (binaries_figure(maps.elements, maps.network, maps.labels),) if maps.network else ()
    cell, elements = cell_of(inputs.campaign()["alloy"]["lattice"]), maps.elements
    return Product(
        name=NAME,
        title="Barriers over compositions",
        summary=_summary(maps),
        figures=figures,
        tables=(
            TableProduct(
                NAME,
                "Mean and width of the barrier spectra over compositions",
                columns_of(elements),
                rows_of([*maps.network, *maps.labels], elements),
            ),
        ),
        numbers=_numbers(maps),
        settings={
            "network": source or "none",
            "steps along an edge": options.divisions,
            "sites of a random cell, each with the vacancy in turn": cell.n_sites,
            "random cells per composition": options.random_cells,
            "fixed contents": {maps.elements[e]: x for e, x in maps.plane.fixed.items()}
            if maps.plane
            else {},
        },
        warnings=_warnings(maps, bool(figures)),
    )


def _warnings(maps: Maps, drawn: bool) -> tuple[str, ...]:
    if maps.network:
        return ()
    if drawn:
        return ("No network: maps of the labels alone, interpolated between their compositions.",)
    return ("No network, and labels of too few compositions for a map: they are in the table.",)


def _maps(inputs: Inputs, options: MapsOptions) -> tuple[Maps, str | None]:
    elements = alloy_elements(inputs)
    plane = plane_of(elements, options.fixed)
    chosen = chosen_network(inputs, options.model, elements)
    try:
        labels = labelled(inputs.labels(), elements)
    except MissingInput:
        if chosen is None:
            raise
        labels = []
    if chosen is None:
        return Maps(elements, plane, [], labels), None
    seed = inputs.campaign()["seed"]
    compositions = wanted_compositions(elements, plane, options.divisions)
    return Maps(elements, plane, predicted(chosen, compositions, options, seed), labels), chosen.name


def _top(points: Sequence[Point], which: str) -> Point:
    """The point with the largest mean or width over all jumps."""
    return max(points, key=lambda point: getattr(point.spectra[0], which))


def _as_high(points: Sequence[Point], top: Point) -> list[Point]:
    """Points whose mean is within two standard errors of the difference from that of `top`."""
    best = top.spectra[0]
    return [
        p
        for p in points
        if best.mean_eV - p.spectra[0].mean_eV
        <= 2 * np.nan_to_num(np.hypot(best.error_eV, p.spectra[0].error_eV))
    ]


def _summary(maps: Maps) -> str:
    top, widest = _top(maps.best, "mean_eV"), _top(maps.best, "std_eV")
    alike = _as_high(maps.best, top)
    ranges = ", ".join(
        f"{name} {min(p.percent(e) for p in alike):.3g} to {max(p.percent(e) for p in alike):.3g} at.%"
        for e, name in enumerate(maps.elements)
    )
    also = (
        f"; {len(alike) - 1} other compositions ({ranges}) are as high within two errors of the difference"
        if len(alike) > 1
        else ""
    )
    return (
        f"The mean barrier is highest in {name_of(top, maps.elements)}, "
        f"{top.spectra[0].mean_eV:.3f} eV{also}; the standard deviation is largest in "
        f"{name_of(widest, maps.elements)}, {widest.spectra[0].std_eV:.3f} eV (source: {top.source})."
    )


def _numbers(maps: Maps) -> tuple[Number, ...]:
    found = []
    for which, error, text in (
        ("mean_eV", "error_eV", "highest mean barrier"),
        ("std_eV", "std_error_eV", "largest standard deviation"),
    ):
        point = _top(maps.best, which)
        found.append(_number(point, which, error, f"{text}, {name_of(point, maps.elements)}"))
    named = [p for p in maps.network if _is_pure(p) or _is_equimolar(p)]
    found += [_number(p, "mean_eV", "error_eV", f"mean barrier, {name_of(p, maps.elements)}") for p in named]
    return tuple(found)


def _is_pure(point: Point) -> bool:
    return max(point.fractions) > 1 - 1e-9


def _is_equimolar(point: Point) -> bool:
    return float(np.ptp(point.fractions)) < 1e-6


def _number(point: Point, which: str, error: str, label: str) -> Number:
    spectrum = point.spectra[0]
    found = float(getattr(spectrum, error))
    value = float(getattr(spectrum, which))
    return Number(label, value, "eV", NAME, None if np.isnan(found) else found, spectrum.count)


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.maps WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
