"""The text of a campaign file, with what to do where there is none."""

from __future__ import annotations

from pathlib import Path

from launch.problems import CampaignErrors, Position, Problem, did_you_mean
from nnk.files.plain_yaml import decode, read_bytes


def read_text(path: Path) -> str:
    """The text of a campaign file.

    Raises:
        CampaignErrors: no such file, a directory, unreadable, too large, not UTF-8, empty.
    """
    name = str(path)
    try:
        raw = read_bytes(path)
    except OSError as error:
        raise CampaignErrors([Problem(name, _file_error(path, error))]) from error
    text = decode(raw, name)
    if isinstance(text, Problem):
        raise CampaignErrors([text])
    if not text.strip():
        message = "the file is empty; `launch init PATH` writes one to start from"
        raise CampaignErrors([Problem(name, message, Position(1, 1))])
    return text


def _file_error(path: Path, error: OSError) -> str:
    if isinstance(error, IsADirectoryError):
        inside = path / "campaign.yaml"
        return "is a directory; expected a campaign file" + (
            f"; did you mean {inside}?" if inside.exists() else ""
        )
    if isinstance(error, FileNotFoundError):
        folder = path.parent
        near = sorted(p.name for p in folder.glob("*.y*ml")) if folder.is_dir() else []
        return "no such file" + did_you_mean(path.name, near)
    return f"cannot be read: {error.strerror or error}"
