"""Atomic files: a path holds either the old or the new content, whole, whatever dies in between."""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Callable
from pathlib import Path

from nnk.files.fence import Fence

TEMPORARY_SUFFIX = ".part"
_OUR_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{12}\.part")  # others' files may end in .part too


def remove_temporaries(folder: Path) -> None:
    """Delete the unfinished files that a kill has left below `folder`; nobody may be writing there."""
    for path in folder.rglob(f".*{TEMPORARY_SUFFIX}"):
        if _OUR_TEMPORARY.fullmatch(path.name):
            path.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it if it is not there: to look is cheaper than to make in vain."""
    if not folder.is_dir():
        folder.mkdir(parents=True, exist_ok=True)


def _sync(path: Path) -> None:
    """Force a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _publish(temporary: Path, path: Path, exclusive: bool) -> bool:
    """Give the finished file its name; False when the name is taken and `exclusive`."""
    if not exclusive:
        os.replace(temporary, path)
        return True
    try:
        os.link(temporary, path)
    except FileExistsError:
        return False
    finally:
        temporary.unlink()
    return True


def commit(
    path: Path,
    write: Callable[[Path], None],
    *,
    fence: Fence | None = None,
    exclusive: bool = False,
    durable: bool = True,
) -> bool:
    """Write a file so that it appears whole or not at all.

    Args:
        path: the file; its folder is made if need be.
        write: writes the content to the path it is given: a temporary name in the same folder, with
            another suffix (nothing that looks for finished files finds it).
        fence: checked just before the file gets its name; None outside campaigns.
        exclusive: leave an existing file alone.
        durable: on the disk when this returns. Otherwise a power cut may take the file, or its content.

    Returns:
        False if `exclusive` and the file was there, otherwise True.

    Raises:
        StaleEpoch: a newer run has begun; nothing is changed.
        OSError: the disk is full, say; nothing is changed.
    """
    make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}{TEMPORARY_SUFFIX}")
    try:
        write(temporary)
        if durable:
            _sync(temporary)
        if fence is not None:
            fence.check()
        published = _publish(temporary, path, exclusive)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable:
        _sync(path.parent)
    return published
