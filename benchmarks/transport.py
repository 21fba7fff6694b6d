"""Displacements over blocks while jumps pass by: jumps per second, beside a plain replay of the same jumps.

The plain replay follows the same atoms and knows where they are at the end alone.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
from numpy.typing import NDArray

from nnk.kmc import Replay
from nnk.lattice import Lattice
from nnk.observables.walks import JumpFollower

Figures = dict[str, float]
BLOCKS = 32
PIECE = 2**20  # as jumps are read from a file
CELLS = {"1024": (8, 8, 8), "128000": (40, 40, 40)}


def transport_figures(jumps: int = 2_000_000, repeats: int = 3) -> Figures:
    """Rates on a small cell and on one of 128,000 sites, medians over `repeats`."""
    figures: Figures = {"jumps": jumps}
    for name, cells in CELLS.items():
        lattice = Lattice.bcc(cells, 3.2)
        rng = np.random.default_rng(0)
        occupancy = rng.integers(1, 4, lattice.n_sites).astype(np.uint8)
        occupancy[0] = 0
        directions = rng.integers(0, lattice.z, jumps).astype(np.uint8)
        ours = _rate(lambda: _follow(lattice, occupancy, directions), jumps, repeats)  # noqa: B023
        plain = _rate(lambda: _replay(lattice, occupancy, directions), jumps, repeats)  # noqa: B023
        figures |= {
            f"{name}_sites_jumps_per_s": ours,
            f"{name}_sites_plain_replay_jumps_per_s": plain,
            f"{name}_sites_ratio": ours / plain,
        }
    return figures | {"memory_MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _rate(work: Callable[[], None], jumps: int, repeats: int) -> float:
    work()  # compiles
    seconds = []
    for _ in range(repeats):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return jumps / median(seconds)


def _follow(lattice: Lattice, occupancy: NDArray[np.uint8], directions: NDArray[np.uint8]) -> None:
    follower = JumpFollower(lattice, occupancy, 3, n_jumps=len(directions), blocks=BLOCKS)
    for first in range(0, len(directions), PIECE):
        follower.follow(directions[first : first + PIECE])


def _replay(lattice: Lattice, occupancy: NDArray[np.uint8], directions: NDArray[np.uint8]) -> None:
    state = Replay(lattice, occupancy)
    for first in range(0, len(directions), PIECE):
        state.follow(directions[first : first + PIECE])


def main(argv: Sequence[str] | None = None) -> None:
    """``python -m benchmarks.transport [--json] [--jumps N]``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    parser.add_argument("--jumps", type=lambda text: int(float(text)), default=20_000_000)
    arguments = parser.parse_args(argv)
    figures = transport_figures(arguments.jumps)
    if arguments.json:
        print(json.dumps(figures))
        return
    for name, value in figures.items():
        print(f"{name:45s} {value:.4g}")


if __name__ == "__main__":
    main()
