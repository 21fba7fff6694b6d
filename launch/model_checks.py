"""Checks of what is chosen about the analysis of models."""

from __future__ import annotations

from launch.findings import Finding, Findings, needs
from launch.schema.analysis import ModelsOptions
from nnk.lattice import Structure
from nnk.observables.drift import check_length

ANALYSIS = "models"


@needs("analysis", "sections")
def _there_are_models(names: tuple[str, ...], sections: frozenset[str]) -> Findings:
    if ANALYSIS in names and not sections & {"train", "kmc"}:
        message = f'"{ANALYSIS}" needs a model; allowed: with a section train, or kmc with a published model'
        yield Finding(("analysis", names.index(ANALYSIS)), message)


@needs("alloy.lattice", "analysis_options.models")
def _loops_exist(structure: Structure, models: ModelsOptions) -> Findings:
    for i, length in enumerate(models.loop_lengths):
        try:
            check_length(structure, length)
        except ValueError as error:
            yield Finding(("analysis_options", ANALYSIS, "loop_lengths", i), str(error))
