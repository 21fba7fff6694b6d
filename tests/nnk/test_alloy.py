"""Compositions: exact counts, names, random solutions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.alloy import (
    composition_name,
    exact_counts,
    fractions_named,
    fractions_of,
    grid_size,
    published_grid,
    random_solution,
    simplex_grid,
    sites_with,
    with_content,
    with_vacancy,
)


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


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(0, 10_000), min_size=2, max_size=5).filter(any))
def test_names_tell_the_fractions(parts):
    elements = ("Nb", "Mo", "Ta", "W", "V")[: len(parts)]
    fractions = np.array(parts) / sum(parts)
    name = composition_name(dict(zip(elements, fractions, strict=True)))
    np.testing.assert_allclose(fractions_named(name, elements), fractions, atol=2.1e-4)


def test_names_by_hand():
    np.testing.assert_allclose(fractions_named("Mo12.5Nb87.5", ("Nb", "Mo", "Ta")), [0.875, 0.125, 0])
    np.testing.assert_allclose(fractions_named("NbTa", ("Nb", "Mo", "Ta")), [0.5, 0, 0.5])
    np.testing.assert_allclose(fractions_named("Mo100", ("Nb", "Mo")), [0, 1])


@pytest.mark.parametrize(
    "name", ["", "fold 3", "Nb", "Nb50", "Nb50Mo60", "Nb50Nb50", "Nb50Mo", "NbMo_1", "50Nb50Mo", "W50Nb50"]
)
def test_other_names_tell_none(name):
    with pytest.raises(ValueError, match=r"expected the name of a composition|names W"):
        fractions_named(name, ("Nb", "Mo"))


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


# Xing et al. 2024, table S3, in its order; 46 is printed as Nb33Mo33Ta33.
TABLE_S3 = """
5-5-90 5-22-73 5-39-56 5-56-39 5-73-22 10-10-80 10-27-63 10-44-46 10-61-29 15-15-70 15-33-52 15-51-34 20-20-60
20-40-40 5-90-5 22-73-5 39-56-5 56-39-5 73-22-5 10-80-10 27-63-10 44-46-10 61-29-10 15-70-15 33-52-15 51-34-15
20-60-20 40-40-20 90-5-5 73-5-22 56-5-39 39-5-56 22-5-73 80-10-10 63-10-27 46-10-44 29-10-61 70-15-15 52-15-33
34-15-51 60-20-20 40-20-40 50-25-25 25-50-25 25-25-50 33-33-33
"""


def test_the_published_grid_is_that_of_the_table():
    table = {tuple(map(int, row.split("-"))) for row in TABLE_S3.split()} - {(33, 33, 33)} | {(100 / 3,) * 3}
    grid = published_grid(["Nb", "Mo", "Ta"])
    ours = {tuple(round(100 * row[name], 9) for name in ("Nb", "Mo", "Ta")) for row in grid}
    assert len(grid) == len(ours) == 46
    assert ours == {tuple(round(x, 9) for x in row) for row in table}


def test_the_published_grid_is_for_any_three_elements():
    grid = published_grid(["Ti", "V", "W"])
    assert [list(row) for row in grid] == [["Ti", "V", "W"]] * 46
    assert len({composition_name(row) for row in grid}) == 46
    for wrong in (["Nb", "Mo"], ["Nb", "Mo", "Ta", "W"], ["Nb", "Nb", "Ta"], []):
        with pytest.raises(ValueError, match="three elements"):
            published_grid(wrong)


@given(st.integers(2, 5), st.integers(1, 8), st.floats(0, 0.19))
def test_grids_fill_the_simplex(n, divisions, margin):
    elements = ["Nb", "Mo", "Ta", "W", "V"][:n]
    grid = np.array([list(row.values()) for row in simplex_grid(elements, divisions, margin)])
    assert grid.shape == (grid_size(n, divisions), n)
    assert len(np.unique(grid, axis=0)) == len(grid)
    assert np.abs(grid.sum(axis=1) - 1).max() < 1e-9
    assert grid.min() == pytest.approx(margin, abs=1e-9)
    assert grid.max() == pytest.approx(1 - (n - 1) * margin, abs=1e-9)
    steps = (grid - margin) * divisions / (1 - n * margin)
    assert np.abs(steps - np.round(steps)).max() < 1e-6


def test_a_small_grid():
    grid = simplex_grid(["Nb", "Ta"], 2, 0.1)
    assert grid == [{"Nb": 0.9, "Ta": 0.1}, {"Nb": 0.5, "Ta": 0.5}, {"Nb": 0.1, "Ta": 0.9}]
    assert [composition_name(row) for row in grid] == ["Nb90Ta10", "NbTa", "Nb10Ta90"]
    assert simplex_grid(["Nb", "Mo", "Ta"], 1)[0] == {"Nb": 1.0, "Mo": 0.0, "Ta": 0.0}


@pytest.mark.parametrize(
    ("elements", "divisions", "margin", "message"),
    [
        (["Nb"], 2, 0.0, "2 to 5 elements"),
        (["Nb", "Mo", "Ta", "W", "V", "Ti"], 2, 0.0, "2 to 5 elements"),
        (["Nb", "Nb"], 2, 0.0, "2 to 5 elements"),
        (["Nb", "Mo"], 0, 0.0, "divisions=0"),
        (["Nb", "Mo"], 2, 0.5, "less than 1/2"),
        (["Nb", "Mo"], 2, -0.1, "margin=-0.1"),
        (["Nb", "Mo"], 2, float("nan"), "margin=nan"),
    ],
)
def test_grids_that_make_no_sense(elements, divisions, margin, message):
    with pytest.raises(ValueError, match=message):
        simplex_grid(elements, divisions, margin)


def test_a_content_and_the_rest_in_equal_shares():
    assert with_content(("Nb", "Mo", "Ta"), "Mo", 0.5) == {"Nb": 0.25, "Mo": 0.5, "Ta": 0.25}
    assert with_content(("Nb", "Mo", "Ta"), "Mo", 1.0) == {"Nb": 0, "Mo": 1, "Ta": 0}
    with pytest.raises(ValueError, match="elements are Nb, Mo"):
        with_content(("Nb", "Mo"), "W", 0.5)
    with pytest.raises(ValueError, match="0 to 1"):
        with_content(("Nb", "Mo"), "Nb", 1.5)


def test_sites_that_hold_enough_of_every_element():
    assert sites_with([0.005, 0.99, 0.005], 5000) == 1_000_000
    assert sites_with([0.0, 1.0, 0.0], 5000) == 5000


@given(fractions(), st.integers(1, 300))
def test_one_site_less_would_be_too_few(values, least):
    n, smallest = sites_with(values, least), values[values > 0].min()
    assert n * smallest >= least - 1e-4
    assert (n - 1) * smallest < least
