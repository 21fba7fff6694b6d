"""Networks of `nnk.models.BalancedModel`: the symmetric barrier, and the vacancy's energy.

Both read numbers of atoms: how many of each element stand on each set of equivalent sites. So the lattice's
symmetry is exact and not learnt. An element is known to them only by its embedding, a few numbers that both
share: the first layer of a set of sites o takes in element s as ``embedding[s] @ weights[o]``. In the
finished model this is one row per site and element again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from nnk.environment import EnvironmentSpec, canonical_jump, state_columns
from nnk.lattice import IntArray
from nnk.models.balanced import BalancedModel
from nnk.models.program import DenseStack
from nnk.networks.base import BarrierNetwork, Output
from nnk.networks.dense import array
from nnk.networks.options import BalancedOptions
from nnk.networks.setting import Setting, Start

_DECAY = 1.2  # a/2; influence of far sites on the first weights


class OrbitStack(nn.Module):
    """Dense layers on numbers of atoms; ReLU after every layer but the output, which starts at zero.

    Args:
        reach: float64[n_orbits], what an atom on each set of sites counts at first.
        width: of the embedding.
        hidden: widths.
    """

    reach: Tensor

    def __init__(self, reach: np.ndarray, width: int, hidden: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("reach", torch.tensor(reach, dtype=torch.float32), persistent=False)
        self.weights = nn.Parameter(torch.randn(len(reach), width, hidden[0]) * width**-0.5)
        self.mover = nn.Parameter(torch.randn(width, hidden[0]) * 0.5)
        self.bias = nn.Parameter(torch.randn(hidden[0]) * 0.5)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(hidden))
        self.out = nn.Linear(hidden[-1], 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def table(self, embedding: Tensor) -> Tensor:
        """First layer [n_species, n_orbits, h0]."""
        return torch.einsum("sd,odh->soh", embedding, self.weights * self.reach[:, None, None])

    def forward(self, counts: Tensor, embedding: Tensor, mover: Tensor | None = None) -> Tensor:
        """Output [b] for `counts` [b, n_species, n_orbits] and, if read, the mover's embedding [b, d]."""
        layer = counts.flatten(1) @ self.table(embedding).flatten(0, 1) + self.bias
        if mover is not None:
            layer = layer + mover @ self.mover
        for linear in self.hidden:
            layer = linear(torch.relu(layer))
        return cast(Tensor, self.out(torch.relu(layer))[:, 0])

    def export(self, embedding: Tensor, scale_eV: float, *, reads_mover: bool) -> DenseStack:
        """The stack as arrays with one row per set of sites and element, its output in eV."""
        mover = array(embedding @ self.mover)
        layers = [cast(nn.Linear, linear) for linear in self.hidden]
        return DenseStack(
            table=array(self.table(embedding).transpose(0, 1)),
            mover=mover if reads_mover else np.zeros_like(mover),
            bias=array(self.bias),
            hidden=tuple((array(linear.weight.T), array(linear.bias)) for linear in layers),
            out_weight=(array(self.out.weight[0]) * np.float32(scale_eV)).astype(np.float32),
            out_bias=scale_eV * float(self.out.bias.detach()),
        )


class BalancedNetwork(BarrierNetwork):
    """KRA read forward and inverted and averaged, and S_vac before and after."""

    invariant = True

    sums: Tensor
    inverted: Tensor
    numbers: Tensor

    def __init__(self, setting: Setting, options: BalancedOptions) -> None:
        super().__init__(setting, options)
        union = setting.union
        state = EnvironmentSpec(setting.structure, setting.shells, "state")
        sided = union.sided_orbits
        midpoint = canonical_jump(setting.structure) / 2
        self.n_sided, self.n_state = int(sided.max()) + 1, int(state.orbits.max()) + 1
        # an element's first embedding says which it is; further numbers begin at random
        first = torch.randn(setting.n_species, options.embedding) * options.embedding**-0.5
        first[:, : setting.n_species] += torch.eye(setting.n_species)[:, : options.embedding]
        self.embedding = nn.Parameter(first)
        reach = _reach(np.linalg.norm(union.canonical - midpoint, axis=1), sided)
        self.kra = OrbitStack(reach, options.embedding, options.hidden)
        reach = _reach(np.linalg.norm(state.canonical, axis=1), state.orbits)
        self.s_vac = OrbitStack(reach, options.embedding, options.state_hidden)
        self.s_vac.mover.requires_grad_(False)
        before, after = (columns[0] for columns in state_columns(setting.structure, setting.shells))
        parts = ((np.arange(union.n_env), sided), (before, state.orbits), (after, state.orbits))
        sums = np.concatenate([_summing(columns, orbits, union.n_env + 1) for columns, orbits in parts])
        opposite = np.empty(self.n_sided, dtype=np.int64)
        opposite[sided] = sided[union.inversion]
        self.register_buffer("sums", torch.tensor(sums.T.copy()), persistent=False)
        self.register_buffer("inverted", torch.tensor(opposite), persistent=False)
        self.register_buffer("numbers", torch.arange(1, setting.n_species + 1)[:, None], persistent=False)

    @property
    def detailed_balance(self) -> bool:
        """See `BarrierNetwork`."""
        return True

    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """See `BarrierNetwork`."""
        return self(species, mover).forward

    def one_way(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Output:
        """See `BarrierNetwork`; the reverse costs nothing here."""
        return self(species, mover)

    def forward(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Output:
        """See `BarrierNetwork`; KRA is the same for both directions, and the energy difference opposite."""
        around = torch.cat([species, mover[:, None]], dim=1)
        counts = (around[:, None] == self.numbers).to(self.sums.dtype) @ self.sums
        sided, before, after = counts.split([self.n_sided, self.n_state, self.n_state], dim=2)
        jumper = self.embedding[mover.long() - 1]
        both_ways = torch.cat([sided, sided[:, :, self.inverted]])
        kra = self.kra(both_ways, self.embedding, torch.cat([jumper, jumper])).view(2, -1).mean(0)
        end, start = self.s_vac(torch.cat([after, before]), self.embedding).chunk(2)
        return Output(kra + 0.5 * (end - start), kra - 0.5 * (end - start))

    def export(self, start: Start, description: Mapping[str, Any]) -> BalancedModel:
        """See `BarrierNetwork`."""
        if start.parts is None:
            raise ValueError("a detailed-balance model needs the linear parts of its start")
        kra = self.kra.export(self.embedding, start.scale_eV, reads_mover=True)
        return BalancedModel(
            elements=self.setting.elements,
            structure=self.setting.structure,
            shells=self.setting.shells,
            pair_eV=start.parts.pair_eV,
            kra_mover_eV=start.parts.kra_mover_eV,
            kra_linear_eV=start.parts.kra_linear_eV,
            kra=replace(kra, table=kra.table[self.setting.union.sided_orbits]),
            s_vac=self.s_vac.export(self.embedding, start.scale_eV, reads_mover=False),
            description=description,
        )


def _reach(distance: np.ndarray, orbits: IntArray) -> np.ndarray:
    """Falls with the distance (a/2); of all atoms together the squares add up to one."""
    share = np.exp(-distance / _DECAY)
    share /= np.linalg.norm(share)
    reach = np.empty(int(orbits.max()) + 1)
    reach[orbits] = share
    return reach


def _summing(columns: IntArray, orbits: IntArray, n_columns: int) -> np.ndarray:
    """Matrix float32[n_orbits, n_columns] that adds up the columns of each set of equivalent sites."""
    matrix = np.zeros((int(orbits.max()) + 1, n_columns), dtype=np.float32)
    np.add.at(matrix, (orbits, columns), 1)
    return matrix
