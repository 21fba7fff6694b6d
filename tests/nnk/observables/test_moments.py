from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.observables.moments import (
    Moments,
    jackknife_error,
    merged,
    moments,
    no_moments,
    total,
    without_each,
)

FINITE = st.floats(-5, 5)
PARTS = st.lists(st.lists(FINITE, max_size=12), min_size=1, max_size=6)


def of(values):
    return moments(values, np.zeros(len(values), dtype=int), 1)


def check(found, values):
    assert found.number == len(values)
    if len(values):
        np.testing.assert_allclose(found.means, np.mean(values), atol=1e-12)
        np.testing.assert_allclose(found.std, np.std(values), atol=1e-7)
    else:
        assert np.isnan(found.means)
        assert np.isnan(found.std)


@settings(max_examples=100, deadline=None)
@given(PARTS)
def test_merged_parts_are_the_whole(parts):
    running = no_moments((1,))
    for part in parts:
        running = merged(running, of(part))
    everything = np.concatenate([np.array(part) for part in parts])
    check(Moments(*(value[0] for value in running)), everything)
    stacked = Moments(*(np.stack(column) for column in zip(*map(of, parts), strict=True)))
    check(Moments(*(value[0] for value in total(stacked))), everything)


@settings(max_examples=100, deadline=None)
@given(PARTS)
def test_each_part_left_out_in_turn(parts):
    stacked = Moments(*(np.concatenate(column) for column in zip(*map(of, parts), strict=True)))
    rest = without_each(stacked)
    for i in range(len(parts)):
        others = np.concatenate([np.array(p) for j, p in enumerate(parts) if j != i] or [np.empty(0)])
        check(Moments(*(value[i] for value in rest)), others)


def test_a_small_variance_on_a_large_mean_survives():
    values = 1e6 + 1e-3 * np.random.default_rng(0).normal(size=4000)
    running = no_moments((1,))
    for part in np.array_split(values, 7):
        running = merged(running, of(part))
    np.testing.assert_allclose(running.std[0], values.std(), rtol=1e-5)


def test_groups_are_counted_by_themselves():
    found = moments([1.0, 3.0, 10.0], [0, 0, 2], 3)
    np.testing.assert_array_equal(found.number, [2, 0, 1])
    np.testing.assert_array_equal(found.means, [2, np.nan, 10])
    np.testing.assert_array_equal(found.std, [1, np.nan, 0])


def test_jackknife_of_a_mean_is_the_standard_error():
    values = np.random.default_rng(1).normal(size=30)
    left_out = [np.delete(values, i).mean() for i in range(30)]
    np.testing.assert_allclose(jackknife_error(left_out), values.std(ddof=1) / np.sqrt(30))
    assert np.isnan(jackknife_error([1.0]))
