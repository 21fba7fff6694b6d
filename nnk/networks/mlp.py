"""Network of `nnk.models.MlpModel`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from torch import Tensor

from nnk.models.mlp import MlpModel
from nnk.networks.base import BarrierNetwork, one_hot
from nnk.networks.dense import OneHotStack
from nnk.networks.options import MlpOptions
from nnk.networks.setting import Setting, Start


class MlpNetwork(BarrierNetwork):
    """Dense layers on the one-hot species around the vacancy, read from either end of the jump."""

    reads = "initial"

    def __init__(self, setting: Setting, options: MlpOptions) -> None:
        super().__init__(setting, options)
        n_sites = len(self.before)
        self.network = OneHotStack(n_sites, setting.n_species, options.hidden, n_sites)
        self.network.mover.requires_grad_(False)

    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """See `BarrierNetwork`; the moving atom is one of the sites."""
        return cast(Tensor, self.network(one_hot(species, self.setting.n_species), None))

    def export(self, start: Start, description: Mapping[str, Any]) -> MlpModel:
        """See `BarrierNetwork`."""
        shift_eV = float(start.E_fwd_eV[0])
        network = self.network.export(start.scale_eV, shift_eV, reads_mover=False)
        setting = self.setting
        return MlpModel(setting.elements, setting.structure, setting.shells, network, description)
