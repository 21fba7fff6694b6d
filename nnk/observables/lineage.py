"""Clusters through time: which goes on as which, which are born, die, merge and split.

The identity of a cluster from one state to the next rests on the sites that it keeps. A cluster's *heir* is
the cluster of the next state with which it has most centres in common; a cluster's *origin* that of the state
before (among equals the larger one). Between two states a cluster

* *goes on* as its heir if it is also its heir's origin: both are one *track*;
* *merges* otherwise: its track ends in the track of its heir;
* *dies* if it has no heir: none of its centres is a centre any more.

A cluster that continues none *splits* from the track of its origin, or is *born* if it has none.

What happens between two states is not seen: a track says that the same places were ordered at both, not that
they were all the time. States must be close enough that most centres outlive the step.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nnk.lattice import IntArray
from nnk.observables.clusters import Clusters

NONE = -1


class Step(NamedTuple):
    """How the clusters of one state are related to those of the next.

    Attributes:
        heir: int64[n_before], number of each cluster's heir, `NONE` if it has none.
        origin: int64[n_after], number of each cluster's origin, `NONE` if it has none.
    """

    heir: IntArray
    origin: IntArray

    @property
    def goes_on(self) -> NDArray[np.bool_]:
        """Whether each cluster before goes on as its heir, bool[n_before]."""
        found = self.heir != NONE
        found[found] = self.origin[self.heir[found]] == np.flatnonzero(found)
        return found


@dataclass(frozen=True)
class Lineage:
    """Tracks of clusters through a sequence of states, numbered in the order in which they begin.

    Attributes:
        n_states: states followed.
        first, last: int64[n], first and last state of each track.
        parent: int64[n], track that it has split from; `NONE` if it was born or there from the beginning.
        heir: int64[n], track that it has merged into after its last state; `NONE` if it died or goes on.
        state, track, size: int64[rows], one row per cluster and state: its track and its centres then.
    """

    n_states: int
    first: IntArray
    last: IntArray
    parent: IntArray
    heir: IntArray
    state: IntArray
    track: IntArray
    size: IntArray

    @property
    def largest(self) -> IntArray:
        """Greatest size of each track, int64[n]."""
        found = np.zeros(len(self.first), dtype=np.int64)
        np.maximum.at(found, self.track, self.size)
        return found

    @property
    def alive(self) -> NDArray[np.bool_]:
        """Whether each track is there in the last state, bool[n]."""
        return np.asarray(self.last == self.n_states - 1)

    @property
    def persistent(self) -> NDArray[np.bool_]:
        """Whether each track is there in every state, bool[n]."""
        return self.alive & (self.first == 0)

    def since(self) -> IntArray:
        """For each state the clusters that are there from it to the last state, int64[n_states]."""
        begun = np.bincount(self.first[self.alive], minlength=self.n_states)
        return np.cumsum(begun).astype(np.int64)

    def births(self) -> IntArray:
        """Tracks that are born by each state, int64[n_states]; those of the first state are not."""
        return self._count(self.first[(self.parent == NONE) & (self.first > 0)])

    def splits(self) -> IntArray:
        """Tracks that split off by each state, int64[n_states]."""
        return self._count(self.first[self.parent != NONE])

    def merges(self) -> IntArray:
        """Tracks that have merged into another by each state, int64[n_states]."""
        return self._count(self.last[self.heir != NONE] + 1)

    def deaths(self) -> IntArray:
        """Tracks that have died by each state, int64[n_states]."""
        return self._count(self.last[(self.heir == NONE) & ~self.alive] + 1)

    def _count(self, states: IntArray) -> IntArray:
        return np.bincount(states, minlength=self.n_states).astype(np.int64)


def step(before: Clusters, after: Clusters) -> Step:
    """Heirs and origins between two states."""
    _, i, j = np.intersect1d(before.centre, after.centre, assume_unique=True, return_indices=True)
    pairs = np.stack([before.cluster[i], after.cluster[j]])
    (row, column), common = np.unique(pairs, axis=1, return_counts=True)
    return Step(
        _most_common(row, column, common, len(before.size)),
        _most_common(column, row, common, len(after.size)),
    )


def _most_common(of: IntArray, other: IntArray, common: IntArray, n: int) -> IntArray:
    """For each of `n` the other with most in common, the lowest number (largest cluster) among equals."""
    order = np.lexsort((other, -common, of))
    numbers, place = np.unique(of[order], return_index=True)
    found = np.full(n, NONE, dtype=np.int64)
    found[numbers] = other[order][place]
    return found


def follow(states: Iterable[Clusters]) -> Lineage:
    """Tracks of the clusters of successive states, which may come one at a time.

    Raises:
        ValueError: no state.
    """
    tracks = _Tracks()
    for clusters in states:
        tracks.add(clusters)
    return tracks.lineage()


class _Tracks:
    """Tracks so far, and the last state."""

    def __init__(self) -> None:
        self._n_states = 0
        self._first: list[int] = []
        self._last: list[int] = []
        self._parent: list[int] = []
        self._heir: list[int] = []
        self._rows: list[IntArray] = []
        self._before = Clusters(*(np.empty(0, dtype=np.int64),) * 3)
        self._track_before = np.empty(0, dtype=np.int64)

    def add(self, after: Clusters) -> None:
        """The next state."""
        before = self._track_before
        relation = step(self._before, after)
        stays = relation.goes_on
        track, parent = (np.full(len(after.size), NONE, dtype=np.int64) for _ in range(2))
        track[relation.heir[stays]] = before[stays]
        related = relation.origin != NONE
        parent[related] = before[relation.origin[related]]
        self._begin(track, parent)
        merged = ~stays & (relation.heir != NONE)
        for ended, into in zip(before[merged], track[relation.heir[merged]], strict=True):
            self._heir[ended] = int(into)
        for number in track:
            self._last[number] = self._n_states
        self._rows.append(np.stack([np.full(len(track), self._n_states), track, after.size]))
        self._before, self._track_before = after, track
        self._n_states += 1

    def _begin(self, track: IntArray, parent: IntArray) -> None:
        """Number the tracks that begin."""
        for place in np.flatnonzero(track == NONE):
            track[place] = len(self._first)
            self._first.append(self._n_states)
            self._last.append(self._n_states)
            self._parent.append(int(parent[place]))
            self._heir.append(NONE)

    def lineage(self) -> Lineage:
        """The tracks of all states so far."""
        if not self._n_states:
            raise ValueError("expected at least one state")
        state, track, size = np.concatenate(self._rows, axis=1)
        return Lineage(
            n_states=self._n_states,
            first=np.array(self._first, dtype=np.int64),
            last=np.array(self._last, dtype=np.int64),
            parent=np.array(self._parent, dtype=np.int64),
            heir=np.array(self._heir, dtype=np.int64),
            state=state,
            track=track,
            size=size,
        )
