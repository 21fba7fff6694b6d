"""What a file system must be able to do for campaigns, tried in a folder of it; for ``launch doctor``."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from nnk.files import Fence, commit


def wrong_files(folder: Path) -> dict[str, str]:
    """What does not work in a new folder in `folder`, by name; empty if all does."""
    try:
        scratch = folder / f"tried-{os.getpid()}"
        scratch.mkdir()
    except OSError as error:
        return {"writing": f"{folder} cannot be written: {error.strerror}"}
    found = {name: _tried(attempt, scratch) for name, attempt in TRIALS.items()}
    return {name: text for name, text in found.items() if text}


def wrong_locking(folder: Path) -> str:
    """Why flock does not work in `folder`; empty if it does."""
    try:
        with open(folder / f"flock-{os.getpid()}", "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return str(error.strerror)
    return ""


def _tried(attempt: Callable[[Path], None], scratch: Path) -> str:
    """What goes wrong; empty if nothing does."""
    try:
        attempt(scratch)
    except (OSError, ValueError, RuntimeError) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _try_link(folder: Path) -> None:
    """The lock: the second of two that make it must lose."""
    first = commit(folder / "lock", lambda path: _write(path, "1"), exclusive=True)
    second = commit(folder / "lock", lambda path: _write(path, "2"), exclusive=True)
    if not first or second or (folder / "lock").read_text() != "1":
        raise RuntimeError("two processes could hold one lock")


def _try_rename(folder: Path) -> None:
    """Products: replaced as a whole."""
    for text in ("old", "new"):
        commit(folder / "product", lambda path, text=text: _write(path, text))  # type: ignore[misc]
    if (folder / "product").read_text() != "new":
        raise RuntimeError("a file that was replaced still has its old content")


def _try_fence(folder: Path) -> None:
    """Older runs are kept from writing."""
    commit(folder / "epoch", lambda path: _write(path, "2\n"))
    Fence(folder / "epoch", 2).check()


def _try_append(folder: Path) -> None:
    """Records and journals: lines added and forced to the disk."""
    for _ in range(2):
        descriptor = os.open(folder / "lines", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            os.write(descriptor, b"line\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    if (folder / "lines").read_bytes() != b"line\nline\n":
        raise RuntimeError("lines that were added are not there")


def _write(path: Path, text: str) -> None:
    path.write_text(text)


TRIALS: dict[str, Callable[[Path], None]] = {
    "exclusive link": _try_link,
    "rename": _try_rename,
    "fence": _try_fence,
    "append": _try_append,
}
"""Each raises if it does not work."""
