"""Spatial density maps: a picture of the atoms around a jump, a channel per species (Fan et al. 2022, eq. 1).

    Xi(species, z, y, x) = sum over atoms j of that species with |r_j| < r_c of
                           exp(-|r_j - (x, y, z)|^2 / (2 Delta^2))

A Gaussian is a product of one along each axis, so a map is one matrix product over the atoms,
[species and z, atoms] x [atoms, y and x]: the exponential is taken 3 x edge times per atom, not edge^3 times.
Maps are made where they are used, on the device of the tensors, and never stored. On a CPU a compiled kernel
adds each atom to the voxels near it alone (`nnk.density_kernel`).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from nnk.density_grid import DensityGrid, check_reach, map_positions_A
from nnk.density_kernel import add_atoms
from nnk.lattice import Structure


def density_maps(
    species: Tensor, positions_A: Tensor, grid: DensityGrid, *, n_species: int, angle: Tensor | None = None
) -> Tensor:
    """Spatial density maps of a batch of environments; not differentiable.

    Args:
        species: uint8[b, n], 1 to `n_species`; 0 where there is no atom.
        positions_A: float[n, 3], the same for the whole batch (ideal sites), or float[b, n, 3] (relaxed
            atoms), in the frame of `nnk.density_grid`.
        grid: voxels and cutoff.
        n_species: number of channels.
        angle: float[b] in radians; each environment is turned about x by it.

    Returns:
        float32[b, n_species, z, y, x] on the device of `species`: channels first, as a convolution wants
        them; the published order (z, y, x, species) is ``maps.permute(0, 2, 3, 4, 1)``.

    Raises:
        ValueError: shapes that do not fit each other; a species number above `n_species` (looked for on a CPU
            alone).
    """
    _check_shapes(species, positions_A, angle)
    if species.device.type == "cpu":
        return _local_maps(species, positions_A, grid, n_species, angle)
    return contracted_maps(species, positions_A, grid, n_species=n_species, angle=angle)


def _check_shapes(species: Tensor, positions_A: Tensor, angle: Tensor | None) -> None:
    b, n = species.shape
    if tuple(positions_A.shape) not in ((n, 3), (b, n, 3)):
        raise ValueError(f"positions_A: expected [{n}, 3] or [{b}, {n}, 3], got {list(positions_A.shape)}")
    if angle is not None and tuple(angle.shape) != (b,):
        raise ValueError(f"angle: expected [{b}], got {list(angle.shape)}")


def contracted_maps(
    species: Tensor, positions_A: Tensor, grid: DensityGrid, *, n_species: int, angle: Tensor | None = None
) -> Tensor:
    """`density_maps` by matrix products, on any device; the same arguments and result."""
    positions = positions_A.float()
    centres = torch.as_tensor(grid.centres_A, dtype=torch.float32, device=positions.device)
    near = positions.square().sum(-1) < grid.cutoff_A**2
    x, y, z = (gaussians(r, centres, grid.voxel_A) for r in _turned(positions, angle))
    numbers = torch.arange(1, n_species + 1, device=species.device)
    channel = (species.unsqueeze(-1) == numbers) & near.unsqueeze(-1)
    columns = (channel.unsqueeze(-1) * z.unsqueeze(-2)).flatten(-2)
    plane = (y.unsqueeze(-1) * x.unsqueeze(-2)).flatten(-2)
    with torch.autocast(species.device.type, enabled=False):  # it would round the factors to bfloat16
        maps = columns.transpose(-1, -2) @ plane
    return maps.view(len(species), n_species, grid.edge, grid.edge, grid.edge)


def _turned(positions: Tensor, angle: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """Coordinates x, y, z [..., n] of `positions` [..., n, 3] after a turn about x."""
    x, y, z = positions.unbind(-1)
    if angle is None:
        return x, y, z
    cos, sin = torch.cos(angle.float())[:, None], torch.sin(angle.float())[:, None]
    return x, cos * y - sin * z, sin * y + cos * z


def gaussians(coordinate: Tensor, centres: Tensor, width: float | Tensor) -> Tensor:
    """Values [..., n, edge] at the voxel centres of Gaussians at `coordinate` [..., n]."""
    return torch.exp(-0.5 * ((coordinate.unsqueeze(-1) - centres) / width).square())


def _local_maps(
    species: Tensor, positions_A: Tensor, grid: DensityGrid, n_species: int, angle: Tensor | None
) -> Tensor:
    b = len(species)
    if species.numel() and int(species.max()) > n_species:
        raise ValueError(f"species {int(species.max())}: expected numbers up to {n_species}")
    maps = torch.empty((b, n_species, grid.edge, grid.edge, grid.edge))
    positions = positions_A.detach().double().contiguous()
    if positions.ndim == 2:
        positions = positions[None]
    turns = torch.zeros(b) if angle is None else angle.detach()
    add_atoms(
        species.contiguous().numpy(),
        positions.numpy(),
        turns.double().numpy(),
        (grid.cutoff_A, grid.voxel_A),
        maps.numpy(),
    )
    return maps


class DensityMaps(nn.Module):
    """Spatial density maps of "initial" environments on ideal sites: the first layer of a network.

    Args:
        structure: "bcc" or "fcc".
        shells: neighbour shells that are read.
        a_A: lattice parameter in Å.
        n_species: number of channels.
        grid: voxels and cutoff.

    Raises:
        ValueError: the cutoff takes in a shell that is not read.
    """

    def __init__(
        self, structure: Structure, shells: int, a_A: float, *, n_species: int, grid: DensityGrid
    ) -> None:
        super().__init__()
        check_reach(structure, shells, a_A, grid.cutoff_A)
        self.grid, self.n_species = grid, n_species
        positions = torch.from_numpy(map_positions_A(structure, shells, a_A)).float()
        self.register_buffer("positions_A", positions, persistent=False)

    def forward(self, species: Tensor, angle: Tensor | None = None) -> Tensor:
        """Maps float32[b, n_species, z, y, x] of `species` uint8[b, n_initial], turned by `angle` [b]."""
        positions = cast(Tensor, self.positions_A)
        return density_maps(species, positions, self.grid, n_species=self.n_species, angle=angle)
