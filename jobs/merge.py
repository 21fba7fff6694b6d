"""Segments of labels into one file: each label once, from the present inputs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from nnk.barriers import BarrierSet, concatenate
from nnk.files import Fence, Workdir, commit, stable_hash

ASIDE = "aside"


@dataclass(frozen=True)
class Merged:
    """What a merge has done.

    Attributes:
        n_labels: labels in the merged file.
        n_aside: labels of other inputs, kept in ``labels/aside``.
    """

    n_labels: int
    n_aside: int


def merge_labels(workdir: Workdir, wanted: Collection[str], fence: Fence) -> Merged:
    """Merge all files of labels into ``labels.nc``; a kill in between loses nothing and doubles nothing.

    Labels whose item is not `wanted` (they were made from other inputs) are kept in ``labels/aside``, from
    where they come back when the inputs do.

    Args:
        workdir: the working directory.
        wanted: hashes of the items of the present plan.
        fence: the right to write.
    """
    folder, target = workdir.labels_dir, workdir.labels_file
    segments = sorted(path for path in folder.glob("*.nc") if path != target)
    aside = sorted((folder / ASIDE).glob("*.nc"))
    sources = [path for path in (*aside, target, *segments) if path.is_file()]
    hashes = set(wanted)
    keep: list[BarrierSet] = []
    rest: dict[Path, BarrierSet] = {}
    for path in sources:
        barriers = BarrierSet.load(path)
        is_wanted = np.isin(np.array(barriers.item_hash, dtype=str), list(hashes))
        if is_wanted.any():
            keep.append(with_own_samples(barriers.select(is_wanted)))
        if not is_wanted.all():
            rest[path] = with_own_samples(barriers.select(~is_wanted))
    kept_aside = {path: barriers for path, barriers in rest.items() if path not in aside}
    for barriers in kept_aside.values():
        name = stable_hash(sorted(set(barriers.item_hash)))  # the same again after a kill
        commit(folder / ASIDE / f"{name}.nc", barriers.save, fence=fence)
    merged = concatenate(keep) if keep else None
    if merged is not None and (segments or kept_aside or not target.is_file() or len(keep) > 1):
        commit(target, merged.save, fence=fence)
    _remove_merged([*segments, *(path for path in aside if path not in rest)], fence)
    if merged is None:
        _remove_merged([target], fence)
    return Merged(0 if merged is None else len(merged), sum(map(len, kept_aside.values())))


def _remove_merged(paths: list[Path], fence: Fence) -> None:
    """Remove files whose labels are in another one by now."""
    fence.check()
    for path in paths:
        path.unlink(missing_ok=True)


def with_own_samples(barriers: BarrierSet) -> BarrierSet:
    """The same labels, without the samples that have none."""
    used, numbers = np.unique(barriers.sample, return_inverse=True)
    return replace(
        barriers,
        occupancy=barriers.occupancy[used],
        a_A=barriers.a_A[used],
        sample_key=tuple(barriers.sample_key[i] for i in used),
        composition=barriers.composition[used],
        sample=numbers.astype(np.int32),
    )
