"""What may be removed from a workdir, by level, and its removal."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from nnk.files import Workdir

LEVELS = {
    "scratch": ("run", "logs"),
    "checkpoints": (
        "models/*/checkpoints",
        "models/*/fold*/checkpoints",
        "models/*/members/*/checkpoints",
        "models/*/fold*/members/*/checkpoints",
        "samples/*/*.npz",
        "snapshots/*/*/*.npz",
        "forces/*/*/checkpoints",
        "kmc/*/*/r*/",
    ),
    "results": (
        "samples",
        "labels",
        "audit",
        "models",
        "kmc",
        "snapshots",
        "forces",
        "figures",
        "tables",
        "structures",
        "records",
        "quarantine",
        "report.html",
        "costs.json",
        "campaign.yaml",
    ),
}
"""Names within the workdir; a level takes those before it too. The epoch stays: it may only grow."""


def removable(workdir: Workdir, level: str) -> list[Path]:
    """Files and folders that a level removes, as far as they exist."""
    names = list(LEVELS)
    patterns = [p for name in names[: names.index(level) + 1] for p in LEVELS[name]]
    found = {path for pattern in patterns for path in _matching(workdir.root, pattern)}
    own = (path for path in found if not found & set(path.parents))
    return sorted(path for path in own if _is_inside(path, workdir.root))


def was_run(workdir: Workdir) -> bool:
    """Whether a run has been here: only then are folders named ``logs`` or ``run`` launch's own."""
    return workdir.epoch_file.is_file()


def _matching(root: Path, pattern: str) -> Iterator[Path]:
    """Paths that match; folders only if the pattern ends in a slash."""
    folders_only = pattern.endswith("/")
    return (path for path in root.glob(pattern.rstrip("/")) if path.is_dir() or not folders_only)


def _is_inside(path: Path, root: Path) -> bool:
    """Whether a path is where its name says: no folder on the way from `root` is a link to another place."""
    return path.parent.resolve() == root.resolve() / path.parent.relative_to(root)


def size_bytes(path: Path) -> int:
    """Bytes of a file, or of all files in a folder; links count as themselves."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(inner.lstat().st_size for inner in path.rglob("*") if inner.is_symlink() or inner.is_file())


def remove(path: Path) -> None:
    """Remove a file, a link (not what it points to) or a folder with all in it."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
