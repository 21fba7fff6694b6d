"""Pair energies: what they accept, what they keep."""

import numpy as np
import pytest

from nnk.exchange.pairs import PairHamiltonian, pairs_of_model
from nnk.lattice import Lattice


def test_json_keeps_every_bit(make_pairs):
    pairs = make_pairs("bcc", 3)
    copy = PairHamiltonian.from_json(pairs.to_json())
    assert (copy.elements, copy.structure) == (pairs.elements, pairs.structure)
    assert np.array_equal(copy.pair_eV, pairs.pair_eV)


def test_remap_follows_the_names(make_pairs):
    pairs = make_pairs("bcc", 2)
    lattice = Lattice.bcc((3, 3, 3), 3.2)
    occupancy = np.random.default_rng(1).integers(0, 4, lattice.n_sites).astype(np.uint8)
    swapped = np.array([0, 3, 1, 2], dtype=np.uint8)[occupancy]  # Mo, Ta, Nb
    other = pairs.remap(["Mo", "Ta", "Nb"])
    assert other.energy_eV(lattice, swapped) == pytest.approx(pairs.energy_eV(lattice, occupancy), abs=1e-12)
    with pytest.raises(ValueError, match="W"):
        pairs.remap(["Nb", "W"])


def test_exchange_energy_ignores_what_numbers_of_atoms_fix(make_pairs):
    pairs = make_pairs("bcc", 2)
    own = np.array([0.0, 0.3, -0.2, 0.1])
    shifted = PairHamiltonian(pairs.elements, "bcc", pairs.pair_eV + (own[:, None] + own))
    assert np.allclose(shifted.exchange_eV, pairs.exchange_eV)
    assert np.allclose(np.diagonal(pairs.exchange_eV, axis1=1, axis2=2), 0)


@pytest.mark.parametrize(
    ("pair_eV", "message"),
    [
        (np.zeros((2, 3, 3)), "expected shape"),
        (np.zeros((0, 4, 4)), "expected shape"),
        (np.full((1, 4, 4), np.nan), "finite"),
        (np.triu(np.ones((1, 4, 4))), "must equal"),
    ],
)
def test_wrong_energies_are_refused(pair_eV, message):
    with pytest.raises(ValueError, match=message):
        PairHamiltonian(("Nb", "Mo", "Ta"), "bcc", pair_eV)


def test_a_model_without_energy_has_no_pairs(nkk_weights):
    from nnk.published import read_nkk_weights

    model = read_nkk_weights(nkk_weights, allow_pickle=True)
    with pytest.raises(ValueError, match="no pair energies"):
        pairs_of_model(model)
