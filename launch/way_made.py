"""How far an item has come that goes on from what it has saved."""

from __future__ import annotations

from pathlib import Path

from jobs.jumps import read_jumps
from launch.items import Item
from launch.runs_on_disk import jumps_on_disk
from nnk.files import Workdir


def way_made(workdir: Workdir, item: Item) -> int:
    """A number that grows with what is saved of an item; 0 for one that begins anew each time.

    Of a run its jumps, of a label the vacancy's jumps that are labelled, of a training, of samples and of a
    trajectory of snapshots when the last checkpoint was written (ns), also by a network of several; of an
    audit its parts.
    """
    if item.stage == "kmc":
        return jumps_on_disk(workdir, item)
    if item.stage == "label":
        return len(read_jumps(workdir.labels_dir).get(item.hash, {}))
    if item.stage == "audit":
        return sum(1 for _ in workdir.audit_file.parent.glob("parts/*.nc"))
    checkpoints = {
        "train": workdir.model_dir(item.key).glob("**/checkpoints/last.pt"),
        "forces": workdir.force_model_dir(item.key).glob("checkpoints/last.pt"),
        "samples": _existing(workdir.samples_file(item.key).with_suffix(".npz")),
        "snapshots": _existing(workdir.snapshots_file(item.key).with_suffix(".npz")),
    }.get(item.stage, [])
    return max((path.stat().st_mtime_ns for path in checkpoints), default=0)


def _existing(path: Path) -> list[Path]:
    return [path] if path.exists() else []
