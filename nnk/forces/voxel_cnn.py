"""The voxel force field of a TaNbMo cell: a convolutional network from the image of all atoms to all forces.

Convolutions of 2 x 2 x 2 with stride 1, half as many filters in each as in the one before, leaky ReLU (slope
0.001 below zero), dropout after every second one, a maximum over 2 x 2 x 2 voxels, and three dense layers
with tanh, of which the last gives the forces in units of the largest one. Ours, as the paper does not say:
the number of convolutions, the width of the dense layers, one pooling at the end, and that each voxel is seen
from its mean over the training snapshots, in units of its standard deviation.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from nnk.forces.atoms import Atoms, Float64Array
from nnk.forces.base import Answer, ForceNetwork
from nnk.forces.options import VoxelCnnOptions
from nnk.voxels.boxes import boxes_of
from nnk.voxels.images import voxel_images

SLOPE = 0.001
_SEEN_AT_ONCE = 512
_FLAT = 1e-6  # of the largest deviation: a voxel that varies less tells nothing


class VoxelCnn(ForceNetwork):
    """Forces of the cell that it was trained on, from voxel images."""

    options: VoxelCnnOptions
    weights: Tensor
    lower: Tensor
    upper: Tensor
    unit: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, atoms: Atoms, options: VoxelCnnOptions) -> None:
        super().__init__(atoms, options)
        grid = options.grid
        weights = torch.from_numpy(grid.weights(atoms.elements, atoms.species)).float()
        self.register_buffer("weights", weights / weights.max(), persistent=False)
        for name, shape in (("lower", (1, 3)), ("upper", (1, 3)), ("unit", (1,))):
            self.register_buffer(name, torch.ones(shape))
        image = (weights.shape[1], *grid.shape)
        self.register_buffer("mean", torch.zeros(image))
        self.register_buffer("deviation", torch.ones(image))
        self.convolutions = _convolutions(weights.shape[1], options)
        edge = grid.edge - options.layers
        self.pool = nn.MaxPool3d(2) if edge >= 2 else nn.Identity()
        flat = (options.filters >> (options.layers - 1)) * (edge // 2 if edge >= 2 else edge) ** 3
        self.dense = nn.Sequential(
            *(nn.Linear(flat, options.hidden), nn.Tanh()),
            *(nn.Linear(options.hidden, options.hidden), nn.Tanh()),
            *(nn.Linear(options.hidden, 3 * len(atoms)), nn.Tanh()),
        )

    def see(self, positions_A: Float64Array, forces: Float64Array) -> None:
        """Keep the outer box, and mean and deviation of each voxel; see `ForceNetwork.see`."""
        box = boxes_of(positions_A, "obb")
        for name, values in (("lower", box.lower_A), ("upper", box.upper_A), ("unit", box.unit_A)):
            getattr(self, name).copy_(torch.from_numpy(values))
        parts = torch.from_numpy(positions_A).split(_SEEN_AT_ONCE)
        total, squares = (torch.zeros(self.mean.shape, dtype=torch.float64) for _ in range(2))
        first = self.images(parts[0]).mean(0)  # differences from it keep their digits
        for part in parts:
            beyond = self.images(part) - first
            total += beyond.sum(0)
            squares += beyond.square().sum(0)
        mean = total / len(positions_A)
        deviation = (squares / len(positions_A) - mean.square()).clamp(min=0).sqrt()
        self.mean.copy_(first + mean)
        self.deviation.copy_(deviation.clamp(min=_FLAT * float(deviation.max())))

    def images(self, positions_A: Tensor) -> Tensor:
        """Voxel images [b, channels, x, y, z] in the precision of the positions."""
        kind = positions_A.dtype
        if self.options.grid.box == "obb":
            corners = self.lower.to(kind), self.upper.to(kind), self.unit.to(kind)
        else:
            corners = positions_A.amin(1), positions_A.amax(1), positions_A.abs().amax((1, 2))
        grid = self.options.grid
        return voxel_images(positions_A, self.weights.to(kind), corners, edge=grid.edge, gamma=grid.gamma)

    def forward(self, positions_A: Tensor, surroundings: Any = None) -> Answer:
        """See `ForceNetwork.forward`."""
        images = (self.images(positions_A) - self.mean) / self.deviation
        features = self.pool(self.convolutions(images)).flatten(1)
        return Answer(self.dense(features).view(positions_A.shape))


def _convolutions(n_channels: int, options: VoxelCnnOptions) -> nn.Sequential:
    layers: list[nn.Module] = []
    for i in range(options.layers):
        n_out = options.filters >> i
        layers += [nn.Conv3d(n_channels, n_out, 2), nn.LeakyReLU(SLOPE)]
        if i % 2 == 1 and options.dropout:
            layers.append(nn.Dropout(options.dropout))
        n_channels = n_out
    return nn.Sequential(*layers)
