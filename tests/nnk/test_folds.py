"""Folds of a cross-validation."""

import json

import numpy as np
import pytest

from nnk.folds import composition_folds, named, read_fold_file, wrong_names

SAMPLES = ("A/s0", "A/s1", "B", "B_2", "C/s0")
COMPOSITIONS = ("A", "A", "BC", "BC", "C")


def test_names_stand_for_compositions_samples_and_groups():
    samples, compositions = np.array(SAMPLES), np.array(COMPOSITIONS)
    expected = {
        ("BC",): [False, False, True, True, False],
        ("B",): [False, False, True, False, False],
        ("A/s1", "C"): [False, True, False, False, True],
        ("A",): [True, True, False, False, False],
        (): [False] * 5,
    }
    for names, rows in expected.items():
        assert named(names, samples, compositions).tolist() == rows


def test_compositions_are_dealt_evenly_by_the_seed():
    names = [f"N{i}" for i in range(17)]
    folds = composition_folds([*names, *names], 5, seed=3)
    assert sorted(name for fold in folds for name in fold) == sorted(names)
    assert sorted(map(len, folds)) == [3, 3, 3, 4, 4]
    assert folds == composition_folds(names[::-1], 5, seed=3)
    assert folds != composition_folds(names, 5, seed=4)


@pytest.mark.parametrize("count", [1, 4])
def test_folds_that_cannot_be_are_refused(count):
    with pytest.raises(ValueError, match=f"folds={count}: expected 2 to 3, the number of compositions"):
        composition_folds(["A", "B", "C"], count, seed=0)


def test_folds_come_from_a_file(tmp_path):
    path = tmp_path / "folds.json"
    path.write_text(json.dumps({"comment": "x", "folds": [["A"], ["B", "C"]]}))
    assert read_fold_file(path) == (("A",), ("B", "C"))


OTHER_FILES = (
    *("[", "[]", "5", '{"fold": []}', '{"folds": [["A"]]}'),
    *('{"folds": ["AB", "C"]}', '{"folds": [[], ["A"]]}'),
)


@pytest.mark.parametrize("content", OTHER_FILES)
def test_other_files_are_refused(content, tmp_path):
    path = tmp_path / "folds.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"folds.json: expected \{'folds': \[\[name, ...\], ...\]\}"):
        read_fold_file(path)


def test_what_is_wrong_with_names_is_told():
    assert wrong_names((("A", "B"), ("B_2", "C")), SAMPLES, COMPOSITIONS) == []
    assert wrong_names((("A", "BC"), ("C",)), SAMPLES, COMPOSITIONS) == []
    said = wrong_names((("A", "D", "BC"), ("B",)), SAMPLES, COMPOSITIONS)
    assert said == ['no sample or composition "D"', '"C" is in no fold', '"B" is in 2 folds']
    assert wrong_names((("A",), ("B",)), (), ("A", "B")) == []
