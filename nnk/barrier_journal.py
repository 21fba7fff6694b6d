"""Journals: barriers on disk the moment they are made, a line per vacancy, safe whatever dies.

A line is ``<crc32> <item hash> <JSON>``. A line that is cut short or damaged ends what is read; those before
it count. A journal is written by one process, and never changed but by adding lines::

    with Journal(path) as journal:
        journal.add(barriers)  # the labels of one vacancy
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from nnk.barrier_columns import COLUMNS, SAMPLE_COLUMNS
from nnk.barriers import BarrierSet

SUFFIX = ".journal"
SYNC_S = 0.2  # at most so many seconds of work are lost with the whole machine; with a process, none
_HEAD = ("elements", "structure", "cells", "attrs")


class Journal:
    """Adds barriers to a file, which is made with the first of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._samples: set[str] = set()
        self._synced_s = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor >= 0:
            os.fsync(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1

    def add(self, barriers: BarrierSet) -> None:
        """Add the labels of one item in one sample; they outlive this process when this returns.

        Raises:
            OSError: the disk is full, say; no half line is left.
        """
        lines = journal_line(barriers.item_hash[0], self._entry(barriers))
        if self._descriptor < 0:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL
            self._descriptor = os.open(self._path, flags, 0o666)
            lines = journal_line("-", {name: getattr(barriers, name) for name in _HEAD}) + lines
        self._write(lines)
        self._samples.update(barriers.sample_key)

    def _entry(self, barriers: BarrierSet) -> dict[str, Any]:
        (key,) = barriers.sample_key
        entry: dict[str, Any] = {
            name: getattr(barriers, name).tolist() for name in COLUMNS if name != "sample"
        }
        entry |= {"sample_key": key, "reason": list(barriers.reason)}
        return entry if key in self._samples else entry | {"of_sample": _sample(barriers)}

    def _write(self, lines: bytes) -> None:
        size = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, lines)
            if written != len(lines):
                raise OSError(f"{self._path}: only {written} of {len(lines)} bytes could be written")
            if time.monotonic() - self._synced_s > SYNC_S:
                os.fsync(self._descriptor)
                self._synced_s = time.monotonic()
        except OSError:
            os.ftruncate(self._descriptor, size)
            raise


def _sample(barriers: BarrierSet) -> dict[str, Any]:
    """The only sample of some barriers."""
    content = {name: getattr(barriers, name)[0].tolist() for name in ("a_A", "composition", *SAMPLE_COLUMNS)}
    return content | {"occupancy": base64.b64encode(barriers.occupancy[0].tobytes()).decode()}


def journal_line(name: str, content: Mapping[str, Any]) -> bytes:
    """A line of a journal."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    body = f"{name} {text}".encode()
    return b"%08x %b\n" % (binascii.crc32(body), body)


def journal_bodies(path: Path) -> Iterator[bytes]:
    """Name and JSON of each line, up to the first that is damaged."""
    with open(path, "rb") as file:
        for line in file:
            crc, _, body = line.removesuffix(b"\n").partition(b" ")
            if not line.endswith(b"\n") or crc != b"%08x" % binascii.crc32(body):
                return
            yield body


def journal_hashes(path: Path) -> list[str]:
    """Hashes of the items whose labels a journal holds."""
    names = (body.split(b" ", 1)[0].decode() for body in journal_bodies(path))
    return [name for name in names if name != "-"]


def read_journal(path: Path) -> BarrierSet | None:
    """All labels of a journal; None if it holds none."""
    head: dict[str, Any] | None = None
    entries: list[tuple[str, dict[str, Any]]] = []
    for body in journal_bodies(path):
        name, text = body.split(b" ", 1)
        content = json.loads(text)
        if name == b"-":
            head = content
        else:
            entries.append((name.decode(), content))
    return _collected(head, entries) if head is not None and entries else None


def _collected(head: Mapping[str, Any], entries: list[tuple[str, dict[str, Any]]]) -> BarrierSet:
    samples = {e["sample_key"]: e["of_sample"] for _, e in entries if "of_sample" in e}
    numbers = {key: number for number, key in enumerate(samples)}
    atoms = [np.frombuffer(base64.b64decode(s["occupancy"]), dtype=np.uint8) for s in samples.values()]
    lengths = [len(entry["flag"]) for _, entry in entries]
    columns = {
        name: np.array([value for _, entry in entries for value in entry[name]], dtype=column.dtype)
        for name, column in COLUMNS.items()
        if name != "sample"
    }
    of_samples = {
        name: np.array([sample[name] for sample in samples.values()])
        for name in ("a_A", "composition", *SAMPLE_COLUMNS)
    }
    return BarrierSet(
        elements=tuple(head["elements"]),
        structure=head["structure"],
        cells=tuple(head["cells"]),
        attrs=head["attrs"],
        occupancy=np.array(atoms),
        sample_key=tuple(samples),
        sample=np.repeat([numbers[entry["sample_key"]] for _, entry in entries], lengths),
        item_hash=tuple(h for (h, _), n in zip(entries, lengths, strict=True) for _ in range(n)),
        reason=tuple(reason for _, entry in entries for reason in entry["reason"]),
        **columns,
        **of_samples,
    )
