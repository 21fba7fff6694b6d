"""What a campaign has run, in words for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any


def purpose(campaign: Mapping[str, Any]) -> str:
    """One sentence: what the campaign is for."""
    alloy = campaign["alloy"]
    parts = [f"Vacancy diffusion in {'-'.join(alloy['elements'])} ({alloy['lattice']})"]
    model = (campaign.get("kmc") or {}).get("model")
    if campaign.get("label"):
        parts.append("migration barriers from transition-state searches")
    if campaign.get("labels"):
        parts.append("migration barriers that existed already")
    if campaign.get("train"):
        parts.append("networks trained on them")
    if isinstance(model, dict):
        parts.append("a published network")
    if model:
        parts.append("kinetic Monte Carlo")
    return ": ".join([parts[0], ", ".join(parts[1:])]) + "."


def facts(campaign: Mapping[str, Any]) -> list[str]:
    """What was run, a sentence for each part."""
    found = []
    if campaign.get("potential"):
        found.append(f"Potential: {_plain(campaign['potential'])}.")
    label, kmc = campaign.get("label"), campaign.get("kmc")
    if label:
        found.append(
            f"Labels: {len(label['compositions'])} compositions, {label['vacancies_per_composition']} "
            f"vacancies each, in blocks of {_cells(label['cells'])} cells."
        )
    if campaign.get("labels"):
        found.append(f"Labels that existed already: {_plain(campaign['labels'])}.")
    folds = (campaign.get("train") or {}).get("folds")
    if folds:
        found.append(
            f"Cross-validation in {len(folds)} folds; the networks themselves are trained on all labels, and "
            "their errors are those on labels of folds that they were not trained on."
        )
    found += [
        f"Network {model['name']}: {model['kind']}, {model['shells']} neighbour shells."
        for model in (campaign.get("train") or {}).get("models", [])
    ]
    if kmc:
        found.append(
            f"Kinetic Monte Carlo: {_cells(kmc['cells'])} cells, {_temperatures(kmc)}, "
            f"{kmc['replicas']} replicas, each until {_stop(kmc['stop'])}, attempt frequency "
            f"{kmc['attempt_frequency_Hz']:.3g} per second, barriers from {_network(kmc['model'])}."
        )
    return found


def network_note(campaign: Mapping[str, Any]) -> str:
    """Where a published network comes from."""
    model = (campaign.get("kmc") or {}).get("model")
    return f"the published network {Path(model['published']['file']).name}" if isinstance(model, dict) else ""


def _temperatures(kmc: Mapping[str, Any]) -> str:
    if not kmc.get("schedule"):
        return f"{len(kmc['temperatures_K'])} temperatures"
    first, last = (f"{kmc['schedule']['temperatures_K'][i]:g} K" for i in (0, -1))
    return f"a schedule of temperatures from {first} to {last}"


def _stop(stop: Mapping[str, Any]) -> str:
    """When runs end, in words."""
    parts = [f"{stop['jumps']:,} jumps"] if "jumps" in stop else []
    parts += [f"{stop['time_s']:g} s"] if "time_s" in stop else []
    parts += [f"an order of {stop['order']['pair']}"] if "order" in stop else []
    return " or ".join(parts)


def _network(model: str | Mapping[str, Any]) -> str:
    return f"the network {model}" if isinstance(model, str) else f"the published network ({_plain(model)})"


def _cells(cells: Sequence[int]) -> str:
    return " x ".join(str(n) for n in cells)


def _plain(data: Any) -> str:
    if isinstance(data, Mapping):
        return ", ".join(f"{key} {_plain(value)}" for key, value in data.items())
    return str(data)
