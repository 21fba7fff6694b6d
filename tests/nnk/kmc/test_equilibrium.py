"""A model in detailed balance visits all states of a small block by the Boltzmann weight of its energy."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from nnk.constants import K_B_eV_K
from nnk.environment import EnvironmentSpec
from nnk.kmc.engine import Engine, RunConditions
from nnk.lattice import Lattice
from nnk.models import BalancedModel
from nnk.models.program import DenseStack, evaluate

pytestmark = pytest.mark.filterwarnings("ignore:cells=:UserWarning")

TEMPERATURE_K = 2500.0
kT = K_B_eV_K * TEMPERATURE_K


def stack(rng, n_sites, n_species, width, scale):
    def array(*shape):
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    mover = array(n_species, width)
    return DenseStack(array(n_sites, n_species, width), mover, array(width), (), array(width), 0.5)


def balanced_model(structure, shells=1, n=2):
    rng = np.random.default_rng(3)
    union, state = (EnvironmentSpec(structure, shells, kind) for kind in ("union", "state"))
    pair = 0.1 * rng.standard_normal((shells, n + 1, n + 1))
    kra_linear_eV = 0.01 * rng.standard_normal((n, int(union.orbits.max()) + 1, n))
    kra = stack(rng, union.n_env, n, 6, 0.2)
    s_vac = stack(rng, int(state.orbits.max()) + 1, n, 6, 0.3)
    return BalancedModel(
        elements=("Nb", "Mo"),
        structure=structure,
        shells=shells,
        pair_eV=pair + pair.transpose(0, 2, 1),
        kra_mover_eV=np.array([0.5, 0.3]),
        kra_linear_eV=kra_linear_eV,
        kra=kra,
        s_vac=replace(s_vac, table=s_vac.table[state.orbits]),
    )


def all_states(lattice, n_vacancies, n_mo):
    """Every arrangement with the first vacancy at site 0, the others unlike it: all, up to translations."""
    sites = range(1, lattice.n_sites)
    for vacant in itertools.combinations(sites, n_vacancies - 1):
        for mo in itertools.combinations(sorted(set(sites) - set(vacant)), n_mo):
            occupancy = np.ones(lattice.n_sites, dtype=np.uint8)
            occupancy[[0, *vacant]] = 0
            occupancy[list(mo)] = 2
            yield occupancy


class Classes:
    """States that are the same up to a translation have one name: the least of their translated images."""

    def __init__(self, lattice):
        coordinates = lattice.coordinates
        self._images = np.array([lattice.site_at(coordinates + shift) for shift in coordinates])

    def name(self, occupancy):
        return min(image.tobytes() for image in occupancy[self._images[occupancy == 0]])


def total_rate(model, lattice, occupancy):
    barriers = [
        evaluate(model.compiled(), lattice, occupancy, int(site)) for site in np.flatnonzero(occupancy == 0)
    ]
    return np.exp(-np.array(barriers) / kT).sum()


def expected_visits(model, lattice, n_vacancies, n_mo):
    """Share of the visits of each class: its Boltzmann weight times the rate at which it is left."""
    classes, weights = Classes(lattice), {}
    for occupancy in all_states(lattice, n_vacancies, n_mo):
        name = classes.name(occupancy)
        if name not in weights:
            images = len({image.tobytes() for image in occupancy[classes._images]})
            rate = total_rate(model, lattice, occupancy)
            weights[name] = images * rate * np.exp(-model.energy(occupancy, lattice) / kT)
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}


def chi_square(expected, visits, least=8.0):
    """Chi square and degrees of freedom; classes with fewer than `least` expected visits are put together."""
    n = sum(visits.values())
    assert set(visits) <= set(expected)
    pairs = np.array([(n * share, visits.get(name, 0)) for name, share in expected.items()])
    rare = pairs[:, 0] < least
    pairs = np.vstack([pairs[~rare], pairs[rare].sum(axis=0)])
    pairs = pairs[pairs[:, 0] > 0]
    return ((pairs[:, 1] - pairs[:, 0]) ** 2 / pairs[:, 0]).sum(), len(pairs) - 1


def sampled(engine, classes, samples, jumps_between):
    """Visits of classes, looked at after random numbers of jumps, for every jump changes the sublattice."""
    visits = {}
    for gap in np.random.default_rng(0).integers(jumps_between // 2, 3 * jumps_between // 2, samples):
        engine.advance(int(gap))
        name = classes.name(engine.occupancy)
        visits[name] = visits.get(name, 0) + 1
    return visits


def check_boltzmann(structure, n_vacancies, n_mo, samples, jumps_between):
    lattice, model = Lattice(structure, (2, 2, 2), 3.3), balanced_model(structure)
    expected = expected_visits(model, lattice, n_vacancies, n_mo)
    shares = np.array(list(expected.values()))
    assert shares.max() / shares.min() > 5  # classes differ enough for the test to mean something
    start = next(all_states(lattice, n_vacancies, n_mo))
    engine = Engine(lattice, start, model, RunConditions(TEMPERATURE_K, 5))
    engine.advance(1000)
    found, freedom = chi_square(expected, sampled(engine, Classes(lattice), samples, jumps_between))
    assert freedom > 10
    assert found < freedom + 4 * (2 * freedom) ** 0.5


@pytest.mark.parametrize(("structure", "n_vacancies", "n_mo"), [("bcc", 1, 2), ("bcc", 2, 1), ("fcc", 2, 1)])
def test_visits_are_boltzmanns(structure, n_vacancies, n_mo):
    check_boltzmann(structure, n_vacancies, n_mo, samples=3000, jumps_between=60)


@pytest.mark.physics
@pytest.mark.parametrize(
    ("structure", "n_vacancies", "n_mo"),
    [("bcc", 1, 2), ("fcc", 1, 2), ("bcc", 2, 1), ("fcc", 2, 1), ("bcc", 3, 1), ("bcc", 2, 2)],
)
def test_visits_are_boltzmanns_to_high_accuracy(structure, n_vacancies, n_mo):
    check_boltzmann(structure, n_vacancies, n_mo, samples=60_000, jumps_between=100)
