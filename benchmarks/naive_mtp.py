"""A moment tensor potential as anyone would write it with numba: loops over atoms, neighbours and moments.

All moments' gradients are kept per neighbour and summed in the end, with the tables of the file read as they
are. Neighbours come from SciPy's tree and are kept while atoms move within a skin.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numba import njit
from scipy.spatial import cKDTree

from nnk.potentials.mtp import MtpParameters, read_mtp

_SKIN_A = 0.6


@njit(fastmath=True)
def _radial(r, scale, low, high, coefficients, polynomials, values):  # type: ignore[no-untyped-def]
    """Radial functions of a pair of species and their derivatives."""
    slope, h = 2 / (high - low), r - high
    xi = slope * (r - low) - 1
    polynomials[0, 0], polynomials[0, 1], polynomials[1, 0], polynomials[1, 1] = 1.0, 0.0, xi, slope
    for q in range(2, coefficients.shape[1]):
        polynomials[q, 0] = 2 * xi * polynomials[q - 1, 0] - polynomials[q - 2, 0]
        polynomials[q, 1] = (
            2 * (slope * polynomials[q - 1, 0] + xi * polynomials[q - 1, 1]) - polynomials[q - 2, 1]
        )
    for f in range(len(coefficients)):
        value, change = 0.0, 0.0
        for q in range(coefficients.shape[1]):
            value += coefficients[f, q] * polynomials[q, 0]
            change += coefficients[f, q] * polynomials[q, 1]
        values[f, 0] = scale * h * h * value
        values[f, 1] = scale * (2 * h * value + h * h * change)


@njit(fastmath=True)
def _evaluate(x, cell, species, ends, others, scale, low, high, radial, basic, times, linear, forces):  # type: ignore[no-untyped-def]
    """Energy of the neighbourhoods; forces are added to zeros."""
    powers = np.ones((basic[:, 1:].sum(axis=1).max() + 1, 3))
    polynomials, values = np.zeros((radial.shape[3] + 1, 2)), np.zeros((radial.shape[2], 2))
    moments, adjoint, unit, energy = np.zeros(len(linear)), np.zeros(len(linear)), np.zeros(3), 0.0
    gradients = np.zeros((np.diff(ends).max(), len(basic), 3))
    for i in range(len(x)):
        moments[:] = 0.0
        for k in range(ends[i], ends[i + 1]):
            j, square = others[k], 0.0
            for axis in range(3):
                d = x[j, axis] - x[i, axis]
                unit[axis] = d - cell[axis] * np.round(d / cell[axis])
                square += unit[axis] ** 2
            r = math.sqrt(square)
            if r >= high:
                gradients[k - ends[i]] = 0.0
                continue
            _radial(r, scale, low, high, radial[species[i], species[j]], polynomials, values)
            for axis in range(3):
                unit[axis] /= r
                for p in range(1, len(powers)):
                    powers[p, axis] = powers[p - 1, axis] * unit[axis]
            for q in range(len(basic)):
                mu, a, b, c = basic[q, 0], basic[q, 1], basic[q, 2], basic[q, 3]
                value, change = values[mu, 0], values[mu, 1]
                product = powers[a, 0] * powers[b, 1] * powers[c, 2]
                moments[q] += value * product
                along, across = (change - (a + b + c) * value / r) * product, value / r
                gx, gy, gz = along * unit[0], along * unit[1], along * unit[2]
                if a > 0:
                    gx += across * a * powers[a - 1, 0] * powers[b, 1] * powers[c, 2]
                if b > 0:
                    gy += across * b * powers[a, 0] * powers[b - 1, 1] * powers[c, 2]
                if c > 0:
                    gz += across * c * powers[a, 0] * powers[b, 1] * powers[c - 1, 2]
                at = k - ends[i]
                gradients[at, q, 0], gradients[at, q, 1], gradients[at, q, 2] = gx, gy, gz
        for q in range(len(times)):
            first, second, factor, result = times[q, 0], times[q, 1], times[q, 2], times[q, 3]
            moments[result] += factor * moments[first] * moments[second]
        for q in range(len(linear)):
            energy += linear[q] * moments[q]
            adjoint[q] = linear[q]
        for q in range(len(times) - 1, -1, -1):
            first, second, factor, result = times[q, 0], times[q, 1], times[q, 2], times[q, 3]
            adjoint[second] += factor * adjoint[result] * moments[first]
            adjoint[first] += factor * adjoint[result] * moments[second]
        for k in range(ends[i], ends[i + 1]):
            j, gx, gy, gz = others[k], 0.0, 0.0, 0.0
            for q in range(len(basic)):
                gx += adjoint[q] * gradients[k - ends[i], q, 0]
                gy += adjoint[q] * gradients[k - ends[i], q, 1]
                gz += adjoint[q] * gradients[k - ends[i], q, 2]
            forces[i, 0] += gx
            forces[i, 1] += gy
            forces[i, 2] += gz
            forces[j, 0] -= gx
            forces[j, 1] -= gy
            forces[j, 2] -= gz
    return energy


class NaiveMtp:
    """Energy and forces of atoms in a cell wider than twice the cutoff with its skin."""

    def __init__(self, path: Path, species: np.ndarray, cell_A: np.ndarray) -> None:
        self._potential: MtpParameters = read_mtp(path)
        self._species, self._cell_A = species, np.asarray(cell_A, dtype=np.float64)
        self._linear = np.zeros(self._potential.n_moments)
        np.add.at(self._linear, self._potential.mapping, self._potential.moment_coeffs)
        self._own_eV = float(self._potential.species_coeffs[species].sum())
        self._listed_at_A: np.ndarray | None = None

    def energy_forces(self, positions_A: np.ndarray) -> tuple[float, np.ndarray]:
        """Energy in eV and forces float64[n, 3] in eV/Å."""
        listed_at_A = self._listed_at_A
        if listed_at_A is None or np.linalg.norm(positions_A - listed_at_A, axis=1).max() > _SKIN_A / 2:
            self._list(positions_A)
        p, forces = self._potential, np.zeros_like(positions_A)
        where = positions_A, self._cell_A, self._species, self._ends, self._others
        form = p.scaling, p.min_dist_A, p.max_dist_A, p.radial_coeffs, p.basic, p.times, self._linear
        return self._own_eV + _evaluate(*where, *form, forces), forces

    def _list(self, positions_A: np.ndarray) -> None:
        inside = np.mod(positions_A, self._cell_A) % self._cell_A
        reach_A = self._potential.max_dist_A + _SKIN_A
        pairs = cKDTree(inside, boxsize=self._cell_A).query_pairs(reach_A, output_type="ndarray")
        both = np.concatenate([pairs, pairs[:, ::-1]])
        both = both[np.lexsort((both[:, 1], both[:, 0]))]
        self._ends = np.searchsorted(both[:, 0], np.arange(len(positions_A) + 1))
        self._others, self._listed_at_A = np.ascontiguousarray(both[:, 1]), positions_A.copy()
