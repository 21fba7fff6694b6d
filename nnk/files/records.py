"""Records: what became of each item, one JSON line per event, append-only."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from nnk.files.commit import commit, make_folder
from nnk.files.fence import Fence
from nnk.files.workdir import Workdir

LINES_AT_ONCE = 4096


def append_records(
    workdir: Workdir,
    stage: str,
    writer: str,
    records: Sequence[dict[str, Any]],
    fence: Fence | None = None,
    *,
    durable: bool = True,
) -> None:
    """Add a line per record to ``records/<stage>/<writer>.jsonl``, on the disk when this returns.

    Unless `durable` is false: then a power cut may take lines, but no kill.

    `writer` is a name that no other process uses. A line gets the number of the run (``epoch``) and the
    time (``time_unix_s``), by which the lines of several writers are put in order.

    Raises:
        StaleEpoch: a newer run has begun; nothing is written.
        OSError: the disk is full, say; no half line is left.
    """
    if not records:
        return
    stamp = {"epoch": fence.epoch if fence else 0, "time_unix_s": time.time()}
    lines = "".join(json.dumps({**stamp, **record}, ensure_ascii=False) + "\n" for record in records)
    path = workdir.records(stage) / f"{writer}.jsonl"
    make_folder(path.parent)
    if fence is not None:
        fence.check()
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        _append(descriptor, lines.encode(), durable=durable)
    finally:
        os.close(descriptor)


def append_record(
    workdir: Workdir, stage: str, writer: str, record: dict[str, Any], fence: Fence | None = None
) -> None:
    """`append_records` with a single one."""
    append_records(workdir, stage, writer, [record], fence)


def _append(descriptor: int, lines: bytes, *, durable: bool) -> None:
    """Add `lines` whole or not at all (but for a kill in between: see `read_records`)."""
    size = os.fstat(descriptor).st_size
    try:
        written = os.write(descriptor, lines)
        if written != len(lines):
            raise OSError(f"only {written} of {len(lines)} bytes of records could be written")
        if durable:
            os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Records of one writer. A last line without an end is one that a kill has cut: it is left out."""
    last: dict[str, Any] = {}
    with open(path, "rb") as file:
        number = 0
        while lines := list(islice(file, LINES_AT_ONCE)):
            if not lines[-1].endswith(b"\n"):
                lines.pop()
            for record in _parsed(path, number, lines):
                _put_after(last, record)
                last = record
                yield record
            number += len(lines)


def _parsed(path: Path, number: int, lines: list[bytes]) -> list[dict[str, Any]]:
    """Records of lines, before which there are `number` others; all at once, which is faster."""
    try:
        records = json.loads(b"[" + b",".join(lines) + b"]")
    except ValueError:
        records = []
    if len(records) == len(lines) and all(type(record) is dict for record in records):
        return records
    return [_record(path, number + n, line) for n, line in enumerate(lines, start=1)]


def _record(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        record = None
    if not isinstance(record, dict):
        raise ValueError(
            f"{path}:{number}: expected a JSON object, got {line.rstrip()[:40]!r}; "
            f"remove the line: what it told is made again if it is wanted"
        )
    return record


def _put_after(last: dict[str, Any], record: dict[str, Any]) -> None:
    """A line of a unit is later than the one before it, even where the clock was put back in between."""
    if record.get("time_unix_s", 0.0) < last.get("time_unix_s", 0.0) and all(
        last.get(name) == record.get(name) is not None for name in ("unit", "epoch")
    ):
        record["time_unix_s"] = last["time_unix_s"]


def iterate_records(workdir: Workdir, stage: str) -> Iterator[dict[str, Any]]:
    """All records of a stage, one writer after another; a million of them need not fit into memory.

    Raises:
        ValueError: a line that is not JSON, other than a last one that was cut short.
    """
    for path in sorted(workdir.records(stage).glob("*.jsonl")):
        yield from _lines(path)


def read_records(workdir: Workdir, stage: str) -> list[dict[str, Any]]:
    """All records of a stage, oldest first; empty if there are none.

    Raises:
        ValueError: as `iterate_records`.
    """
    records = iterate_records(workdir, stage)
    return sorted(records, key=lambda record: (record.get("epoch", 0), record.get("time_unix_s", 0.0)))


COMPACT_FILES, COMPACT_BYTES = 200, 64 << 20


def compact_records(workdir: Workdir, fence: Fence) -> None:
    """Leave of each item its last record, in one file per stage, where there are many files or bytes.

    To be called while nobody writes. A kill in between doubles lines, which changes nothing.
    """
    for folder in sorted((workdir.root / "records").glob("*/")):
        files = sorted(folder.glob("*.jsonl"))
        is_large = len(files) > 1 and sum(path.stat().st_size for path in files) > COMPACT_BYTES
        if len(files) < COMPACT_FILES and not is_large:
            continue
        last = {record.get("key"): record for record in read_records(workdir, folder.name)}
        text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in last.values())
        target = folder / f"{fence.epoch:06d}-compact.jsonl"
        commit(target, partial(_write_lines, text), fence=fence)
        for path in files:
            if path != target:
                path.unlink()


def _write_lines(text: str, path: Path) -> None:
    path.write_text(text)
