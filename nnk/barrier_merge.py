"""Several files of barriers into one, in bounded memory: some 50 bytes per label, and a few blocks."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.barrier_columns import COLUMNS
from nnk.barrier_files import BarrierFile
from nnk.barrier_rows import (
    BLOCK_BYTES,
    BarrierRows,
    Header,
    SampleRows,
    Sizes,
    first_of_equals,
    parts,
    starts_of_equals,
)
from nnk.barrier_writer import BarrierWriter

MOST_JUMPS = 16  # more than any lattice has


def distinct_hashes(path: Path) -> set[str]:
    """Hashes of the items whose labels are in a file.

    Raises:
        ValueError, OSError, RuntimeError: not a file of barriers, or a damaged one.
    """
    with BarrierFile(path) as file:
        return {text.decode() for text in first_of_equals(file.text("item_hash")).tolist()}


def rows_of(path: Path, items: Collection[str], *, others: bool = False) -> NDArray[np.int64]:
    """Labels in a file whose item is in `items`, or is not if `others`."""
    with BarrierFile(path) as file:
        hashes = file.text("item_hash")
    starts = starts_of_equals(hashes)
    wanted = np.array([(text.decode() in items) != others for text in hashes[starts].tolist()], dtype=bool)
    return np.flatnonzero(np.repeat(wanted, np.diff([*starts, len(hashes)])))


@dataclass
class _Share:
    """What of a file goes into the merged one.

    Attributes:
        rows: the labels.
        sample: numbers of their samples in the merged file.
        new_samples: rows of the samples that no file before has.
        reasons: the distinct reasons of the file.
    """

    path: Path
    rows: NDArray[np.int64]
    sample: NDArray[np.int64]
    new_samples: NDArray[np.int64]
    reasons: list[str]

    def identities(self, n_sites: int) -> NDArray[np.int64]:
        """A number for each label, the same for the same sample, vacancy and jump."""
        with BarrierFile(self.path) as file:
            site = file.column("vacancy_site")[self.rows].astype(np.int64)
            jump = file.column("jump")[self.rows]
        return (self.sample * n_sites + site) * MOST_JUMPS + jump


class _Samples:
    """Numbers of samples by their names; the same name must mean the same atoms and box."""

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}
        self._digests: list[bytes] = []

    def __len__(self) -> int:
        return len(self._numbers)

    @property
    def key_bytes(self) -> int:
        """Length of the longest name."""
        return max(map(len, self._numbers), default=0)

    def add(self, file: BarrierFile, used: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Number of each `used` sample of a file, and which of them are new."""
        before, numbers = len(self), np.empty(len(used), dtype=np.int64)
        for part in parts(file.n_samples, _samples_at_once(file)):
            first, last = np.searchsorted(used, [part.start, part.stop])
            if first == last:
                continue
            rows, names = used[first:last] - part.start, file.text("sample_key", part)
            occupancy, a_A = file.column("occupancy", part), file.column("a_A", part)
            for place, row in enumerate(rows.tolist(), start=first):
                numbers[place] = self._number(names[row], occupancy[row].tobytes() + a_A[row].tobytes())
        return numbers, used[numbers >= before]

    def _number(self, name: bytes, content: bytes) -> int:
        digest = hashlib.blake2b(content, digest_size=16).digest()
        number = self._numbers.setdefault(name, len(self._digests))
        if number == len(self._digests):
            self._digests.append(digest)
        elif self._digests[number] != digest:
            raise ValueError(
                f"sample {name.decode()}: two sets hold different atoms or boxes under this name"
            )
        return number


def _samples_at_once(file: BarrierFile) -> int:
    return max(1, BLOCK_BYTES // file.header.n_sites)


def merge_files(sources: Sequence[tuple[Path, NDArray[np.int64]]], path: Path) -> int:
    """Write chosen labels of files into one; of a label that stands in several, the last.

    Attributes that differ between the files are dropped.

    Args:
        sources: each file with its labels int64[...], ascending, that are to be there.
        path: the file to write.

    Returns:
        How many labels were written.

    Raises:
        ValueError: no label, other elements or lattices, or two samples under one name.
    """
    used = [(source, rows) for source, rows in sources if len(rows)]
    if not used:
        raise ValueError("expected at least one label to merge")
    header, hash_bytes = _common([source for source, _ in used])
    shares, samples = _share_out(used, header.n_sites)
    n_barriers = sum(len(share.rows) for share in shares)
    reasons = list(dict.fromkeys(reason for share in shares for reason in share.reasons))
    sizes = Sizes(len(samples), n_barriers, samples.key_bytes, hash_bytes)
    with BarrierWriter(path, header, sizes, reasons) as writer:
        n_samples = n_barriers = 0
        for share in shares:
            with BarrierFile(share.path) as file:
                n_samples = _put_samples(writer, file, share, n_samples)
                n_barriers = _put_barriers(writer, file, share, n_barriers, reasons)
    return n_barriers


def _common(paths: Sequence[Path]) -> tuple[Header, int]:
    """What the files share, and the length of their hashes."""
    headers, lengths = [], []
    for path in paths:  # one open at a time: each takes some megabytes
        with BarrierFile(path) as file:
            headers.append(file.header)
            lengths.append(file.text("item_hash", slice(0, 1)).dtype.itemsize)
    first, *others = headers
    for other in others:
        first.check_like(other)
    common = {k: v for k, v in first.attrs.items() if all(other.attrs.get(k) == v for other in others)}
    return Header(first.elements, first.structure, first.cells, common), max(lengths)


def _share_out(used: Sequence[tuple[Path, NDArray[np.int64]]], n_sites: int) -> tuple[list[_Share], _Samples]:
    samples, shares = _Samples(), []
    for path, rows in used:
        with BarrierFile(path) as file:
            local, inverse = np.unique(file.column("sample")[rows].astype(np.int64), return_inverse=True)
            numbers, new = samples.add(file, local)
            shares.append(_Share(path, rows, numbers[inverse.reshape(-1)], new, file.reasons))
    _drop_older(shares, n_sites)
    return shares, samples


def _drop_older(shares: list[_Share], n_sites: int) -> None:
    """Of each label, leave the last one."""
    identities = np.concatenate([share.identities(n_sites) for share in shares])
    _, last = np.unique(identities[::-1], return_index=True)
    is_last = np.zeros(len(identities), dtype=bool)
    is_last[len(identities) - 1 - last] = True
    first = 0
    for share in shares:
        kept = is_last[first : first + len(share.rows)]
        first += len(share.rows)
        share.rows, share.sample = share.rows[kept], share.sample[kept]


def _put_samples(writer: BarrierWriter, file: BarrierFile, share: _Share, first: int) -> int:
    for part in parts(file.n_samples, _samples_at_once(file)):
        low, high = np.searchsorted(share.new_samples, [part.start, part.stop])
        rows = share.new_samples[low:high] - part.start
        if len(rows):
            block = file.samples(part)
            columns = {name: values[rows] for name, values in block.columns.items()}
            chosen: dict[str, Any] = {
                name: getattr(block, name)[rows] for name in ("occupancy", "a_A", "sample_key", "composition")
            }
            writer.put_samples(first, SampleRows(columns=columns, **chosen))
            first += len(rows)
    return first


def _put_barriers(
    writer: BarrierWriter, file: BarrierFile, share: _Share, first: int, reasons: list[str]
) -> int:
    number = {reason: number for number, reason in enumerate(reasons)}
    numbers = np.array([number[reason] for reason in share.reasons], dtype=np.int64)
    for part in parts(file.n_barriers):
        low, high = np.searchsorted(share.rows, [part.start, part.stop])
        rows = share.rows[low:high] - part.start
        if len(rows):
            block = file.barriers(part)
            columns = {name: block.columns[name][rows] for name in COLUMNS}
            columns["sample"] = share.sample[low:high]
            chosen = BarrierRows(columns, block.item_hash[rows], numbers[block.reason[rows]])
            writer.put_barriers(first, chosen)
            first += len(rows)
    return first
