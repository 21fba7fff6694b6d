"""Records of jobs, followed while they are written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nnk.files import Workdir


class RecordTail:
    """What the jobs of one run note about the items of one stage, as it comes."""

    def __init__(self, workdir: Workdir, stage: str, epoch: int) -> None:
        self._folder = workdir.records(stage)
        self._pattern = f"{epoch:06d}-{stage}-*.jsonl"
        self._read_to: dict[Path, int] = {}
        self.last: dict[str, dict[str, Any]] = {}

    def update(self) -> None:
        """Read what is new; afterwards `last` holds the last record of each item by its key."""
        for path in self._folder.glob(self._pattern):
            for record in self._new(path):
                self.last[str(record["key"])] = record

    def _new(self, path: Path) -> list[dict[str, Any]]:
        with open(path, "rb") as file:
            file.seek(self._read_to.get(path, 0))
            whole, _, _ = file.read().rpartition(b"\n")
        if not whole:
            return []
        self._read_to[path] = self._read_to.get(path, 0) + len(whole) + 1
        return [json.loads(line) for line in whole.split(b"\n")]

    def keys(self, state: str) -> set[str]:
        """Items whose last record says "done", "failed" or "started"."""
        return {key for key, record in self.last.items() if record["state"] == state}
