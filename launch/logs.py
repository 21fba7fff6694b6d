"""Log files of a campaign: which there are, how they end, and what is added to them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from launch.history import History
from launch.stages import STAGES
from nnk.files import Workdir, read_epoch

TAIL_BYTES = 64_000


def log_files(workdir: Workdir, stage: str | None = None) -> list[Path]:
    """Log files of a stage, or of all, the latest last."""
    folders = [workdir.logs(name) for name in _stages(stage)]
    files = [path for folder in folders if folder.is_dir() for path in folder.rglob("*") if path.is_file()]
    return sorted(files, key=lambda path: (path.stat().st_mtime, path))


def failed_logs(workdir: Workdir, stage: str | None = None) -> Iterator[tuple[str, Path | None]]:
    """``"<stage> <key>: <error>"`` of each item that failed when last tried, and its log file, if any."""
    history = History(workdir)
    for name in _stages(stage):
        for event in history.events(name).values():
            if event.has_failed:
                yield f"{name} {event.key}: {event.error}", workdir.root / event.log if event.log else None


def item_logs(workdir: Workdir, key: str, stage: str | None = None) -> Iterator[tuple[str, Path | None]]:
    """``"<stage> <key>: <state>"`` of an item wherever it was begun, and its log file, if any."""
    history = History(workdir)
    for name in _stages(stage):
        event = history.last(name, key)
        if event is not None:
            text = f"{name} {key}: {event.state}" + (f": {event.error}" if event.error else "")
            yield text, workdir.root / event.log if event.log else None
        else:
            for unit in _units_with(workdir, name, key):
                yield f"{name} {key}: in unit {unit}", workdir.logs(name) / f"{unit}.log"


def _units_with(workdir: Workdir, stage: str, key: str) -> Iterator[str]:
    """Units of the latest run that have an item."""
    quoted = json.dumps(key, ensure_ascii=False)
    folder = workdir.run_dir(read_epoch(workdir.epoch_file)) / "units"
    for path in sorted(folder.glob(f"*-{stage}-*.json")):
        text = path.read_text()
        if quoted in text and any(item["key"] == key for item in json.loads(text)["items"]):
            yield path.stem


def _stages(stage: str | None) -> tuple[str, ...]:
    return STAGES if stage is None else (stage,)


def tail(path: Path, lines: int) -> str:
    """The last `lines` lines of a file, undecodable bytes replaced."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - TAIL_BYTES))
        text = file.read().decode("utf-8", errors="replace")
    return "\n".join(text.splitlines()[-lines:])


class Follower:
    """What is added to some files, as it comes.

    Args:
        files: says which files there are; those that are new are read from their beginning.
    """

    def __init__(self, files: Callable[[], Iterable[Path]]) -> None:
        self._files = files
        self._read_to = {path: path.stat().st_size for path in files() if path.is_file()}
        self._last: Path | None = None

    def added(self) -> str:
        """What has been added since the last call, each file with its name where another was shown before."""
        return "".join(self._added(path) for path in self._files() if path.is_file())

    def _added(self, path: Path) -> str:
        begin = self._read_to.get(path, 0)
        with path.open("rb") as file:
            file.seek(begin)
            content = file.read()
        self._read_to[path] = begin + len(content)
        if not content:
            return ""
        head = "" if path == self._last else f"\n==> {path} <==\n"
        self._last = path
        return head + content.decode("utf-8", errors="replace")
