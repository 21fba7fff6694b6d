"""Lowest curvatures of the energy at a point, by Davidson's method on differences of forces."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnk.saddle.hessian import Hessian
from nnk.saddle.minimise import Forces, Point, inner

FloatArray = NDArray[np.float64]

DIFFERENCE_A = 0.01
_INDEPENDENT = 1e-6


@dataclass(frozen=True)
class Modes:
    """Lowest curvatures found, ascending, and their unit vectors.

    Attributes:
        curvatures_eV_A2: float64[k]; upper bounds of the true ones.
        vectors: float64[k, n, 3].
    """

    curvatures_eV_A2: FloatArray
    vectors: FloatArray


def _without_translation(v: FloatArray) -> FloatArray:
    return v - v.mean(axis=0)


class _Subspace:
    """Orthonormal trial vectors without translations, and the true Hessian's product with each."""

    def __init__(self, forces: Forces, point: Point) -> None:
        self._forces = forces
        self._point = point
        self.vectors: list[FloatArray] = []
        self.products: list[FloatArray] = []

    def add(self, trial: FloatArray) -> bool:
        """Take a new direction in (one call); False if it is spanned already."""
        v = _without_translation(trial)
        v /= np.linalg.norm(v)
        for known in self.vectors:
            v -= inner(known, v) * known
        length = float(np.linalg.norm(v))
        if length < _INDEPENDENT:
            return False
        v /= length
        _, moved = self._forces(self._point.positions_A + DIFFERENCE_A * v)
        self.vectors.append(v)
        self.products.append((self._point.forces_eV_A - moved) / DIFFERENCE_A)
        return True

    def ritz(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Values float64[k], vectors and residuals float64[k, n, 3] of the projected problem."""
        shape = (-1, *self.vectors[0].shape)
        vectors, products = (np.stack([v.ravel() for v in rows]) for rows in (self.vectors, self.products))
        projected = vectors @ products.T
        values, weights = np.linalg.eigh(0.5 * (projected + projected.T))
        modes = weights.T @ vectors
        residuals = weights.T @ products - values[:, None] * modes
        return values, modes.reshape(shape), residuals.reshape(shape)


def lowest_mode(
    forces: Forces,
    point: Point,
    guess: FloatArray,
    hessian: Hessian,
    *,
    below_eV_A2: float,
    max_calls: int = 6,
    tolerance_eV_A2: float = 0.03,
) -> Modes:
    """The lowest mode of `point`, started at `guess`; stops as soon as its curvature is under `below_eV_A2`.

    Each value is an upper bound of the lowest curvature, so that a negative one proves a negative mode.
    """
    space, trial, last = _Subspace(forces, point), guess, np.inf
    values, modes, residuals = np.zeros(0), np.zeros(0), np.zeros(0)
    for _ in range(max_calls):
        if not space.add(trial):
            break
        values, modes, residuals = space.ritz()
        if values[0] < below_eV_A2 or abs(values[0] - last) < tolerance_eV_A2:
            break
        last = values[0]
        trial = hessian.solve(_without_translation(residuals[0]))
    return Modes(values[:1], modes[:1])


def lowest_modes(
    forces: Forces,
    point: Point,
    guess: FloatArray,
    hessian: Hessian,
    *,
    count: int = 3,
    max_calls: int = 60,
    tolerance_eV_A2: float = 0.1,
) -> Modes:
    """The `count` lowest modes of `point`, each converged to a residual of `tolerance_eV_A2`.

    The error of a curvature is of second order in its residual.
    """
    space, rng = _Subspace(forces, point), np.random.default_rng(0)
    space.add(guess)
    while len(space.vectors) < count:
        space.add(hessian.solve(rng.standard_normal(guess.shape)))
    while True:
        values, modes, residuals = space.ritz()
        sizes = np.linalg.norm(residuals[:count], axis=(1, 2))
        worst = int(np.argmax(sizes))
        full = len(space.vectors) >= max_calls
        if sizes[worst] < tolerance_eV_A2 or full or not space.add(hessian.solve(residuals[worst])):
            return Modes(values[:count], modes[:count])
