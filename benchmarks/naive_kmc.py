"""The published algorithm in NumPy: all atoms searched and a voxel map filled for every path at every jump.

In float32, as the engine; its barriers are checked before it is timed.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnk.constants import K_B_eV_K
from nnk.lattice import Lattice
from nnk.models.mlp import MlpModel
from nnk.models.program import evaluate

A_A = 3.24
_SECONDS = 4.0


class NaiveRun:
    """The published algorithm: atoms as points in space, everything searched anew at every jump."""

    cutoff_A = 7.5
    voxel_A = A_A / 2

    def __init__(
        self, lattice: Lattice, occupancy: NDArray[np.uint8], model: MlpModel, kernel: NDArray
    ) -> None:
        self.box_A = lattice.box_A
        atoms = np.flatnonzero(occupancy)
        self.positions_A = lattice.positions_A[atoms]
        self.types = occupancy[atoms].astype(np.float64)
        self.vacancy_A = lattice.positions_A[np.flatnonzero(occupancy == 0)[0]].copy()
        self.kernel = kernel
        self.network = model.network
        self.rng = np.random.default_rng(0)
        self.time_s = 0.0

    def surroundings(self) -> tuple[NDArray, NDArray, NDArray, NDArray]:
        """Atoms within the cutoff (vectors from the vacancy, types) and the nearest (numbers, vectors)."""
        vectors = self.positions_A - self.vacancy_A
        vectors -= self.box_A * np.rint(vectors / self.box_A)
        squared = (vectors**2).sum(axis=1)
        near = squared < self.cutoff_A**2
        nearest = np.argpartition(squared, 8)[:8]
        return vectors[near], self.types[near], nearest, vectors[nearest]

    def barriers(self, vectors: NDArray, types: NDArray, paths: NDArray) -> NDArray:
        """Barriers of the jumps along `paths`: a neuron map each, turned onto [111], through the network."""
        maps = np.zeros((len(paths), 9, 9, 9), dtype=np.float32)
        for path, neuron_map in zip(paths, maps, strict=True):
            x, y, z = np.rint((vectors @ rotation(path).T) / self.voxel_A).astype(int).T + 4
            neuron_map[y, x, z] = types
        layer = np.maximum(maps.reshape(len(paths), -1) @ self.kernel + self.network.bias, 0)
        for weight, bias in self.network.hidden:
            layer = np.maximum(layer @ weight + bias, 0)
        return layer @ self.network.out_weight + self.network.out_bias

    def jump(self, kT_eV: float) -> None:
        """One jump of the residence-time algorithm."""
        vectors, types, nearest, paths = self.surroundings()
        rates = 1e13 * np.exp(-self.barriers(vectors, types, paths) / kT_eV)
        total = np.cumsum(rates)
        chosen = nearest[np.searchsorted(total, self.rng.random() * total[-1])]
        self.time_s -= np.log(1 - self.rng.random()) / total[-1]
        self.vacancy_A, self.positions_A[chosen] = self.positions_A[chosen].copy(), self.vacancy_A


def rotation(path: NDArray) -> NDArray:
    """Turn about z and mirror that bring `path` onto [111] (Xing et al. 2024, table S1)."""
    x, y, z = path
    turn = (0.0 if y > 0 else 0.5) if x > 0 else (-0.5 if y > 0 else 1.0)
    cos, sin = np.rint([np.cos(turn * np.pi), np.sin(turn * np.pi)])
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1 if z > 0 else -1]])


def dense_kernel(folder: Path) -> NDArray:
    """The published first layer, 729 x 128, its batch normalisation folded in."""
    arrays = np.load(folder / "weights.npy", allow_pickle=True)
    kernel, _, gamma, _, _, variance = (np.asarray(array, dtype=np.float64) for array in arrays[:6])
    return (kernel * gamma / np.sqrt(variance + 1e-3)).astype(np.float32)


def check_naive(naive: NaiveRun, lattice: Lattice, occupancy: NDArray[np.uint8], model: MlpModel) -> None:
    """Refuse to time a peer that does not compute the same barriers."""
    vectors, types, _, paths = naive.surroundings()
    order = [
        lattice.jumps.tolist().index(np.rint(path / naive.voxel_A).astype(int).tolist()) for path in paths
    ]
    expected = evaluate(model.compiled(), lattice, occupancy, 0)[order]
    difference = np.abs(naive.barriers(vectors, types, paths) - expected).max()
    if difference > 1e-5:
        raise ValueError(f"the naive rendition's barriers differ by {difference} eV")


def naive_rate(lattice: Lattice, occupancy: NDArray[np.uint8], model: MlpModel, folder: Path) -> float:
    """Jumps per second of the published algorithm at 1000 K."""
    naive = NaiveRun(lattice, occupancy, model, dense_kernel(folder))
    check_naive(naive, lattice, occupancy, model)
    naive.jump(K_B_eV_K * 1000.0)
    done, started = 0, time.process_time()
    while time.process_time() - started < _SECONDS:
        naive.jump(K_B_eV_K * 1000.0)
        done += 1
    return done / (time.process_time() - started)
