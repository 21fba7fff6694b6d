"""Energy, forces and virial of a moment tensor potential from neighbour lists, compiled."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from nnk.potentials.base import FloatArray
from nnk.potentials.mtp.neighbours import Neighbours, nearest_image
from nnk.potentials.mtp.parameters import MtpParameters

_MOST_NEIGHBOURS = 512


class Tables(NamedTuple):
    """A potential as the kernel reads it (`MtpParameters`)."""

    min_dist_A: float
    max_dist_A: float
    radial: FloatArray
    basic: NDArray[np.int64]
    times: NDArray[np.int64]
    linear: FloatArray
    species_coeffs: FloatArray


class Work(NamedTuple):
    """Scratch of an evaluation."""

    moments: FloatArray
    adjoint: FloatArray
    powers: FloatArray
    chebyshev: FloatArray
    radial: FloatArray
    gradients: FloatArray
    sources: NDArray[np.int64]


def tables(parameters: MtpParameters) -> Tables:
    """The tables of a potential."""
    linear = np.zeros(parameters.n_moments)
    np.add.at(linear, parameters.mapping, parameters.moment_coeffs)
    return Tables(
        parameters.min_dist_A,
        parameters.max_dist_A,
        parameters.scaling * parameters.radial_coeffs,
        parameters.basic,
        parameters.times,
        linear,
        parameters.species_coeffs,
    )


def allocate(tables: Tables, n_atoms: int) -> Work:
    """Scratch for a potential."""
    n_moments, order = len(tables.linear), int(tables.basic[:, 1:].sum(axis=1).max())
    functions, size = tables.radial.shape[2:]
    return Work(
        moments=np.empty(n_moments),
        adjoint=np.empty(n_moments),
        powers=np.ones((order + 1, 3)),
        chebyshev=np.empty((size + 1, 2)),
        radial=np.empty((functions, 2)),
        gradients=np.empty((_MOST_NEIGHBOURS, len(tables.basic), 3)),
        sources=np.empty(_MOST_NEIGHBOURS, np.int64),
    )


@njit(cache=True, error_model="numpy")
def _radial(r: float, coefficients: FloatArray, tables: Tables, work: Work) -> None:
    """The radial functions of a pair of species and their derivatives."""
    t, low, high = work.chebyshev, tables.min_dist_A, tables.max_dist_A
    slope = 2 / (high - low)
    xi, h = slope * (r - low) - 1, r - high
    t[0, 0], t[0, 1], t[1, 0], t[1, 1] = 1.0, 0.0, xi, slope
    for q in range(2, coefficients.shape[1]):
        t[q, 0] = 2 * xi * t[q - 1, 0] - t[q - 2, 0]
        t[q, 1] = 2 * (slope * t[q - 1, 0] + xi * t[q - 1, 1]) - t[q - 2, 1]
    for f in range(len(coefficients)):
        value, change = 0.0, 0.0
        for q in range(coefficients.shape[1]):
            value += coefficients[f, q] * t[q, 0]
            change += coefficients[f, q] * t[q, 1]
        work.radial[f, 0] = h * h * value
        work.radial[f, 1] = 2 * h * value + h * h * change


@njit(cache=True, error_model="numpy")
def _add_neighbour(k: int, r: float, unit: FloatArray, tables: Tables, work: Work) -> None:
    """Add a neighbour to the basic moments, and keep their gradients."""
    powers, basic = work.powers, tables.basic
    for p in range(1, len(powers)):
        for axis in range(3):
            powers[p, axis] = powers[p - 1, axis] * unit[axis]
    for q in range(len(basic)):
        mu, a, b, c = basic[q]
        value, change = work.radial[mu]
        product = powers[a, 0] * powers[b, 1] * powers[c, 2]
        work.moments[q] += value * product
        along = (change - (a + b + c) * value / r) * product
        x, y, z = along * unit[0], along * unit[1], along * unit[2]
        if a > 0:
            x += value / r * a * powers[a - 1, 0] * powers[b, 1] * powers[c, 2]
        if b > 0:
            y += value / r * b * powers[a, 0] * powers[b - 1, 1] * powers[c, 2]
        if c > 0:
            z += value / r * c * powers[a, 0] * powers[b, 1] * powers[c - 1, 2]
        work.gradients[k, q, 0], work.gradients[k, q, 1], work.gradients[k, q, 2] = x, y, z


@njit(cache=True, error_model="numpy")
def _contract(tables: Tables, work: Work) -> float:
    """Energy of the scalar moments, and the derivatives by the moments in reverse."""
    moments, adjoint, times, energy = work.moments, work.adjoint, tables.times, 0.0
    for q in range(len(times)):
        i, j, factor, k = times[q]
        moments[k] += factor * moments[i] * moments[j]
    for q in range(len(moments)):
        energy += tables.linear[q] * moments[q]
        adjoint[q] = tables.linear[q]
    for q in range(len(times) - 1, -1, -1):
        i, j, factor, k = times[q]
        weight = factor * adjoint[k]
        adjoint[i] += weight * moments[j]
        adjoint[j] += weight * moments[i]
    return energy


@njit(cache=True, error_model="numpy")
def evaluate(
    species: NDArray[np.int64],
    neighbours: Neighbours,
    tables: Tables,
    work: Work,
    forces: FloatArray,
    virial: FloatArray,
) -> float:
    """Energy in eV; forces (eV/Å) and virial (eV) are added to arrays of zeros."""
    n, wrapped, (nx, ny, nz) = len(species), neighbours.wrapped_A, neighbours.copies
    edges = (nx * neighbours.cell_A[0], ny * neighbours.cell_A[1], nz * neighbours.cell_A[2])
    unit, energy = np.empty(3), 0.0
    for i in range(n):
        work.moments[:] = 0.0
        count = 0
        for source in neighbours.lists[i, : neighbours.counts[i]]:
            square = 0.0
            for axis in range(3):
                unit[axis] = nearest_image(wrapped[source, axis] - wrapped[i, axis], edges[axis])
                square += unit[axis] * unit[axis]
            r = math.sqrt(square)
            if r < tables.max_dist_A:
                for axis in range(3):
                    unit[axis] /= r
                _radial(r, tables.radial[species[i], species[source % n]], tables, work)
                _add_neighbour(count, r, unit, tables, work)
                work.sources[count] = source
                count += 1
        energy += tables.species_coeffs[species[i]] + _contract(tables, work)
        for k in range(count):
            source = work.sources[k]
            for axis in range(3):
                unit[axis] = 0.0
                for q in range(len(tables.basic)):
                    unit[axis] += work.adjoint[q] * work.gradients[k, q, axis]
            dx = nearest_image(wrapped[source, 0] - wrapped[i, 0], edges[0])
            dy = nearest_image(wrapped[source, 1] - wrapped[i, 1], edges[1])
            dz = nearest_image(wrapped[source, 2] - wrapped[i, 2], edges[2])
            for axis in range(3):
                forces[i, axis] += unit[axis]
                forces[source % n, axis] -= unit[axis]
            virial[0] += dx * unit[0]
            virial[1] += dy * unit[1]
            virial[2] += dz * unit[2]
            virial[3] += dy * unit[2]
            virial[4] += dx * unit[2]
            virial[5] += dx * unit[1]
    return energy
