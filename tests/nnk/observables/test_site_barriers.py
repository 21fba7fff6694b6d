from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.lattice import Lattice
from nnk.models.base import BarrierModel
from nnk.observables.site_barriers import site_barriers, with_one_vacancy

FLOAT32_EV = 1e-5
LATTICE = Lattice.bcc((5, 5, 6), 3.2)


def random_state(seed, lattice=LATTICE, vacancy=None):
    occupancy = np.random.default_rng(seed).integers(1, 4, lattice.n_sites).astype(np.uint8)
    if vacancy is not None:
        occupancy[vacancy] = 0
    return occupancy


def naive(model, lattice, occupancy, site):
    """The vacancy carried to one site, and the model asked."""
    moved = occupancy.copy()
    own = np.flatnonzero(occupancy == 0)
    if len(own):
        moved[own[0]] = occupancy[site]
    moved[site] = 0
    return model.barriers(moved, int(site), lattice)


@pytest.fixture(scope="module", params=["mlp", "detailed-balance"])
def model(request, random_mlp, random_balanced) -> BarrierModel:
    make = {"mlp": random_mlp, "detailed-balance": random_balanced}[request.param]
    return make(seed=3, shells=3)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), vacancy=st.none() | st.integers(0, LATTICE.n_sites - 1))
def test_equal_one_vacancy_at_a_time(model, seed, vacancy):
    occupancy = random_state(seed, vacancy=vacancy)
    together = site_barriers(model, LATTICE, occupancy)
    assert together.shape == (LATTICE.n_sites, 8)
    near = [] if vacancy is None else [vacancy, *LATTICE.neighbours[vacancy][:3].tolist()]
    for site in {*near, 0, seed % LATTICE.n_sites, LATTICE.n_sites - 1}:
        expected = naive(model, LATTICE, occupancy, site)
        np.testing.assert_allclose(together[site], expected, atol=FLOAT32_EV)


def test_in_fcc(random_balanced):
    lattice, model = Lattice.fcc((4, 4, 4), 3.6), random_balanced(seed=1, shells=2, structure="fcc")
    occupancy = random_state(2, lattice, vacancy=17)
    together = site_barriers(model, lattice, occupancy)
    for site in (17, 18, 100):
        np.testing.assert_allclose(together[site], naive(model, lattice, occupancy, site), atol=FLOAT32_EV)


def test_chosen_sites_in_their_order(model):
    occupancy = random_state(5)
    every, some = (site_barriers(model, LATTICE, occupancy, sites) for sites in (None, [9, 3, 9]))
    np.testing.assert_array_equal(some, every[[9, 3, 9]])


def test_a_shifted_crystal_has_the_same_barriers(model):
    occupancy = random_state(6, vacancy=40)
    shifted = np.empty_like(occupancy)
    to = LATTICE.site_at(LATTICE.coordinates + np.array([3, 1, 5]))
    shifted[to] = occupancy
    np.testing.assert_array_equal(
        site_barriers(model, LATTICE, shifted)[to], site_barriers(model, LATTICE, occupancy)
    )


def test_a_model_without_a_program_is_asked_itself(random_mlp, monkeypatch):
    model, occupancy = random_mlp(seed=3, shells=3), random_state(7, vacancy=11)
    compiled = site_barriers(model, LATTICE, occupancy)
    monkeypatch.setattr(type(model), "compiled", lambda self: None)
    predicted = site_barriers(model, LATTICE, occupancy)
    assert not np.array_equal(predicted, compiled)
    np.testing.assert_allclose(predicted, compiled, atol=FLOAT32_EV)
    for site in (11, 12, int(LATTICE.neighbours[11][0])):
        np.testing.assert_allclose(predicted[site], naive(model, LATTICE, occupancy, site), atol=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda o: np.where(np.arange(len(o)) < 2, 0, o), "at most one vacancy"),
        (lambda o: o[:-1], "expected shape"),
        (lambda o: np.where(np.arange(len(o)) == 8, 4, o), "species 4: the model knows 3"),
    ],
)
def test_what_is_no_state_of_the_model_is_refused(model, change, message):
    with pytest.raises(ValueError, match=message):
        site_barriers(model, LATTICE, change(random_state(0)).astype(np.uint8))


def test_another_lattice_is_refused(model):
    lattice = Lattice.fcc((5, 5, 5), 3.6)
    with pytest.raises(ValueError, match="the model is for bcc"):
        site_barriers(model, lattice, random_state(0, lattice))


def test_one_of_several_vacancies_is_left():
    occupancy = random_state(8, vacancy=[4, 30, 77])
    left = with_one_vacancy(occupancy)
    assert np.flatnonzero(left == 0).tolist() == [4]
    assert np.flatnonzero(left != occupancy).tolist() == [30, 77]
    np.testing.assert_array_equal(left, with_one_vacancy(occupancy))
    for single in (random_state(8, vacancy=4), random_state(8)):
        assert with_one_vacancy(single) is single
