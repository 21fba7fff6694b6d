"""How many items a unit gets."""

import pytest

from launch.unit_size import (
    FEWEST_ITEMS,
    FIRST_ITEMS,
    MOST_ITEMS,
    WORK_S,
    mean_seconds,
    short_items,
    unit_items,
)


@pytest.mark.parametrize(
    ("n_left", "teams", "at_once", "seconds", "expected"),
    [
        (10_000, 2, 1, None, 2 * FIRST_ITEMS),
        (10_000, 2, 1, 1.0, 2 * WORK_S),
        (10_000, 64, 10, 100.0, 64 * WORK_S / 100),
        (100, 2, 4, 1.0, 25),  # shared out among the units that run at once
        (10_000, 4, 1, 1e5, 8),  # of a costly potential, two each
        (10**6, 1, 1, 1e-6, MOST_ITEMS),
        (1, 8, 4, None, 1),
    ],
)
def test_a_unit_is_some_minutes_of_work(n_left, teams, at_once, seconds, expected):
    assert unit_items(n_left, teams, at_once, seconds) == expected


@pytest.mark.parametrize(
    ("left_s", "expected"), [(60.0, 2 * 60), (1e5, 2 * WORK_S), (-5.0, 2 * FEWEST_ITEMS)]
)
def test_a_unit_ends_with_its_block(left_s, expected):
    assert unit_items(10_000, 2, 1, 1.0, left_s=left_s) == expected


def test_the_cost_is_that_of_the_latest_items():
    assert mean_seconds([]) is None
    assert mean_seconds([0.0]) is None
    assert mean_seconds([1.0, 0.0, 3.0]) == 2.0
    assert mean_seconds([100.0] * 50 + [2.0] * 500) == 2.0


@pytest.mark.parametrize(
    ("n_left", "at_once", "seconds", "expected"),
    [
        (10_000, 2, None, 1),  # nothing is known
        (10_000, 2, 100.0, 1),
        (10_000, 2, 0.6, 1),
        (10_000, 2, 0.1, 10),
        (10_000, 2, 1e-5, 10_000 // 8),  # four more units for each worker
        (10**6, 2, 1e-7, MOST_ITEMS),
        (5, 2, 1e-5, 1),
    ],
)
def test_runs_of_moments_share_a_unit(n_left, at_once, seconds, expected):
    assert short_items(n_left, at_once, seconds) == expected
