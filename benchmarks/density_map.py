"""Rate of making spatial density maps on one core: 32^3 voxels x 3 species of 112 atoms, each map turned.

`python -m benchmarks.density_map [--json]`

The compiled kernel that training on a CPU uses; the matrix products that other devices use, here on the same
core; and the formula as a user would write it: with NumPy, atom by atom on the mesh of voxels, and as plain
loops. Every way must give the formula's values to 1e-5 before it is timed. Rates are per second of processor
time, the best of several batches; that of two threads is per second of the clock.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy and torch start their threads

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.core import sgemm_gflop_per_s
from nnk.density_grid import DensityGrid, map_positions_A
from nnk.density_map import contracted_maps, density_maps

GRID = DensityGrid()  # that of 112 sites: r_c 7.6, l_c 8.0, Delta 0.5 Å
N_SPECIES = 3
A_A = 3.24
BATCH = 64
_ROUNDS = 7
_TOLERANCE = 1e-5


def by_numpy(species: NDArray, positions_A: NDArray, angle: float) -> NDArray:
    """One map, every atom on the mesh of all voxels."""
    z, y, x = np.meshgrid(*[GRID.centres_A] * 3, indexing="ij")
    cos, sin = math.cos(angle), math.sin(angle)
    xi = np.zeros((N_SPECIES, *x.shape))
    for number, (rx, ry, rz) in zip(species, positions_A, strict=True):
        if rx**2 + ry**2 + rz**2 < GRID.cutoff_A**2:
            squared = (x - rx) ** 2 + (y - cos * ry + sin * rz) ** 2 + (z - sin * ry - cos * rz) ** 2
            xi[number - 1] += np.exp(-squared / (2 * GRID.voxel_A**2))
    return xi


def by_loops(species: NDArray, positions_A: NDArray, angle: float) -> NDArray:
    """One map, every atom, every voxel."""
    centres, cos, sin = GRID.centres_A.tolist(), math.cos(angle), math.sin(angle)
    xi = np.zeros((N_SPECIES, GRID.edge, GRID.edge, GRID.edge))
    for number, (rx, ry, rz) in zip(species.tolist(), positions_A.tolist(), strict=True):
        if rx**2 + ry**2 + rz**2 >= GRID.cutoff_A**2:
            continue
        ty, tz = cos * ry - sin * rz, sin * ry + cos * rz
        channel = xi[number - 1]
        for k, z in enumerate(centres):
            for j, y in enumerate(centres):
                for i, x in enumerate(centres):
                    squared = (rx - x) ** 2 + (ty - y) ** 2 + (tz - z) ** 2
                    channel[k, j, i] += math.exp(-squared / (2 * GRID.voxel_A**2))
    return xi


def measure() -> dict[str, float]:
    """Maps per second of every way, and what share of the core's limits the two fast ones reach."""
    generator = torch.Generator().manual_seed(0)
    positions = map_positions_A("bcc", 8, A_A)
    shape = (BATCH, len(positions))
    species = torch.randint(1, N_SPECIES + 1, shape, dtype=torch.uint8, generator=generator)
    angle = 2 * math.pi * torch.rand(BATCH, generator=generator)
    sites = torch.from_numpy(positions)
    one = species[0].numpy(), positions, float(angle[0])
    loops_s, exact = _timed(lambda: by_loops(*one), rounds=1)
    numpy_s, mesh = _timed(lambda: by_numpy(*one), rounds=3)
    _check("numpy", mesh, exact)
    rates = {"loops_maps_per_s": 1 / loops_s, "numpy_maps_per_s": 1 / numpy_s}
    for name, make in (("contracted_maps_per_s", contracted_maps), ("maps_per_s", density_maps)):

        def action(make: Callable[..., Tensor] = make) -> Tensor:
            return make(species, sites, GRID, n_species=N_SPECIES, angle=angle)

        _check(name, action()[0].numpy(), exact)
        rates[name] = BATCH / _timed(action)[0]
    rates["maps_per_s_2_threads"] = _two_threads(species, sites, angle)
    return {**rates, **_shares(rates, len(positions))}


def _check(name: str, found: NDArray, exact: NDArray) -> None:
    off = float(np.abs(found - exact).max())
    if off > _TOLERANCE:
        raise ValueError(f"{name}: {off:.2g} away from the formula")


def _timed(action: Callable[[], object], rounds: int = _ROUNDS) -> tuple[float, object]:
    best, result = math.inf, None
    for _ in range(rounds):
        began = time.process_time()
        result = action()
        best = min(best, time.process_time() - began)
    return best, result


def _two_threads(species: Tensor, sites: Tensor, angle: Tensor) -> float:
    halves = list(zip(species.chunk(2), angle.chunk(2), strict=True))

    def half(part: tuple[Tensor, Tensor]) -> Tensor:
        return density_maps(part[0], sites, GRID, n_species=N_SPECIES, angle=part[1])

    best = math.inf
    with ThreadPoolExecutor(2) as pool:
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            list(pool.map(half, halves))
            best = min(best, time.perf_counter() - began)
    return BATCH / best


def _shares(rates: dict[str, float], n_atoms: int) -> dict[str, float]:
    """Bytes written against a fill of the same memory; operations of the products against sgemm."""
    voxels = N_SPECIES * GRID.edge**3
    fill_s, _ = _timed(lambda: torch.zeros(BATCH, voxels))
    written, fill = 4e-9 * voxels * rates["maps_per_s"], 4e-9 * voxels * BATCH / fill_s
    product, sgemm = 2e-9 * voxels * n_atoms * rates["contracted_maps_per_s"], sgemm_gflop_per_s()
    return {
        "GB_per_s": written,
        "share_of_fill": written / fill,
        "contracted_gflop_per_s": product,
        "share_of_sgemm": product / sgemm,
        "sgemm_gflop_per_s": sgemm,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one flat JSON object")
    arguments = parser.parse_args(argv)
    found = measure()
    if arguments.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:24} {value:,.4g}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
