"""The whole labelling chain against an independent oracle: the network published with the potential.

The network of Xing et al. (2024) was trained by its authors on their own climbing-image NEB barriers of the
moment tensor potential of Yin et al. (2021). Fresh labels of the same potential, by our evaluator, box,
search and lattice conventions, must agree with it to its own error.
"""

import numpy as np
import pytest

from nnk.alloy import exact_counts, random_solution, with_vacancy
from nnk.lattice import Lattice
from nnk.potentials import Mtp, make_force_field
from nnk.published import read_nkk_weights
from nnk.saddle import SearchParameters, fit_system, label_vacancy, zero_pressure_lattice_parameter

pytestmark = pytest.mark.physics

ELEMENTS = ("Nb", "Mo", "Ta")
CELLS = (6, 6, 6)
EQUIMOLAR = (1 / 3, 1 / 3, 1 / 3)
OTHERS = [
    (0.1, 0.7, 0.2),
    (0.7, 0.2, 0.1),
    (0.2, 0.2, 0.6),
    (0.45, 0.1, 0.45),
    (0.05, 0.9, 0.05),
]


@pytest.fixture(scope="module")
def potential(nnk_data):
    path = nnk_data / "potentials" / "NbMoTaW.mtp"
    if not path.is_file():
        pytest.skip(f"published potential: no file {path}")
    return Mtp(path, ("Nb", "Mo", "Ta", "W"))


@pytest.fixture(scope="module")
def network(nkk_weights):
    return read_nkk_weights(nkk_weights, allow_pickle=True)


@pytest.fixture(scope="module")
def system(potential):
    return fit_system(potential, ELEMENTS, "bcc", 1)


def fresh_barriers(potential, system, fractions, a_A, vacancies):
    """Labels of all jumps of some vacancies of a random alloy, and the states they are of."""
    lattice, rng = Lattice.bcc(CELLS, a_A), np.random.default_rng(11)
    occupancy = random_solution(exact_counts(fractions, lattice.n_sites), rng)
    sites = rng.choice(lattice.n_sites, vacancies, replace=False).tolist()
    states = [with_vacancy(occupancy, site) for site in sites]
    force_field, parameters = make_force_field(potential), SearchParameters(max_force_eV_A=0.01)
    labels = [label_vacancy(force_field, lattice, s, ELEMENTS, system, parameters) for s in states]
    force_field.close()
    return lattice, states, sites, np.concatenate([label.E_fwd_eV for label in labels])


def difference_eV(network, found):
    lattice, states, sites, barriers = found
    published = [network.barriers(s, site, lattice) for s, site in zip(states, sites, strict=True)]
    assert np.isfinite(barriers).mean() > 0.98
    return (barriers - np.concatenate(published))[np.isfinite(barriers)]


def test_200_barriers_in_the_equimolar_alloy(potential, system, network, record_property):
    difference = difference_eV(network, fresh_barriers(potential, system, EQUIMOLAR, 3.262, vacancies=25))
    record_property("MAE_eV", float(np.abs(difference).mean()))
    record_property("offset_eV", float(difference.mean()))
    assert len(difference) >= 196
    assert np.abs(difference).mean() < 0.03
    assert abs(difference.mean()) < 0.01


@pytest.mark.parametrize("fractions", OTHERS)
def test_other_compositions_in_their_own_boxes(potential, system, network, fractions, record_property):
    a_A = zero_pressure_lattice_parameter(potential, ELEMENTS, np.array(fractions), "bcc", 1)
    difference = difference_eV(network, fresh_barriers(potential, system, fractions, a_A, vacancies=5))
    record_property("MAE_eV", float(np.abs(difference).mean()))
    record_property("a_A", a_A)
    assert np.abs(difference).mean() < 0.05
