"""Fixtures of the tests of exchanges."""

import numpy as np
import pytest

from nnk.exchange.pairs import PairHamiltonian


@pytest.fixture(scope="session")
def make_pairs():
    """Random pair energies, weaker with every shell."""

    def make(structure, shells, elements=("Nb", "Mo", "Ta"), scale_eV=0.03, seed=0):
        rng = np.random.default_rng(seed)
        n = len(elements) + 1
        half = rng.normal(size=(shells, n, n)) * scale_eV / np.arange(1, shells + 1)[:, None, None]
        return PairHamiltonian(tuple(elements), structure, half + half.transpose(0, 2, 1))

    return make
