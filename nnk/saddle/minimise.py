"""Relaxation to a minimum: L-BFGS preconditioned by the model Hessian."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnk.saddle.hessian import Hessian
from nnk.saddle.several import Forces, run

FloatArray = NDArray[np.float64]

_MEMORY = 12
_RISE_EV = 1e-3  # a step that raises the energy by more is taken back
_SHORTEN = 0.3


@dataclass(frozen=True)
class Point:
    """A configuration and what the potential says of it.

    Attributes:
        positions_A: float64[n, 3].
        energy_eV: energy.
        forces_eV_A: float64[n, 3].
    """

    positions_A: FloatArray
    energy_eV: float
    forces_eV_A: FloatArray

    @property
    def max_force_eV_A(self) -> float:
        """Largest force on an atom."""
        return largest(self.forces_eV_A)


def evaluate(forces: Forces, positions_A: FloatArray) -> Point:
    """The point at `positions_A` (one call)."""
    return Point(positions_A, *forces(positions_A))


def largest(vectors: FloatArray) -> float:
    """Length of the longest of the vectors float64[n, 3]."""
    return float(np.sqrt((vectors * vectors).sum(axis=1).max()))


def capped(step: FloatArray, limit: float) -> FloatArray:
    """`step` float64[n, 3], shortened as a whole so that no atom moves by more than `limit`."""
    longest = largest(step)
    return step * (limit / longest) if longest > limit else step


def inner(a: FloatArray, b: FloatArray) -> float:
    """Scalar product over all atoms."""
    return float(np.vdot(a, b))


class _Secants:
    """The last steps and the changes of gradient that came with them."""

    def __init__(self, hessian: Hessian) -> None:
        self._hessian = hessian
        self._pairs: deque[tuple[FloatArray, FloatArray, float]] = deque(maxlen=_MEMORY)

    def forget(self) -> None:
        self._pairs.clear()

    def learn(self, step: FloatArray, change: FloatArray) -> None:
        stiffness = inner(step, change)
        if stiffness > 1e-10:  # keeps the inverse positive definite
            self._pairs.append((step, change, stiffness))

    def newton_step(self, gradient: FloatArray) -> FloatArray:
        """Minus the inverse Hessian times `gradient` (two-loop recursion), or a plain model step uphill."""
        q, weights = gradient.copy(), []
        for step, change, stiffness in reversed(self._pairs):
            weights.append(inner(step, q) / stiffness)
            q -= weights[-1] * change
        z = self._hessian.solve(q)
        for (step, change, stiffness), weight in zip(self._pairs, reversed(weights), strict=True):
            z += (weight - inner(change, z) / stiffness) * step
        if inner(z, gradient) > 0:
            return -z
        self.forget()
        return -self._hessian.solve(gradient)


Descent = Generator[FloatArray, tuple[float, FloatArray], tuple[Point, bool]]
"""A relaxation that yields positions, is sent their energy and forces, and returns as `relax` does."""


def descent(
    start: Point,
    hessian: Hessian,
    *,
    max_force_eV_A: float,
    max_step_A: float = 0.2,
    max_calls: int = 300,
    stop: Callable[[Point], bool] | None = None,
) -> Descent:
    """The relaxation of `relax`, evaluation by evaluation, so that several can go on at once."""
    point, secants = start, _Secants(hessian)
    for _ in range(max_calls):
        if point.max_force_eV_A <= max_force_eV_A or (stop is not None and stop(point)):
            return point, True
        step = capped(secants.newton_step(-point.forces_eV_A), max_step_A)
        positions_A = point.positions_A + step
        trial = Point(positions_A, *(yield positions_A))
        if trial.energy_eV > point.energy_eV + _RISE_EV:
            secants.forget()
            positions_A = point.positions_A + _SHORTEN * step
            trial = Point(positions_A, *(yield positions_A))
        else:
            secants.learn(step, point.forces_eV_A - trial.forces_eV_A)
        point = trial
    return point, point.max_force_eV_A <= max_force_eV_A


def relax(
    forces: Forces,
    start: Point,
    hessian: Hessian,
    *,
    max_force_eV_A: float,
    max_step_A: float = 0.2,
    max_calls: int = 300,
    stop: Callable[[Point], bool] | None = None,
) -> tuple[Point, bool]:
    """Go downhill from `start` until no force exceeds `max_force_eV_A`, or `stop` says so.

    Returns:
        The last point, and whether it was reached within about `max_calls` calls.
    """
    limits = {"max_force_eV_A": max_force_eV_A, "max_step_A": max_step_A}
    return run(descent(start, hessian, **limits, max_calls=max_calls, stop=stop), forces)
