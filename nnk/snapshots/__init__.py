"""Snapshots of molecular dynamics: made, kept in files, split for learning."""

from __future__ import annotations

from nnk.snapshots.files import DamagedSnapshots
from nnk.snapshots.snapshot_set import SnapshotSet
from nnk.snapshots.splits import Split, SplitKind, split

__all__ = ["DamagedSnapshots", "SnapshotSet", "Split", "SplitKind", "split"]
