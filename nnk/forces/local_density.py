"""Energies of atoms from patches of the density around them, and forces as their negative gradient.

Around each atom stands a patch, a ball of the radius of the cutoff with a channel per element, in which the
neighbours (with the periodic images) are points of density. It is projected on functions R_k(r) Y_lm: the
limit of small voxels and narrow Gaussians, in which the sum over voxels becomes one over neighbours,

    A(e, k, l, m) = sum over neighbours j of element e of R_k(r_j) Y_lm(r_j / |r_j|).

Mixtures of elements and distances, learnt for every central element, give for each degree l vectors that
turn with the crystal; their squared lengths do not. A dense network makes the atom's energy of them. So the
energy is the same after any rotation (those of the cubic group among them), mirror operation, shift or
exchange of like atoms, grows with the cell, and the forces conserve it. (The form is that of A. P. Bartok et
al., Phys. Rev. B 87, 184115 (2013) and of R. Drautz, Phys. Rev. B 99, 014104 (2019).)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nnk.forces.atoms import Atoms, Float64Array
from nnk.forces.base import Answer, ForceNetwork
from nnk.forces.neighbours import Neighbours, neighbours
from nnk.forces.options import LocalDensityOptions

_NEAREST_A = 1.5  # where the radial functions begin to vary


class LocalDensity(ForceNetwork):
    """Energy and forces of any atoms of the elements that it was trained on."""

    options: LocalDensityOptions
    has_energy = True
    any_atoms = True
    shift: Tensor
    spread: Tensor

    def __init__(self, atoms: Atoms, options: LocalDensityOptions) -> None:
        super().__init__(atoms, options)
        n_elements, degrees = len(atoms.elements), options.degree + 1
        n_mixed = n_elements * options.radial
        mixing = torch.randn(n_elements, degrees, options.channels, n_mixed) / math.sqrt(n_mixed)
        self.mixing = nn.Parameter(mixing)
        n_invariants = degrees * options.channels
        self.register_buffer("shift", torch.zeros(n_elements, n_invariants))
        self.register_buffer("spread", torch.ones(n_elements, n_invariants))
        self.energies = nn.ModuleList(_dense(n_invariants, options.hidden) for _ in range(n_elements))

    def surroundings(self, atoms: Atoms, positions_A: Any) -> Neighbours:
        """Neighbours within the cutoff in any of the snapshots."""
        return neighbours(atoms, np.asarray(positions_A), self.options.cutoff_A)

    @torch.no_grad()
    def see(self, positions_A: Float64Array, forces: Float64Array) -> None:
        """Keep mean and spread of the invariants of each central element, with the first mixtures."""
        some = positions_A[np.linspace(0, len(positions_A) - 1, min(len(positions_A), 64)).astype(int)]
        around = self.surroundings(self.atoms, some)
        found = self.invariants(torch.from_numpy(some).to(self.mixing.dtype), around)
        for number in range(len(self.energies)):
            own = found[:, around.species == number + 1].flatten(0, 1)
            if len(own) > 1:
                self.shift[number] = own.mean(0)
                self.spread[number] = own.std(0).clamp(min=1e-6)

    def invariants(self, positions_A: Tensor, around: Neighbours) -> Tensor:
        """Invariants [b, n_atoms, degrees x channels] of every atom's patch, not yet standardised."""
        apart = positions_A[:, around.atom] + around.shift_A.to(positions_A.dtype) - positions_A[:, :, None]
        distance = apart.square().sum(-1).sqrt()
        radial = _radial(distance, self.options.cutoff_A, self.options.radial)
        harmonics = _harmonics(apart / distance.unsqueeze(-1), self.options.degree)
        density = [
            r.transpose(-1, -2) @ y
            for r, y in zip(radial.split(around.columns, 2), harmonics.split(around.columns, 2), strict=True)
        ]
        mixing = self.mixing[around.species - 1]  # [n_atoms, degrees, channels, elements x radial]
        found, first = [], 0
        moments = torch.cat(density, dim=2)
        for degree in range(self.options.degree + 1):
            size = 2 * degree + 1
            mixed = mixing[:, degree] @ moments[..., first : first + size]
            found.append(mixed[..., 0] if degree == 0 else mixed.square().sum(-1))
            first += size
        return torch.cat(found, dim=-1)

    def energy(self, positions_A: Tensor, around: Neighbours) -> Tensor:
        """Energy [b] of each snapshot, the sum of the energies of its atoms."""
        found = self.invariants(positions_A, around)
        energy = positions_A.new_zeros(len(positions_A))
        for number, network in enumerate(self.energies):
            own = torch.nonzero(around.species == number + 1).flatten()
            if len(own):
                scaled = (found[:, own] - self.shift[number]) / self.spread[number]
                energy = energy + network(scaled).sum((1, 2))
        return energy

    @torch.enable_grad()
    def forward(self, positions_A: Tensor, surroundings: Any = None) -> Answer:
        """See `ForceNetwork.forward`."""
        at = positions_A.detach().requires_grad_()
        energy = self.energy(at, surroundings)
        (slope,) = torch.autograd.grad(energy.sum(), at, create_graph=self.training)
        return Answer(-slope, energy if self.training else energy.detach())


def _dense(n_in: int, hidden: tuple[int, ...]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(n_in, width), nn.SiLU()]
        n_in = width
    return nn.Sequential(*layers, nn.Linear(n_in, 1))


def _radial(distance: Tensor, cutoff_A: float, number: int) -> Tensor:
    """Chebyshev polynomials [..., number] of the distance, times what ends smoothly at the cutoff."""
    x = (2 * (distance - _NEAREST_A) / (cutoff_A - _NEAREST_A) - 1).clamp(max=1)
    end = (1 - (distance / cutoff_A).square()).clamp(min=0).pow(3)
    found = [torch.ones_like(x), x]
    while len(found) < number:
        found.append(2 * x * found[-1] - found[-2])
    return torch.stack(found, dim=-1) * end.unsqueeze(-1)


def _harmonics(direction: Tensor, degree: int) -> Tensor:
    """Real spherical harmonics [..., (degree + 1)^2] up to a degree; the squares of one sum to 1."""
    x, y, z = direction.unbind(-1)
    found = [torch.ones_like(x)]
    if degree >= 1:
        found += [x, y, z]
    if degree >= 2:
        found += [math.sqrt(3) * part for part in (x * y, y * z, z * x, (x * x - y * y) / 2)]
        found.append((3 * z * z - 1) / 2)
    if degree >= 3:
        five = 5 * z * z - 1
        found += [math.sqrt(5 / 8) * y * (3 * x * x - y * y), math.sqrt(15) * x * y * z]
        found += [math.sqrt(3 / 8) * y * five, z * (5 * z * z - 3) / 2, math.sqrt(3 / 8) * x * five]
        found += [math.sqrt(15) / 2 * z * (x * x - y * y), math.sqrt(5 / 8) * x * (x * x - 3 * y * y)]
    return torch.stack(found, dim=-1)
