"""The trainable parts of the models, in torch, and their way back to plain arrays.

Every network reads the union environment of a jump and gives both barriers of the connected label, forward
and backward, as what is missing from a known `Start` in units of its scale.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from nnk.environment import EnvironmentSpec, initial_columns, state_columns
from nnk.files import stream_key
from nnk.lattice import IntArray
from nnk.models import BalancedModel, BarrierModel, MlpModel
from nnk.models.program import DenseStack, Float32Array
from nnk.training.data import Float64Array, JumpData
from nnk.training.parameters import ModelSpec, TrainParameters
from nnk.training.ridge import LinearParts, fit_linear_parts

Barriers = tuple[Tensor, Tensor]


class OneHotStack(nn.Module):
    """Dense layers on one-hot species; ReLU after every layer but the output, which starts at zero.

    Args:
        n_sites: rows of the first layer per species (sites, or sets of equivalent sites).
        n_species: number of elements.
        hidden: widths.
        atoms: atoms read at once, which sets the size of the first weights.
    """

    def __init__(self, n_sites: int, n_species: int, hidden: tuple[int, ...], atoms: int) -> None:
        super().__init__()
        bound = (atoms * n_species) ** -0.5
        self.table = nn.Parameter(torch.empty(n_sites, n_species, hidden[0]).uniform_(-bound, bound))
        self.mover = nn.Parameter(torch.empty(n_species, hidden[0]).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(hidden[0]).uniform_(-bound, bound))
        self.hidden = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(hidden))
        self.out = nn.Linear(hidden[-1], 1)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, counts: Tensor, mover: Tensor | None) -> Tensor:
        """Output [b] for `counts` [b, n_sites, n_species] and, if the mover is read, its one-hot [b, n]."""
        layer = counts.flatten(1) @ self.table.flatten(0, 1) + self.bias
        if mover is not None:
            layer = layer + mover @ self.mover
        for linear in self.hidden:
            layer = linear(torch.relu(layer))
        return cast(Tensor, self.out(torch.relu(layer))[:, 0])

    def export(self, scale_eV: float, shift_eV: float = 0.0, *, reads_mover: bool) -> DenseStack:
        """The stack as arrays, its output in eV: ``shift_eV + scale_eV * output``."""
        mover = _array(self.mover) if reads_mover else np.zeros_like(_array(self.mover))
        layers = [cast(nn.Linear, linear) for linear in self.hidden]
        return DenseStack(
            table=_array(self.table),
            mover=mover,
            bias=_array(self.bias),
            hidden=tuple((_array(linear.weight.T), _array(linear.bias)) for linear in layers),
            out_weight=(_array(self.out.weight[0]) * np.float32(scale_eV)).astype(np.float32),
            out_bias=shift_eV + scale_eV * float(self.out.bias.detach()),
        )


def _array(tensor: Tensor) -> Float32Array:
    return np.ascontiguousarray(tensor.detach().numpy(), dtype=np.float32)


def _one_hot(species: Tensor, n_species: int) -> Tensor:
    """One-hot float32[..., n_species] of species numbers from 1; a vacancy (0) is all zero."""
    return nn.functional.one_hot(species.long(), n_species + 1)[..., 1:].float()


@dataclass(frozen=True)
class Start:
    """What is known before a network learns.

    Attributes:
        E_fwd_eV, E_bwd_eV: float64[m], first guess of every label's barriers.
        scale_eV: typical size of what is missing; the network's unit.
        linear: the linear parts behind the guess ("detailed-balance"), or None.
    """

    E_fwd_eV: Float64Array
    E_bwd_eV: Float64Array
    scale_eV: float
    linear: LinearParts | None = None


def make_start(data: JumpData, train: IntArray, spec: ModelSpec, ridge: float) -> Start:
    """First guess from the labels `train` int64[...]: ridge regression, or the mean barrier ("mlp")."""
    linear = None
    if spec.kind == "detailed-balance":
        linear = fit_linear_parts(data, train, ridge)
        kra, dE = linear.predict(data)
        E_fwd_eV, E_bwd_eV = kra + 0.5 * dE, kra - 0.5 * dE
    else:
        mean = float(data.KRA_eV[train].mean())
        E_fwd_eV = E_bwd_eV = np.full(len(data), mean)
    missing = np.concatenate([data.E_fwd_eV - E_fwd_eV, data.E_bwd_eV - E_bwd_eV]).reshape(2, -1)[:, train]
    scale_eV = float(np.sqrt((missing**2).mean()))
    return Start(E_fwd_eV, E_bwd_eV, max(scale_eV, 1e-6), linear)


class BarrierNetwork(nn.Module, ABC):
    """A network that gives both barriers of a jump, in units of its start's scale, beyond the start."""

    @abstractmethod
    def forward(self, species: Tensor, mover: Tensor) -> Barriers:
        """Forward and backward [b] for `species` uint8[b, n_union] and `mover` uint8[b]."""

    @abstractmethod
    def export(self, data: JumpData, start: Start, description: Mapping[str, Any]) -> BarrierModel:
        """The finished model."""


class BalancedNetwork(BarrierNetwork):
    """Networks of `nnk.models.BalancedModel`: symmetrised KRA, and S_vac before and after."""

    inversion: Tensor
    before: Tensor
    after: Tensor

    def __init__(self, data: JumpData, spec: ModelSpec) -> None:
        super().__init__()
        self.n_species = len(data.elements)
        union = data.environment
        state = EnvironmentSpec(data.structure, data.shells, "state")
        self.kra = OneHotStack(union.n_env, self.n_species, spec.hidden, union.n_env)
        n_orbits = int(state.orbits.max()) + 1
        self.s_vac = OneHotStack(n_orbits, self.n_species, spec.state_hidden or (), state.n_env)
        self.s_vac.mover.requires_grad_(False)
        before, after = (columns[0] for columns in state_columns(data.structure, data.shells))
        self.register_buffer("inversion", torch.tensor(union.inversion))
        self.register_buffer("before", _summing(before, state.orbits, union.n_env + 1))
        self.register_buffer("after", _summing(after, state.orbits, union.n_env + 1))

    def forward(self, species: Tensor, mover: Tensor) -> Barriers:
        """See `BarrierNetwork`."""
        atoms, jumper = _one_hot(species, self.n_species), _one_hot(mover, self.n_species)
        kra = 0.5 * (self.kra(atoms, jumper) + self.kra(atoms[:, self.inversion], jumper))
        with_mover = torch.cat([atoms, jumper[:, None]], dim=1)
        dE = self.s_vac(self.after @ with_mover, None) - self.s_vac(self.before @ with_mover, None)
        return kra + 0.5 * dE, kra - 0.5 * dE

    def export(self, data: JumpData, start: Start, description: Mapping[str, Any]) -> BalancedModel:
        """See `BarrierNetwork`."""
        if start.linear is None:
            raise ValueError("a detailed-balance model needs the linear parts of its start")
        return BalancedModel(
            elements=data.elements,
            structure=data.structure,
            shells=data.shells,
            pair_eV=start.linear.pair_eV,
            kra_mover_eV=start.linear.kra_mover_eV,
            kra_linear_eV=start.linear.kra_linear_eV,
            kra=self.kra.export(start.scale_eV, reads_mover=True),
            s_vac=self.s_vac.export(start.scale_eV, reads_mover=False),
            description=description,
        )


def _summing(columns: IntArray, orbits: IntArray, n_columns: int) -> Tensor:
    """Matrix [n_orbits, n_columns] that adds up the columns of each set of equivalent sites."""
    matrix = np.zeros((int(orbits.max()) + 1, n_columns), dtype=np.float32)
    np.add.at(matrix, (orbits, columns), 1)
    return torch.tensor(matrix)


class MlpNetwork(BarrierNetwork):
    """Network of `nnk.models.MlpModel`, read from either end of the jump."""

    before: Tensor
    after: Tensor

    def __init__(self, data: JumpData, spec: ModelSpec) -> None:
        super().__init__()
        self.n_species = len(data.elements)
        before, after = initial_columns(data.structure, data.shells)
        self.network = OneHotStack(len(before), self.n_species, spec.hidden, len(before))
        self.network.mover.requires_grad_(False)
        self.register_buffer("before", torch.tensor(before))
        self.register_buffer("after", torch.tensor(after))

    def forward(self, species: Tensor, mover: Tensor) -> Barriers:
        """See `BarrierNetwork`."""
        with_mover = _one_hot(torch.cat([species, mover[:, None]], dim=1), self.n_species)
        forward = self.network(with_mover[:, self.before], None)
        return forward, self.network(with_mover[:, self.after], None)

    def export(self, data: JumpData, start: Start, description: Mapping[str, Any]) -> MlpModel:
        """See `BarrierNetwork`."""
        shift_eV = float(start.E_fwd_eV[0])
        network = self.network.export(start.scale_eV, shift_eV, reads_mover=False)
        return MlpModel(data.elements, data.structure, data.shells, network, description)


NETWORKS: dict[str, type[BalancedNetwork] | type[MlpNetwork]] = {
    "detailed-balance": BalancedNetwork,
    "mlp": MlpNetwork,
}


def make_network(data: JumpData, spec: ModelSpec, parameters: TrainParameters) -> BarrierNetwork:
    """A new network whose first weights follow from the seed alone."""
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(stream_key(parameters.seed, "first weights") >> 1)
        return NETWORKS[spec.kind](data, spec)
