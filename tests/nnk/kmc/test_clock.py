"""The clock against exact sums."""

import math

import numba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.kmc.clock import add_time
from nnk.kmc.engine import Engine, RunConditions


@numba.njit
def add_all(clock, durations):
    for duration in durations:
        add_time(clock, duration)


@numba.njit
def add_often(clock, durations, times):
    for _ in range(times):
        for duration in durations:
            add_time(clock, duration)


@numba.njit
def add_plainly(durations, times):
    total = 0.0
    for _ in range(times):
        for duration in durations:
            total += duration
    return total


@given(st.lists(st.floats(1e-300, 1e300), min_size=1, max_size=200))
@settings(deadline=None)
def test_sums_are_exact_to_the_last_digit(durations):
    clock = np.zeros(2)
    add_all(clock, np.array(durations))
    assert clock[0] == pytest.approx(math.fsum(durations), rel=2.3e-16)
    assert abs(clock[1]) <= np.spacing(clock[0])


@pytest.mark.parametrize("times", [50, pytest.param(1000, marks=pytest.mark.physics)])
def test_very_many_residence_times(times):
    """Up to 1e9 exponential times: a block of 1e6 of them over and over, so that the exact sum is known."""
    durations = -1e-9 * np.log(1.0 - np.random.default_rng(1).random(1_000_000))
    exact = times * math.fsum(durations)
    clock = np.zeros(2)
    add_often(clock, durations, times)
    assert clock[0] == pytest.approx(exact, rel=3e-16)
    assert abs(add_plainly(durations, times) / exact - 1) > 3e-15  # what the compensation is for


def test_a_late_clock_still_takes_in_short_times():
    clock = np.array([1e6, 0.0])
    add_often(clock, np.array([1e-13]), 1_000_000)  # each far below the last digit of 1e6
    assert clock[0] + clock[1] == 1e6 + 1e-7
    assert clock[0] > 1e6


def test_a_run_that_goes_on_keeps_the_rest(small):
    lattice, occupancy, model = small
    whole, part = (Engine(lattice, occupancy, model, RunConditions(900.0, 2)) for _ in range(2))
    whole.advance(3000)
    for _ in range(30):
        part.advance(100)
        later = Engine(lattice, part.occupancy, model, RunConditions(900.0, 2))
        later.resume(part.progress)
        part = later
    assert (part.time_s, part.progress.time_rest_s) == (whole.time_s, whole.progress.time_rest_s)
    assert part.progress.time_rest_s != 0
