"""Checks of the potential: its files as text, its elements, its cutoff. Nothing of it is constructed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from launch.findings import Finding, Findings, needs
from launch.problems import KeyPath
from launch.schema.box import Box, FixedBox, VegardBox
from launch.schema.potential import AseClass, LammpsPair, MtpFile, Potential, types_of
from nnk.lattice import Structure
from nnk.potentials.headers import read_mtp_header
from nnk.potentials.lammps_input import named_elements, problems
from nnk.potentials.probe import atomic_volume_A3, lattice_parameter_A

Elements = tuple[str, ...]
Cells = tuple[int, int, int]

_UNLIKELY = 1.25  # ratio of lattice parameters: a volume twice or half that of the elements' own crystals


@needs("potential", "base_dir", "alloy.elements")
def _potential_can_be_used(potential: Potential, base_dir: Path, elements: Elements) -> Findings:
    located = potential.located(base_dir)
    if potential.builtin is not None:
        yield from _builtin_knows(located, elements)
    if located.mtp is not None:
        yield from _mtp(located.mtp, elements)
    if potential.lammps is not None and located.lammps is not None:
        yield from _lammps(potential.lammps, located, elements)
    if located.ase is not None:
        yield from _ase(located.ase, elements)


def _builtin_knows(potential: Potential, elements: Elements) -> Findings:
    available = potential.spec().elements_available or ()
    for i, name in enumerate(elements):
        if name not in available:
            message = f'the potential {potential.builtin} has no "{name}"; allowed: {", ".join(available)}'
            yield Finding(("alloy", "elements", i), message)


def _absent(key: KeyPath, file: Path, hint: str = "") -> Findings:
    if not file.is_file():
        text = f"no file {file}; allowed: a path relative to the folder of the campaign file{hint}"
        yield Finding(key, text)


def _lacks(key: KeyPath, available: Elements, elements: Elements, remedy: str) -> Findings:
    lacking = [name for name in elements if name not in available]
    if lacking:
        text = f"got {', '.join(available)}, without {', '.join(lacking)} of the alloy; allowed: {remedy}"
        yield Finding(key, text)


def _mtp(mtp: MtpFile, elements: Elements) -> Findings:
    key: KeyPath = ("potential", "mtp")
    absent = list(_absent((*key, "file"), Path(mtp.file)))
    yield from absent
    if not absent:
        yield from _mtp_species(mtp, key)
    remedy = "a potential of all elements of the alloy"
    yield from _lacks((*key, "elements"), mtp.elements, elements, remedy)


def _mtp_species(mtp: MtpFile, key: KeyPath) -> Findings:
    try:
        n_species = read_mtp_header(Path(mtp.file)).n_species
    except ValueError as error:
        yield Finding((*key, "file"), f"{error}; allowed: a file as MLIP-2 and MLIP-3 write it")
        return
    if len(mtp.elements) != n_species:
        text = (
            f"got {len(mtp.elements)} for the {n_species} species of the file; "
            f"allowed: {n_species} elements, species 0 first"
        )
        yield Finding((*key, "elements"), text)


def _lammps(written: LammpsPair, located: Potential, elements: Elements) -> Findings:
    pair, key = located.lammps or written, ("potential", "lammps")
    names, types = [Path(file).name for file in pair.files], types_of(pair)
    found = [Finding((*key, *place), text) for place, text in _input_problems(pair, names, types)]
    for i, file in enumerate(pair.files):
        found += _absent((*key, "files", i), Path(file), ", or a file among LAMMPS's own potentials")
    if not types:
        text = (
            "no line names the elements; allowed: a line as * * CuNi.eam.alloy Cu Ni, "
            "or the key elements with the element of each type"
        )
        found.append(Finding((*key, "pair_coeff"), text))
    named = named_elements(pair.pair_coeff, names)
    if pair.elements and named and named != pair.elements:
        text = f"got {', '.join(pair.elements)}, but pair_coeff names {', '.join(named)}; allowed: the same"
        found.append(Finding((*key, "elements"), text))
    yield from found
    if types:
        where = (*key, "elements") if written.elements else (*key, "pair_coeff", 0)
        yield from _lacks(where, types, elements, "elements of all its atoms, one for each LAMMPS type")
    if not found:
        wrong = located.spec().pair_input.wrong_elements()  # type: ignore[union-attr]
        yield from (Finding((*key, *place), text) for place, text in wrong)


def _input_problems(
    pair: LammpsPair, names: list[str], types: Elements
) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Problems of the words; without known types, those that do not need them."""
    for place, text in problems(pair.pair_style, pair.pair_coeff, names, types):
        if types or "for a type" not in text:
            yield place, text


def _ase(ase: AseClass, elements: Elements) -> Findings:
    yield from _option_files(ase.options, ("potential", "ase", "options"))
    if ase.elements is not None:
        key = ("potential", "ase", "elements")
        yield from _lacks(key, ase.elements, elements, "all elements of the alloy")


def _option_files(value: Any, key: KeyPath) -> Findings:
    if isinstance(value, dict):
        if set(value) == {"file"} and isinstance(value["file"], str):
            yield from _absent((*key, "file"), Path(value["file"]))
            return
        for name, inner in value.items():
            yield from _option_files(inner, (*key, name))
    if isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from _option_files(inner, (*key, i))


@needs("label.cells", "alloy.lattice", "alloy.elements", "potential", "base_dir")
def _label_cells_hold_cutoff(
    cells: Cells, structure: Structure, elements: Elements, potential: Potential, base_dir: Path
) -> Findings:
    yield from cells_hold_cutoff(("label", "cells"), cells, structure, elements, potential, base_dir)


def cells_hold_cutoff(
    key: KeyPath,
    cells: Cells,
    structure: Structure,
    elements: Elements,
    potential: Potential,
    base_dir: Path,
) -> Findings:
    """Cells so small that an atom would interact with its own image."""
    cutoff_A = _known_cutoff_A(potential.located(base_dir))
    shortest_A = _shortest_lattice_parameter_A(structure, elements)
    if cutoff_A is None or shortest_A is None:
        return
    edge_A = min(cells) * shortest_A
    if edge_A < cutoff_A:
        least = int(np.ceil(cutoff_A / shortest_A))
        got = "x".join(map(str, cells))
        message = (
            f"got {got}, an edge of about {edge_A:.1f} Å, below the potential's cutoff of "
            f"{cutoff_A:g} Å; allowed: at least {least} cells along each edge"
        )
        yield Finding(key, message)


@needs("label.box", "alloy.lattice", "alloy.elements")
def _boxes_are_likely(box: Box, structure: Structure, elements: Elements) -> Findings:
    """A slip of the decimal point, or nm for Å: every label of such a box would fail."""
    if isinstance(box, FixedBox):
        yield from likely(("label", "box", "fixed"), box.fixed, structure, elements)
    if isinstance(box, VegardBox):
        for name in elements:
            if name in box.vegard:
                yield from likely(("label", "box", "vegard", name), box.vegard[name], structure, (name,))


def likely(key: KeyPath, a_A: float, structure: Structure, elements: Elements) -> Findings:
    """A lattice parameter that no crystal of these elements has."""
    usual = [
        lattice_parameter_A(structure, volume)
        for volume in map(atomic_volume_A3, elements)
        if volume is not None
    ]
    if len(usual) < len(elements):
        return
    least, most = min(usual) / _UNLIKELY, max(usual) * _UNLIKELY
    if not least <= a_A <= most:
        names = ", ".join(elements)
        allowed = f"allowed: {least:.2f} to {most:.2f}, in Å, for {names} on the {structure} lattice"
        yield Finding(key, f"got {a_A:g}; {allowed}")


def _known_cutoff_A(potential: Potential) -> float | None:
    """The cutoff as far as text says it; a potential that cannot be read is another check's finding."""
    try:
        return potential.spec().cutoff_A
    except (OSError, ValueError):
        return None


def _shortest_lattice_parameter_A(structure: Structure, elements: Elements) -> float | None:
    """Lattice parameter of the densest element, from the volume per atom of its own crystal."""
    volumes = [volume for volume in map(atomic_volume_A3, elements) if volume is not None]
    return round(lattice_parameter_A(structure, min(volumes)), 2) if volumes else None
