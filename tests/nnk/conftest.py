"""Fixtures of the library's tests."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest


def _closed_walk(lattice, hops, rng):
    """Directions of a closed walk of `hops` jumps; only steps that still allow to come back are taken."""
    position, directions = np.zeros(3, dtype=np.int64), []
    reach = np.abs(lattice.jumps).sum(axis=1).max()
    for left in range(hops - 1, -1, -1):
        open_ways = [
            d
            for d, step in enumerate(lattice.jumps)
            if np.abs(position + step).max() <= left and np.abs(position + step).sum() <= reach * left
        ]
        directions.append(int(rng.choice(open_ways)))
        position = position + lattice.jumps[directions[-1]]
    if position.any():
        raise ValueError("the walk is not closed")
    return directions


@pytest.fixture(scope="session")
def closed_loop():
    """A state with a vacancy and a closed walk on which all atoms are of one species.

    On such a loop the vacancy's return restores the very state; atoms of several species would come back
    permuted. Everything off the loop is random.
    """

    def make(lattice, hops, seed, n_species=3):
        rng = np.random.default_rng(seed)
        occupancy = rng.integers(1, n_species + 1, lattice.n_sites).astype(np.uint8)
        site = start = int(rng.integers(lattice.n_sites))
        directions = _closed_walk(lattice, hops, rng)
        for direction in directions:
            site = int(lattice.neighbours[site, direction])
            occupancy[site] = 1 + seed % n_species
        occupancy[start] = 0
        return occupancy, start, directions

    return make


@pytest.fixture(scope="session")
def on_two_ranks():
    """Runs a program on two ranks of a training backend, on CPUs; its output."""

    def run(backend, program, *arguments):
        command = [sys.executable, "-P", str(program), *map(str, arguments)]
        if backend == "ddp":
            torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
            command[2:2] = torchrun
        else:
            if find_spec("horovod") is None:
                pytest.skip("Horovod is not built: make horovod")
            mpiexec = shutil.which("mpiexec", path=f"{sys.prefix}/bin:{os.environ['PATH']}")
            if mpiexec is None:
                pytest.skip("no mpiexec: pip install '.[local]'")
            command[:0] = [mpiexec, "-n", "2"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run
