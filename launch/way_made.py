"""How far an item has come that goes on from what it has saved."""

from __future__ import annotations

from launch.items import Item
from launch.runs_on_disk import jumps_on_disk
from nnk.files import Workdir


def way_made(workdir: Workdir, item: Item) -> int:
    """A number that grows with what is saved of an item; 0 for one that begins anew each time.

    Of a run its jumps, of a training when its last checkpoint was written (ns), also by a network of several.
    """
    if item.stage == "kmc":
        return jumps_on_disk(workdir, item)
    if item.stage == "train":
        checkpoints = workdir.model_dir(item.key).glob("**/checkpoints/last.pt")
        return max((path.stat().st_mtime_ns for path in checkpoints), default=0)
    return 0
