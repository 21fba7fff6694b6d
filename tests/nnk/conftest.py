"""Fixtures of the library's tests."""

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
