"""Spatial density maps on a CPU: each atom is added to the voxels near it alone.

A Gaussian whose width is one voxel is below 3e-7 from 5.5 voxels on, so an atom reaches 13 voxels along each
axis, a fifteenth of a map of 32^3. Along an axis its values are exp(-(k - d)^2 / 2) = exp(-d^2 / 2)
exp(d)^k exp(-k^2 / 2), k whole, |d| <= 1/2: two exponentials for all of them.
"""

from __future__ import annotations

import math

import numba
import numpy as np
from numpy.typing import NDArray

REACH = 6  # voxels on either side of the nearest one
_WIDTH = 2 * REACH + 1
_TABLE = np.exp(-0.5 * np.arange(-REACH, REACH + 1.0) ** 2)


@numba.njit(cache=True, nogil=True, inline="always")
def _factors(coordinate: float, voxel: float, edge: int, values: NDArray) -> tuple[int, int, int]:
    """Fill `values`; the voxels [first, last) along the axis that they belong to, and where they begin."""
    place = coordinate / voxel + 0.5 * (edge - 1)
    nearest = math.floor(place + 0.5)
    d = place - nearest
    ratio = math.exp(d)
    value = math.exp(-0.5 * d * d) * math.exp(-REACH * d)
    for k in range(_WIDTH):
        values[k] = value * _TABLE[k]
        value *= ratio
    first = max(nearest - REACH, 0)
    return first, min(nearest + REACH + 1, edge), first - (nearest - REACH)


@numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"}, error_model="numpy")
def add_atoms(
    species: NDArray[np.uint8],
    positions_A: NDArray[np.float64],
    angle: NDArray[np.float64],
    lengths_A: tuple[float, float],
    maps: NDArray[np.float32],
) -> None:
    """Maps of a batch.

    Args:
        species: uint8[b, n], 0 where there is no atom.
        positions_A: float64[b, n, 3], or [1, n, 3] for the whole batch.
        angle: float64[b] in radians, a turn about x.
        lengths_A: cutoff and voxel edge.
        maps: float32[b, n_species, edge, edge, edge], overwritten.
    """
    cutoff, voxel = lengths_A
    edge = maps.shape[-1]
    gx, gy, gz = np.empty(_WIDTH), np.empty(_WIDTH), np.empty(_WIDTH)
    row = np.zeros(edge, dtype=np.float32)
    for b in range(len(species)):
        maps[b] = 0.0
        atoms = positions_A[b % len(positions_A)]
        cos, sin = math.cos(angle[b]), math.sin(angle[b])
        for n in range(species.shape[1]):
            x, y, z = atoms[n]
            if species[b, n] == 0 or x * x + y * y + z * z >= cutoff * cutoff:
                continue
            x0, x1, sx = _factors(x, voxel, edge, gx)
            y0, y1, sy = _factors(cos * y - sin * z, voxel, edge, gy)
            z0, z1, sz = _factors(sin * y + cos * z, voxel, edge, gz)
            row[:] = 0.0
            for i in range(x0, x1):
                row[i] = gx[sx + i - x0]
            channel = maps[b, species[b, n] - 1]
            for k in range(z0, z1):
                for j in range(y0, y1):
                    weight = np.float32(gz[sz + k - z0] * gy[sy + j - y0])
                    line = channel[k, j]
                    for i in range(edge):
                        line[i] += weight * row[i]
