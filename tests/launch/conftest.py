from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import netCDF4
import numpy as np
import pytest
from ruamel.yaml import YAML

from launch.campaign import RESOLVED_HEADER, Campaign
from launch.history import keep_inputs
from launch.items import Item
from launch.plan import Plan
from nnk.files import Workdir, append_record

CAMPAIGN = """\
schema_version: 1
name: tiny
seed: 7
workdir: work
site: local

alloy: {elements: [Nb, Mo, Ta], lattice: bcc}

potential: {builtin: zhou-eam}

label:
  compositions:
    - {Nb: 0.34, Mo: 0.33, Ta: 0.33}
    - {Nb: 0.60, Mo: 0.20, Ta: 0.20}
  cells: [6, 6, 6]
  vacancies_per_composition: 3
  max_force_eV_A: 0.02

train:
  models:
    - {name: main, kind: detailed-balance, shells: 8}
  test_compositions: 1

kmc:
  model: main
  cells: [8, 8, 8]
  compositions: [equimolar]
  start: random
  temperatures_K: [400, 800]
  replicas: 2
  stop: {jumps: 1_000}
  checkpoint_s: 60

analysis: [labels, parity, order]
"""


@pytest.fixture(scope="session")
def campaign_text() -> str:
    return CAMPAIGN


@pytest.fixture
def write_campaign(tmp_path: Path) -> Callable[..., Path]:
    """Writes the tiny campaign, with replacements (old, new), to a file."""

    def write(*replacements: tuple[str, str], name: str = "c.yaml") -> Path:
        text = CAMPAIGN
        for old, new in replacements:
            assert old in text, f"{old!r} is not in the tiny campaign"
            text = text.replace(old, new, 1)
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def _record(workdir: Workdir, item: Item, state: str, **more: object) -> None:
    event = {"key": item.key, "hash": item.hash, "group": item.group.hash, "state": state, **more}
    append_record(workdir, item.stage, "test", event)


def _write_netcdf(path: Path, **attributes: str | float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with netCDF4.Dataset(path, "w") as file:
        file.setncatts(attributes)


def _write_labels(path: Path, items: list[Item]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = np.array([item.hash.encode() for item in items for _ in range(8)], dtype="S32")
    with netCDF4.Dataset(path, "w") as file:
        file.createDimension("barrier", len(rows))
        file.createDimension("length", 32)
        file.createVariable("item_hash", "S1", ("barrier", "length"))[:] = netCDF4.stringtochar(rows)


def _write_run(workdir: Workdir, item: Item, jumps: int, *, segment: int | None = None) -> None:
    """A file of a run, or a segment of one that is under way, without content."""
    path = workdir.root / "kmc" / f"{item.key}.nc"
    if segment is not None:
        path = path.with_suffix("") / f"seg-{segment:06d}.nc"
    ended = "" if segment is not None else "jumps"
    _write_netcdf(path, inputs_hash=item.hash, jumps=jumps, time_s=1e-9 * jumps, ended_by=ended)


def _make_products(plan: Plan, workdir: Workdir) -> None:
    """Empty products of every item, marked as the stages mark them."""
    keep_inputs(workdir, plan.groups(), None)
    labels = [todo.item for todo in plan["label"].todo]
    if labels:
        _write_labels(workdir.labels_dir / "a-0.nc", labels[::2])
        _write_labels(workdir.labels_dir / "b-0.nc", labels[1::2])
    for stage in plan:
        for todo in stage.todo:
            _make_product(todo.item, workdir)
            _record(workdir, todo.item, "done", seconds=1.5)


def _make_product(item: Item, workdir: Workdir) -> None:
    if item.stage == "prepare":
        path = workdir.labels_dir / f"{item.key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"inputs_hash": item.hash}))
    elif item.stage == "samples":
        _write_netcdf(workdir.samples_file(item.key), inputs_hash=item.hash)
    elif item.stage == "audit":
        _write_netcdf(workdir.audit_file, inputs_hash=item.hash)
    elif item.stage == "kmc":
        _write_run(workdir, item, item.until.jumps)
    elif item.stage in ("train", "analysis", "report"):
        path = {
            "train": workdir.model_dir(item.key) / "model.json",
            "analysis": workdir.figures / f"{item.key}.json",
            "report": workdir.report,
        }[item.stage]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        if item.stage == "report":
            path.write_text("</html>")
        if item.stage == "train":
            path.write_text(json.dumps({"weights_sha256": hashlib.sha256(b"").hexdigest()}))
            path.with_name("model.safetensors").touch()


@pytest.fixture
def record() -> Callable[..., None]:
    """Records an event of an item: (workdir, item, state, **more)."""
    return _record


@pytest.fixture
def write_labels() -> Callable[[Path, list[Item]], None]:
    """Writes a file of labels that holds nothing but the hashes of their items."""
    return _write_labels


@pytest.fixture
def write_run() -> Callable[..., None]:
    """Writes the file of a run: (workdir, item, jumps, segment=number of a segment or None)."""
    return _write_run


@pytest.fixture
def make_products() -> Callable[[Plan, Workdir], None]:
    """Makes the products that a plan misses, empty but marked as the stages mark them."""
    return _make_products


@pytest.fixture
def resolved_text() -> Callable[[Campaign], str]:
    """The text of a resolved campaign, as the workdir keeps it."""

    def text(campaign: Campaign) -> str:
        stream = StringIO()
        YAML(typ="safe", pure=True).dump(campaign.resolved(), stream)
        return RESOLVED_HEADER + stream.getvalue()

    return text
