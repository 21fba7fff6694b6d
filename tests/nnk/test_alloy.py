"""Compositions: exact counts, names, random solutions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnk.alloy import composition_name, exact_counts, fractions_of, random_solution, with_vacancy


@st.composite
def fractions(draw):
    weights = draw(st.lists(st.integers(0, 1000), min_size=1, max_size=5).filter(any))
    return np.array(weights) / sum(weights)


@given(fractions(), st.integers(1, 5000))
def test_counts_sum_exactly_and_stay_within_one_atom(x, n):
    counts = exact_counts(x, n)
    assert counts.sum() == n
    assert (np.abs(counts - x * n) < 1 + 1e-6).all()


@given(fractions(), st.integers(1, 5000))
def test_counts_do_not_depend_on_the_order_except_for_ties(x, n):
    forward, backward = exact_counts(x, n), exact_counts(x[::-1], n)[::-1]
    assert (np.abs(forward - backward) <= 1).all()
    remainders = np.round(x * n - np.floor(x * n + 1e-9), 6)
    if len(set(remainders)) == len(remainders):
        assert (forward == backward).all()


def test_counts_of_the_equimolar_cell():
    assert exact_counts([1 / 3, 1 / 3, 1 / 3], 432).tolist() == [144, 144, 144]
    assert exact_counts([0.34, 0.33, 0.33], 432).tolist() == [147, 143, 142]
    assert exact_counts([1 / 3, 1 / 3, 1 / 3], 250).tolist() == [84, 83, 83]


@pytest.mark.parametrize("bad", [[0.5, 0.4], [1.5, -0.5], [np.nan, 1.0], [], [[1.0]]])
def test_bad_fractions_are_refused(bad):
    with pytest.raises(ValueError, match="fractions"):
        exact_counts(bad, 10)


def test_names():
    assert composition_name({"Nb": 0.34, "Mo": 0.33, "Ta": 0.33}) == "Nb34Mo33Ta33"
    assert composition_name({"Mo": 0.33, "Nb": 0.34, "Ta": 0.33}, ["Nb", "Mo", "Ta"]) == "Nb34Mo33Ta33"
    assert composition_name({"Nb": 0.125, "Mo": 0.875}) == "Nb12.5Mo87.5"
    assert composition_name({"Nb": 1 / 3, "Mo": 1 / 3, "Ta": 1 / 3}) == "NbMoTa"
    assert composition_name({"Nb": 0.0, "Mo": 1.0}) == "Mo100"


def test_an_unknown_element_is_named():
    with pytest.raises(ValueError, match="W"):
        fractions_of({"Nb": 0.5, "W": 0.5}, ["Nb", "Mo", "Ta"])


def test_random_solution_has_exact_counts_and_follows_the_generator():
    first = random_solution([3, 0, 5], np.random.default_rng(1))
    assert np.bincount(first, minlength=4).tolist() == [0, 3, 0, 5]
    assert (first == random_solution([3, 0, 5], np.random.default_rng(1))).all()
    assert (first != random_solution([3, 0, 5], np.random.default_rng(2))).any()


def test_every_site_is_equally_likely():
    rng = np.random.default_rng(3)
    mean = np.mean([random_solution([30, 10], rng) == 2 for _ in range(4000)], axis=0)
    assert np.abs(mean - 0.25).max() < 5 * np.sqrt(0.25 * 0.75 / 4000)


def test_with_vacancy_copies():
    occupancy = np.array([1, 2, 1], dtype=np.uint8)
    assert with_vacancy(occupancy, 1).tolist() == [1, 0, 1]
    assert occupancy.tolist() == [1, 2, 1]
    with pytest.raises(ValueError, match="vacant"):
        with_vacancy(with_vacancy(occupancy, 1), 1)
    with pytest.raises(ValueError, match="site 3"):
        with_vacancy(occupancy, 3)
