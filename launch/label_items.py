"""The samples and the labels of a campaign: their compositions, runs, samples and vacancies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from launch.campaign import Campaign
from launch.items import Group, Item, make_item
from launch.label_rows import Block, LabelRows
from launch.schema.label import Amounts, Label
from launch.schema.samples import AnySamples, FarFieldSamples, OrderedSamples, site_choice
from nnk.samples import SiteChoice

Reads = Callable[..., dict[str, str]]
IMPORT = "import"
"""Key of the label item that takes over labels which exist already."""

_KEYS_OF_MODE = {
    "lattice": ("shells", "energies", "fit_cells"),
    "relax": (),
    "md": ("steps", "trials_per_pair", "timestep_fs", "friction_per_ps"),
}


def sample_items(campaign: Campaign, system: Mapping[str, Any], reads: Reads) -> list[Item]:
    """The exchange runs: one item per composition and run; none for random samples."""
    label = campaign.label
    if label is None or not isinstance(label.samples, OrderedSamples):
        return []
    how = {"cells": list(label.cells), "samples": _run_inputs(label.samples)}
    n_runs = -(-campaign.label_amounts().samples // label.samples.degrees)
    made = []
    for name, fractions in campaign.label_compositions().items():
        settings = {**system, "label": how, "composition": fractions}
        group = Group("samples", settings, reads("prepare/system", f"prepare/lattice/{name}"))
        made += [make_item(group, run_key(name, run), run=run) for run in range(n_runs)]
    return made


def run_key(name: str, run: int) -> str:
    """Key of the item of an exchange run."""
    return f"{name}/r{run:03d}"


def _run_inputs(samples: OrderedSamples) -> dict[str, Any]:
    """What a run depends on: of the parameters, those of its mode."""
    asked = asdict(samples.parameters())
    others = {key for mode, keys in _KEYS_OF_MODE.items() if mode != samples.mode for key in keys}
    return {"kind": "ordered"} | {key: value for key, value in asked.items() if key not in others}


def label_items(campaign: Campaign, system: Mapping[str, Any], reads: Reads) -> Sequence[Item]:
    """The labels: one item per composition, sample and vacancy, or one for all that exist already."""
    label = campaign.label
    if label is None:
        return _imported(campaign)
    inputs, amounts = _label_inputs(label), campaign.label_amounts()
    blocks: list[Block] = []
    for name, fractions in campaign.label_compositions().items():
        settings = {**system, "label": inputs, "composition": fractions}
        blocks += _blocks(label, amounts, name, settings, reads)
    return LabelRows.of(blocks)


def _blocks(
    label: Label, amounts: Amounts, name: str, settings: Mapping[str, Any], reads: Reads
) -> Iterator[Block]:
    """The labels of one composition: all in one block, or a block for the samples of each exchange run."""
    names = ["prepare/system", f"prepare/lattice/{name}"]
    if label.samples.kind != "ordered":
        group = Group("label", settings, reads(*names))
        yield Block(name, group, 0, amounts.vacancies, amounts.vacancies_per_sample)
        return
    of_run = label.samples.degrees * amounts.vacancies_per_sample
    for run, first in enumerate(range(0, amounts.vacancies, of_run)):
        group = Group("label", settings, reads(*names, f"samples/{run_key(name, run)}"))
        count = min(of_run, amounts.vacancies - first)
        yield Block(name, group, first, count, amounts.vacancies_per_sample)


def _imported(campaign: Campaign) -> list[Item]:
    """Labels that exist already, all as one item."""
    source = campaign.label_source()
    if source is None:
        return []
    settings = {
        "alloy": {"elements": list(campaign.alloy.elements), "lattice": campaign.alloy.lattice},
        "labels": {"format": source.format, "contents": source.hash},
    }
    return [make_item(Group("label", settings, {}), IMPORT)]


def _label_inputs(label: Label) -> dict[str, Any]:
    search = {
        "cells": list(label.cells),
        "max_force_eV_A": label.max_force_eV_A,
        "connect": label.connect,
        "method": label.method,
        "relax_boxes": label.box == "relaxed",
        "samples": _sample_inputs(label.samples),
    }
    choice = site_choice(label.sites)
    return search if choice == SiteChoice() else {**search, "sites": _site_inputs(choice)}


def _sample_inputs(samples: AnySamples) -> dict[str, Any]:
    """What the labels depend on, beside what their exchange runs do."""
    if isinstance(samples, FarFieldSamples):  # more resamples leave the others as they are
        return samples.model_dump(mode="json", exclude={"resamples"})
    return {"kind": samples.kind}


def _site_inputs(choice: SiteChoice) -> Any:
    return asdict(choice) if choice.choice == "k-means" else choice.choice


def sample_settings(label: Label) -> dict[str, Any]:
    """What the jobs need to know of samples and sites."""
    samples = label.samples
    return {
        "samples": asdict(samples.parameters()) if isinstance(samples, OrderedSamples) else None,
        "far_field": asdict(samples.parameters()) if isinstance(samples, FarFieldSamples) else None,
        "sites": asdict(site_choice(label.sites)),
    }
