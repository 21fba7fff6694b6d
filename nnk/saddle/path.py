"""The way from one state to another over verified saddles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnk.saddle.curvature import lowest_mode
from nnk.saddle.hessian import Hessian
from nnk.saddle.minimise import Forces, Point, evaluate, largest, relax
from nnk.saddle.network import Network, Saddle, distance
from nnk.saddle.parameters import SearchParameters
from nnk.saddle.search import find_stationary

FloatArray = NDArray[np.float64]

_INSIDE = 0.03  # a stationary point on the way has done more than this of it, and has more than this to do
_SETTLED = 0.25  # of the force tolerance: an intermediate minimum must stay where it is down to this
_REFINE_CALLS = 10
_STEPS_OFF = (1.0, 0.5, 0.25)  # of the first step down from a saddle


@dataclass(frozen=True)
class PathSearch:
    """Finds stationary points between minima and joins them to a network.

    Attributes:
        forces: energy and forces of a configuration.
        hessian: the model Hessian.
        direction: float64[n, 3], the jump: non-zero for the moving atom.
        parameters: tolerances.
    """

    forces: Forces
    hessian: Hessian
    direction: FloatArray
    parameters: SearchParameters

    def connect(self, initial: Point, final: Point) -> Network | None:
        """Minima and saddles that lead from `initial` to `final`; None if they were not found."""
        network = Network(self.direction, [initial, final])
        for _ in range(self.parameters.max_searches):
            if network.connected:
                return network
            if not self._bridge(network, *network.gap()):
                return None
        return network if network.connected else None

    def _bridge(self, network: Network, a: int, b: int) -> bool:
        """Find a new saddle or minimum between two minima; False if every start failed."""
        start, end = network.minima[a].positions_A, network.minima[b].positions_A
        for fraction in self.parameters.starts:
            point = find_stationary(
                self.forces,
                start + fraction * (end - start),
                self.direction,
                self.hessian,
                max_force_eV_A=self.parameters.max_force_eV_A,
                max_step_A=self.parameters.max_step_A,
                max_calls=self.parameters.search_calls,
            )
            if point is not None and self._add(network, point, a, b):
                return True
        return False

    def _add(self, network: Network, point: Point, a: int, b: int) -> bool:
        """Enter a stationary point between minima a and b as what it is; False if it is nothing new."""
        if not _INSIDE < network.progress(point.positions_A) < 1 - _INSIDE:
            return False
        curvature, mode = self._lowest(point, self.direction)
        if curvature >= self.parameters.saddle_curvature_eV_A2:
            return self._add_minimum(network, point)
        ends = self._ends(network, point, mode) if self.parameters.connect else (a, b)
        if ends is None or network.joined(*ends):
            return False
        network.saddles.append(Saddle(point, curvature, ends))
        return True

    def _lowest(self, point: Point, guess: FloatArray) -> tuple[float, FloatArray]:
        limit = self.parameters.saddle_curvature_eV_A2
        modes = lowest_mode(self.forces, point, guess, self.hessian, below_eV_A2=limit)
        return float(modes.curvatures_eV_A2[0]), modes.vectors[0]

    def _add_minimum(self, network: Network, point: Point) -> bool:
        """Enter an intermediate minimum; False if it is known, or a shoulder from which atoms slide away."""
        settled, converged = self._relax(network, point, [self.parameters.match_A])
        if not converged or network.find(settled.positions_A, self.parameters.match_A) is not None:
            return False
        network.minima.append(settled)
        return True

    def _relax(self, network: Network, start: Point, match_A: Sequence[float]) -> tuple[Point, bool]:
        """Go downhill until within `match_A` of a known minimum, or settled closely in a new one."""
        return relax(
            self.forces,
            start,
            self.hessian,
            max_force_eV_A=_SETTLED * self.parameters.max_force_eV_A,
            max_step_A=self.parameters.max_step_A,
            stop=lambda point: bool((network.distances(point.positions_A) < np.asarray(match_A)).any()),
        )

    def _ends(self, network: Network, saddle: Point, mode: FloatArray) -> tuple[int, int] | None:
        """Numbers of the minima on both sides of a saddle; minima not met before are added.

        The first estimate of the mode proves a negative curvature and mostly leads downhill. At a shallow
        saddle it may not: then the mode is converged.
        """
        ends = self._both_sides(network, saddle, mode)
        if ends is None:
            refined = lowest_mode(
                self.forces, saddle, mode, self.hessian, below_eV_A2=-np.inf, max_calls=_REFINE_CALLS
            )
            ends = self._both_sides(network, saddle, refined.vectors[0])
        return ends

    def _both_sides(self, network: Network, saddle: Point, mode: FloatArray) -> tuple[int, int] | None:
        ends = [self._descend(network, saddle, side * mode) for side in (-1.0, 1.0)]
        found = [end for end in ends if end is not None]
        if len(found) == 1:  # no hill to step over: the saddle lies on the rim of a flat minimum
            beside = network.find(saddle.positions_A, self.parameters.match_A)
            if beside is not None:
                found.append(beside)
        return (found[0], found[1]) if len(found) == 2 else None

    def _step_off(self, saddle: Point, mode: FloatArray) -> Point | None:
        """A point beside the saddle and below it, as far along `mode` as the hill reaches."""
        longest = self.parameters.descent_step_A / largest(mode)
        for shortening in _STEPS_OFF:
            point = evaluate(self.forces, saddle.positions_A + shortening * longest * mode)
            if point.energy_eV < saddle.energy_eV:
                return point
        return None

    def _descend(self, network: Network, saddle: Point, mode: FloatArray) -> int | None:
        """Number of the minimum below a saddle on the side of `mode`; None if no proper one is found."""
        start = self._step_off(saddle, mode)
        if start is None:
            return None
        match_A = self.parameters.match_A
        near_A = [min(match_A, 0.5 * gap_A) for gap_A in network.distances(saddle.positions_A)]
        end, converged = self._relax(network, start, near_A)
        if not converged or end.energy_eV >= saddle.energy_eV:
            return None
        known = network.find(end.positions_A, match_A)
        return self._new_minimum(network, saddle, end, mode) if known is None else known

    def _new_minimum(self, network: Network, saddle: Point, end: Point, mode: FloatArray) -> int | None:
        """Add an intermediate minimum, if it is one and not a flat piece of the slope below the saddle."""
        if distance(end.positions_A, saddle.positions_A) < 0.5 * self.parameters.descent_step_A:
            return None
        curvature, _ = self._lowest(end, mode)
        if curvature < self.parameters.saddle_curvature_eV_A2:
            return None
        network.minima.append(end)
        return len(network.minima) - 1
