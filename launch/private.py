"""Files that others must not read: the keys of Parsl's channels, and the scripts and logs around them."""

from __future__ import annotations

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
