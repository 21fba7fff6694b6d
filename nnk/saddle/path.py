"""The way from one state to another over verified saddles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nnk.saddle.curvature import lowest_mode
from nnk.saddle.hessian import Hessian
from nnk.saddle.minimise import Descent, Point, descent, largest
from nnk.saddle.network import FINAL, INITIAL, Network, Saddle, distance
from nnk.saddle.parameters import SearchParameters
from nnk.saddle.search import find_stationary
from nnk.saddle.several import Forces, SeveralForces, Task, run, run_together

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
        several: evaluates several configurations at once, if that is to be made use of.
    """

    forces: Forces
    hessian: Hessian
    direction: FloatArray
    parameters: SearchParameters
    several: SeveralForces | None = None

    def forward(self, initial: Point) -> Saddle | None:
        """The saddle of the jump by the initial state alone; None if there is none halfway.

        Its force and curvature are checked, and that it lies on the way; not where it leads.
        """
        final = replace(initial, positions_A=initial.positions_A + self.direction)
        point = self._stationary(initial.positions_A, final.positions_A, 0.5)
        if point is None or not self._inside(Network(self.direction, [initial, final]), point):
            return None
        curvature, _ = self._lowest(point, self.direction)
        if curvature >= self.parameters.saddle_curvature_eV_A2:
            return None
        return Saddle(point, curvature, (INITIAL, FINAL))

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
            point = self._stationary(start, end, fraction)
            if point is not None and self._add(network, point):
                return True
        return False

    def _stationary(self, start_A: FloatArray, end_A: FloatArray, fraction: float) -> Point | None:
        return find_stationary(
            self.forces,
            start_A + fraction * (end_A - start_A),
            self.direction,
            self.hessian,
            max_force_eV_A=self.parameters.max_force_eV_A,
            max_step_A=self.parameters.max_step_A,
            max_calls=self.parameters.search_calls,
        )

    def _inside(self, network: Network, point: Point) -> bool:
        return _INSIDE < network.progress(point.positions_A) < 1 - _INSIDE

    def _add(self, network: Network, point: Point) -> bool:
        """Enter a stationary point on the way as what it is; False if it is nothing new."""
        if not self._inside(network, point):
            return False
        curvature, mode = self._lowest(point, self.direction)
        if curvature >= self.parameters.saddle_curvature_eV_A2:
            return self._add_minimum(network, point)
        ends = self.ends(network, point, mode)
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
        near_A = [self.parameters.match_A] * len(network.minima)
        settled, converged = run(self._descent(network, point, near_A), self.forces)
        if not converged or network.find(settled.positions_A, self.parameters.match_A) is not None:
            return False
        network.minima.append(settled)
        return True

    def _descent(self, network: Network, start: Point, match_A: Sequence[float]) -> Descent:
        """Go downhill until within `match_A` of a known minimum, or settled closely in a new one."""
        known = list(network.minima)
        return descent(
            start,
            self.hessian,
            max_force_eV_A=_SETTLED * self.parameters.max_force_eV_A,
            max_step_A=self.parameters.max_step_A,
            stop=lambda point: any(
                distance(point.positions_A, minimum.positions_A) < near
                for minimum, near in zip(known, match_A, strict=False)
            ),
        )

    def ends(self, network: Network, saddle: Point, mode: FloatArray) -> tuple[int, int] | None:
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
        slides = [self._slide(network, saddle, side * mode) for side in (-1.0, 1.0)]
        if self.several is None:
            reached = [run(slide, self.forces) for slide in slides]
        else:
            reached = run_together(slides, self.several)
        ends = [self._recognised(network, saddle, end, mode) for end in reached if end is not None]
        found = [end for end in ends if end is not None]
        if len(found) == 1:  # no hill to step over: the saddle lies on the rim of a flat minimum
            beside = network.find(saddle.positions_A, self.parameters.match_A)
            if beside is not None:
                found.append(beside)
        return (found[0], found[1]) if len(found) == 2 else None

    def _slide(self, network: Network, saddle: Point, mode: FloatArray) -> Task[Point | None]:
        """From a saddle down the side of `mode`; where it ends, or None if that is no minimum below it.

        The first step is as long as the hill reaches.
        """
        longest = self.parameters.descent_step_A / largest(mode)
        for shortening in _STEPS_OFF:
            positions_A = saddle.positions_A + shortening * longest * mode
            point = Point(positions_A, *(yield positions_A))
            if point.energy_eV < saddle.energy_eV:
                break
        else:
            return None
        near_A = [min(self.parameters.match_A, 0.5 * gap) for gap in network.distances(saddle.positions_A)]
        end, converged = yield from self._descent(network, point, near_A)
        return end if converged and end.energy_eV < saddle.energy_eV else None

    def _recognised(self, network: Network, saddle: Point, end: Point, mode: FloatArray) -> int | None:
        """Number of the minimum that a slide has ended in; None if it is no proper one."""
        known = network.find(end.positions_A, self.parameters.match_A)
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
