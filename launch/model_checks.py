"""Checks of what models learn from, and of what is chosen about their analysis."""

from __future__ import annotations

from typing import Any

from launch.composition_checks import named_points
from launch.findings import Finding, Findings, needs
from launch.schema.analysis import ModelsOptions
from launch.schema.compositions import Compositions
from launch.schema.models import Model
from nnk.lattice import Structure
from nnk.neuron_map import NeuronMap
from nnk.observables.drift import check_length

ANALYSIS = "models"


@needs("train.models")
def _choice_needs_a_share(models: tuple[Model, ...]) -> Findings:
    for i, model in enumerate(models):
        if model.choice != "random" and model.share == 1:
            message = f"got {model.choice}, without effect on all vacancies; allowed: with a share below 1"
            yield Finding(("train", "models", i, "choice"), message)


@needs("alloy.lattice", "train.models")
def _the_neuron_map_holds_the_shells(structure: Structure, models: tuple[Model, ...]) -> Findings:
    for i, model in enumerate(models):
        if model.kind == "neuron-map-cnn":
            try:
                NeuronMap(structure, model.shells)
            except ValueError as error:
                yield Finding(
                    ("train", "models", i, "shells"), f"got {model.shells}; allowed: fewer, {error}"
                )


@needs("alloy.elements", "label.compositions", "train.models", "train.test_compositions", "train.folds")
def _there_are_so_many_compositions(
    elements: tuple[str, ...],
    compositions: Compositions,
    models: tuple[Model, ...],
    held_out: int,
    folds: Any,
) -> Findings:
    if folds is not None or not any(model.compositions for model in models):
        return
    n_train = len({name for _, name, _ in named_points(elements, compositions)}) - held_out
    for i, model in enumerate(models):
        if model.compositions is not None and model.compositions > n_train:
            message = f"got {model.compositions}; allowed: at most the {n_train} that are not held out"
            yield Finding(("train", "models", i, "compositions"), message)
    if held_out == 0:
        i = next(i for i, model in enumerate(models) if model.compositions)
        message = "with test_compositions: 0 there is no label that tests models of all numbers alike"
        yield Finding(("train", "models", i, "compositions"), message, warning=True)


@needs("analysis", "sections")
def _there_are_models(names: tuple[str, ...], sections: frozenset[str]) -> Findings:
    if ANALYSIS in names and not sections & {"train", "kmc"}:
        message = f'"{ANALYSIS}" needs a model; allowed: with a section train, or kmc with a published model'
        yield Finding(("analysis", names.index(ANALYSIS)), message)


@needs("alloy.lattice", "analysis_options.models")
def _loops_exist(structure: Structure, models: ModelsOptions) -> Findings:
    for i, length in enumerate(models.loop_lengths or ()):
        try:
            check_length(structure, length)
        except ValueError as error:
            yield Finding(("analysis_options", ANALYSIS, "loop_lengths", i), str(error))
