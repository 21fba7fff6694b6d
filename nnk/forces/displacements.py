"""Forces from the displacements of all atoms of one cell: a dense network, and least squares."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnk.forces.atoms import Atoms, Float64Array
from nnk.forces.base import Answer, ForceNetwork
from nnk.forces.options import DenseOptions, LinearForceOptions


class _Displacements(ForceNetwork):
    """What both know: the mean positions, and the usual size of a displacement.

    Attributes:
        mean_A: [n_atoms, 3], mean positions of the training snapshots.
        width_A: [1], root mean square of their displacements.
    """

    mean_A: Tensor
    width_A: Tensor

    def __init__(self, atoms: Atoms, options: DenseOptions | LinearForceOptions) -> None:
        super().__init__(atoms, options)
        self.register_buffer("mean_A", torch.zeros(len(atoms), 3))
        self.register_buffer("width_A", torch.ones(1))

    def see(self, positions_A: Float64Array, forces: Float64Array) -> None:
        """See `ForceNetwork.see`."""
        self.mean_A.copy_(torch.from_numpy(positions_A.mean(0)))
        self.width_A.fill_(float(positions_A.std(0).mean()) or 1.0)

    def _displacements(self, positions_A: Tensor) -> Tensor:
        return ((positions_A - self.mean_A) / self.width_A).flatten(1)


class DenseForces(_Displacements):
    """The fully connected network that the voxel network is compared with; tanh in every layer."""

    def __init__(self, atoms: Atoms, options: DenseOptions) -> None:
        super().__init__(atoms, options)
        widths = (3 * len(atoms), *options.hidden, 3 * len(atoms))
        layers = [(nn.Linear(a, b), nn.Tanh()) for a, b in pairwise(widths)]
        self.dense = nn.Sequential(*(part for layer in layers for part in layer))

    def forward(self, positions_A: Tensor, surroundings: Any = None) -> Answer:
        """See `ForceNetwork.forward`."""
        return Answer(self.dense(self._displacements(positions_A)).view(positions_A.shape))


class LinearForces(_Displacements):
    """Forces linear in the displacements: force constants by ridge regression."""

    options: LinearForceOptions
    learns = False
    constants: Tensor
    rest: Tensor

    def __init__(self, atoms: Atoms, options: LinearForceOptions) -> None:
        super().__init__(atoms, options)
        n = 3 * len(atoms)
        self.register_buffer("constants", torch.zeros(n, n))
        self.register_buffer("rest", torch.zeros(n))

    def see(self, positions_A: Float64Array, forces: Float64Array) -> None:
        """Fit the force constants."""
        super().see(positions_A, forces)
        n = len(positions_A)
        u = (positions_A - positions_A.mean(0)).reshape(n, -1) / float(self.width_A)
        targets = forces.reshape(n, -1)
        penalty = self.options.ridge * n * np.eye(u.shape[1])
        solved = np.linalg.solve(u.T @ u + penalty, u.T @ (targets - targets.mean(0)))
        self.constants.copy_(torch.from_numpy(solved))
        self.rest.copy_(torch.from_numpy(targets.mean(0)))

    def forward(self, positions_A: Tensor, surroundings: Any = None) -> Answer:
        """See `ForceNetwork.forward`."""
        forces = self._displacements(positions_A) @ self.constants + self.rest
        return Answer(forces.view(positions_A.shape))
