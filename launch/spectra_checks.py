"""Checks of what is chosen about spectra and maps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from launch.findings import Finding, Findings, needs
from launch.problems import KeyPath, did_you_mean
from launch.schema.analysis import MapsOptions, SpectraOptions
from launch.schema.models import Model
from nnk.alloy import fractions_of, sites_with, with_content

PUBLISHED = "published"
AXES = 3  # elements of a ternary diagram
MOST_SITES = 8_000_000


def _networks(maps: MapsOptions, spectra: SpectraOptions) -> Iterator[tuple[KeyPath, str]]:
    """Every network that is named, with its place."""
    for name, options in (("maps", maps), ("spectra", spectra)):
        if options.model is not None:
            yield ("analysis_options", name, "model"), options.model


@needs("analysis_options.maps", "analysis_options.spectra", "train.models")
def _network_is_trained(maps: MapsOptions, spectra: SpectraOptions, models: tuple[Model, ...]) -> Findings:
    names = [model.name for model in models]
    for key, wanted in _networks(maps, spectra):
        if wanted not in (*names, PUBLISHED):
            allowed = f"{', '.join(names)}, or {PUBLISHED} for that of kmc.model"
            yield Finding(key, f'no model "{wanted}"; allowed: {allowed}' + did_you_mean(wanted, names))


@needs("analysis_options.maps", "analysis_options.spectra", "sections")
def _network_has_a_section(maps: MapsOptions, spectra: SpectraOptions, sections: frozenset[str]) -> Findings:
    for key, wanted in _networks(maps, spectra):
        section = "kmc" if wanted == PUBLISHED else "train"
        if section not in sections:
            yield Finding(key, f'got "{wanted}" without a section {section}; allowed: with it')


@needs("analysis_options.maps", "analysis_options.spectra", "kmc.model")
def _network_is_published(maps: MapsOptions, spectra: SpectraOptions, model: Any) -> Findings:
    for key, wanted in _networks(maps, spectra):
        if wanted == PUBLISHED and isinstance(model, str):
            message = (
                f"got {PUBLISHED}, but kmc.model is {model}; allowed: with kmc.model: {{published: ...}}"
            )
            yield Finding(key, message)


@needs("analysis_options.maps", "alloy.elements")
def _three_elements_are_left(maps: MapsOptions, elements: tuple[str, ...]) -> Findings:
    if not maps.fixed:
        return
    key = ("analysis_options", "maps", "fixed")
    unknown = [name for name in maps.fixed if name not in elements]
    if unknown or len(elements) - len(maps.fixed) != AXES:
        message = f"got {', '.join(maps.fixed)}; allowed: all but three of {', '.join(elements)}"
        yield Finding(key, message)
    elif sum(maps.fixed.values()) >= 1:
        yield Finding(key, f"got {sum(maps.fixed.values()):g} together; allowed: less than 1")


@needs("analysis_options.spectra", "alloy.elements")
def _sweep_can_be_made(spectra: SpectraOptions, elements: tuple[str, ...]) -> Findings:
    sweep, key = spectra.sweep, ("analysis_options", "spectra", "sweep")
    if sweep is None:
        return
    if sweep.element not in elements:
        message = f"got {sweep.element}; allowed: {', '.join(elements)}"
        yield Finding((*key, "element"), message + did_you_mean(sweep.element, elements))
        return
    if sweep.from_percent == sweep.to_percent:
        message = f"got {sweep.to_percent:g}, where the sweep begins; allowed: another content"
        yield Finding((*key, "to_percent"), message)
    for end in ("from_percent", "to_percent"):
        composition = with_content(elements, sweep.element, getattr(sweep, end) / 100)
        sites = sites_with(fractions_of(composition, elements), sweep.least_atoms)
        if sites > MOST_SITES:
            message = f"{sweep.least_atoms:,} atoms of every species take {sites:,} sites"
            yield Finding((*key, end), f"{message}; allowed: at most {MOST_SITES:,}, with fewer atoms")
