"""A campaign of a million items half done, 1 % failed, as real files by the product's own writers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from jobs.unit import Unit, UnitItem
from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.history import keep_inputs
from launch.items import Item
from nnk.barriers import BarrierSet
from nnk.files import Workdir

CAMPAIGN = """\
schema_version: 1
name: million
seed: 7
workdir: work
site: local
alloy: {{elements: [Nb, Mo, Ta], lattice: bcc}}
potential: {{builtin: zhou-eam}}
label:
  compositions:
    - {{Nb: 0.34, Mo: 0.33, Ta: 0.33}}
    - {{Nb: 0.60, Mo: 0.20, Ta: 0.20}}
    - {{Nb: 0.20, Mo: 0.60, Ta: 0.20}}
    - {{Nb: 0.20, Mo: 0.20, Ta: 0.60}}
  samples: {{vacancies_per_sample: {per_sample}}}
  cells: [4, 4, 4]
  vacancies_per_composition: {vacancies}
  audit: {{fraction: 0, at_least: 0}}
"""
ELEMENTS, CELLS, N_SITES, Z = ("Nb", "Mo", "Ta"), (4, 4, 4), 128, 8
PER_SAMPLE, OF_UNIT, OF_FILE = 50, 100, 25_000
ERRORS = (
    "NoLabel: no saddle within {} steps",
    "MemoryError: {} bytes",
    "ValueError: sample {} has no such site",
)


def write_campaign(folder: Path, items: int) -> Path:
    """The campaign file, with so many labels; what of them is there; gives the file."""
    path = folder / "million.yaml"
    path.write_text(CAMPAIGN.format(vacancies=items // 4, per_sample=PER_SAMPLE))
    campaign = load_campaign(path)
    workdir, listed = Workdir(campaign.workdir_path), all_items(campaign)
    workdir.labels_dir.mkdir(parents=True)
    workdir.epoch_file.write_text("1\n")
    keep_inputs(workdir, {item.group.hash: item.group for item in listed["label"][:: items // 8]}, None)
    for item in listed["prepare"]:
        product = workdir.labels_dir / f"{item.key}.json"
        product.parent.mkdir(exist_ok=True)
        product.write_text(json.dumps({"inputs_hash": item.hash}))
    labels = listed["label"]
    n_done, n_failed = len(labels) // 2, len(labels) // 100
    for first in range(0, n_done, OF_FILE):
        some = labels[first : min(first + OF_FILE, n_done)]
        barriers_of(some, first).save(workdir.labels_dir / f"000001-label-{first:07d}.nc")
    for first in range(0, n_done + n_failed, OF_UNIT):
        some = labels[first : min(first + OF_UNIT, n_done + n_failed)]
        write_records(workdir, some, first, n_done)
    return path


def barriers_of(items: Sequence[Item], first: int) -> BarrierSet:
    """Made-up labels of some items."""
    items, n = list(items), len(items)
    stream = np.random.default_rng(first)
    energies = stream.normal(1.0, 0.2, (2, n * Z))
    names = [item.key.rsplit("/", 1)[0] for item in items]
    keys, sample = np.unique(names, return_inverse=True)
    return BarrierSet(
        elements=ELEMENTS,
        structure="bcc",
        cells=CELLS,
        occupancy=stream.integers(1, 4, (len(keys), N_SITES), dtype=np.uint8),
        a_A=np.full(len(keys), 3.24),
        sample_key=tuple(map(str, keys)),
        composition=np.full((len(keys), 3), 1 / 3),
        sample=np.repeat(sample, Z),
        vacancy_site=np.repeat(stream.integers(0, N_SITES, n), Z),
        jump=np.tile(np.arange(Z), n),
        E_fwd_eV=energies[0],
        E_bwd_eV=energies[1],
        curvature_eV_A2=-stream.random(n * Z),
        residual_force_eV_A=0.01 * stream.random(n * Z),
        calls=stream.integers(20, 60, n * Z),
        flag=np.zeros(n * Z),
        method=np.zeros(n * Z),
        n_saddles=np.ones(n * Z),
        item_hash=tuple(item.hash for item in items for _ in range(Z)),
        attrs={"potential": "builtin zhou-eam", "seed": 7},
    )


def write_records(workdir: Workdir, items: Sequence[Item], first: int, n_done: int) -> None:
    """What a unit records of some items, the `first` of which is that of all; from `n_done` on they fail."""
    unit = Unit("label", f"000001-label-{first // OF_UNIT:04d}", workdir.root, 1, 2, {}, ())
    records = []
    for number, item in enumerate(items, start=first):
        named = UnitItem(item.key, item.hash, item.group.hash)
        if number < n_done:
            records.append(unit.outcome(named, "done", seconds=0.5 + number % 7, calls=300))
        else:
            error = ERRORS[number % len(ERRORS)].format(number)
            records.append(unit.outcome(named, "failed", seconds=0.1, error=error))
    unit.record(*records)
