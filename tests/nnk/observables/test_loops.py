"""Energies around closed loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnk.observables.loops import loop_errors_eV


def graph(seed, n=12, extra=20):
    """A connected graph: a chain over all states and some more jumps; energies of the states."""
    rng = np.random.default_rng(seed)
    more = np.array([rng.choice(n, 2, replace=False) for _ in range(extra)])
    start = np.concatenate([np.arange(n - 1), more[:, 0]])
    end = np.concatenate([np.arange(1, n), more[:, 1]])
    return start, end, rng.normal(size=n)


@given(st.integers(0, 1000))
def test_differences_of_energies_close(seed):
    start, end, energy = graph(seed)
    np.testing.assert_allclose(loop_errors_eV(start, end, energy[end] - energy[start]), 0, atol=1e-9)


def test_one_wrong_jump_is_named_and_no_other():
    start, end, energy = graph(3, extra=30)
    difference = energy[end] - energy[start]
    difference[15] += 0.4
    errors = loop_errors_eV(start, end, difference)
    assert np.flatnonzero(np.abs(errors) > 1e-9).tolist() == [15]
    assert errors[15] == pytest.approx(0.4)


@given(st.integers(0, 1000))
def test_what_is_left_sums_to_the_same_around_every_triangle(seed):
    rng = np.random.default_rng(seed)
    start, end, _ = graph(seed)
    difference = rng.normal(size=len(start))
    left = loop_errors_eV(start, end, difference)
    for i in range(len(start)):
        for j in range(len(start)):
            for k in range(len(start)):
                if end[i] == start[j] and end[j] == start[k] and end[k] == start[i]:
                    around = difference[i] + difference[j] + difference[k]
                    assert left[i] + left[j] + left[k] == pytest.approx(around, abs=1e-9)


def test_a_tree_has_no_loops_and_so_no_errors():
    np.testing.assert_allclose(loop_errors_eV([0, 0, 2], [1, 2, 3], [0.3, -5.0, 7.0]), 0, atol=1e-9)
    assert len(loop_errors_eV([], [], [])) == 0


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="one length, got 1, 1, 2"):
        loop_errors_eV([0], [1], [0.1, 0.2])
