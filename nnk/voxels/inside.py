"""The inside-outside test: which voxel of a box holds which atom."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnk.voxels.boxes import Boxes, Float64Array

OUTSIDE = -1


def voxel_numbers(positions_A: Float64Array, boxes: Boxes, shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """Number int64[n, n_atoms] of the voxel that holds each atom, or `OUTSIDE`.

    A point k from the corner of a voxel with the edges u, v, w is inside if 0 < k.u <= u.u and so on
    (voxel force fields, eq. 2): of its faces, a voxel has the upper ones. By that test alone no voxel would
    hold the atoms on a box's lower faces, and a bounding box has some: they belong to the first voxels.

    Args:
        positions_A: float64[n, n_atoms, 3].
        boxes: one, or one for each of the n.
        shape: voxels along x, y and z; voxel (i, j, k) has the number (i shape[1] + j) shape[2] + k.
    """
    voxels = np.array(shape)
    edges = (boxes.upper_A - boxes.lower_A)[:, None]
    place = (positions_A - boxes.lower_A[:, None]) * voxels / edges
    index = np.ceil(place).astype(np.int64) - 1
    index[place == 0] = 0
    inside = ((index >= 0) & (index < voxels)).all(axis=-1)
    numbers = (index[..., 0] * shape[1] + index[..., 1]) * shape[2] + index[..., 2]
    return np.where(inside, numbers, OUTSIDE)
