from __future__ import annotations

import numpy as np
import pytest

from nnk.alloy import exact_counts, random_solution
from nnk.lattice import Lattice
from nnk.observables.cell_spectra import BIN_EV, box_of, boxes_per_edge, cell_spectra
from nnk.observables.site_barriers import site_barriers


@pytest.fixture(scope="module")
def network(random_mlp):
    return random_mlp(seed=3, shells=2)


def solution(lattice, seed):
    return random_solution(exact_counts([0.5, 0.3, 0.2], lattice.n_sites), np.random.default_rng(seed))


def test_it_counts_what_a_loop_over_sites_counts(network):
    lattice = Lattice.bcc((8, 9, 8), 3.2)
    occupancy = solution(lattice, 1)
    found = cell_spectra(network, lattice, occupancy)
    assert found.n_boxes == 8
    energies = site_barriers(network, lattice, occupancy)
    mover = occupancy[lattice.neighbours]
    for species in (None, 1, 2, 3):
        values = energies[np.full(mover.shape, True) if species is None else mover == species]
        spectrum = found.spectrum(species)
        assert spectrum.count == len(values) == found.counts(species).sum()
        assert spectrum.mean_eV == pytest.approx(values.mean())
        assert spectrum.std_eV == pytest.approx(values.std())
        centres = found.histogram.centres
        mean = (found.counts(species).sum(axis=0) * centres).sum() / len(values)
        assert mean == pytest.approx(values.mean(), abs=BIN_EV / 2)


def test_boxes_share_the_sites():
    lattice = Lattice.bcc((12, 9, 10), 3.2)
    assert boxes_per_edge(lattice) == 2
    boxes = box_of(lattice, np.arange(lattice.n_sites), 2)
    for box in range(8):
        corner = np.array([box // 4, box // 2 % 2, box % 2])
        places = lattice.coordinates[boxes == box] // 2
        assert (places * 2 // np.array(lattice.cells) == corner).all()
    assert boxes_per_edge(Lattice.bcc((80, 80, 80), 3.2)) == 4
    assert boxes_per_edge(Lattice.bcc((3, 5, 5), 3.2)) == 1


def test_errors_are_those_of_repeated_cells(network):
    lattice = Lattice.bcc((12, 12, 12), 3.2)
    found = [cell_spectra(network, lattice, solution(lattice, seed)).spectrum(2) for seed in range(24)]
    spread = np.std([s.mean_eV for s in found], ddof=1)
    error = np.mean([s.error_eV for s in found])
    assert 0.7 < error / spread < 2


def test_sites_may_be_chosen(network):
    lattice = Lattice.bcc((8, 8, 8), 3.2)
    found = cell_spectra(network, lattice, solution(lattice, 4), sites=[3, 500])
    assert found.spectrum().count == 16
