"""Networks of `nnk.models.BalancedModel`: the symmetric barrier, and the vacancy's energy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nnk.environment import EnvironmentSpec, state_columns
from nnk.lattice import IntArray
from nnk.models.balanced import BalancedModel
from nnk.networks.base import BarrierNetwork, Output, one_hot
from nnk.networks.dense import OneHotStack
from nnk.networks.options import BalancedOptions
from nnk.networks.setting import Setting, Start


class BalancedNetwork(BarrierNetwork):
    """KRA read forward and inverted and averaged, and S_vac before and after."""

    summed_before: Tensor
    summed_after: Tensor

    def __init__(self, setting: Setting, options: BalancedOptions) -> None:
        super().__init__(setting, options)
        union, n_species = setting.union, setting.n_species
        state = EnvironmentSpec(setting.structure, setting.shells, "state")
        self.kra = OneHotStack(union.n_env, n_species, options.hidden, union.n_env)
        n_orbits = int(state.orbits.max()) + 1
        self.s_vac = OneHotStack(n_orbits, n_species, options.state_hidden, state.n_env)
        self.s_vac.mover.requires_grad_(False)
        before, after = (columns[0] for columns in state_columns(setting.structure, setting.shells))
        n_columns = union.n_env + 1
        self.register_buffer("summed_before", _summing(before, state.orbits, n_columns), persistent=False)
        self.register_buffer("summed_after", _summing(after, state.orbits, n_columns), persistent=False)

    @property
    def detailed_balance(self) -> bool:
        """See `BarrierNetwork`."""
        return True

    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """See `BarrierNetwork`."""
        return self(species, mover).forward

    def forward(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Output:
        """See `BarrierNetwork`; KRA is the same for both directions, and the energy difference opposite."""
        atoms, jumper = one_hot(species, self.setting.n_species), one_hot(mover, self.setting.n_species)
        kra = 0.5 * (self.kra(atoms, jumper) + self.kra(atoms[:, self.inversion], jumper))
        around = torch.cat([atoms, jumper[:, None]], dim=1)
        dE = self.s_vac(self.summed_after @ around, None) - self.s_vac(self.summed_before @ around, None)
        return Output(kra + 0.5 * dE, kra - 0.5 * dE)

    def export(self, start: Start, description: Mapping[str, Any]) -> BalancedModel:
        """See `BarrierNetwork`."""
        if start.parts is None:
            raise ValueError("a detailed-balance model needs the linear parts of its start")
        return BalancedModel(
            elements=self.setting.elements,
            structure=self.setting.structure,
            shells=self.setting.shells,
            pair_eV=start.parts.pair_eV,
            kra_mover_eV=start.parts.kra_mover_eV,
            kra_linear_eV=start.parts.kra_linear_eV,
            kra=self.kra.export(start.scale_eV, reads_mover=True),
            s_vac=self.s_vac.export(start.scale_eV, reads_mover=False),
            description=description,
        )


def _summing(columns: IntArray, orbits: IntArray, n_columns: int) -> Tensor:
    """Matrix [n_orbits, n_columns] that adds up the columns of each set of equivalent sites."""
    matrix = np.zeros((int(orbits.max()) + 1, n_columns), dtype=np.float32)
    np.add.at(matrix, (orbits, columns), 1)
    return torch.tensor(matrix)
