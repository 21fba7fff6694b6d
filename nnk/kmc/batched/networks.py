"""Barriers of many vacancies at once: programs as matrix products on a device.

The first layer of a network on species is a sum of table rows. For a batch it is one matrix product: the
species of all sites around a vacancy, one-hot, times the rows of all jumps side by side. The first species'
rows are in the bias, so its one-hot column is left out; a vacancy cannot be told from it, and none is read.
"""

from __future__ import annotations

import numpy as np
import torch

from nnk.environment import find_columns
from nnk.kmc.evaluators import after_jump, sites_read
from nnk.lattice import IntArray, jumps
from nnk.models.program import (
    BalancedProgram,
    DenseStack,
    Float64Array,
    ForwardProgram,
    Program,
    SingleProgram,
    members_of,
)


def one_hot(species: torch.Tensor, n_species: int, dtype: torch.dtype) -> torch.Tensor:
    """One-hot species 2 .. n_species, [m, n * (n_species - 1)], of uint8[m, n] from 1."""
    others = torch.arange(2, n_species + 1, dtype=species.dtype, device=species.device)
    return (species[:, :, None] == others).to(dtype).flatten(1)


def _first_layer(table: Float64Array, columns: IntArray, n_around: int) -> tuple[Float64Array, Float64Array]:
    """Matrix [n_around * (S - 1), rows * h] and bias [rows * h] of the sums of `table` rows [n_env, S, h].

    Args:
        table: row of each species at each site.
        columns: int64[rows, n_env], where each row's sites stand in the list around the vacancy.
        n_around: length of that list.
    """
    relative = table[:, 1:] - table[:, :1]
    rows, width = len(columns), table.shape[2]
    matrix = np.zeros((n_around, relative.shape[1], rows, width))
    for row, sites in enumerate(columns):
        matrix[sites, :, row] = relative
    bias = np.tile(table[:, 0].sum(axis=0), rows)
    return matrix.reshape(n_around * relative.shape[1], rows * width), bias


class Stack:
    """A `DenseStack` read at `columns` int64[rows, n_env] of the list around the vacancy."""

    def __init__(
        self, stack: DenseStack, columns: IntArray, n_around: int, like: torch.Tensor, *, mover: bool = True
    ) -> None:
        def on_device(array: np.ndarray) -> torch.Tensor:
            return torch.as_tensor(np.ascontiguousarray(array)).to(like)

        table = stack.table.astype(np.float64)
        matrix, bias = _first_layer(table, columns, n_around)
        self.rows = len(columns)
        self.matrix = on_device(matrix)
        self.bias = on_device(bias + np.tile(stack.bias.astype(np.float64), self.rows))
        self.mover = on_device(stack.mover) if mover and stack.mover.any() else None
        self.hidden = [(on_device(weight), on_device(bias)) for weight, bias in stack.hidden]
        self.out_weight = on_device(stack.out_weight)
        self.out_bias = stack.out_bias

    def __call__(self, sites: torch.Tensor, movers: torch.Tensor) -> torch.Tensor:
        """Energies float64[m, rows] (eV) of one-hot `sites`; each row's `movers` int64[m, rows] from 0."""
        layer = torch.addmm(self.bias, sites, self.matrix).view(len(sites), self.rows, -1)
        if self.mover is not None:
            layer = layer + self.mover[movers]
        layer = layer.relu_().flatten(0, 1)
        for weight, bias in self.hidden:
            layer = torch.addmm(bias, layer, weight).relu_()
        return (layer @ self.out_weight).view(-1, self.rows).to(torch.float64) + self.out_bias

    @property
    def flops(self) -> int:
        """Floating-point operations for one vacancy."""
        dense = sum(weight.numel() for weight, _ in self.hidden) + self.out_weight.numel()
        return 2 * (self.matrix.numel() + self.rows * dense)


class ForwardBarriers:
    """Barriers of a `ForwardProgram`."""

    def __init__(self, program: ForwardProgram, around: IntArray, like: torch.Tensor) -> None:
        columns = np.stack([find_columns(around, offsets) for offsets in program.offsets])
        self.network = Stack(program.network, columns, len(around), like)

    def __call__(self, sites: torch.Tensor, movers: torch.Tensor) -> torch.Tensor:
        """Barriers float64[m, z] (eV)."""
        return self.network(sites, movers)

    @property
    def flops(self) -> int:
        """Floating-point operations for the barriers of one vacancy."""
        return self.network.flops


class BalancedBarriers:
    """Barriers of a `BalancedProgram`; its energy S_vac is evaluated before and after every jump."""

    def __init__(self, program: BalancedProgram, around: IntArray, like: torch.Tensor) -> None:
        union = np.stack([find_columns(around, offsets) for offsets in program.union_offsets])
        views = np.concatenate([union[:, view] for view in program.views])
        before = np.stack([find_columns(around, offsets) for offsets in program.state_offsets])
        states = np.stack([before, *(after_jump(program, around, d) for d in range(len(union)))], axis=1)
        self.kra = Stack(program.kra, views, len(around), like)
        self.s_vac = Stack(program.s_vac, states.reshape(-1, states.shape[2]), len(around), like, mover=False)
        linear, constant = _linear_matrix(program, union, len(around))
        self.linear = torch.as_tensor(linear, dtype=torch.float64, device=like.device)
        self.constant = torch.as_tensor(constant, dtype=torch.float64, device=like.device)

    def __call__(self, sites: torch.Tensor, movers: torch.Tensor) -> torch.Tensor:
        """Barriers float64[m, z] (eV)."""
        m, z = movers.shape
        kra = self.kra(sites, movers.repeat(1, self.kra.rows // z)).view(m, -1, z).mean(1)
        energy = self.s_vac(sites, movers).view(m, -1, 1 + z).mean(1)
        linear = torch.addmm(self.constant, sites.to(torch.float64), self.linear).view(len(sites), z, -1)
        own = linear.gather(2, movers[:, :, None])[:, :, 0]
        return kra + own + 0.5 * (energy[:, 1:] - energy[:, :1])

    @property
    def flops(self) -> int:
        """Floating-point operations for the barriers of one vacancy."""
        return self.kra.flops + self.s_vac.flops + 2 * self.linear.numel()


def _linear_matrix(
    program: BalancedProgram, union: IntArray, n_around: int
) -> tuple[Float64Array, Float64Array]:
    """The linear part for every possible moving species: matrix [.., z * S] and constant [z * S]."""
    table = program.linear.transpose(1, 2, 0)  # [n_union, species, mover]
    matrix, bias = _first_layer(np.ascontiguousarray(table), union, n_around)
    return matrix, bias + np.tile(program.linear_mover, len(union))


class MeanBarriers:
    """Mean of the members of an ensemble."""

    def __init__(self, members: list[ForwardBarriers | BalancedBarriers]) -> None:
        self.members = members

    def __call__(self, sites: torch.Tensor, movers: torch.Tensor) -> torch.Tensor:
        """Barriers float64[m, z] (eV)."""
        return torch.stack([member(sites, movers) for member in self.members]).mean(dim=0)

    @property
    def flops(self) -> int:
        """Floating-point operations for the barriers of one vacancy."""
        return sum(member.flops for member in self.members)


Barriers = ForwardBarriers | BalancedBarriers | MeanBarriers


def make_barriers(program: Program, like: torch.Tensor) -> tuple[IntArray, IntArray, Barriers]:
    """The sites that `program` reads, offsets int64[n, 3], the movers' columns int64[z], and its barriers.

    Args:
        program: the model.
        like: a tensor of the network's type on its device.
    """
    around = sites_read(program)
    members = [_single(member, around, like) for member in members_of(program)]
    barriers = members[0] if len(members) == 1 else MeanBarriers(members)
    return around, find_columns(around, jumps(program.structure)), barriers


def _single(
    program: SingleProgram, around: IntArray, like: torch.Tensor
) -> ForwardBarriers | BalancedBarriers:
    if isinstance(program, ForwardProgram):
        return ForwardBarriers(program, around, like)
    return BalancedBarriers(program, around, like)
