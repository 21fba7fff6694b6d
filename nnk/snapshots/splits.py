"""Splits of snapshots into those to train on, to validate with and to test with.

*blocks*: of each temperature the trajectories stand in a row, in random order, and the row is cut into three
stretches: whole trajectories where the sizes allow it. Where a trajectory is cut, the snapshots within a few
correlation times of the other part are left out (of the larger part), so that no test is of an atom's motion
that was trained on. *random*: every snapshot by itself, as is often published: neighbours in time of what was
trained on are among the tests, and errors come out too small.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from nnk.files import rng
from nnk.snapshots.snapshot_set import SnapshotSet

IntArray = NDArray[np.int64]
SplitKind = Literal["blocks", "random"]

GAP_TIMES = 5.0
"""Correlation times between two parts of one trajectory: what is left of a correlation then is e^-5."""
_SNAP = 0.02  # a cut moves to the end of a trajectory that is within this share of a temperature's snapshots
_TOLERANCE = 1e-6
_NONE = -1


class Split(NamedTuple):
    """Numbers of snapshots, in ascending order; none is in two parts."""

    train: IntArray
    validation: IntArray
    test: IntArray


def split(
    snapshots: SnapshotSet,
    fractions: Sequence[float] = (5 / 7, 1 / 7, 1 / 7),
    kind: SplitKind = "blocks",
    seed: int = 0,
) -> Split:
    """The parts of a set.

    Args:
        snapshots: the set.
        fractions: of training, validation and test; they sum to 1.
        kind: see above. With "random" every snapshot is in a part, with "blocks" not those near a cut.
        seed: of what is random.

    Raises:
        ValueError: fractions that are not three shares, an unknown kind, or so few snapshots that a part
            would be empty.
    """
    shares = np.asarray(fractions, dtype=np.float64)
    if shares.shape != (3,) or not (shares >= 0).all() or abs(shares.sum() - 1) > _TOLERANCE:
        raise ValueError(f"fractions={list(fractions)}: expected three numbers >= 0 that sum to 1")
    if kind not in get_args(SplitKind):
        raise ValueError(f"kind={kind!r}: allowed are {', '.join(get_args(SplitKind))}")
    part = np.full(len(snapshots), _NONE)
    if kind == "random":
        order = rng(seed, "split", kind).permutation(len(snapshots))
        part[order] = np.repeat(np.arange(3), np.diff(_cuts(len(snapshots), shares)))
    else:
        _cut_into_blocks(part, snapshots, shares, seed)
    found = Split(*(np.flatnonzero(part == i) for i in range(3)))
    for name, rows, share in zip(Split._fields, found, shares, strict=True):
        if share and not len(rows):
            raise ValueError(f"of {len(snapshots)} snapshots none is left for {name}: more are needed")
    return found


def _cuts(n: int, shares: NDArray[np.float64]) -> IntArray:
    """Where n things in a row are cut, from 0 to n."""
    return np.rint(n * np.concatenate([[0.0], np.cumsum(shares)])).astype(np.int64).clip(0, n)


def _cut_into_blocks(part: IntArray, snapshots: SnapshotSet, shares: NDArray[np.float64], seed: int) -> None:
    """Put into `part` the number of the part of each snapshot."""
    for temperature_K in np.unique(snapshots.temperature_K):
        random = rng(seed, "split", "blocks", float(temperature_K))
        row, ends = _in_a_row(snapshots, np.flatnonzero(snapshots.temperature_K == temperature_K), random)
        order = random.permutation(3)
        cuts = _cuts(len(row), shares[order])
        cuts[1:-1] = [_snapped(cut, ends, _SNAP * len(row)) for cut in cuts[1:-1]]
        part[row] = np.repeat(order, np.diff(cuts))
    for trajectory in np.unique(snapshots.trajectory):
        _leave_gaps(part, snapshots, np.flatnonzero(snapshots.trajectory == trajectory), shares)


def _in_a_row(
    snapshots: SnapshotSet, rows: IntArray, random: np.random.Generator
) -> tuple[IntArray, IntArray]:
    """Snapshots by trajectory, in random order, and by time; and where each trajectory ends."""
    place = random.permutation(len(names := np.unique(snapshots.trajectory[rows])))
    place_of = place[np.searchsorted(names, snapshots.trajectory[rows])]
    row = rows[np.lexsort((snapshots.step[rows], place_of))]
    return row, np.cumsum(np.bincount(place_of, minlength=len(names)))


def _snapped(cut: int, ends: IntArray, within: float) -> int:
    """The end of a trajectory that is near a cut, or the cut."""
    nearest = int(ends[np.argmin(np.abs(ends - cut))])
    return nearest if abs(nearest - cut) <= within else cut


def _leave_gaps(part: IntArray, snapshots: SnapshotSet, rows: IntArray, shares: NDArray[np.float64]) -> None:
    """Take snapshots of one trajectory out of their part that are too near in time to a smaller part."""
    gap_ps = GAP_TIMES * float(snapshots.correlation_ps[rows].max())
    times = snapshots.time_ps[rows]
    by_size = np.argsort(shares, kind="stable").tolist()
    for smaller, larger in combinations(by_size, 2):
        own = np.sort(times[part[rows] == smaller])
        others = rows[part[rows] == larger]
        if len(own) and len(others):
            part[others[_distance(snapshots.time_ps[others], own) < gap_ps]] = _NONE


def _distance(times: NDArray[np.float64], sorted_times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance in time of each to the nearest of the others."""
    after = np.searchsorted(sorted_times, times)
    padded = np.concatenate([[-np.inf], sorted_times, [np.inf]])
    return np.minimum(times - padded[after], padded[after + 1] - times)
