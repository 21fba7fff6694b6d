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
        n_aside: labels of other inputs, put into ``labels/aside``.
        damaged: files that could not be read, where they are now.
    """

    n_labels: int
    n_aside: int
    damaged: tuple[Path, ...]


def merge_labels(workdir: Workdir, wanted: Collection[str], fence: Fence) -> Merged:
    """Merge all files of labels into ``labels.nc``; a kill in between loses nothing and doubles nothing.

    Labels whose item is not `wanted` (they were made from other inputs) are kept in ``labels/aside``, from
    where they come back when the inputs do. Files that cannot be read go into ``quarantine``.

    Args:
        workdir: the working directory.
        wanted: hashes of the items of the present plan.
        fence: the right to write.
    """
    target = workdir.labels_file
    segments = sorted(path for path in workdir.labels_dir.glob("*.nc") if path != target)
    aside = sorted((workdir.labels_dir / ASIDE).glob("*.nc"))
    present = [target] if target.is_file() else []
    sets, damaged = _load_all([*aside, *present, *segments], workdir, fence)
    parts = {path: _split(barriers, wanted) for path, barriers in sets.items()}
    keep = [kept for kept, _ in parts.values() if len(kept)]
    others = [rest for path, (_, rest) in parts.items() if len(rest) and path not in aside]
    for rest in others:
        name = stable_hash(sorted(set(rest.item_hash)))  # the same again after a kill
        commit(workdir.labels_dir / ASIDE / f"{name}.nc", rest.save, fence=fence)
    merged = concatenate(keep) if keep else None
    is_same = not segments and not others and len(keep) == 1 and target in parts
    if merged is not None and not is_same:
        commit(target, merged.save, fence=fence)
    taken = [path for path in aside if path in parts and not len(parts[path][1])]
    _remove([*segments, *taken, *([] if keep else [target])], fence)
    return Merged(len(merged) if merged is not None else 0, sum(map(len, others)), tuple(damaged))


def _load_all(paths: list[Path], workdir: Workdir, fence: Fence) -> tuple[dict[Path, BarrierSet], list[Path]]:
    """The sets in the files that can be read, and where the others have been put."""
    sets, damaged = {}, []
    for path in paths:
        try:
            sets[path] = BarrierSet.load(path)
        except (OSError, ValueError, RuntimeError):  # cut short or not NetCDF
            fence.check()
            workdir.quarantine.mkdir(exist_ok=True)
            place = workdir.quarantine / f"{fence.epoch:06d}-{path.name}"
            path.replace(place)
            damaged.append(place)
    return sets, damaged


def _split(barriers: BarrierSet, wanted: Collection[str]) -> tuple[BarrierSet, BarrierSet]:
    """The labels that are wanted, and the others."""
    is_wanted = np.isin(np.array(barriers.item_hash, dtype=str), list(wanted))
    return with_own_samples(barriers.select(is_wanted)), with_own_samples(barriers.select(~is_wanted))


def _remove(paths: list[Path], fence: Fence) -> None:
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
        degree=barriers.degree[used],
        exchanges=barriers.exchanges[used],
        alpha=barriers.alpha[used],
        sample=numbers.astype(np.int32),
    )
