"""Where the voxels of a spatial density map lie, and the frame in which the sites around a jump stand in it.

The frame: origin at the vacancy, the moving atom on +x, y along [-110] and z along x cross y, written in the
canonical frame of the jump (`nnk.environment`): bcc x = [111], z = [-1-12]; fcc x = [110], z = [001].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnk.environment import EnvironmentSpec, canonical_jump
from nnk.lattice import Structure, shell_offsets

Float64Array = NDArray[np.float64]

_WHOLE = 1e-6  # how far from a whole number of voxels a map may be, in voxels


@dataclass(frozen=True)
class DensityGrid:
    """A cube of voxels around a vacancy (Fan et al. 2022, eq. 1); the defaults are those of their six peaks.

    Attributes:
        cutoff_A: r_c, atoms at this distance from the vacancy or beyond are left out.
        half_edge_A: l_c, half the edge of the cube.
        voxel_A: Delta, the distance between voxels and the width (standard deviation) of an atom's Gaussian.
    """

    cutoff_A: float = 7.6
    half_edge_A: float = 8.0
    voxel_A: float = 0.5

    def __post_init__(self) -> None:
        for name in ("cutoff_A", "half_edge_A", "voxel_A"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"{name}={value!r}: expected a positive length in Å")
        if abs(2 * self.half_edge_A / self.voxel_A - self.edge) > _WHOLE or self.edge < 1:
            raise ValueError(
                f"half_edge_A={self.half_edge_A}: the edge {2 * self.half_edge_A} Å is not a whole number "
                f"of voxels of voxel_A={self.voxel_A}"
            )

    @property
    def edge(self) -> int:
        """Voxels along an edge (defaults: 32)."""
        return round(2 * self.half_edge_A / self.voxel_A)

    @property
    def centres_A(self) -> Float64Array:
        """Voxel centres float64[edge] along each axis: -l_c + Delta/2 ... l_c - Delta/2."""
        return self.voxel_A * np.arange(0.5 - 0.5 * self.edge, 0.5 * self.edge, dtype=np.float64)


def jump_axes(structure: Structure) -> Float64Array:
    """Rotation float64[3, 3] whose rows are the x, y and z axes of the map in the canonical frame."""
    along = canonical_jump(structure).astype(np.float64)
    x = along / np.linalg.norm(along)
    y = np.array([-1.0, 1.0, 0.0]) / np.sqrt(2.0)
    return np.stack([x, y, np.cross(x, y)])


def map_positions_A(structure: Structure, shells: int, a_A: float) -> Float64Array:
    """Ideal positions float64[n_initial, 3] (Å) in the map's frame of the "initial" environment's columns.

    The reverse jump has the same positions: with ``before, after = initial_columns(structure, shells)`` and
    the moving species appended to the union environment as its last column, ``columns[:, before]`` is what
    the map of the jump is made of and ``columns[:, after]`` what that of its reverse is made of.
    """
    offsets = EnvironmentSpec(structure, shells, "initial").canonical
    return 0.5 * a_A * offsets @ jump_axes(structure).T


def check_reach(structure: Structure, shells: int, a_A: float, cutoff_A: float) -> None:
    """Refuse a cutoff that takes in atoms of which nothing is known.

    Raises:
        ValueError: shell ``shells + 1`` of a lattice with parameter `a_A` lies within `cutoff_A`.
    """
    next_A = 0.5 * a_A * float(np.linalg.norm(shell_offsets(structure, shells + 1)[0]))
    if next_A < cutoff_A:
        raise ValueError(
            f"cutoff_A={cutoff_A}: shell {shells + 1} of {structure} with a_A={a_A} is at {next_A:.3f} Å, "
            f"but only {shells} shells are read"
        )
