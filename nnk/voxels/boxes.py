"""Bounding boxes of atoms: one for each snapshot (inner), or one for all (outer)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]
BoxKind = Literal["ibb", "obb"]


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes along the axes, with the unit of their coordinates.

    Attributes:
        lower_A, upper_A: float64[m, 3], corners; m is 1 for a box that holds for all snapshots.
        unit_A: float64[m], the largest size of a coordinate: normalised coordinates are in this unit.

    Raises:
        ValueError: a box that is flat along an axis, or has no voxels to cut it into.
    """

    lower_A: Float64Array
    upper_A: Float64Array
    unit_A: Float64Array

    def __post_init__(self) -> None:
        edges = self.upper_A - self.lower_A
        if not (edges > 0).all():
            box, axis = (int(i) for i in np.argwhere(~(edges > 0))[0])
            raise ValueError(
                f"box {box} is empty: along {'xyz'[axis]} all atoms are at {self.lower_A[box, axis]:g} Å; "
                "expected atoms that do not lie in one plane"
            )

    def __len__(self) -> int:
        return len(self.lower_A)


def boxes_of(positions_A: Float64Array, kind: BoxKind) -> Boxes:
    """The boxes that just hold the atoms.

    Args:
        positions_A: float64[n, n_atoms, 3].
        kind: "ibb", inner: one box for each snapshot; "obb", outer: one box for the whole set.

    Raises:
        ValueError: an unknown kind, no atoms, positions that are not finite, or atoms in one plane.
    """
    if kind not in get_args(BoxKind):
        raise ValueError(f"box={kind!r}: allowed are {', '.join(get_args(BoxKind))}")
    if positions_A.ndim != 3 or positions_A.shape[2] != 3 or not positions_A.size:
        raise ValueError(f"positions_A: expected [n, n_atoms, 3] with atoms, got {positions_A.shape}")
    if not np.isfinite(positions_A).all():
        raise ValueError("positions_A: expected finite numbers")
    atoms = positions_A if kind == "ibb" else positions_A.reshape(1, -1, 3)
    return Boxes(atoms.min(axis=1), atoms.max(axis=1), np.abs(atoms).max(axis=(1, 2)))
