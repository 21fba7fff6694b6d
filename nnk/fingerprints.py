"""Fingerprints of the two states of a jump: atomic environment vectors of batches of environments.

What they are is in `nnk.aev`. On a CPU atoms and pairs are counted by class and species, and the counts
multiplied by the tables: vectors of equivalent surroundings agree to the last bit. On other devices the
functions are matrices between sites, contracted with the one-hot species: they agree to rounding.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from nnk.aev import AevParameters, AevTables, Surroundings, make_tables
from nnk.aev_kernel import count
from nnk.lattice import Structure

_STATES = 4096  # random states that the unit of the input comes from


class Fingerprints(nn.Module):
    """Fingerprints of both states of a jump from its union environment.

    Args:
        structure: "bcc" or "fcc".
        shells: neighbour shells of the union environment.
        a_A: lattice parameter in Å.
        n_species: number of elements.
        surroundings: "state" (*Kolmogorov*) or "transition"; see `nnk.aev.make_tables`.
        parameters: cutoff and grids; `AevParameters()` if None.

    A fingerprint holds, one after the other, a radial part per species, [n_species, radial_shifts], and an
    angular part per pair of species, [pairs, angles, angular_shifts], the pairs in the order (1, 1), (1, 2),
    ..., (2, 2), ... The fingerprints of the reverse jump are the same two, exchanged.

    Raises:
        ValueError: see `nnk.aev.make_tables`.
    """

    before: Tensor
    after: Tensor
    site_radial: Tensor
    site_angular: Tensor
    radial: Tensor
    angular: Tensor

    def __init__(
        self,
        structure: Structure,
        shells: int,
        a_A: float,
        *,
        n_species: int,
        surroundings: Surroundings,
        parameters: AevParameters | None = None,
    ) -> None:
        super().__init__()
        self.n_species = n_species
        self.tables = make_tables(
            structure, shells, a_A, surroundings=surroundings, parameters=parameters or AevParameters()
        )
        buffers = {
            "before": self.tables.before,
            "after": self.tables.after,
            "radial": self.tables.radial.astype(np.float32),
            "angular": self.tables.angular.astype(np.float32),
            "site_radial": self.tables.radial[self.tables.site_class].astype(np.float32),
            "site_angular": _between_sites(self.tables),
        }
        for name, array in buffers.items():
            self.register_buffer(name, torch.from_numpy(array), persistent=False)

    @property
    def n_features(self) -> int:
        """Length of a fingerprint."""
        n = self.n_species
        return n * self.radial.shape[1] + n * (n + 1) // 2 * self.angular.shape[1]

    def forward(self, species: Tensor, mover: Tensor) -> tuple[Tensor, Tensor]:
        """Fingerprints float32[b, n_features] of the initial and of the final state.

        Args:
            species: uint8[b, n_union], the union environment, numbers from 1, 0 where there is no atom.
            mover: uint8[b], the moving species.
        """
        columns = torch.cat([species, mover[:, None]], dim=1)
        return self.of_sites(columns[:, self.before]), self.of_sites(columns[:, self.after])

    def of_sites(self, sites: Tensor) -> Tensor:
        """Fingerprint float32[b, n_features] of the species uint8[b, n] on the sites that are read.

        Raises:
            ValueError: a species number above `n_species` (looked for on a CPU alone).
        """
        parts = self.counted(sites) if sites.device.type == "cpu" else self.contracted(sites)
        return torch.cat([part.flatten(1) for part in parts], dim=1)

    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation float32[n_features] in random equimolar surroundings.

        Always of the same 4,096 random states: a network's unit for its input. Functions that no site or pair
        reaches have deviation 0.
        """
        generator = torch.Generator().manual_seed(0)
        shape = (_STATES, len(self.before))
        sites = torch.randint(1, self.n_species + 1, shape, dtype=torch.uint8, generator=generator)
        deviation, mean = torch.std_mean(self.of_sites(sites.to(self.before.device)).double(), dim=0)
        return mean.float(), deviation.float()

    def counted(self, sites: Tensor) -> tuple[Tensor, Tensor]:
        """Radial [b, n_species, m] and angular [b, pairs, m'] parts from whole numbers, on a CPU."""
        if len(sites) and int(sites.max()) > self.n_species:
            raise ValueError(f"species {int(sites.max())}: expected numbers up to {self.n_species}")
        numbers = _pair_numbers(self.n_species)
        tables = self.tables
        atoms = torch.zeros((len(sites), len(tables.radial), self.n_species + 1))
        pairs = torch.zeros((len(sites), len(tables.angular), int(numbers.max()) + 1))
        count(
            sites.contiguous().numpy(),
            tables.site_class,
            (tables.first, tables.second, tables.pair_class),
            numbers,
            atoms.numpy(),
            pairs.numpy(),
        )
        with torch.autocast("cpu", enabled=False):  # bfloat16 holds no whole number above 256
            radial = atoms[:, :, 1:].transpose(1, 2) @ self.radial.cpu()
            angular = pairs[:, :, 1:].transpose(1, 2) @ self.angular.cpu()
        return radial, angular

    def contracted(self, sites: Tensor) -> tuple[Tensor, Tensor]:
        """The same parts by matrix products, on any device."""
        n = self.n_species
        numbers = torch.arange(1, n + 1, device=sites.device)
        one_hot = (sites.unsqueeze(1) == numbers.unsqueeze(-1)).float()
        with torch.autocast(sites.device.type, enabled=False):
            seen = (one_hot @ self.site_angular).view(len(sites), n, -1, sites.shape[1])
            angular = torch.einsum("bxmk,byk->bxym", seen, one_hot)
            radial = one_hot @ self.site_radial
        rows, columns = torch.triu_indices(n, n, device=sites.device)
        twice = (rows == columns)[:, None]  # pairs of like atoms were met from both sides
        angular = torch.where(twice, 0.5 * angular[:, rows, columns], angular[:, rows, columns])
        return radial, angular


def _between_sites(tables: AevTables) -> np.ndarray:
    """The angular functions as matrices between sites, float32[n, m * n], symmetric, zero diagonals."""
    n, m = len(tables.site_class), tables.angular.shape[1]
    matrices = np.zeros((n, m, n), dtype=np.float32)
    values = tables.angular[tables.pair_class]
    matrices[tables.first, :, tables.second] = values
    matrices[tables.second, :, tables.first] = values
    return matrices.reshape(n, m * n)


def _pair_numbers(n_species: int) -> np.ndarray:
    """Number int64[n + 1, n + 1] of each pair of species, either order; 0 if one is empty."""
    numbers = np.zeros((n_species + 1, n_species + 1), dtype=np.int64)
    rows, columns = np.triu_indices(n_species)
    numbers[rows + 1, columns + 1] = numbers[columns + 1, rows + 1] = np.arange(1, len(rows) + 1)
    return numbers
