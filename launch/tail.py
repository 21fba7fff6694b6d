"""Records of jobs, followed while they are written."""

from __future__ import annotations

import json
import os
from collections import defaultdict, deque
from typing import Any

from nnk.files import Workdir

KEPT = 500


class RecordTail:
    """What the jobs of one run note about the items of one stage, as it comes."""

    def __init__(self, workdir: Workdir, stage: str, epoch: int) -> None:
        self._folder = workdir.records(stage)
        self._prefix = f"{epoch:06d}-{stage}-"
        self._read_to: dict[str, int] = {}
        self.last: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, set[str]] = defaultdict(set)
        self.seconds: deque[float] = deque(maxlen=KEPT)

    def update(self) -> None:
        """Read what is new.

        Afterwards `last` holds the last record of each item by its key, `keys` the keys of the items whose
        last record says "done", "failed" or "started", and `seconds` the wall times of items done lately.
        """
        if not self._folder.is_dir():
            return
        with os.scandir(self._folder) as entries:
            grown = [entry.path for entry in entries if self._has_grown(entry)]
        for path in grown:
            for record in self._new(path):
                self._take(record)

    def _has_grown(self, entry: os.DirEntry[str]) -> bool:
        is_ours = entry.name.startswith(self._prefix) and entry.name.endswith(".jsonl")
        return is_ours and entry.stat().st_size > self._read_to.get(entry.path, 0)

    def _take(self, record: dict[str, Any]) -> None:
        key, state = str(record["key"]), record["state"]
        if key in self.last:
            self.keys[self.last[key]["state"]].discard(key)
        self.last[key] = record
        self.keys[state].add(key)
        if state == "done" and record["seconds"] > 0:
            self.seconds.append(record["seconds"])

    def _new(self, path: str) -> list[dict[str, Any]]:
        with open(path, "rb") as file:
            file.seek(self._read_to.get(path, 0))
            whole, _, _ = file.read().rpartition(b"\n")
        if not whole:
            return []
        self._read_to[path] = self._read_to.get(path, 0) + len(whole) + 1
        return [json.loads(line) for line in whole.split(b"\n")]
