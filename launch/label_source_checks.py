"""Checks of labels that exist already: there, readable, of the campaign's alloy. Reads headers alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from launch.checks import cells_hold_shells
from launch.findings import Finding, Findings, file_exists, needs
from launch.problems import KeyPath
from launch.schema.labels import Labels
from launch.schema.models import Model
from nnk.label_sources import LabelFacts

Elements = tuple[str, ...]


@needs("sections")
def _one_kind_of_labels(sections: frozenset[str]) -> Findings:
    if {"label", "labels"} <= sections:
        message = "given with the section label, which computes them; allowed: one of the two"
        yield Finding(("labels",), message, at_key=True)


@needs("labels", "base_dir", "alloy.elements", "alloy.lattice")
def _labels_can_be_used(labels: Labels, base_dir: Path, elements: Elements, structure: str) -> Findings:
    missing = list(_paths_exist(labels, base_dir))
    yield from missing
    if missing:
        return
    key = place_of(labels)
    try:
        facts = labels.located(base_dir).source().facts(elements)
    except (OSError, ValueError) as error:
        yield Finding(key, f"{error}; allowed: {_allowed(labels)}")
        return
    yield from _are_of_the_alloy(key, facts, elements, structure)


def place_of(labels: Labels) -> KeyPath:
    """The key whose value names the labels."""
    if labels.published is not None:
        return ("labels", "published", "directory")
    return ("labels", "files") if labels.files is not None else ("labels", "file")


def _paths_exist(labels: Labels, base_dir: Path) -> Findings:
    if labels.published is not None:
        folder = base_dir / Path(labels.published.directory).expanduser()
        if not folder.is_dir():
            message = f"no folder {folder}; allowed: a path relative to the folder of the campaign file"
            yield Finding(("labels", "published", "directory"), message)
    elif labels.files is not None:
        for i, name in enumerate(labels.files):
            yield from file_exists(("labels", "files", i), name, base_dir)
    elif labels.file is not None:
        yield from file_exists(("labels", "file"), labels.file, base_dir)


def _allowed(labels: Labels) -> str:
    if labels.published is None:
        return "files of labels of one lattice and size, such as labels/labels.nc of a campaign"
    return f"a folder of the format {labels.published.format}"


def _are_of_the_alloy(key: KeyPath, facts: LabelFacts, elements: Elements, structure: str) -> Findings:
    if facts.structure != structure:
        message = f"got {structure}; allowed with these labels: {facts.structure}"
        yield Finding(("alloy", "lattice"), message)
    for i, name in enumerate(elements):
        if name not in facts.elements:
            message = f'the labels have no "{name}"; allowed: {", ".join(facts.elements)}'
            yield Finding(("alloy", "elements", i), message)
    foreign = [name for name in facts.elements if name not in elements]
    if foreign:
        message = f"the labels are of {', '.join(foreign)} too; allowed: an alloy of all their elements"
        yield Finding(key, message)


@needs("labels", "base_dir", "alloy.elements", "alloy.lattice", "train.models")
def _label_cells(
    labels: Labels, base_dir: Path, elements: Elements, structure: str, models: Sequence[Model]
) -> Findings:
    facts = facts_of(labels, base_dir, elements)
    if facts is not None:
        shells = max(model.shells for model in models)
        yield from cells_hold_shells(place_of(labels), facts.cells, structure, shells)


def facts_of(labels: Labels, base_dir: Path, elements: Elements) -> LabelFacts | None:
    """What the labels are of; None where they cannot be read, which another check tells."""
    try:
        return labels.located(base_dir).source().facts(elements)
    except (OSError, ValueError):
        return None


@needs("labels", "kmc.model", "alloy.lattice_parameter_A", "sections")
def _runs_have_a_lattice_parameter(
    labels: Labels | None, model: Any, a_A: float | None, sections: frozenset[str]
) -> Findings:
    """A published network has its own; that of a network trained here is by the potential, or given."""
    if labels is not None and isinstance(model, str) and a_A is None and "potential" not in sections:
        message = "needs the lattice parameter of its cells; allowed: with alloy.lattice_parameter_A"
        yield Finding(("kmc",), f"{message}, or with a section potential", at_key=True)
