"""Which items are done, judged from the products on disk.

=========  ==========================================  ====================================================
stage      product                                     hash of the inputs it was made from
=========  ==========================================  ====================================================
prepare    labels/{potential,system,lattice/<c>}.json  key ``inputs_hash``
samples    samples/<composition>/r000.nc               attribute ``inputs_hash``
label      labels/**/*.nc, labels/*.journal            variable ``item_hash``, or line, of each barrier
audit      audit/audit.nc                              attribute ``inputs_hash``
train      models/<name>/model.{json,safetensors}      last record of the item, state "done"; whole
kmc        kmc/<case>/T0800.0K/r003.nc                 attribute ``inputs_hash``; long enough, too
snapshots  snapshots/<composition>/T0300.0K/r000.nc,   attribute ``inputs_hash``
           snapshots/<composition>.nc
analysis   figures/<name>.json                         last record of the item, state "done"
report     report.html                                 last record of the item, state "done"
=========  ==========================================  ====================================================

Files whose own format has no place for the hash are done when the item's last record says so; "started" is
recorded before they are touched, so that one left half-way by a kill is not taken for done.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import netCDF4
import numpy as np

from launch.history import History
from launch.items import Item, hashes_of
from launch.runs_on_disk import RunOnDisk, finished_run, is_long_enough
from nnk.barrier_journal import SUFFIX, journal_hashes
from nnk.barrier_rows import first_of_equals
from nnk.files import Workdir, file_hash, stable_hash

_DAMAGE = (OSError, RuntimeError, ValueError, LookupError)  # of a file that is cut short, or no longer itself


class Products:
    """The products of a workdir."""

    def __init__(self, workdir: Workdir, history: History) -> None:
        self._workdir = workdir
        self._history = history
        self._runs: dict[str, RunOnDisk | None] = {}

    def present(self, stage: str, items: Sequence[Item]) -> list[bool]:
        """Of each item, whether its product is there, made from the present inputs."""
        if stage == "label":
            hashes = self._label_hashes() if items else set()
            return [digest in hashes for digest in hashes_of(items)]
        made: dict[str, Callable[[Item], bool]] = {
            "prepare": lambda item: _hash_in_json(self._prepared(item)) == item.hash,
            "samples": lambda item: _hash_in_netcdf(self._workdir.samples_file(item.key)) == item.hash,
            "snapshots": lambda item: _hash_in_netcdf(self._workdir.snapshots_file(item.key)) == item.hash,
            "audit": lambda item: _hash_in_netcdf(self._workdir.audit_file) == item.hash,
            "kmc": lambda item: is_long_enough(self.finished_run(item), item),
        }
        is_made = made.get(stage, self._recorded)
        return [is_made(item) for item in items]

    def _label_hashes(self) -> set[str]:
        folder = self._workdir.labels_dir
        found = {digest for path in folder.rglob("*.nc") for digest in _item_hashes(path)}
        return found.union(*(_hashes_in_journal(path) for path in folder.glob(f"*{SUFFIX}")))

    def _prepared(self, item: Item) -> Path:
        return self._workdir.labels_dir / f"{item.key}.json"

    def finished_run(self, item: Item) -> RunOnDisk | None:
        """The kMC run of an item if it once ended, from the present inputs, at whatever length."""
        if item.key not in self._runs:
            self._runs[item.key] = finished_run(self._workdir, item)
        return self._runs[item.key]

    def _recorded(self, item: Item) -> bool:
        last = self._history.last(item.stage, item.key)
        if not last or last.state != "done" or last.hash != item.hash:
            return False
        if item.stage in ("train", "forces"):
            folder = self._workdir.model_dir if item.stage == "train" else self._workdir.force_model_dir
            return _is_whole_model(folder(item.key))
        path = (
            self._workdir.figures / f"{item.key}.json" if item.stage == "analysis" else self._workdir.report
        )
        return path.is_file()


def _is_whole_model(folder: Path) -> bool:
    """Whether a network's header and arrays are there and belong together."""
    try:
        header = json.loads((folder / "model.json").read_text())
        header_hash = header.pop("header_hash", None)
        if header_hash is not None and header_hash != stable_hash(header):  # None: of an earlier version
            return False
        return str(header["weights_sha256"]).startswith(file_hash(folder / "model.safetensors"))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _ends_with(path: Path, end: bytes) -> bool:
    """Whether a file is there and was written to its end."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, path.stat().st_size - 64))
            return end in file.read()
    except FileNotFoundError:
        return False


def _hash_in_json(path: Path) -> str:
    """``inputs_hash`` of a JSON product; empty if there is none, or the file is damaged."""
    try:
        data = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return ""
    if not isinstance(data, dict):
        return ""
    found, content_hash = str(data.pop("inputs_hash", "")), data.pop("content_hash", None)
    is_whole = content_hash is None or content_hash == stable_hash(data)  # None: of an earlier version
    return found if is_whole else ""


def _hash_in_netcdf(path: Path) -> str:
    """Attribute ``inputs_hash`` of a NetCDF product; empty if there is none, or the file is damaged."""
    if not path.is_file():
        return ""
    try:
        with netCDF4.Dataset(path) as file:
            return str(getattr(file, "inputs_hash", ""))
    except _DAMAGE:  # the item is made again
        return ""


def _item_hashes(path: Path) -> set[str]:
    """Hashes of the items whose labels are in a file of barriers; none if the file is damaged or gone."""
    try:
        with netCDF4.Dataset(path) as file:
            if "item_hash" not in file.variables:
                return set()
            file.set_auto_mask(False)
            characters = file["item_hash"][:]
    except _DAMAGE:  # its labels are made again; or a run has just merged it
        return set()
    if characters.ndim != 2 or not characters.size:
        return set()
    rows = np.ascontiguousarray(characters).view(f"S{characters.shape[1]}").reshape(-1)
    return {text.decode() for text in first_of_equals(rows).tolist()}


def _hashes_in_journal(path: Path) -> list[str]:
    """Hashes of the items whose labels are in a journal; none if a run has just packed it."""
    try:
        return journal_hashes(path)
    except FileNotFoundError:
        return []
