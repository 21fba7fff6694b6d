"""Ordered arrangements of atoms."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.lattice import Lattice
from nnk.observables.pair_order import pair_counts
from nnk.ordered import PROTOTYPES, default_prototype, ordered_solution, sublattices_of


def neighbours(prototype, structure, counts, cells=(4, 4, 4)):
    """Mean numbers of B around A and of A around A in the first two shells."""
    lattice = Lattice(structure, cells, 3.0)
    state = ordered_solution(lattice, counts, ("A", "B"), prototype, np.random.default_rng(0))
    counted = pair_counts(lattice, state, 2, 2) / np.array(counts)[:, None]
    return counted[:, 0, 1].tolist(), counted[:, 0, 0].tolist()


@pytest.mark.parametrize(
    ("prototype", "structure", "counts", "unlike", "like"),
    [
        ("B2", "bcc", [64, 64], [8, 0], [0, 6]),
        ("D0_3", "bcc", [32, 96], [8, 6], [0, 0]),
        ("L1_0", "fcc", [128, 128], [8, 0], [4, 6]),
        ("L1_2", "fcc", [64, 192], [12, 0], [0, 6]),
    ],
)
def test_perfect_crystals(prototype, structure, counts, unlike, like):
    assert neighbours(prototype, structure, counts) == (unlike, like)


@given(
    structure=st.sampled_from(["bcc", "fcc"]),
    shares=st.lists(st.floats(0.05, 1), min_size=2, max_size=4),
    which=st.integers(0, 1),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_atoms_are_kept(structure, shares, which, seed):
    lattice = Lattice(structure, (4, 4, 2), 3.0)
    counts = np.diff(np.rint(np.cumsum([0, *shares]) / sum(shares) * lattice.n_sites)).astype(int)
    names = tuple("ABCD"[: len(counts)])
    prototype = PROTOTYPES[structure][which]
    state = ordered_solution(lattice, counts, names, prototype, np.random.default_rng(seed))
    assert np.bincount(state, minlength=len(counts) + 1).tolist() == [0, *counts]


def test_named_elements_fill_their_sublattice():
    lattice = Lattice.bcc((4, 4, 4), 3.0)
    rng = np.random.default_rng(1)
    counts, names = [43, 43, 42], ("Nb", "Mo", "Ta")
    state = ordered_solution(lattice, counts, names, "B2", rng, sublattices=[["Mo"], ["Ta"]])
    first = sublattices_of(lattice, "B2") == 0
    assert (state[first] == 2).sum() == 43
    assert (state[~first] == 3).sum() == 42
    assert set(state[first]) == {1, 2}
    assert set(state[~first]) == {1, 3}


def test_default_prototypes():
    assert default_prototype("bcc", [0.75, 0.25]) == "B2"
    assert default_prototype("fcc", [0.5, 0.5]) == "L1_0"
    assert default_prototype("fcc", [0.25, 0.75]) == "L1_2"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prototype": "L1_2"}, "on bcc: allowed are B2, D0_3"),
        ({"cells": (3, 4, 4), "counts": [48, 48], "prototype": "D0_3"}, "even numbers of cells"),
        ({"counts": [1, 2]}, "expected 128 atoms"),
        ({"sublattices": [["A"]]}, "two lists of A, B"),
        ({"sublattices": [["A"], ["A"]]}, "two lists of A, B"),
        ({"sublattices": [["A"], ["C"]]}, "two lists of A, B"),
    ],
)
def test_wrong_input_is_refused(change, message):
    given = {"cells": (4, 4, 4), "counts": [64, 64], "prototype": "B2", "sublattices": None} | change
    lattice = Lattice.bcc(given.pop("cells"), 3.0)
    with pytest.raises(ValueError, match=message):
        ordered_solution(
            lattice, given["counts"], ("A", "B"), given["prototype"], np.random.default_rng(0),
            sublattices=given["sublattices"],
        )  # fmt: skip
