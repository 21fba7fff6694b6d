"""Dense layers on one-hot species, and their way back to plain arrays."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from nnk.models.program import DenseStack, Float32Array


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
        mover = array(self.mover) if reads_mover else np.zeros_like(array(self.mover))
        layers = [cast(nn.Linear, linear) for linear in self.hidden]
        return DenseStack(
            table=array(self.table),
            mover=mover,
            bias=array(self.bias),
            hidden=tuple((array(linear.weight.T), array(linear.bias)) for linear in layers),
            out_weight=(array(self.out.weight[0]) * np.float32(scale_eV)).astype(np.float32),
            out_bias=shift_eV + scale_eV * float(self.out.bias.detach()),
        )


def array(tensor: Tensor) -> Float32Array:
    """A tensor as a contiguous float32 array."""
    return np.ascontiguousarray(tensor.detach().cpu().numpy(), dtype=np.float32)
