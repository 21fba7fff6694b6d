"""Tables of the built-in potential."""

import numpy as np
import pytest

from nnk.potentials import zhou


@pytest.mark.parametrize("name", list(zhou.ELEMENTS))
def test_embedding_is_continuous_where_its_pieces_join(name):
    element = zhou.ELEMENTS[name]
    for join in (0.85, 1.0, 1.15):
        rho = join * element.rho_e * np.array([1 - 1e-9, 1 + 1e-9])
        low, high = zhou.embedding_energy(element, rho)
        assert abs(high - low) < 2e-4


@pytest.mark.parametrize("first", list(zhou.ELEMENTS))
def test_mixing_is_symmetric_and_reduces_to_the_element(first):
    a, r = zhou.ELEMENTS[first], np.linspace(1.5, 6, 50)
    np.testing.assert_allclose(zhou.mixed_pair_energy(a, a, r), zhou.pair_energy(a, r), rtol=1e-12)
    for b in zhou.ELEMENTS.values():
        np.testing.assert_allclose(
            zhou.mixed_pair_energy(a, b, r), zhou.mixed_pair_energy(b, a, r), rtol=1e-10, atol=1e-14
        )


def test_switch_is_smooth():
    r = np.linspace(5.5, 7, 3001)
    cut = zhou.switch(r)
    assert (cut[r <= 5.9] == 1).all()
    assert (cut[r >= 6.5] == 0).all()
    assert (np.diff(cut) <= 0).all()
    second = np.diff(cut, 2) / (r[1] - r[0]) ** 2
    assert np.abs(np.diff(second)).max() < 0.2  # no jump in the second derivative


def test_setfl_has_the_announced_shape():
    lines = zhou.setfl(["Nb", "Mo", "Ta"]).splitlines()
    assert lines[3] == "3 Nb Mo Ta"
    n_rho, _, n_r, _, cutoff = lines[4].split()
    assert (int(n_rho), int(n_r), float(cutoff)) == (zhou.N_RHO, zhou.N_R, zhou.CUTOFF_A)
    values = (3 * (zhou.N_RHO + zhou.N_R) + 6 * zhou.N_R) // 4
    assert len(lines) == 5 + 3 + values


def test_an_unknown_element_is_refused():
    with pytest.raises(ValueError, match="Hf"):
        zhou.setfl(["Nb", "Hf"])
