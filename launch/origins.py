"""What the files that analyses read say about themselves: which run, labels, model or campaign they are."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import netCDF4
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

Facts = dict[str, Any]
RUN, NETWORK = "kMC run", "network"


def origin(path: Path) -> tuple[str, Facts]:
    """What kind of file `path` is, and what it says of where it comes from; reads its header alone.

    A file that cannot be read says why, under ``"unreadable"``; other files say nothing.
    """
    kind, read = _reader(path)
    try:
        return kind, read(path)
    except (OSError, ValueError, KeyError, YAMLError) as error:
        return kind, {"unreadable": " ".join(str(error).split())}


def _reader(path: Path) -> tuple[str, Callable[[Path], Facts]]:
    if path.name == "campaign.yaml":
        return "campaign file", _campaign
    if "models" in (path.parent.parent.name, path.parent.parent.parent.name):  # of a fold, one folder deeper
        return NETWORK, _model
    if path.suffix == ".nc" and path.parent.parent.parent.name == "kmc":
        return RUN, _run
    if path.suffix == ".nc":
        return {"labels": "barrier labels", "audit": "audit of labels"}.get(path.stem, "NetCDF file"), _labels
    return "table" if path.suffix == ".csv" else "file", _nothing


def _nothing(path: Path) -> Facts:
    return {}


def _run(path: Path) -> Facts:
    with netCDF4.Dataset(path) as file:
        setup = json.loads(file.setup)
        recorded = {name: file.getncattr(name) for name in file.ncattrs() if name.startswith("run_")}
    model = setup.get("model") or {}
    wanted = (
        "seed",
        "replica",
        "temperature_K",
        "jumps",
        "cells",
        "a_A",
        "attempt_frequency_Hz",
        "inputs_hash",
    )
    facts: Facts = {"case": path.parent.parent.name}
    facts |= {name: setup[name] for name in wanted if name in setup}
    facts |= {name.removeprefix("run_"): _plain(value) for name, value in recorded.items()}
    return facts | {"network": {name: value for name, value in model.items() if _is_short(value)}}


def _labels(path: Path) -> Facts:
    with netCDF4.Dataset(path) as file:
        facts = {name: _plain(file.getncattr(name)) for name in file.ncattrs()}
    left_out = ("Conventions", "content", "format_version")
    return {name.removeprefix("run_"): value for name, value in facts.items() if name not in left_out}


def _model(path: Path) -> Facts:
    """Of any file of a network: what its description says."""
    data = json.loads(path.with_name("model.json").read_text(encoding="utf-8"))
    description = data.get("description") or {}
    facts = {name: data[name] for name in ("kind", "shells", "elements", "weights_sha256") if name in data}
    parameters = description.get("parameters") or {}
    facts["seed"] = parameters.get("seed", "not recorded")
    facts |= {
        name: description[name]
        for name in ("data_hash", "labels", "epochs", "best_epoch")
        if name in description
    }
    return facts


def _campaign(path: Path) -> Facts:
    data = YAML(typ="safe", pure=True).load(path)
    if not isinstance(data, Mapping):
        raise ValueError("expected the sections of a campaign")
    facts = {name: data[name] for name in ("name", "seed", "alloy", "potential") if name in data}
    model = (data.get("kmc") or {}).get("model")
    return facts | ({"kmc.model": model} if model else {})


def _plain(value: Any) -> Any:
    """A value of a NetCDF attribute as JSON can hold it."""
    return value.tolist() if hasattr(value, "tolist") else value


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float | bool) or (isinstance(value, list) and len(value) < 10)
