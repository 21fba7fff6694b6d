from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.lattice import Lattice
from nnk.observables.barrier_batches import barrier_batches
from nnk.observables.spectra import SpectrumCounter


@pytest.fixture(scope="module")
def forward_network(random_mlp):
    return random_mlp(seed=3, shells=2)


def by_hand(network, lattice, occupancy, site):
    """Barriers and movers of one vacancy, step by step."""
    state = occupancy.copy()
    if (state == 0).any():
        state[state == 0] = occupancy[site]
    state[site] = 0
    return network.barriers(state, site, lattice), state[lattice.neighbours[site]]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 40), st.booleans())
def test_batches_are_a_loop_over_sites(forward_network, seed, batch_sites, vacant):
    generator, lattice = np.random.default_rng(seed), Lattice.bcc((4, 3, 5), 3.2)
    occupancy = generator.integers(1, 4, lattice.n_sites).astype(np.uint8)
    if vacant:
        occupancy[generator.integers(lattice.n_sites)] = 0
    sites = generator.integers(0, lattice.n_sites, 50)
    found = list(barrier_batches(forward_network, lattice, occupancy, sites, batch_sites=batch_sites))
    assert max(len(batch.sites) for batch in found) <= batch_sites
    np.testing.assert_array_equal(np.concatenate([batch.sites for batch in found]), sites)
    barriers = np.concatenate([batch.barriers_eV for batch in found])
    mover = np.concatenate([batch.mover for batch in found])
    for i, site in enumerate(sites):
        energies, species = by_hand(forward_network, lattice, occupancy, site)
        np.testing.assert_allclose(barriers[i], energies, atol=1e-5)
        np.testing.assert_array_equal(mover[i], species)


def test_all_sites_in_their_order(forward_network):
    lattice = Lattice.bcc((4, 4, 4), 3.2)
    occupancy = np.random.default_rng(1).integers(1, 4, lattice.n_sites).astype(np.uint8)
    found = list(barrier_batches(forward_network, lattice, occupancy, batch_sites=50))
    np.testing.assert_array_equal(np.concatenate([batch.sites for batch in found]), np.arange(128))


def test_memory_does_not_grow_with_the_number_of_sites(forward_network):
    """1,024,000 sites: their barriers alone would take 65 MB."""
    lattice = Lattice.bcc((80, 80, 80), 3.2)
    assert lattice.coordinates.nbytes < 25e6  # the lattice keeps this table, whatever is asked of it
    occupancy = np.random.default_rng(2).integers(1, 4, lattice.n_sites, dtype=np.uint8)
    counter = SpectrumCounter(64, 3)
    tracemalloc.start()
    try:
        for batch in barrier_batches(forward_network, lattice, occupancy):
            block = batch.sites * 64 // lattice.n_sites
            counter.add(batch.barriers_eV, batch.mover, np.repeat(block[:, None], 8, axis=1))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert sum(s.count for s in counter.spectra()) == 8_192_000
    assert peak < 25e6


def test_an_empty_batch_is_refused(forward_network):
    lattice = Lattice.bcc((4, 4, 4), 3.2)
    with pytest.raises(ValueError, match="batch_sites=0"):
        next(barrier_batches(forward_network, lattice, np.ones(128, dtype=np.uint8), batch_sites=0))
