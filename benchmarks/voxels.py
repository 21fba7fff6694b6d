"""Rate of making voxel images of 54 atoms on one core: 4^3, 8^3 and 16^3 voxels, one channel.

`python -m benchmarks.voxels [--json]`

The matrix products that training uses, in float32; beside them the descriptor's formula as a user would
write it: with NumPy, atom by atom on the mesh of voxels, and as plain loops. Every way must give the values
of the formula to 1e-4 of their size before it is timed. Rates are per second of processor time, the best of
several rounds.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # one core; before NumPy and torch start their threads

import argparse
import json
import math
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.core import sgemm_gflop_per_s
from nnk.lattice import Lattice
from nnk.voxels import VoxelGrid, boxes_of
from nnk.voxels.images import voxel_images

EDGES = (4, 8, 16)
ELEMENTS = ("Ta", "Nb", "Mo")
BATCH = 256
_ROUNDS = 7
_TOLERANCE = 1e-4


def by_numpy(atoms: NDArray, charges: NDArray, centres: Sequence[NDArray], gamma: float) -> NDArray:
    """One image, every atom on the mesh of all voxels; coordinates in the box's unit."""
    x, y, z = np.meshgrid(*centres, indexing="ij")
    image = np.zeros(x.shape)
    for (ax, ay, az), charge in zip(atoms, charges, strict=True):
        image += charge * np.exp(-((x - ax) ** 2 + (y - ay) ** 2 + (z - az) ** 2) / (2 * gamma**2))
    return image


def by_loops(atoms: NDArray, charges: NDArray, centres: Sequence[NDArray], gamma: float) -> NDArray:
    """One image, every atom, every voxel."""
    along = [axis.tolist() for axis in centres]
    image = np.zeros([len(axis) for axis in along])
    for (ax, ay, az), charge in zip(atoms.tolist(), charges.tolist(), strict=True):
        for i, x in enumerate(along[0]):
            for j, y in enumerate(along[1]):
                for k, z in enumerate(along[2]):
                    squared = (x - ax) ** 2 + (y - ay) ** 2 + (z - az) ** 2
                    image[i, j, k] += charge * math.exp(-squared / (2 * gamma**2))
    return image


def measure() -> dict[str, float]:
    """Images per second of every way and grid, and how many times faster than the formula they come."""
    generator = np.random.default_rng(0)
    lattice = Lattice("bcc", (3, 3, 3), 3.25)
    positions = lattice.positions_A + generator.normal(0, 0.1, (BATCH, lattice.n_sites, 3))
    species = generator.integers(1, 4, lattice.n_sites).astype(np.uint8)
    found: dict[str, float] = {}
    for edge in EDGES:
        found |= _of_grid(VoxelGrid(edge), positions, species)
    return {**found, "sgemm_gflop_per_s": sgemm_gflop_per_s()}


def _of_grid(grid: VoxelGrid, positions: NDArray, species: NDArray) -> dict[str, float]:
    boxes = boxes_of(positions, grid.box)
    weights = grid.weights(ELEMENTS, species)
    unit, edges = float(boxes.unit_A[0]), boxes.upper_A[0] - boxes.lower_A[0]
    steps = (np.arange(grid.edge) + 0.5) / grid.edge
    centres = [(boxes.lower_A[0, axis] + edges[axis] * steps) / unit for axis in range(3)]
    one = positions[0] / unit, weights[:, 0], centres, grid.gamma
    atoms, channels = torch.from_numpy(positions).float(), torch.from_numpy(weights).float()
    corners = tuple(torch.from_numpy(part).float() for part in (boxes.lower_A, boxes.upper_A, boxes.unit_A))
    loops_s, exact = _timed(lambda: by_loops(*one), rounds=1)
    numpy_s, mesh = _timed(lambda: by_numpy(*one))
    ours_s, images = _timed(
        lambda: voxel_images(atoms, channels, corners, edge=grid.edge, gamma=grid.gamma)  # type: ignore[arg-type]
    )
    _check("numpy", mesh, exact)
    _check("images", images[0, 0].numpy(), exact)
    rate, name = BATCH / ours_s, f"voxels_{grid.edge}"
    return {
        f"{name}_maps_per_s": rate,
        f"{name}_numpy_maps_per_s": 1 / numpy_s,
        f"{name}_loops_maps_per_s": 1 / loops_s,
        f"{name}_times_numpy": rate * numpy_s,
        f"{name}_times_loops": rate * loops_s,
    }


def _check(name: str, found: NDArray, exact: NDArray) -> None:
    off = float(np.abs(found - exact).max() / np.abs(exact).max())
    if off > _TOLERANCE:
        raise ValueError(f"{name}: {off:.2g} away from the formula")


def _timed(action: Callable[[], Any], rounds: int = _ROUNDS) -> tuple[float, Any]:
    best, result = math.inf, None
    for _ in range(rounds):
        began = time.process_time()
        result = action()
        best = min(best, time.process_time() - began)
    return best, result


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
            print(f"{name:28} {value:,.4g}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
