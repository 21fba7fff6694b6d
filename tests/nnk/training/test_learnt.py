"""Parts of the training labels: nested, representative, and nothing else changed."""

from itertools import pairwise

import numpy as np
import pytest

from nnk.lattice import Lattice, shell_offsets
from nnk.training import ModelSpec, TrainParameters
from nnk.training.data import jump_data
from nnk.training.learnt import learnt, shell_shares, spread_compositions
from nnk.training.problem import Problem
from nnk.training.splits import split_labels

PARAMETERS = TrainParameters(seed=4)


def vacancies_of(data):
    return np.char.add(data.sample, data.vacancy_site.astype(str))


@pytest.fixture
def split(labels, shells):
    data = jump_data(labels(), shells)
    return data, split_labels(data, PARAMETERS)


@pytest.mark.parametrize("choice", ["random", "k-means"])
def test_shares_are_nested_and_leave_the_other_splits_alone(split, choice):
    data, parts = split
    shares = (1e-6, 0.2, 0.5, 1.0)
    used = [learnt(data, parts, ModelSpec("main", share=s, choice=choice), PARAMETERS) for s in shares]
    for less, more in pairwise(used):
        assert (more | ~less).all()
        assert more.sum() > less.sum()
    assert all(each[parts != "train"].all() for each in used)
    trained = vacancies_of(data)[parts == "train"]
    for each, share in zip(used, shares, strict=True):
        kept, there = (len(np.unique(g)) for g in (trained[each[parts == "train"]], trained))
        n_compositions = 3
        assert abs(kept - max(n_compositions, share * there)) <= n_compositions


def test_choices_of_a_share_are_of_one_size_and_differ(split):
    data, parts = split
    by_chance, by_kind = (
        learnt(data, parts, ModelSpec("main", share=0.4, choice=choice), PARAMETERS)
        for choice in ("random", "k-means")
    )
    for name in np.unique(data.composition[parts == "train"]):
        here = (data.composition == name) & (parts == "train")
        there, *kept = (len(np.unique(data.group[rows & here])) for rows in (here, by_chance, by_kind))
        assert kept == [round(0.4 * there)] * 2
    assert (by_chance != by_kind).any()


def test_the_choice_by_k_means_covers_rare_environments(split):
    """Of environments of two kinds, one rare, a small share has both."""
    data, parts = split
    name = np.unique(data.composition[parts == "train"])[0]
    here = (data.composition == name) & (parts == "train")
    rare = np.unique(data.group[here])[3]
    mover = np.where(data.group == rare, 3, 1).astype(np.uint8)
    species = np.repeat(mover[:, None], data.species.shape[1], axis=1)
    two_kinds = type(data)(**{**vars(data), "species": species, "mover": mover})
    used = learnt(two_kinds, parts, ModelSpec("main", share=0.25, choice="k-means"), PARAMETERS)
    chosen = np.unique(data.group[here & used])
    assert len(chosen) == 2
    assert rare in chosen


def test_shares_of_elements_in_shells_are_those_of_a_plain_count(labels, shells):
    barriers = labels()
    data = jump_data(barriers, shells)
    found = shell_shares(data, np.arange(len(data)))
    lattice = Lattice.bcc(barriers.cells, 1.0)
    keys = list(barriers.sample_key)
    for row in range(0, len(data), 11):
        occupancy = barriers.occupancy[keys.index(data.sample[row])]
        expected = []
        for shell in range(1, shells + 1):
            around = occupancy[lattice.sites_around(int(data.vacancy_site[row]), shell_offsets("bcc", shell))]
            expected += [(around == element).mean() for element in (1, 2, 3)]
        np.testing.assert_allclose(found[row], expected)


def test_compositions_spread_from_the_middle_to_the_corners():
    names = ["Mo50Nb50", "Mo90Nb5Ta5", "Mo5Nb90Ta5", "Mo5Nb5Ta90", "MoNbTa", "Mo40Nb30Ta30"]
    order = spread_compositions(names[::-1], ("Nb", "Mo", "Ta"))
    assert order[0] in ("Mo40Nb30Ta30", "MoNbTa")
    assert set(order[1:4]) == {"Mo90Nb5Ta5", "Mo5Nb90Ta5", "Mo5Nb5Ta90"}
    assert sorted(order) == sorted(names)


@pytest.mark.parametrize("names", [["MoNb"], ["Mo20Nb80", "Mo80Nb20"]])
def test_ties_go_by_name(names):
    assert spread_compositions(names[::-1], ("Nb", "Mo")) == names


def test_labels_of_compositions_that_are_not_learnt_from_are_in_no_split(labels, shells):
    barriers = labels()
    problems = [
        Problem.of(barriers, ModelSpec("main", shells=shells, compositions=n), PARAMETERS)
        for n in (1, 2, 3, None)
    ]
    known = []
    for problem, count in zip(problems, (1, 2, 3, 3), strict=True):
        assert {part: len(set(problem.data.composition[problem.rows(part)])) for part in
                ("train", "validation", "test", "test-composition")} == {
            "train": count, "validation": count, "test": count, "test-composition": 1}  # fmt: skip
        known.append(set(problem.data.composition[problem.rows("train")]))
        np.testing.assert_array_equal(
            problem.data.E_fwd_eV[problem.rows("test-composition")],
            problems[-1].data.E_fwd_eV[problems[-1].rows("test-composition")],
        )
    assert known[0] < known[1] < known[2] == known[3]


def test_more_compositions_than_there_are_is_an_error(labels, shells):
    with pytest.raises(ValueError, match="compositions=4: there are 3 to train on"):
        Problem.of(labels(), ModelSpec("main", shells=shells, compositions=4), PARAMETERS)


def test_a_problem_of_a_share_holds_less_to_train_on_and_the_same_to_test(labels, shells):
    parameters = TrainParameters(seed=4)
    whole, half = (
        Problem.of(labels(), ModelSpec("main", shells=shells, share=s), parameters) for s in (1.0, 0.5)
    )
    assert 0.3 < len(half.rows("train")) / len(whole.rows("train")) < 0.7
    for part in ("validation", "test", "test-composition"):
        np.testing.assert_array_equal(
            half.data.E_fwd_eV[half.rows(part)], whole.data.E_fwd_eV[whole.rows(part)]
        )
    assert half.key != whole.key
