"""Minima and the saddles between them: which saddle limits the way from the initial to the final state."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nnk.saddle.minimise import Point, inner, largest

FloatArray = NDArray[np.float64]

INITIAL, FINAL = 0, 1


def distance(a: FloatArray, b: FloatArray) -> float:
    """Largest displacement of an atom between two configurations, a common shift apart."""
    shift = a - b
    return largest(shift - shift.mean(axis=0))


@dataclass(frozen=True)
class Saddle:
    """A first-order saddle point and the minima on its two sides.

    Attributes:
        point: the configuration.
        curvature_eV_A2: the lowest curvature found.
        ends: numbers of the two minima.
    """

    point: Point
    curvature_eV_A2: float
    ends: tuple[int, int]


@dataclass
class Network:
    """Minima, the initial state first and the final state second, and the saddles found between them.

    Attributes:
        direction: float64[n, 3], the jump: the moving atom's displacement, zero for all others.
        minima: minima met so far.
        saddles: saddles met so far.
    """

    direction: FloatArray
    minima: list[Point]
    saddles: list[Saddle] = field(default_factory=list)

    def distances(self, positions_A: FloatArray) -> FloatArray:
        """Distance float64[n_minima] of a configuration from each minimum."""
        return np.array([distance(positions_A, known.positions_A) for known in self.minima])

    def find(self, positions_A: FloatArray, match_A: float) -> int | None:
        """Number of the minimum within `match_A` of a configuration."""
        distances = self.distances(positions_A)
        nearest = int(np.argmin(distances))
        return nearest if distances[nearest] < match_A else None

    def progress(self, positions_A: FloatArray) -> float:
        """How far the jumping atom has come, relative to all others: 0 initial, 1 final state."""
        start = self.minima[INITIAL].positions_A
        way = self.minima[FINAL].positions_A - start
        return self._along(positions_A - start) / self._along(way)

    def _along(self, displacement: FloatArray) -> float:
        return inner(displacement - displacement.mean(axis=0), self.direction)

    def joined(self, a: int, b: int) -> bool:
        """Whether saddles lead from one minimum to another."""
        group = self._groups()
        return group[a] == group[b]

    def _groups(self, below_eV: float = np.inf) -> list[int]:
        """Group of each minimum when saddles up to an energy join minima."""
        group = list(range(len(self.minima)))
        for saddle in self.saddles:
            if saddle.point.energy_eV <= below_eV:
                old, new = group[saddle.ends[0]], group[saddle.ends[1]]
                group = [new if g == old else g for g in group]
        return group

    @property
    def connected(self) -> bool:
        """Whether saddles lead from the initial to the final state."""
        return self.joined(INITIAL, FINAL)

    def gap(self) -> tuple[int, int]:
        """Two neighbouring minima on the way that no saddles join yet."""
        progress = [self.progress(minimum.positions_A) for minimum in self.minima]
        on_the_way = [i for i in np.argsort(progress).tolist() if -1e-6 <= progress[i] <= 1 + 1e-6]
        group = self._groups()
        for a, b in pairwise(on_the_way):
            if group[a] != group[b]:
                return a, b
        raise ValueError("the initial and the final state are connected: there is no gap")

    def limiting(self) -> tuple[Saddle, int]:
        """The highest saddle of the lowest way from initial to final state, and the saddles on that way.

        Raises:
            ValueError: no way yet.
        """
        for saddle in sorted(self.saddles, key=lambda s: s.point.energy_eV):
            group = self._groups(saddle.point.energy_eV)
            if group[INITIAL] == group[FINAL]:
                return saddle, self._length(saddle.point.energy_eV)
        raise ValueError("no saddles connect the initial and the final state")

    def _length(self, below_eV: float) -> int:
        """Saddles on the shortest way that stays at or below an energy."""
        edges = [set(saddle.ends) for saddle in self.saddles if saddle.point.energy_eV <= below_eV]
        reached, steps = {INITIAL}, 0
        while FINAL not in reached:
            reached = reached.union(*(edge for edge in edges if edge & reached))
            steps += 1
        return steps
