"""Files that are one user's alone: what others must not read, and what to say where another's may not be."""

from __future__ import annotations

import os
from pathlib import Path

ONLY_MINE, ONLY_MINE_FOLDER = 0o600, 0o700


def private_folder(path: Path) -> Path:
    """Make a folder that its owner alone can look into, whatever the umask."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(ONLY_MINE_FOLDER)
    return path


def close_keys(folder: Path) -> None:
    """Leave the keys below a private folder to their owner, should they ever be copied out of it."""
    for certificates in folder.glob("*/*/certificates"):
        certificates.chmod(ONLY_MINE_FOLDER)
        for key in certificates.iterdir():
            key.chmod(ONLY_MINE)


def denied(error: PermissionError) -> str:
    """What may not be read or written, whose it is, and what to do."""
    if error.filename is None:
        return str(error)
    path = Path(os.fsdecode(error.filename))
    holder = next((place for place in (path, *path.absolute().parents) if _can_be_looked_at(place)), path)
    mode = holder.stat().st_mode & 0o777
    return (
        f"{path}: {error.strerror}; {holder} is {_owner(holder)}'s, with mode {mode:o}: "
        "to look at a campaign its owner lets others read the workdir (chmod -R go+rX); "
        "to run it or clean up, its files have to be one's own"
    )


def _can_be_looked_at(path: Path) -> bool:
    try:
        path.stat()
    except OSError:
        return False
    return True


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:  # a number without a name, as in some containers
        return f"user {path.stat().st_uid}"
