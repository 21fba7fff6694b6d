"""Vacancy jumps per second with the published Nb-Mo-Ta network, against the published algorithm in NumPy.

`python -m benchmarks.kmc [--json] [--jumps 300000]`: 1,024 sites (the published start) and 128,000 sites
(random, equimolar). The peer searches all atoms for the neighbours and fills a voxel map for every path at
every jump, as published, in float32 as the engine; its barriers are checked. A jump costs it the
same at any temperature, so its rate is measured at 1000 K and all ratios are to that. The engine remembers
surroundings (`hit_rate`); `no_cache` is without. Times are the processor's (one core): other work on the
machine does not count. Compilation is not timed.

Operations per second count the network as published: one addition per site and unit in the first layer. BLAS
is no upper limit for it: matrices of 8 rows fit the registers, and sites are added in pairs.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy starts its threads

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.core import sgemm_gflop_per_s
from nnk.constants import K_B_eV_K
from nnk.kmc.engine import Engine, RunConditions
from nnk.lattice import Lattice
from nnk.models.mlp import MlpModel
from nnk.models.program import evaluate
from nnk.published import read_lammps_dump, read_nkk_weights

A_A = 3.24
TEMPERATURES_K = (500.0, 1000.0, 3000.0)
NAIVE_SECONDS = 4.0


def data_folder() -> Path:
    """Folder of the published weights and start."""
    default = Path(__file__).parents[1] / ".." / "shared" / "data"
    folder = Path(os.environ.get("NNK_DATA", default)).resolve() / "nkk"
    for name in ("weights.npy", "initial.dump"):
        if not (folder / name).is_file():
            sys.exit(f"no {folder / name}: set NNK_DATA to the folder that holds nkk/{name} (UCICaoLab/NKK)")
    return folder


def starts(folder: Path) -> dict[int, tuple[Lattice, NDArray[np.uint8]]]:
    """Both starts by their number of sites, a vacancy at site 0."""
    small, published = read_lammps_dump(folder / "initial.dump", "bcc", A_A)
    large = Lattice.bcc((40, 40, 40), A_A)
    equimolar = np.random.default_rng(1).permutation(np.arange(large.n_sites) % 3 + 1).astype(np.uint8)
    result = {small.n_sites: (small, published.copy()), large.n_sites: (large, equimolar)}
    for _, occupancy in result.values():
        occupancy[0] = 0
    return result


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
    while time.process_time() - started < NAIVE_SECONDS:
        naive.jump(K_B_eV_K * 1000.0)
        done += 1
    return done / (time.process_time() - started)


def engine_rate(engine: Engine, jumps: int) -> float:
    """Jumps per second of the engine."""
    started = time.process_time()
    engine.advance(jumps)
    return jumps / (time.process_time() - started)


def flop_per_jump(model: MlpModel, n_jumps: int) -> float:
    """Multiplications and additions of the dense layers; additions alone in the first."""
    first = model.network.table.shape[0] * model.network.table.shape[2]
    dense = sum(weight.size for weight, _ in model.network.hidden) + model.network.out_weight.size
    return n_jumps * (first + 2.0 * dense)


def measure(jumps: int) -> dict[str, float]:
    """All figures."""
    folder = data_folder()
    model = read_nkk_weights(folder / "weights.npy", allow_pickle=True)
    figures: dict[str, float] = {"core_sgemm_GFLOP_per_s": sgemm_gflop_per_s()}
    for n_sites, (lattice, occupancy) in starts(folder).items():
        for cache in (True, False, True, False):  # compile, then look the compiled code up once
            Engine(lattice, occupancy, model, RunConditions(1000.0, 0), cache=cache).advance(1)
        for temperature_K in TEMPERATURES_K:
            name = f"{n_sites}_{temperature_K:.0f}K"
            engine = Engine(lattice, occupancy, model, RunConditions(temperature_K, 0))
            figures[f"jumps_per_s_{name}"] = engine_rate(engine, jumps)
            figures[f"hit_rate_{name}"] = engine.hits / engine.jumps
        plain = Engine(lattice, occupancy, model, RunConditions(1000.0, 0), cache=False)
        rate = engine_rate(plain, jumps // 4)
        figures[f"no_cache_jumps_per_s_{n_sites}_1000K"] = rate
        gflop_per_s = 1e-9 * rate * flop_per_jump(model, lattice.z)
        figures[f"no_cache_GFLOP_per_s_{n_sites}_1000K"] = gflop_per_s
        figures[f"no_cache_share_of_sgemm_{n_sites}_1000K"] = gflop_per_s / figures["core_sgemm_GFLOP_per_s"]
        naive = naive_rate(lattice, occupancy, model, folder)
        figures[f"naive_jumps_per_s_{n_sites}_1000K"] = naive
        for temperature_K in TEMPERATURES_K:
            name = f"{n_sites}_{temperature_K:.0f}K"
            figures[f"ratio_to_naive_{name}"] = figures[f"jumps_per_s_{name}"] / naive
        figures[f"no_cache_ratio_to_naive_{n_sites}_1000K"] = rate / naive
    return figures


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one flat JSON object on standard output")
    parser.add_argument("--jumps", type=int, default=300_000, help="jumps of every timed run")
    given = parser.parse_args(argv)
    figures = measure(given.jumps)
    if given.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, value in figures.items():
            print(f"{name:45} {value:14.4g}")


if __name__ == "__main__":
    main()
