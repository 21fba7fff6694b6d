"""Networks of `nnk.models.BalancedModel`: the symmetric barrier, and the vacancy's energy.

Both read single sites and so know directions; the lattice's symmetry is exact all the same, for each is read
in all ways that the lattice makes equal, and averaged. To need fewer of these, sites share rows of the first
layer: for the barrier those that a mirror through the jump exchanges, which leaves half of the operations
(bcc 6, fcc 4); for the vacancy's energy those that are equal seen along one direction of jumps, which leaves
one view per direction (8, 12).

An element is known to both only by its embedding, a few numbers: row r of the first layer takes in element s
as ``embedding[s] @ weights[r]``. In the finished model this is one row per site and element again.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from nnk.environment import EnvironmentSpec, canonical_jump, find_columns, state_columns
from nnk.lattice import IntArray, jump_symmetry
from nnk.models.balanced import BalancedModel
from nnk.models.program import DenseStack
from nnk.models.views import views_of
from nnk.networks.base import BarrierNetwork, Output
from nnk.networks.dense import array
from nnk.networks.options import BalancedOptions
from nnk.networks.setting import Setting, Start

_DECAY = 1.2  # a/2; influence of far sites on the first weights


def rows_of(setting: Setting) -> tuple[IntArray, IntArray]:
    """Which row of the first layer each site reads.

    Returns:
        int64[n_union] for the barrier, and int64[n_state] for the vacancy's energy.
    """
    union = setting.union
    mirror = next(g for g in jump_symmetry(setting.structure) if np.linalg.det(g) < 0)
    mirrored = find_columns(union.canonical, union.canonical @ mirror.T)
    rows = np.unique(np.minimum(np.arange(union.n_env), mirrored), return_inverse=True)[1]
    # the surroundings in the frame of a jump, of which only its direction is known
    return rows, EnvironmentSpec(setting.structure, setting.shells, "initial").orbits


class DirectedStack(nn.Module):
    """Dense layers on the species of sites, read in several views; ReLU after every layer but the output.

    The output starts at zero.

    Args:
        rows: int64[n_env], which row of the first layer each site reads.
        reach: float64[n_rows], what an atom counts at first.
        views: int64[n_views, n_env], columns of the sites in each view.
        n_columns: how many there are.
        width: of the embedding.
        hidden: widths.
    """

    reach: Tensor
    read_by: Tensor

    def __init__(  # six arrays and sizes that belong to no common record
        self,
        rows: IntArray,
        reach: np.ndarray,
        views: IntArray,
        n_columns: int,
        width: int,
        hidden: tuple[int, ...],
    ) -> None:
        super().__init__()
        self.rows = rows
        # a column that no site of the view reads is given the last row, of zeros
        read_by = np.full((n_columns, len(views)), len(reach))
        for number, view in enumerate(views):
            read_by[view, number] = rows
        self.register_buffer("read_by", torch.tensor(read_by), persistent=False)
        self.register_buffer("reach", torch.tensor(reach, dtype=torch.float32), persistent=False)
        self.weights = nn.Parameter(torch.randn(len(reach), width, hidden[0]) * width**-0.5)
        self.mover = nn.Parameter(torch.randn(width, hidden[0]) * 0.5)
        self.bias = nn.Parameter(torch.randn(hidden[0]) * 0.5)
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(hidden))
        self.out = nn.Linear(hidden[-1], 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def table(self, embedding: Tensor) -> Tensor:
        """First layer [n_species, n_rows, h0]."""
        return torch.einsum("sd,rdh->srh", embedding, self.weights * self.reach[:, None, None])

    def forward(self, one_hot: Tensor, embedding: Tensor, mover: Tensor | None = None) -> Tensor:
        """Outputs [b, n_views].

        Args:
            one_hot: [b, n_species, n_columns].
            embedding: [n_species, d].
            mover: [b, d], the moving atom's embedding, if it is read.
        """
        table = nn.functional.pad(self.table(embedding), (0, 0, 0, 1))[:, self.read_by]
        layer = one_hot.flatten(1) @ table.flatten(0, 1).flatten(1)
        layer = layer.view(len(one_hot), self.read_by.shape[1], -1) + self.bias
        if mover is not None:
            layer = layer + (mover @ self.mover)[:, None]
        for linear in self.hidden:
            layer = linear(torch.relu(layer))
        return cast(Tensor, self.out(torch.relu(layer))[..., 0])

    def export(self, embedding: Tensor, scale_eV: float, *, reads_mover: bool) -> DenseStack:
        """The stack as arrays with one row per site and element, its output in eV."""
        mover = array(embedding @ self.mover)
        layers = [cast(nn.Linear, linear) for linear in self.hidden]
        return DenseStack(
            table=array(self.table(embedding).transpose(0, 1))[self.rows],
            mover=mover if reads_mover else np.zeros_like(mover),
            bias=array(self.bias),
            hidden=tuple((array(linear.weight.T), array(linear.bias)) for linear in layers),
            out_weight=(array(self.out.weight[0]) * np.float32(scale_eV)).astype(np.float32),
            out_bias=scale_eV * float(self.out.bias.detach()),
        )


class BalancedNetwork(BarrierNetwork):
    """KRA, and S_vac before and after."""

    invariant = True

    numbers: Tensor

    def __init__(self, setting: Setting, options: BalancedOptions) -> None:
        super().__init__(setting, options)
        # an element's first embedding says which it is; further numbers begin at random
        first = torch.randn(setting.n_species, options.embedding) * options.embedding**-0.5
        first[:, : setting.n_species] += torch.eye(setting.n_species)[:, : options.embedding]
        self.embedding = nn.Parameter(first)
        union = setting.union
        state = EnvironmentSpec(setting.structure, setting.shells, "state")
        midpoint, n_columns = canonical_jump(setting.structure) / 2, union.n_env + 1
        rows, state_rows = rows_of(setting)
        views = views_of(union, rows)
        reach = _reach(np.linalg.norm(union.canonical - midpoint, axis=1), rows)
        self.kra = DirectedStack(rows, reach, views, n_columns, options.embedding, options.hidden)
        views = views_of(state, state_rows)
        both = [columns[0][views] for columns in state_columns(setting.structure, setting.shells)]
        reach = _reach(np.linalg.norm(state.canonical - midpoint, axis=1), state_rows)
        self.s_vac = DirectedStack(
            state_rows, reach, np.concatenate(both), n_columns, options.embedding, options.state_hidden
        )
        self.s_vac.mover.requires_grad_(False)
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
        one_hot = (around[:, None] == self.numbers).to(self.embedding.dtype)
        kra = self.kra(one_hot, self.embedding, self.embedding[mover.long() - 1]).mean(1)
        # each direction's share of the energy, so that one is as large as it would be alone
        start, end = self.s_vac(one_hot, self.embedding).view(len(mover), 2, -1).sum(2).unbind(1)
        return Output(kra + 0.5 * (end - start), kra - 0.5 * (end - start))

    def export(self, start: Start, description: Mapping[str, Any]) -> BalancedModel:
        """See `BarrierNetwork`."""
        if start.parts is None:
            raise ValueError("a detailed-balance model needs the linear parts of its start")
        directions = self.s_vac.read_by.shape[1] // 2
        return BalancedModel(
            elements=self.setting.elements,
            structure=self.setting.structure,
            shells=self.setting.shells,
            pair_eV=start.parts.pair_eV,
            kra_mover_eV=start.parts.kra_mover_eV,
            kra_linear_eV=start.parts.kra_linear_eV,
            kra=self.kra.export(self.embedding, start.scale_eV, reads_mover=True),
            s_vac=self.s_vac.export(self.embedding, directions * start.scale_eV, reads_mover=False),
            description=description,
        )


def _reach(distance: np.ndarray, rows: IntArray) -> np.ndarray:
    """Falls with the distance (a/2); of all atoms together the squares add up to one."""
    share = np.exp(-distance / _DECAY)
    share /= np.linalg.norm(share)
    reach = np.empty(int(rows.max()) + 1)
    reach[rows] = share
    return reach
