"""Checks of lists and grids of compositions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from launch.findings import Finding, Findings, needs
from launch.problems import KeyPath, did_you_mean
from launch.schema.alloy import fractions_of
from launch.schema.compositions import MOST_POINTS, Compositions, Divisions, Grid, listed
from nnk.alloy import MAX_GRID_ELEMENTS, composition_name, exact_counts, grid_size
from nnk.lattice import Lattice

Elements = tuple[str, ...]
Cells = tuple[int, int, int]


def _unknown_elements(section: str, elements: Elements, compositions: Compositions) -> Findings:
    for key, name, at_key in _names(section, compositions):
        if name not in elements:
            message = f'unknown element "{name}"; allowed: {", ".join(elements)}'
            yield Finding(key, message + did_you_mean(name, elements), at_key=at_key)


def _names(section: str, compositions: Compositions) -> Iterator[tuple[KeyPath, str, bool]]:
    """Place of each element's name, the name, and whether it is a key there."""
    if isinstance(compositions, Grid):
        for i, name in enumerate(compositions.elements or ()):
            yield (section, "compositions", "elements", i), name, False
        return
    for i, composition in enumerate(compositions):
        for name in composition if isinstance(composition, dict) else ():
            yield (section, "compositions", i, name), name, True


def _grid_fits(section: str, elements: Elements, compositions: Compositions) -> Findings:
    """Whether a grid, if it is one, can be filled with these elements, and is not too large."""
    if not isinstance(compositions, Grid):
        return
    key, chosen = (section, "compositions", "grid"), compositions.elements or elements
    if isinstance(compositions.grid, Divisions):
        yield from _divisions_fit(key, chosen, compositions.grid)
    elif len(chosen) != 3:
        message = (
            f"got {compositions.grid} with {len(chosen)} elements, {', '.join(chosen)}; "
            f"allowed: three, chosen by elements: [...], or {{divisions: n, margin: x}}"
        )
        yield Finding(key, message)


def _divisions_fit(key: KeyPath, elements: Elements, grid: Divisions) -> Findings:
    n = len(elements)
    if not 2 <= n <= MAX_GRID_ELEMENTS:
        message = f"got {n} elements; allowed: 2 to {MAX_GRID_ELEMENTS}, chosen by elements: [...]"
        yield Finding(key, message)
    elif grid.margin >= 1 / n - 1e-9:
        message = f"got {grid.margin:g}; allowed: less than 1/{n}, or all points coincide"
        yield Finding((*key, "margin"), message)
    elif (size := grid_size(n, grid.divisions)) > MOST_POINTS:
        message = f"got {grid.divisions}, which makes {size} compositions; allowed: at most {MOST_POINTS}"
        yield Finding((*key, "divisions"), message)


def points(elements: Elements, compositions: Compositions) -> list[str | dict[str, float]]:
    """Every composition by itself; none of a grid that does not fit the elements."""
    return [] if any(_grid_fits("", elements, compositions)) else listed(compositions, elements)


def named_points(
    elements: Elements, compositions: Compositions
) -> Iterator[tuple[int, str, dict[str, float]]]:
    """Number, name and fractions of each composition whose elements are all known."""
    for i, composition in enumerate(points(elements, compositions)):
        if isinstance(composition, str) or set(composition) <= set(elements):
            fractions = fractions_of(composition, elements)
            yield i, composition_name(fractions, list(fractions)), fractions


def _same_names(section: str, elements: Elements, compositions: Compositions) -> Findings:
    first: dict[str, int] = {}
    for i, name, _ in named_points(elements, compositions):
        if name in first:
            message = (
                f"{name} again, as {section}.compositions[{first[name]}]; allowed: each composition once"
            )
            yield Finding((section, "compositions", i), message)
        first.setdefault(name, i)


def atoms_fit(
    section: str, elements: Elements, structure: Any, compositions: Compositions, cells: Cells
) -> Findings:
    """Compositions of which the cells hold no atom of some element."""
    n_sites = Lattice(structure, cells, 1.0).n_sites
    allowed = "allowed: at least one of each element, so more cells or a larger fraction"
    for i, name, fractions in named_points(elements, compositions):
        counts = exact_counts(list(fractions.values()), n_sites)
        absent = [element for element, count in zip(fractions, counts, strict=True) if count < 1]
        if absent:
            message = f"{name} leaves no atom of {', '.join(absent)} on {n_sites} sites; {allowed}"
            if isinstance(compositions, Grid):  # once: its other points are alike
                yield Finding((section, "compositions", "grid"), message)
                return
            yield Finding((section, "compositions", i), message)


@needs("alloy.elements", "label.compositions")
def _label_compositions(elements: Elements, compositions: Compositions) -> Findings:
    yield from compositions_fit("label", elements, compositions)


@needs("alloy.elements", "kmc.compositions")
def _kmc_compositions(elements: Elements, compositions: Compositions | None) -> Findings:
    yield from compositions_fit("kmc", elements, compositions or ())


def compositions_fit(section: str, elements: Elements, compositions: Compositions) -> Findings:
    """What is wrong with the compositions of a section."""
    yield from _unknown_elements(section, elements, compositions)
    yield from _grid_fits(section, elements, compositions)
    yield from _same_names(section, elements, compositions)


@needs("alloy.elements", "alloy.lattice", "label.compositions", "label.cells")
def _label_counts(elements: Elements, structure: str, compositions: Compositions, cells: Cells) -> Findings:
    yield from atoms_fit("label", elements, structure, compositions, cells)


@needs("alloy.elements", "alloy.lattice", "kmc.compositions", "kmc.cells")
def _kmc_counts(
    elements: Elements, structure: str, compositions: Compositions | None, cells: Cells
) -> Findings:
    yield from atoms_fit("kmc", elements, structure, compositions or (), cells)


@needs("train.test_compositions", "alloy.elements", "label.compositions")
def _some_left_to_train_on(held_out: int, elements: Elements, compositions: Compositions) -> Findings:
    n = len(points(elements, compositions))
    if n and held_out >= n:
        message = (
            f"got {held_out} of {n} compositions; allowed: 0 to {n - 1}, so that one is left to train on"
        )
        yield Finding(("train", "test_compositions"), message)
