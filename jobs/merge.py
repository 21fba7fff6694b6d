"""Journals and parts of labels into one file: each label once, from the present inputs, in bounded memory.

``labels/*.journal`` are what jobs write, ``labels/*.nc`` besides ``labels.nc`` are parts packed from them
while a campaign runs, ``labels/aside/*.nc`` labels of other inputs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from jobs.jumps import remove_jumps
from nnk.barrier_files import DamagedBarriers
from nnk.barrier_journal import SUFFIX, read_journal
from nnk.barrier_merge import distinct_hashes, merge_files, rows_of
from nnk.barriers import BarrierSet, concatenate
from nnk.files import Fence, Workdir, commit, stable_hash

ASIDE = "aside"
PACK_BYTES = 16 << 20  # of journals that are packed together


@dataclass(frozen=True)
class Merged:
    """What a merge has done.

    Attributes:
        n_labels: labels in the merged file.
        n_aside: labels of other inputs, put into ``labels/aside``.
        damaged: files that could not be read, where they are now.
    """

    n_labels: int
    n_aside: int
    damaged: tuple[Path, ...]


def has_unmerged(workdir: Workdir) -> bool:
    """Whether there are labels that are not in ``labels.nc`` yet."""
    others = (path for path in workdir.labels_dir.glob("*.nc") if path != workdir.labels_file)
    return any(others) or any(workdir.labels_dir.glob(f"*{SUFFIX}"))


def merge_labels(workdir: Workdir, wanted: Collection[str], fence: Fence) -> Merged:
    """Merge all files of labels into ``labels.nc``; a kill in between loses nothing and doubles nothing.

    Labels whose item is not `wanted` (they were made from other inputs) are kept in ``labels/aside``, from
    where they come back when the inputs do. Files that cannot be read go into ``quarantine``, and what they
    held is to be made again.

    Args:
        workdir: the working directory.
        wanted: hashes of the items of the present plan.
        fence: the right to write.
    """
    pack_journals(workdir, sorted(workdir.labels_dir.glob(f"*{SUFFIX}")), fence)
    damaged: list[Path] = []
    while True:
        try:
            merged = _merge(workdir, wanted, fence)
        except DamagedBarriers as error:  # in columns that are only read to be merged
            damaged.append(_set_aside(error.path, workdir, fence))
        else:
            return replace(merged, damaged=(*damaged, *merged.damaged))


def _merge(workdir: Workdir, wanted: Collection[str], fence: Fence) -> Merged:
    target, items = workdir.labels_file, frozenset(wanted)
    segments = sorted(path for path in workdir.labels_dir.glob("*.nc") if path != target)
    aside = sorted((workdir.labels_dir / ASIDE).glob("*.nc"))
    present = [target] if target.is_file() else []
    found, damaged = _read_hashes([*aside, *present, *segments], workdir, fence)
    n_aside = sum(
        _put_aside(path, hashes - items, items, workdir, fence)
        for path, hashes in found.items()
        if path not in aside and hashes - items
    )
    there = found.get(target, set())
    returning = [path for path in aside if found.get(path, set()) & items - there]
    sources = [(path, rows_of(path, items)) for path in found if path not in aside or path in returning]
    n_labels = sum(len(rows) for _, rows in sources)
    if n_labels and (segments or n_aside or returning):
        n_labels = _write(sources, target, fence)
    taken = [path for path in returning if found[path] <= items]
    _remove([*segments, *taken, *([] if n_labels else [target])], fence)
    remove_jumps(workdir.labels_dir, items.difference(*found.values()))
    return Merged(n_labels, n_aside, tuple(damaged))


def pack_journals(workdir: Workdir, journals: Sequence[Path], fence: Fence) -> None:
    """Put journals, to which nobody writes any more, into files that are quick to open."""
    for batch in _batches(journals):
        found = {path: barriers for path in batch if (barriers := read_journal(path)) is not None}
        for names, packed in _packed(found):
            place = workdir.labels_dir / f"{names[0].stem}-{stable_hash([p.name for p in names])[:16]}.nc"
            commit(place, packed.save, fence=fence)
        _remove(batch, fence)


def _packed(found: Mapping[Path, BarrierSet]) -> list[tuple[list[Path], BarrierSet]]:
    """All labels as one set; each file's alone if the boxes of their samples differ (of other inputs)."""
    if not found:
        return []
    try:
        return [(list(found), concatenate(list(found.values())))]
    except ValueError:
        return [([path], barriers) for path, barriers in found.items()]


def _batches(journals: Sequence[Path]) -> Iterator[list[Path]]:
    batch: list[Path] = []
    n_bytes = 0
    for path in journals:
        size = path.stat().st_size
        if batch and n_bytes + size > PACK_BYTES:
            yield batch
            batch, n_bytes = [], 0
        batch.append(path)
        n_bytes += size
    if batch:
        yield batch


def _read_hashes(
    paths: list[Path], workdir: Workdir, fence: Fence
) -> tuple[dict[Path, set[str]], list[Path]]:
    """The items in each file that can be read, and where the others have been put."""
    found, damaged = {}, []
    for path in paths:
        try:
            found[path] = distinct_hashes(path)
        except (OSError, ValueError, RuntimeError, LookupError) as error:  # cut short or not NetCDF
            if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
                raise  # the system's trouble, not the file's; NetCDF's own numbers are negative
            damaged.append(_set_aside(path, workdir, fence))
    return found, damaged


def _set_aside(path: Path, workdir: Workdir, fence: Fence) -> Path:
    """Move a damaged file to where nobody reads it; where it is then."""
    fence.check()
    workdir.quarantine.mkdir(exist_ok=True)
    place = workdir.quarantine / f"{fence.epoch:06d}-{path.name}"
    path.replace(place)
    return place


def _put_aside(path: Path, others: set[str], wanted: frozenset[str], workdir: Workdir, fence: Fence) -> int:
    """Copy the labels of `others`, items of other inputs, into a file of their own; how many there are."""
    name = stable_hash(sorted(others))  # the same again after a kill
    rows = rows_of(path, wanted, others=True)
    return _write([(path, rows)], workdir.labels_dir / ASIDE / f"{name}.nc", fence)


def _write(sources: list[tuple[Path, NDArray[np.int64]]], path: Path, fence: Fence) -> int:
    written: list[int] = []
    commit(path, lambda temporary: written.append(merge_files(sources, temporary)), fence=fence)
    return written[0]


def _remove(paths: Sequence[Path], fence: Fence) -> None:
    """Remove files whose labels are in another one by now."""
    fence.check()
    for path in paths:
        path.unlink(missing_ok=True)
