from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.observables.clusters import Clusters
from nnk.observables.lineage import NONE, follow, step


def state(*clusters):
    """Clusters given by their sites, the largest first."""
    pairs = sorted((site, k) for k, sites in enumerate(clusters) for site in sites)
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return Clusters(columns[0], columns[1], np.array([len(sites) for sites in clusters], dtype=np.int64))


def history(lineage):
    """Track by state of every cluster, in the order of their sizes."""
    return [lineage.track[lineage.state == t].tolist() for t in range(lineage.n_states)]


def counts(lineage):
    return [found().tolist() for found in (lineage.births, lineage.splits, lineage.merges, lineage.deaths)]


def test_a_cluster_that_keeps_most_of_its_sites_goes_on():
    found = follow([state((1, 2, 3)), state((2, 3, 4, 5)), state((4, 5, 6))])
    assert history(found) == [[0], [0], [0]]
    assert found.size.tolist() == [3, 4, 3]
    assert found.largest.tolist() == [4]
    assert found.persistent.tolist() == [True]
    assert not np.any(counts(found))


def test_the_larger_one_goes_on_when_two_merge():
    found = follow([state((1, 2, 3), (10, 11)), state((1, 2, 3, 10, 11))])
    assert history(found) == [[0, 1], [0]]
    assert found.heir.tolist() == [NONE, 0]
    assert found.last.tolist() == [1, 0]
    assert counts(found) == [[0, 0], [0, 0], [0, 1], [0, 0]]
    assert found.persistent.tolist() == [True, False]


def test_the_larger_part_goes_on_when_one_splits():
    found = follow([state((1, 2, 3, 10, 11)), state((1, 2, 3), (10, 11))])
    assert history(found) == [[0], [0, 1]]
    assert found.parent.tolist() == [NONE, 0]
    assert counts(found) == [[0, 0], [0, 1], [0, 0], [0, 0]]


def test_birth_and_death():
    found = follow([state((1, 2)), state((7, 8)), state(), state((1,))])
    assert history(found) == [[0], [1], [], [2]]
    assert counts(found) == [[0, 1, 0, 1], [0] * 4, [0] * 4, [0, 1, 1, 0]]
    assert not found.persistent.any()
    assert found.since().tolist() == [0, 0, 0, 1]


def test_merging_and_splitting_again_makes_a_new_track():
    apart = state((1, 2, 3), (10, 11))
    found = follow([apart, state((1, 2, 3, 10, 11)), apart])
    assert history(found) == [[0, 1], [0], [0, 2]]
    assert found.parent.tolist() == [NONE, NONE, 0]
    assert found.heir.tolist() == [NONE, 0, NONE]
    assert found.since().tolist() == [1, 1, 2]


def test_a_part_that_goes_over_to_another_cluster_ends_neither():
    found = follow([state((1, 2, 3, 4), (10, 11)), state((4, 10, 11), (1, 2, 3))])
    assert history(found) == [[0, 1], [1, 0]]
    assert not np.any(counts(found))


def test_merging_into_what_has_split_from_another():
    """Cluster 1 gives all to a part of cluster 0 that holds more of cluster 0 than of it."""
    found = follow([state(range(9), (20, 21)), state(range(5), (5, 6, 7, 20, 21))])
    assert history(found) == [[0, 1], [0, 2]]
    assert found.parent.tolist() == [NONE, NONE, 0]
    assert found.heir.tolist() == [NONE, 2, NONE]


def test_the_larger_one_is_taken_among_equals():
    relation = step(state((1, 2, 3), (10, 11)), state((1, 10, 30), (2, 40)))
    assert relation.heir.tolist() == [0, 0]
    assert relation.origin.tolist() == [0, 0]


def test_no_state_is_refused():
    with pytest.raises(ValueError, match="at least one state"):
        follow([])


@st.composite
def partitions(draw):
    labels = draw(st.lists(st.integers(-1, 3), min_size=12, max_size=12))
    groups = [tuple(i for i, label in enumerate(labels) if label == k) for k in range(4)]
    return sorted((g for g in groups if g), key=lambda g: (-len(g), g))


def naive_tracks(states):
    """Names of clusters by state: ends and beginnings by looking at all pairs."""
    names, known, links = [], 0, []
    for t, groups in enumerate(states):
        row = [None] * len(groups)
        for j, group in enumerate(groups):
            if t:
                before = states[t - 1]
                common = [len(set(group) & set(g)) for g in before]
                origin = int(np.argmax(common)) if any(common) else None
                if origin is not None:
                    forward = [len(set(before[origin]) & set(g)) for g in groups]
                    if int(np.argmax(forward)) == j:
                        row[j] = names[t - 1][origin]
            if row[j] is None:
                row[j], known = known, known + 1
                links.append(names[t - 1][origin] if t and origin is not None else NONE)
        names.append(row)
    return names, links


@settings(max_examples=60, deadline=None)
@given(st.lists(partitions(), min_size=1, max_size=5))
def test_tracks_are_those_of_a_plain_loop(groups):
    found = follow([state(*row) for row in groups])
    names, parents = naive_tracks(groups)
    assert history(found) == names
    assert found.parent.tolist() == parents
    births, splits, merges, deaths = counts(found)
    sizes = [len(row) for row in groups]
    for t in range(1, len(groups)):
        assert sizes[t] - sizes[t - 1] == births[t] + splits[t] - merges[t] - deaths[t]
    assert found.since()[-1] == sizes[-1]
    assert found.since()[0] == found.persistent.sum()
