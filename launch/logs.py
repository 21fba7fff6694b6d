"""Log files of a campaign: which there are, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from launch.history import History
from launch.stages import STAGES
from nnk.files import Workdir

TAIL_BYTES = 64_000


def log_files(workdir: Workdir, stage: str | None = None) -> list[Path]:
    """Log files of a stage, or of all, the latest last."""
    stages = STAGES if stage is None else (stage,)
    folders = [workdir.logs(name) for name in stages]
    files = [path for folder in folders if folder.is_dir() for path in folder.rglob("*") if path.is_file()]
    return sorted(files, key=lambda path: (path.stat().st_mtime, path))


def failed_logs(workdir: Workdir, stage: str | None = None) -> Iterator[tuple[str, Path | None]]:
    """``"<stage> <key>: <error>"`` of each item that failed when last tried, and its log file, if any."""
    history = History(workdir)
    for name in STAGES if stage is None else (stage,):
        for event in history.events(name).values():
            if event.state == "failed":
                yield f"{name} {event.key}: {event.error}", workdir.root / event.log if event.log else None


def tail(path: Path, lines: int) -> str:
    """The last `lines` lines of a file, undecodable bytes replaced."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - TAIL_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    return "\n".join(text.splitlines()[-lines:])
