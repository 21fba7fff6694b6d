"""The neuron map: species numbers on a cubic grid of edge a/2 around the vacancy (Xing et al. 2024).

The vacancy stands in the middle; it, empty voxels and sites that are not read are 0. The map is a rewriting
of an "initial" environment (`nnk.environment`), whose columns are in the frame of the jump: the moving atom
is at (+1, +1, +1) from the middle in bcc, (+1, +1, 0) in fcc. The published network reads 9 x 9 x 9 voxels
with the 112 sites of 8 bcc shells filled.

The map of the reverse jump: with ``before, after = initial_columns(structure, shells)`` and the moving
species appended to the union environment as its last column, ``columns[:, before]`` makes the map of the jump
and ``columns[:, after]`` that of its reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from nnk.environment import EnvironmentSpec
from nnk.lattice import IntArray, Structure

if TYPE_CHECKING:
    from torch import Tensor

EDGE = 9  # of the published map


def voxels(offsets: IntArray, edge: int = EDGE) -> IntArray:
    """Index int64[n] in the flattened map of `offsets` int64[n, 3] (a/2); axes in the order y, x, z.

    The order is that of the published code, whose mesh comes from an 'xy'-indexed meshgrid.

    Raises:
        ValueError: `edge` is not odd, or an offset lies outside the map.
    """
    half = edge // 2
    if edge % 2 == 0 or edge < 1:
        raise ValueError(f"edge={edge}: expected an odd number of voxels, so that one is in the middle")
    reach = int(np.abs(offsets).max(initial=0))
    if reach > half:
        raise ValueError(f"edge={edge}: sites reach {reach} voxels from the middle, the map only {half}")
    x, y, z = (offsets + half).T
    return (y * edge + x) * edge + z


@dataclass(frozen=True)
class NeuronMap:
    """Which voxel each column of an "initial" environment fills.

    Attributes:
        structure: "bcc" or "fcc".
        shells: neighbour shells that are read.
        edge: voxels along an edge, odd; 9 holds 9 shells of bcc, 10 of fcc.
    """

    structure: Structure
    shells: int
    edge: int = EDGE

    def __post_init__(self) -> None:
        voxels(self.environment.canonical, self.edge)  # refuses shells that do not fit

    @property
    def environment(self) -> EnvironmentSpec:
        """The environment whose columns fill the map."""
        return EnvironmentSpec(self.structure, self.shells, "initial")

    @property
    def voxels(self) -> IntArray:
        """Index int64[n_initial] in the flattened map of each column."""
        return voxels(self.environment.canonical, self.edge)


def fill_map(species: Tensor, voxels: Tensor, edge: int = EDGE) -> Tensor:
    """Neuron maps of a batch, the published network's input.

    Args:
        species: uint8[b, n_initial], numbers from 1, 0 where there is no atom.
        voxels: int64[n_initial], `NeuronMap.voxels` on the device of `species`.
        edge: voxels along an edge.

    Returns:
        float32[b, 1, y, x, z]: the species numbers as they are, one channel.
    """
    return _filled(species, voxels, edge).float()


def _filled(species: Tensor, voxels: Tensor, edge: int) -> Tensor:
    flat = species.new_zeros((len(species), edge**3))
    flat[:, voxels] = species
    return flat.view(-1, 1, edge, edge, edge)


def fill_one_hot_map(species: Tensor, voxels: Tensor, n_species: int, edge: int = EDGE) -> Tensor:
    """`fill_map` with a channel per species, 1 where its atoms are: float32[b, n_species, y, x, z].

    No order among the elements is implied, as it is by their numbers.
    """
    numbers = species.new_tensor(range(1, n_species + 1)).view(1, -1, 1, 1, 1)
    return (_filled(species, voxels, edge) == numbers).float()
