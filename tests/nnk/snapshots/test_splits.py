"""Splits of snapshots: parts that do not meet, of the sizes asked for, and apart in time."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.snapshots import SnapshotSet, split
from nnk.snapshots.splits import GAP_TIMES


def series(lengths, *, interval_ps=0.2, correlation_ps=0.0, temperatures=(300.0,)):
    """Trajectories of so many snapshots each, at the temperatures in turn; one atom."""
    n = sum(lengths)
    trajectory = np.repeat(np.arange(len(lengths)), lengths)
    step = np.concatenate([np.arange(length) for length in lengths])
    return SnapshotSet(
        elements=("Ta",),
        species=[1],
        cell_A=[3.3, 3.3, 3.3],
        a_A=3.3,
        positions_A=np.zeros((n, 1, 3)),
        forces_eV_A=np.zeros((n, 1, 3)),
        energy_eV=np.zeros(n),
        temperature_K=np.array(temperatures)[trajectory % len(temperatures)],
        kinetic_K=np.full(n, 300.0),
        trajectory=trajectory,
        step=step,
        time_ps=interval_ps * step,
        correlation_ps=np.full(n, correlation_ps),
    )


def nearest_of_other_parts_ps(snapshots, parts):
    """The least distance in time of two snapshots of one trajectory in different parts, the slow way."""
    owner = {int(row): number for number, rows in enumerate(parts) for row in rows}
    pairs = [
        abs(snapshots.time_ps[i] - snapshots.time_ps[j])
        for i in owner
        for j in owner
        if snapshots.trajectory[i] == snapshots.trajectory[j] and owner[i] != owner[j]
    ]
    return min(pairs, default=np.inf)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(4, 25), min_size=1, max_size=6),
    correlation_ps=st.sampled_from([0.0, 0.05, 0.3]),
    seed=st.integers(0, 10),
    kind=st.sampled_from(["blocks", "random"]),
)
def test_parts_do_not_meet_and_are_apart_in_time(lengths, correlation_ps, seed, kind):
    snapshots = series(lengths, correlation_ps=correlation_ps, temperatures=(100.0, 300.0))
    try:
        parts = split(snapshots, (0.6, 0.2, 0.2), kind, seed)
    except ValueError:
        return  # too few snapshots
    count = Counter(np.concatenate(parts).tolist())
    assert max(count.values()) == 1
    assert all((np.diff(rows) > 0).all() for rows in parts)
    if kind == "random":
        assert len(count) == len(snapshots)
    else:
        gap_ps = GAP_TIMES * correlation_ps
        assert nearest_of_other_parts_ps(snapshots, parts) >= gap_ps - 1e-12


def test_enough_trajectories_stay_whole_and_give_the_exact_sizes():
    snapshots = series([50] * 14, correlation_ps=0.3, temperatures=(100.0, 300.0))
    parts = split(snapshots, (5 / 7, 1 / 7, 1 / 7))
    assert [len(rows) for rows in parts] == [500, 100, 100]
    assert all((np.bincount(snapshots.trajectory[rows]) % 50 == 0).all() for rows in parts)
    for temperature_K in (100.0, 300.0):  # each part has every temperature
        assert [int((snapshots.temperature_K[rows] == temperature_K).sum()) for rows in parts] == [
            250,
            50,
            50,
        ]


def test_a_single_trajectory_is_cut_into_stretches_with_gaps():
    snapshots = series([700], correlation_ps=0.1)
    parts = split(snapshots, (5 / 7, 1 / 7, 1 / 7))
    for rows in parts[1:]:
        assert len(rows) >= 97
        assert (np.diff(rows) == 1).all()
    n_left = sum(len(rows) for rows in parts)
    assert 700 - 2 * 5 <= n_left < 700  # 0.5 ps are less than three intervals at each of two cuts
    assert nearest_of_other_parts_ps(snapshots.select(np.arange(700)), parts) >= 0.5


def test_the_larger_part_gives_way_at_a_cut():
    snapshots = series([100], correlation_ps=0.2)
    train, validation, test = split(snapshots, (0.8, 0.1, 0.1))
    assert len(train) < 80
    assert len(test) == 10 or len(validation) == 10


def test_the_seed_chooses_and_the_same_seed_chooses_the_same():
    snapshots = series([20] * 10)
    first, again, other = (split(snapshots, seed=seed) for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first.test, other.test)


def test_the_random_split_puts_neighbours_in_time_into_different_parts():
    snapshots = series([100] * 3, correlation_ps=0.1)
    parts = split(snapshots, kind="random")
    assert [len(rows) for rows in parts] == [214, 43, 43]
    assert nearest_of_other_parts_ps(snapshots, parts) == pytest.approx(0.2)


@pytest.mark.parametrize("fractions", [(0.5, 0.5), (0.8, 0.1, 0.2), (1.2, -0.1, -0.1), (np.nan, 0.5, 0.5)])
def test_fractions_that_are_no_shares_are_refused(fractions):
    with pytest.raises(ValueError, match="three numbers >= 0 that sum to 1"):
        split(series([10]), fractions)


def test_unknown_kinds_and_empty_parts_are_refused():
    with pytest.raises(ValueError, match="allowed are blocks, random"):
        split(series([10]), kind="honest")
    with pytest.raises(ValueError, match="none is left for"):
        split(series([3], correlation_ps=1.0))
