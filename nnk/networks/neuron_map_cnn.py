"""A convolutional network on the neuron map (Xing et al. 2024, Supplementary section 4, fig. S17)."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from nnk.networks.base import BarrierNetwork
from nnk.networks.batch_norm import BatchNorm
from nnk.networks.options import NeuronMapCnnOptions
from nnk.networks.setting import Setting
from nnk.neuron_map import EDGE, NeuronMap, fill_map


class NeuronMapCnnNetwork(BarrierNetwork):
    """Convolutions 3 x 3 x 3 without padding, each with batch normalisation and ReLU, then a linear output.

    Four of them bring the 9 x 9 x 9 voxels down to one, of as many channels as the last has filters.
    """

    reads = "initial"
    at_once = 1024

    voxels: Tensor

    def __init__(self, setting: Setting, options: NeuronMapCnnOptions) -> None:
        super().__init__(setting, options)
        voxels = NeuronMap(setting.structure, setting.shells).voxels
        self.register_buffer("voxels", torch.tensor(voxels), persistent=False)
        layers: list[nn.Module] = []
        for channels, filters in pairwise((1, *options.filters)):
            # the normalisation has a bias of its own
            layers += [nn.Conv3d(channels, filters, 3, bias=False), BatchNorm(filters), nn.ReLU()]
        self.layers = nn.Sequential(*layers)
        left = EDGE - 2 * len(options.filters)
        self.out = nn.Linear(options.filters[-1] * left**3, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """See `BarrierNetwork`; the moving atom is one of the voxels."""
        return cast(Tensor, self.out(self.layers(fill_map(species, self.voxels)).flatten(1))[:, 0])
