"""A dense network on the neuron map (Xing, Rupert, Pan and Cao, Nature Communications 15, 3879, 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from nnk.models.mlp import MlpModel
from nnk.models.program import DenseStack, Float32Array
from nnk.networks.base import BarrierNetwork
from nnk.networks.batch_norm import BatchNorm
from nnk.networks.dense import array
from nnk.networks.options import NeuronMapMlpOptions
from nnk.networks.setting import Setting, Start


class NeuronMapMlpNetwork(BarrierNetwork):
    """Dense layers, each with batch normalisation and ReLU, on the species numbers of the map's voxels.

    Empty voxels of the 9 x 9 x 9 hold 0 and add nothing to a dense layer, so the sites alone are read.
    """

    reads = "initial"

    def __init__(self, setting: Setting, options: NeuronMapMlpOptions) -> None:
        super().__init__(setting, options)
        widths = (len(self.before), *options.hidden)
        # the normalisation has a bias of its own
        self.dense = nn.ModuleList(nn.Linear(a, b, bias=False) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(BatchNorm(width) for width in options.hidden)
        self.out = nn.Linear(widths[-1], 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """See `BarrierNetwork`; the moving atom is one of the sites."""
        layer = species.float()
        for dense, norm in zip(self.dense, self.norms, strict=True):
            layer = torch.relu(norm(dense(layer)))
        return cast(Tensor, self.out(layer)[:, 0])

    def export(self, start: Start, description: Mapping[str, Any]) -> MlpModel:
        """See `BarrierNetwork`; a site's row of a species is its number times the voxel's weights."""
        parts = zip(self.dense, self.norms, strict=True)
        (first, bias), *hidden = (_folded(cast(nn.Linear, d), cast(BatchNorm, n)) for d, n in parts)
        setting = self.setting
        numbers = np.arange(1, setting.n_species + 1, dtype=np.float32)
        network = DenseStack(
            table=np.ascontiguousarray(numbers[None, :, None] * first[:, None, :]),
            mover=np.zeros((setting.n_species, len(bias)), dtype=np.float32),
            bias=bias,
            hidden=tuple(hidden),
            out_weight=array(self.out.weight[0]) * np.float32(start.scale_eV),
            out_bias=float(start.E_fwd_eV[0]) + start.scale_eV * float(self.out.bias.detach()),
        )
        return MlpModel(setting.elements, setting.structure, setting.shells, network, description)


def _folded(dense: nn.Linear, norm: BatchNorm) -> tuple[Float32Array, Float32Array]:
    """Weight float32[inputs, outputs] and bias of a dense layer with its batch normalisation folded in."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return array(dense.weight.T * scale), array(norm.bias - norm.running_mean * scale)
