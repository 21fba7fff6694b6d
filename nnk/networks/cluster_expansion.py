"""Cluster expansion of jumps: energies of clusters of sites, fitted in closed form.

As Van der Ven and Ceder (2005) expand vacancy diffusion: the energy difference of the states by an expansion
of the whole state, here pairs of all shells with the vacancy as a species; the kinetically resolved barrier
by a local expansion in points, pairs and triplets around the jump, with its symmetry. So detailed balance
holds by construction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from nnk.clusters import cluster_orbits, contrasts
from nnk.lattice import IntArray
from nnk.models.linear import end_shells
from nnk.networks.base import BarrierNetwork, one_hot
from nnk.networks.options import ClusterExpansionOptions
from nnk.networks.setting import Setting, Start

if TYPE_CHECKING:
    from nnk.models.base import BarrierModel

PAIR_REACH = {"bcc": 3, "fcc": 2}  # shells of either end that the sites of a pair are in
TRIPLET_REACH = 2


class ClusterExpansionNetwork(BarrierNetwork):
    """E_fwd = KRA + dE / 2, both sums of cluster energies (`coefficients`) times correlation functions.

    Nothing is left to learn epoch by epoch: the start is the fit, and `export` takes its coefficients over.
    """

    invariant = True
    at_once = 1024

    basis: Tensor
    gained: Tensor
    coefficients: Tensor

    def __init__(self, setting: Setting, options: ClusterExpansionOptions) -> None:
        super().__init__(setting, options)
        structure, shells, n = setting.structure, setting.shells, setting.n_species
        functions = np.concatenate([np.zeros((1, n - 1)), contrasts(n)])
        self._buffer("basis", functions)
        self._buffer("gained", _gained(structure, shells))
        orbits = [
            cluster_orbits(structure, shells, 1, shells),
            cluster_orbits(structure, shells, 2, min(PAIR_REACH[structure], shells)),
            cluster_orbits(structure, shells, 3, min(TRIPLET_REACH, shells)),
        ]
        for size, found in enumerate(orbits, start=1):
            columns, sums = _flat(found, size)
            self._buffer(f"columns_{size}", columns)
            self._buffer(f"sums_{size}", sums)
        points, pairs, triplets = (len(found) * (n - 1) ** size for size, found in enumerate(orbits, start=1))
        self.n_constants = n
        n_features = n + n * (points + pairs) + triplets + shells * (n * (n + 1) // 2 + n)
        self.register_buffer("coefficients", torch.zeros(n_features))
        self.nothing = nn.Parameter(torch.zeros(0))  # an optimiser takes at least one parameter

    def _buffer(self, name: str, values: np.ndarray) -> None:
        tensor = torch.tensor(values, dtype=None if values.dtype.kind == "i" else torch.float32)
        self.register_buffer(name, tensor, persistent=False)

    @property
    def detailed_balance(self) -> bool:
        """See `BarrierNetwork`."""
        return True

    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """See `BarrierNetwork`; nothing until `export` has set the coefficients."""
        if not self.coefficients.any():
            return self.nothing.sum().expand(len(mover))
        return self.features(species, mover) @ self.coefficients + self.nothing.sum()

    def features(self, species: Tensor, mover: Tensor) -> Tensor:
        """Correlation functions [b, n_features] of union environments uint8[b, n_union].

        First, `n_constants` of them, the moving species.
        """
        atoms = self.basis[species.long()]
        jumper = one_hot(mover, self.setting.n_species).to(atoms.dtype)
        points, pairs, triplets = (self._correlations(atoms, size) for size in (1, 2, 3))
        of_each_mover = torch.einsum("bm,bf->bmf", jumper, torch.cat([points, pairs], dim=1)).flatten(1)
        return torch.cat([jumper, of_each_mover, triplets, 0.5 * self._pairs_made(species, jumper)], dim=1)

    def _correlations(self, atoms: Tensor, size: int) -> Tensor:
        """Sums over orbits of products of the species' functions, of variance about 1 in a random alloy."""
        columns: Tensor = getattr(self, f"columns_{size}")
        product = atoms[:, columns[:, 0]]
        for k in range(1, size):
            product = (product[..., None] * atoms[:, columns[:, k], None]).flatten(2)
        return torch.einsum("oi,bif->bof", getattr(self, f"sums_{size}"), product).flatten(1)

    def _pairs_made(self, species: Tensor, jumper: Tensor) -> Tensor:
        """How many pairs of each kind the jump makes, shell by shell; see `nnk.models.linear`."""
        n = self.setting.n_species
        gained = torch.einsum("ks,bsn->bkn", self.gained, one_hot(species, n).to(jumper.dtype))
        with_mover = torch.einsum("bm,bkn->bkmn", jumper, gained)
        both = with_mover + with_mover.transpose(2, 3) * (1 - torch.eye(n, device=species.device))
        first, second = np.triu_indices(n)
        return torch.cat([both[:, :, first, second], -gained], dim=2).flatten(1)

    def export(self, start: Start, description: Mapping[str, Any]) -> BarrierModel:
        """See `BarrierNetwork`."""
        if start.parts is None:
            raise ValueError("a cluster expansion needs the coefficients of its start")
        self.coefficients.copy_(torch.tensor(start.parts, dtype=torch.float32))
        return super().export(replace(start, E_fwd_eV=np.zeros(1), scale_eV=1.0), description)


def _gained(structure: Any, shells: int) -> np.ndarray:
    """float64[shells, n_union]: 1 for sites in a shell of the old vacancy, less 1 for those of the new."""
    start, end = end_shells(structure, shells)
    number = np.arange(shells)[:, None]
    return cast(np.ndarray, (start == number).astype(np.float64) - (end == number))


def _flat(orbits: Sequence[IntArray], size: int) -> tuple[IntArray, np.ndarray]:
    """Columns int64[images, size] of all orbits, and the matrix [n_orbits, images] that sums each orbit."""
    columns = np.concatenate([np.zeros((0, size), dtype=np.int64), *orbits])
    counts = np.array([len(orbit) for orbit in orbits], dtype=np.int64)
    sums = np.zeros((len(orbits), len(columns)))
    sums[np.repeat(np.arange(len(orbits)), counts), np.arange(len(columns))] = 1
    return columns, sums / np.sqrt(np.maximum(counts, 1))[:, None]
