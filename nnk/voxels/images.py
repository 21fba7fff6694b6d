"""Voxel images of a batch of snapshots, on the device of the tensors; made where they are used, never stored.

    V(x, y, z) = sum over atoms i of Z_i exp(-|r - r_i|^2 / (2 gamma^2))

in coordinates divided by the largest one (voxel force fields, eq. 3). A Gaussian is a product of one along
each axis, so an image is one matrix product over the atoms, [channel and x, atoms] x [atoms, y and z]: the
exponential is taken 3 x edge times per atom, not edge^3 times.
"""

from __future__ import annotations

import torch
from torch import Tensor

from nnk.density_map import gaussians


def voxel_images(
    positions_A: Tensor, weights: Tensor, corners_A: tuple[Tensor, Tensor, Tensor], *, edge: int, gamma: float
) -> Tensor:
    """Images [b, n_channels, x, y, z] of snapshots; differentiable.

    Args:
        positions_A: float[b, n_atoms, 3].
        weights: float[n_atoms, n_channels], see `nnk.voxels.VoxelGrid.weights`.
        corners_A: lower and upper corners float[m, 3] and units float[m] of the boxes (`nnk.voxels.Boxes`), m
            either 1 or b.
        edge: voxels along each axis; the image is taken at their centres.
        gamma: width of an atom, in the box's unit.
    """
    lower, upper, unit = corners_A
    steps = (torch.arange(edge, dtype=positions_A.dtype, device=positions_A.device) + 0.5) / edge
    width_A = gamma * unit[:, None, None]
    along = [
        gaussians(positions_A[..., axis], _centres(lower, upper, axis, steps), width_A) for axis in range(3)
    ]
    plane = (along[1].unsqueeze(-1) * along[2].unsqueeze(-2)).flatten(-2)
    columns = (weights.unsqueeze(-1) * along[0].unsqueeze(-2)).flatten(-2)
    return (columns.transpose(-1, -2) @ plane).view(len(positions_A), weights.shape[1], edge, edge, edge)


def _centres(lower: Tensor, upper: Tensor, axis: int, steps: Tensor) -> Tensor:
    """Voxel centres [m, 1, edge] along an axis."""
    return (lower[:, axis, None] + (upper - lower)[:, axis, None] * steps)[:, None]
