"""Checks of samples and of the choice of vacancies in them."""

from __future__ import annotations

from typing import Any

from launch.composition_checks import named_points
from launch.findings import Finding, Findings, needs
from launch.schema.compositions import Compositions, Grid
from launch.schema.label import amounts
from launch.schema.samples import (
    MODE_OF_KEY,
    AnySamples,
    FarFieldSamples,
    OrderedSamples,
    RandomSamples,
    SitesByEnvironment,
    SiteWord,
    site_choice,
)
from nnk.exchange.parameters import CELLS, FitParameters
from nnk.lattice import Lattice
from nnk.samples.far_field import near_sites

Samples = RandomSamples | OrderedSamples
Sites = SiteWord | SitesByEnvironment
Cells = tuple[int, int, int]
Elements = tuple[str, ...]


def _n_sites(structure: Any, cells: Cells) -> int:
    return Lattice(structure, cells, 1.0).n_sites


@needs("alloy.lattice", "label.cells", "label.samples", "label.sites", "label.vacancies_per_composition")
def _vacancies_fit(
    structure: str, cells: Cells, samples: AnySamples, sites: Sites, wanted: int | None
) -> Findings:
    n_sites = _n_sites(structure, cells)
    if isinstance(samples, FarFieldSamples):
        yield from _far_field_decides(samples, sites, wanted)
    elif site_choice(sites).choice == "all":
        yield from _all_sites_fit(n_sites, samples, wanted)
    elif wanted is None:
        message = "missing; allowed: a whole number >= 1, or with sites: all none"
        yield Finding(("label", "vacancies_per_composition"), message, at_key=True)
    else:
        yield from _chosen_sites_fit(n_sites, samples, sites, wanted)


def _far_field_decides(samples: FarFieldSamples, sites: Sites, wanted: int | None) -> Findings:
    follows = samples.parameters().n_samples
    if wanted not in (None, follows):
        message = f"got {wanted} with far-field samples; allowed: none, which is {follows}"
        yield Finding(("label", "vacancies_per_composition"), message)
    if sites != "random":
        message = "given with far-field samples, which have their jumps; allowed: none"
        yield Finding(("label", "sites"), message, at_key=True)


@needs("alloy.lattice", "label.cells", "label.samples")
def _cutoffs_fit(structure: Any, cells: Cells, samples: AnySamples) -> Findings:
    if not isinstance(samples, FarFieldSamples):
        return
    lattice = Lattice(structure, cells, 1.0)
    for i, shells in enumerate(samples.shells):
        try:
            for jump in range(lattice.z):
                near_sites(lattice, 0, jump, shells)
        except ValueError as error:
            message = f"got {shells}: {str(error).partition(': ')[2]}; allowed: fewer, or more cells"
            yield Finding(("label", "samples", "shells", i), message)


@needs("label.samples", "sections")
def _far_field_does_not_train(samples: AnySamples, sections: frozenset[str]) -> Findings:
    if isinstance(samples, FarFieldSamples) and "train" in sections:
        message = (
            "got far-field with a section train, though all samples of a jump share its surroundings; "
            "allowed: random or ordered, to train"
        )
        yield Finding(("label", "samples", "kind"), message)


@needs("analysis", "label.samples")
def _farfield_has_its_samples(names: tuple[str, ...], samples: AnySamples) -> Findings:
    if "farfield" in names and not isinstance(samples, FarFieldSamples):
        message = '"farfield" needs labels of its own; allowed: with label: {samples: {kind: far-field, ...}}'
        yield Finding(("analysis", names.index("farfield")), message)


def _all_sites_fit(n_sites: int, samples: Samples, wanted: int | None) -> Findings:
    key, follows = ("label", "samples", "vacancies_per_sample"), amounts(samples, "all", None, n_sites)
    if samples.vacancies_per_sample not in (None, n_sites):
        message = f"got {samples.vacancies_per_sample} with sites: all; allowed: none, which is {n_sites}"
        yield Finding(key, message)
    if wanted not in (None, follows.vacancies):
        message = f"got {wanted} with sites: all; allowed: none, which is {follows.vacancies}"
        yield Finding(("label", "vacancies_per_composition"), message)


def _chosen_sites_fit(n_sites: int, samples: Samples, sites: Sites, wanted: int) -> Findings:
    key, choice = ("label", "samples", "vacancies_per_sample"), site_choice(sites)
    if samples.count is not None:
        message = f"got {samples.count} with sites: {choice.choice}; allowed: with sites: all only"
        yield Finding(("label", "samples", "count"), message)
    each = amounts(samples, sites, wanted, n_sites).vacancies_per_sample
    if each > n_sites:
        yield Finding(key, f"got {each}; allowed: at most the {n_sites} sites of a sample")
    elif each > wanted:
        yield Finding(key, f"got {each}; allowed: at most vacancies_per_composition, {wanted}")
    elif choice.choice == "k-means" and each < 2:
        message = "got 1 with sites: k-means; allowed: 2 or more, or k-means has nothing to choose"
        yield Finding(key, message)


@needs("label.sites")
def _clusters_belong_to_k_means(sites: Sites) -> Findings:
    if isinstance(sites, SitesByEnvironment) and sites.choice != "k-means":
        for name in sorted(sites.model_fields_set - {"choice"}):
            message = f"given with choice: {sites.choice}; allowed: with choice: k-means only"
            yield Finding(("label", "sites", name), message, at_key=True)


@needs("alloy.lattice", "label.cells", "label.sites")
def _environments_fit(structure: str, cells: Cells, sites: Sites) -> Findings:
    choice = site_choice(sites)
    if choice.choice == "k-means" and choice.clusters > (n_sites := _n_sites(structure, cells)):
        message = f"got {choice.clusters}; allowed: at most the {n_sites} sites of a sample"
        yield Finding(("label", "sites", "clusters"), message)


@needs("label.samples")
def _keys_belong_to_the_mode(samples: AnySamples) -> Findings:
    if isinstance(samples, OrderedSamples):
        for name, mode in MODE_OF_KEY.items():
            if name in samples.model_fields_set and samples.mode != mode:
                message = f"given with mode: {samples.mode}; allowed: with mode: {mode} only"
                yield Finding(("label", "samples", name), message, at_key=True)


@needs("alloy.lattice", "label.cells", "label.samples")
def _degrees_fit(structure: str, cells: Cells, samples: AnySamples) -> Findings:
    if isinstance(samples, OrderedSamples):
        trials = max(1, round(samples.trials_per_atom * _n_sites(structure, cells)))
        if samples.degrees > trials + 1:
            message = f"got {samples.degrees} along {trials} exchanges tried; allowed: at most {trials + 1}"
            yield Finding(("label", "samples", "degrees"), message)


@needs("label.samples")
def _spacing_of_several(samples: AnySamples) -> Findings:
    if isinstance(samples, OrderedSamples) and samples.degrees == 1 and samples.spacing == "linear":
        message = "has no effect: of one degree, the only snapshot is the end of a run; allowed: degrees >= 2"
        yield Finding(("label", "samples", "spacing"), message, warning=True, at_key=True)


@needs("alloy.elements", "alloy.lattice", "label.samples")
def _fit_has_enough_cells(elements: tuple[str, ...], structure: str, samples: AnySamples) -> Findings:
    if not isinstance(samples, OrderedSamples) or samples.mode != "lattice" or samples.pairs.cells is None:
        return
    try:
        FitParameters(samples.pairs.shells, n_cells=samples.pairs.cells).number_of_cells(len(elements))
    except ValueError as error:
        sites = _n_sites(structure, CELLS[structure])
        message = f"{str(error).partition(': ')[2]} cells of {sites} atoms"
        got = f"got {samples.pairs.cells}; allowed: {message}"
        yield Finding(("label", "samples", "pairs", "cells"), got)


@needs("alloy.elements", "label.compositions", "label.samples")
def _exchanges_need_two_elements(
    elements: Elements, compositions: Compositions, samples: AnySamples
) -> Findings:
    """In every composition; a grid without margin has its corners too."""
    if isinstance(samples, RandomSamples):
        return
    named = (fractions for _, _, fractions in named_points(elements, compositions))
    present = ([name for name, fraction in one.items() if fraction > 0] for one in named)
    pure = [names[0] for names in present if len(names) == 1]
    if pure:
        of_grid = ", or a grid with a margin" if isinstance(compositions, Grid) else ""
        allowed = f"allowed: kind: random, or two elements or more in every composition{of_grid}"
        message = f"got {samples.kind} with pure {', '.join(pure)}; {allowed}"
        yield Finding(("label", "samples", "kind"), message)


@needs(
    "alloy.lattice",
    "label.cells",
    "label.samples",
    "label.sites",
    "label.vacancies_per_composition",
    "train.validation_fraction",
    "train.test_fraction",
)
def _vacancies_can_be_split(
    structure: str,
    cells: Cells,
    samples: AnySamples,
    sites: Sites,
    wanted: int | None,
    validation: float,
    test: float,
) -> Findings:
    if isinstance(samples, FarFieldSamples):
        return
    n_vacancies = amounts(samples, sites, wanted, _n_sites(structure, cells)).vacancies
    n_held_out = sum(max(1, round(part * n_vacancies)) for part in (validation, test) if part)
    if n_held_out >= n_vacancies:
        message = (
            f"got {n_vacancies}, of which {n_held_out} are held out for validation and test; "
            f"allowed: more than are held out, so that some are left to train on"
        )
        yield Finding(("label", "vacancies_per_composition"), message)
