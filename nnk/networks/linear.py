"""Linear regression on the one-hot species of the sites (Fan et al. 2022, fig. 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from nnk.models.mlp import MlpModel
from nnk.models.program import DenseStack
from nnk.networks.base import BarrierNetwork, one_hot
from nnk.networks.dense import array
from nnk.networks.options import LinearOptions
from nnk.networks.setting import Setting, Start


class LinearNetwork(BarrierNetwork):
    """A number for each species on each site around the vacancy; the barrier is their sum."""

    reads = "initial"

    def __init__(self, setting: Setting, options: LinearOptions) -> None:
        super().__init__(setting, options)
        self.table = nn.Parameter(torch.zeros(len(self.before), setting.n_species))
        self.bias = nn.Parameter(torch.zeros(1))

    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """See `BarrierNetwork`; the moving atom is one of the sites."""
        atoms = one_hot(species, self.setting.n_species)
        return cast(Tensor, atoms.flatten(1) @ self.table.flatten() + self.bias)

    def export(self, start: Start, description: Mapping[str, Any]) -> MlpModel:
        """See `BarrierNetwork`; x is max(x, 0) - max(-x, 0), which a dense network says exactly."""
        signs = np.array([1, -1], dtype=np.float32)
        network = DenseStack(
            table=array(self.table)[..., None] * signs,
            mover=np.zeros((self.setting.n_species, 2), dtype=np.float32),
            bias=array(self.bias) * signs,
            hidden=(),
            out_weight=signs * np.float32(start.scale_eV),
            out_bias=float(start.E_fwd_eV[0]),
        )
        setting = self.setting
        return MlpModel(setting.elements, setting.structure, setting.shells, network, description)
