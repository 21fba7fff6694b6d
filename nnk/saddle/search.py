"""Search for a stationary point from one image: quasi-Newton steps on the true force.

The Hessian starts as the model Hessian A with its curvature along the jump set to a negative value,

    B_0 = A + beta t t^T,    beta = c - t^T A t,

t the unit jump vector and c = `START_CURVATURE_EV_A2`. After each step s with change of gradient y, and
with j = y - B s, Bofill's mixture of the symmetric rank-one and Powell updates is added *in the metric of
A*, where, unlike in the plain one, no denominator can vanish alone:

    phi = (j.s)^2 / ((j.A^-1 j)(s.A s)),   a = A s,
    dB  = phi j j^T / (j.s) + (1 - phi) [(a j^T + j a^T) / (s.a) - (j.s) a a^T / (s.a)^2].

The inverse follows from the Woodbury identity. J. M. Bofill, J. Comput. Chem. 15, 1 (1994).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnk.saddle.hessian import Hessian
from nnk.saddle.minimise import Forces, Point, capped, evaluate, inner

FloatArray = NDArray[np.float64]

START_CURVATURE_EV_A2 = -2.0


class _BofillHessian:
    """B = B_0 + Z^T M Z with rows Z of the updates, and its inverse."""

    def __init__(self, hessian: Hessian, direction: FloatArray) -> None:
        self._hessian = hessian
        self._t = direction / np.linalg.norm(direction)
        self._solved_t = hessian.solve(self._t)
        self._beta = START_CURVATURE_EV_A2 - inner(self._t, hessian.product(self._t))
        self._denominator = 1 + self._beta * inner(self._t, self._solved_t)
        size = self._t.size
        self._z = np.zeros((0, size))  # rows a_1, j_1, a_2, j_2, ...
        self._solved_z = np.zeros((0, size))  # B_0^-1 of each
        self._m = np.zeros((0, 0))

    def _lowered(self, solved: FloatArray) -> FloatArray:
        """B_0^-1 v from A^-1 v."""
        return solved - (self._beta * inner(self._t, solved) / self._denominator) * self._solved_t

    def product(self, v: FloatArray, model_product: FloatArray) -> FloatArray:
        """B v, given A v."""
        start = model_product + self._beta * inner(self._t, v) * self._t
        return start + ((self._z @ v.ravel()) @ self._m @ self._z).reshape(v.shape)

    def solve(self, v: FloatArray) -> FloatArray:
        """B^-1 v."""
        start = self._lowered(self._hessian.solve(v))
        if not len(self._z):
            return start
        inside = np.eye(len(self._z)) + self._m @ (self._z @ self._solved_z.T)
        weights = np.linalg.solve(inside, self._m @ (self._z @ start.ravel()))
        return start - (weights @ self._solved_z).reshape(v.shape)

    def update(self, s: FloatArray, y: FloatArray) -> None:
        """Learn that the gradient changed by `y` over the step `s`."""
        a = self._hessian.product(s)
        j = y - self.product(s, a)
        solved_j = self._hessian.solve(j)
        sa, js, jj = inner(s, a), inner(j, s), inner(j, solved_j)
        if jj * sa <= 1e-24 or js == 0.0:
            return  # the model predicted the change exactly
        phi = js * js / (jj * sa)
        block = np.array([[-(1 - phi) * js / sa**2, (1 - phi) / sa], [(1 - phi) / sa, js / (jj * sa)]])
        self._z = np.vstack([self._z, a.ravel(), j.ravel()])
        solved = [self._lowered(s).ravel(), self._lowered(solved_j).ravel()]  # A^-1 a is s
        self._solved_z = np.vstack([self._solved_z, *solved])
        k = len(self._m)
        m = np.zeros((k + 2, k + 2))
        m[:k, :k], m[k:, k:] = self._m, block
        self._m = m


def find_stationary(
    forces: Forces,
    start_A: FloatArray,
    direction: FloatArray,
    hessian: Hessian,
    *,
    max_force_eV_A: float,
    max_step_A: float = 0.2,
    max_calls: int = 25,
) -> Point | None:
    """A stationary point near `start_A`, expected to be a saddle along `direction` float64[n, 3].

    A small force alone proves neither a saddle nor a connection: see `nnk.saddle.curvature` and
    `nnk.saddle.path`.

    Returns:
        The point, or None when `max_calls` calls were not enough.
    """
    point = evaluate(forces, start_A)
    model = _BofillHessian(hessian, direction)
    for _ in range(max_calls - 1):
        if point.max_force_eV_A <= max_force_eV_A:
            return point
        step = capped(model.solve(point.forces_eV_A), max_step_A)
        trial = evaluate(forces, point.positions_A + step)
        model.update(step, point.forces_eV_A - trial.forces_eV_A)
        point = trial
    return point if point.max_force_eV_A <= max_force_eV_A else None
