"""Minima, saddles, curvatures and paths on surfaces whose stationary points are known."""

import numpy as np
import pytest

from nnk.saddle.curvature import lowest_mode, lowest_modes
from nnk.saddle.minimise import capped, evaluate, largest, relax
from nnk.saddle.network import Network, Saddle, distance
from nnk.saddle.parameters import SearchParameters
from nnk.saddle.path import PathSearch
from nnk.saddle.search import find_stationary

TIGHT = 1e-5
DOUBLE_WELL = [0.5, 0.05, -1.0, 0.0, 0.5]  # minima near -1 and 1
THREE_WELLS = [0.0, 0.03, 0.9, 0.0, -1.9, 0.0, 1.0]  # an intermediate minimum near 0, unequal humps
SHALLOW = [0.0, 0.03, 0.35, 0.0, -1.2, 0.0, 0.7]  # two humps hardly above the minimum between them


def quadratic(matrix):
    """Energy u H u / 2 of the displacements without translation."""

    def forces(positions):
        gradient = (matrix @ positions.ravel()).reshape(positions.shape)
        return 0.5 * float(positions.ravel() @ gradient.ravel()), -gradient

    return forces


def random_matrix(n, seed, low):
    """A symmetric matrix without stiffness for translations, its lowest curvature at `low`."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((3 * n, 3 * n)))[0]
    shift = np.kron(np.ones((n, 1)) / np.sqrt(n), np.eye(3))
    keep = np.eye(3 * n) - shift @ shift.T
    values = rng.uniform(1, 8, 3 * n)
    values[:2] = low, 0.6
    return keep @ (basis * values) @ basis.T @ keep


def test_relaxation_finds_the_minimum_of_a_quadratic_form(uniform_hessian):
    matrix = random_matrix(10, 0, 0.4)
    start = np.random.default_rng(1).standard_normal((10, 3))
    forces = quadratic(matrix)
    point, converged = relax(
        forces, evaluate(forces, start), uniform_hessian(5.0), max_force_eV_A=1e-6, max_step_A=1.0
    )
    assert converged
    assert point.energy_eV == pytest.approx(0, abs=1e-9)
    assert point.max_force_eV_A <= 1e-6


def test_relaxation_never_climbs(surface, uniform_hessian):
    wells = surface(DOUBLE_WELL)
    energies = []

    def forces(positions):
        energy, f = wells(positions)
        energies.append(energy)
        return energy, f

    x, low, _ = wells.stationary()
    point, converged = relax(
        forces, evaluate(forces, wells.near(x[1] + 0.1)), uniform_hessian(4.0), max_force_eV_A=TIGHT
    )
    assert converged
    assert point.energy_eV == pytest.approx(low[2], abs=1e-8)


def test_relaxation_gives_up_and_stops_when_told(surface, uniform_hessian):
    wells = surface(DOUBLE_WELL)
    start = evaluate(wells, wells.near(0.4))
    _, converged = relax(wells, start, uniform_hessian(4.0), max_force_eV_A=TIGHT, max_calls=2)
    assert not converged
    point, stopped = relax(
        wells, start, uniform_hessian(4.0), max_force_eV_A=TIGHT, stop=lambda p: p.energy_eV < 0.2
    )
    assert stopped
    assert point.max_force_eV_A > TIGHT


def test_steps_are_capped_as_a_whole():
    step = np.array([[3.0, 4.0, 0.0], [0.0, 0.0, 1.0]])
    assert largest(step) == 5.0
    np.testing.assert_allclose(capped(step, 0.5), step / 10)
    assert capped(step, 6.0) is step


@pytest.mark.parametrize("polynomial", [DOUBLE_WELL, THREE_WELLS])
def test_the_search_finds_the_saddle(surface, uniform_hessian, polynomial):
    wells = surface(polynomial)
    x, energies, is_minimum = wells.stationary()
    for k in np.flatnonzero(~is_minimum):
        point = find_stationary(
            wells,
            wells.near(x[k] + 0.1),
            wells.direction,
            uniform_hessian(4.0),
            max_force_eV_A=TIGHT,
            max_calls=60,
        )
        assert point is not None
        assert point.energy_eV == pytest.approx(energies[k], abs=1e-7)
        first, others = point.positions_A[0], point.positions_A[1:]
        assert (first - others.mean(axis=0))[0] == pytest.approx(x[k], abs=1e-3)


def test_the_search_gives_up(surface, uniform_hessian):
    wells = surface(DOUBLE_WELL)
    found = find_stationary(
        wells, wells.near(0.4), wells.direction, uniform_hessian(4.0), max_force_eV_A=1e-12, max_calls=3
    )
    assert found is None
    assert wells.calls == 3


@pytest.mark.parametrize("seed", range(3))
def test_lowest_curvatures(uniform_hessian, seed):
    matrix = random_matrix(12, seed, -2.0)
    exact = np.linalg.eigvalsh(matrix)
    exact = exact[np.abs(exact) > 1e-9]  # without translations
    forces = quadratic(matrix)
    point = evaluate(forces, np.zeros((12, 3)))
    guess = np.random.default_rng(seed).standard_normal((12, 3))
    modes = lowest_modes(forces, point, guess, uniform_hessian(4.0), tolerance_eV_A2=1e-4)
    np.testing.assert_allclose(modes.curvatures_eV_A2, exact[:3], atol=1e-4)
    v = modes.vectors[0]
    assert np.linalg.norm(v) == pytest.approx(1)
    assert np.abs(v.sum(axis=0)).max() < 1e-9
    quick = lowest_mode(forces, point, guess, uniform_hessian(4.0), below_eV_A2=-0.05, max_calls=30)
    assert exact[0] <= quick.curvatures_eV_A2[0] < -0.05


def settled(wells, x, hessian):
    return relax(wells, evaluate(wells, wells.near(x)), hessian, max_force_eV_A=1e-4)[0]


def connect(wells, hessian, **settings):
    x, _, is_minimum = wells.stationary()
    first, last = x[is_minimum][[0, -1]]
    search = PathSearch(wells, hessian, wells.direction, SearchParameters(max_force_eV_A=1e-3, **settings))
    return search.connect(settled(wells, first, hessian), settled(wells, last, hessian))


@pytest.mark.parametrize("connected", [True, False])
def test_one_hump_is_one_saddle(surface, uniform_hessian, connected):
    wells = surface(DOUBLE_WELL)
    network = connect(wells, uniform_hessian(4.0), connect=connected, search_calls=60)
    saddle, n_saddles = network.limiting()
    _, energies, is_minimum = wells.stationary()
    assert n_saddles == 1
    assert saddle.point.energy_eV == pytest.approx(energies[~is_minimum][0], abs=1e-5)
    assert saddle.curvature_eV_A2 < -0.05


@pytest.mark.parametrize("tilt", [0.03, -0.03])
@pytest.mark.parametrize("polynomial", [THREE_WELLS, SHALLOW])
def test_of_two_humps_the_higher_counts(surface, uniform_hessian, polynomial, tilt):
    wells = surface([polynomial[0], tilt, *polynomial[2:]])
    network = connect(wells, uniform_hessian(4.0), search_calls=60, match_A=0.1)
    saddle, n_saddles = network.limiting()
    _, energies, is_minimum = wells.stationary()
    assert (is_minimum.sum(), n_saddles) == (3, 2)
    assert saddle.point.energy_eV == pytest.approx(energies[~is_minimum].max(), abs=1e-5)


def test_no_path_between_states_of_a_slope(surface, uniform_hessian):
    wells = surface([0.0, 1.0, 0.5])  # one minimum: the other end is no state at all
    hessian = uniform_hessian(4.0)
    search = PathSearch(wells, hessian, wells.direction, SearchParameters(max_force_eV_A=1e-3))
    end = evaluate(wells, wells.near(1.0))
    assert search.connect(settled(wells, -1.0, hessian), end) is None


def chain(surface, saddle_energies, joins):
    """Four minima on a line and saddles of given energies between some of them."""
    wells = surface(DOUBLE_WELL)
    minima = [evaluate(wells, wells.near(x)) for x in (-1.0, 1.0, -0.3, 0.4)]
    network = Network(wells.direction, minima)
    point = evaluate(wells, wells.near(0.0))
    for energy, ends in zip(saddle_energies, joins, strict=True):
        network.saddles.append(Saddle(type(point)(point.positions_A, energy, point.forces_eV_A), -1.0, ends))
    return network


def test_the_lowest_way_counts(surface):
    network = chain(surface, [0.9, 0.5, 0.7, 0.6], [(0, 1), (0, 2), (2, 3), (3, 1)])
    assert network.connected
    saddle, n_saddles = network.limiting()
    assert (saddle.point.energy_eV, n_saddles) == (0.7, 3)
    assert chain(surface, [0.6, 0.5, 0.7], [(0, 1), (0, 2), (2, 3)]).limiting()[1] == 1


def test_gaps_are_looked_for_along_the_way(surface):
    assert chain(surface, [], []).gap() == (0, 2)
    assert chain(surface, [1.0], [(0, 2)]).gap() == (2, 3)
    assert chain(surface, [1.0, 1.0], [(0, 2), (3, 1)]).gap() == (2, 3)
    with pytest.raises(ValueError, match="no saddles"):
        chain(surface, [1.0], [(0, 2)]).limiting()
    with pytest.raises(ValueError, match="no gap"):
        chain(surface, [1.0] * 3, [(0, 2), (2, 3), (3, 1)]).gap()


def test_distance_is_blind_to_translation():
    a = np.random.default_rng(0).standard_normal((5, 3))
    b = a.copy()
    b[2, 1] += 1.0
    assert distance(a, a + 7.0) == pytest.approx(0, abs=1e-12)
    assert distance(a, b) == pytest.approx(0.8)


@pytest.mark.parametrize(
    "bad",
    [
        {"max_force_eV_A": 0},
        {"match_A": -1.0},
        {"starts": ()},
        {"starts": (0.5, 1.0)},
        {"saddle_curvature_eV_A2": 0.1},
        {"search_calls": 0},
    ],
)
def test_senseless_parameters_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        SearchParameters(**bad)
