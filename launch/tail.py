"""Records of jobs, followed while they are written."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Container
from typing import Any

from nnk.files import Workdir

KEPT = 500


class RecordTail:
    """What the jobs of one run note about some items of one stage, as it comes.

    Args:
        workdir: where they note it.
        stage: the stage.
        keys: of the items.
    """

    def __init__(self, workdir: Workdir, stage: str, keys: Container[str]) -> None:
        self._folder = workdir.records(stage)
        self._keys = keys
        self._read_to: dict[str, int] = {}
        self.last: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, set[str]] = defaultdict(set)
        self.seconds: deque[float] = deque(maxlen=KEPT)

    def follow(self, writer: str) -> None:
        """From now on read what `writer` notes."""
        self._read_to.setdefault(writer, 0)

    def leave(self, writer: str) -> None:
        """Read no more of `writer`, who has noted all: of thousands only a few are looked at."""
        del self._read_to[writer]

    def update(self, writer: str | None = None) -> None:
        """Read what is new, of all or of one writer.

        Afterwards `last` holds the last record of each item by its key, `keys` the keys of the items whose
        last record says "done", "failed" or "started", and `seconds` the wall times of items done lately.
        """
        for name in self._read_to if writer is None else (writer,):
            for record in self._new(name):
                self._take(record)

    def _take(self, record: dict[str, Any]) -> None:
        key, state = str(record["key"]), record["state"]
        if key not in self._keys:
            return
        if key in self.last:
            self.keys[self.last[key]["state"]].discard(key)
        self.last[key] = record
        self.keys[state].add(key)
        if state == "done" and record["seconds"] > 0:
            self.seconds.append(record["seconds"])

    def _new(self, writer: str) -> list[dict[str, Any]]:
        try:
            with open(f"{self._folder}/{writer}.jsonl", "rb") as file:
                file.seek(self._read_to[writer])
                whole, _, _ = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return []
        if not whole:
            return []
        self._read_to[writer] += len(whole) + 1
        return [json.loads(line) for line in whole.split(b"\n")]
