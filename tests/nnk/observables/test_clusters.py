from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.lattice import Lattice, shell_offsets
from nnk.observables.clusters import (
    LINK_LENGTH_A,
    LINKED_SHELLS,
    b2_cells,
    b2_centres,
    b2_clusters,
    linked_clusters,
    random_centre_share,
    wrapping,
)

NB, MO, TA = 1, 2, 3
PAIR = (MO, TA)
LINKED_DISTANCES = (np.sqrt(3) / 2, 1, np.sqrt(2), np.sqrt(11) / 2, np.sqrt(3))


def random_state(lattice, seed, weights=(1, 1, 1)):
    """Rich in the pair if so weighted; with a vacancy."""
    rng = np.random.default_rng(seed)
    occupancy = rng.choice([NB, MO, TA], lattice.n_sites, p=np.array(weights) / sum(weights))
    occupancy[rng.integers(lattice.n_sites)] = 0
    return occupancy.astype(np.uint8)


def periodic_distances(lattice, one, others):
    """Distances (units of a) of all images of `others` from site `one`, [27, n]."""
    shifts = np.array(list(product((-1, 0, 1), repeat=3))) * lattice.extent
    apart = lattice.coordinates[others] - lattice.coordinates[one] + shifts[:, None]
    return np.sqrt((apart**2).sum(axis=-1)) / 2


def naive_centres(lattice, occupancy, pair):
    found = np.zeros(lattice.n_sites, dtype=bool)
    sites = np.arange(lattice.n_sites)
    for site in sites:
        near = np.isclose(periodic_distances(lattice, site, sites), np.sqrt(3) / 2).sum(axis=0)
        other = {pair[0]: pair[1], pair[1]: pair[0]}.get(occupancy[site])
        found[site] = other is not None and near[occupancy == other].sum() >= 6
    return found


def naive_clusters(lattice, centres):
    """Sets of centres, by distances between all of them."""
    left, found = set(np.flatnonzero(centres).tolist()), []
    while left:
        grown, edge = set(), {left.pop()}
        while edge:
            site = edge.pop()
            grown.add(site)
            rest = sorted(left)
            nearest = periodic_distances(lattice, site, rest).min(axis=0) if rest else []
            linked = {other for other, d in zip(rest, nearest, strict=True) if d < LINK_LENGTH_A}
            edge |= linked
            left -= linked
        found.append(frozenset(grown))
    return set(found)


def as_sets(clusters):
    return {frozenset(clusters.centre[clusters.cluster == k].tolist()) for k in range(len(clusters.size))}


def cell(lattice, occupancy, centre, kind=(MO, TA)):
    """Put one B2 cell: an atom of the first kind among eight of the second."""
    site = int(lattice.site_at(np.array(centre)))
    occupancy[site] = kind[0]
    occupancy[lattice.neighbours[site]] = kind[1]


def test_the_link_length_lies_between_the_fifth_and_the_sixth_shell():
    lengths = [np.linalg.norm(shell_offsets("bcc", k)[0]) / 2 for k in range(1, LINKED_SHELLS + 2)]
    np.testing.assert_allclose(lengths, [*LINKED_DISTANCES, 2])
    assert lengths[4] < LINK_LENGTH_A < lengths[5]
    assert LINK_LENGTH_A == pytest.approx((lengths[4] + lengths[5]) / 2) == pytest.approx(1.866, abs=1e-3)
    assert sum(len(shell_offsets("bcc", k)) for k in range(1, LINKED_SHELLS + 1)) == 58


def test_a_perfect_crystal_is_one_cluster_of_all_sites():
    lattice = Lattice.bcc((4, 3, 5), 3.2)
    occupancy = np.where(lattice.coordinates[:, 0] % 2, MO, TA).astype(np.uint8)
    found = b2_clusters(lattice, occupancy, PAIR)
    assert found.size.tolist() == [lattice.n_sites]
    assert (found.of_sites(lattice.n_sites) == 0).all()
    assert wrapping(lattice, found).all()
    assert b2_cells(lattice, occupancy, PAIR, found.centre).all()


@pytest.mark.parametrize(("others", "is_centre"), [(0, True), (1, True), (2, True), (3, False)])
@pytest.mark.parametrize("kind", [(MO, TA), (TA, MO)])
@pytest.mark.parametrize("stranger", [NB, 0, "same"])
def test_three_quarters_of_the_neighbours_must_be_the_other_element(others, is_centre, kind, stranger):
    lattice = Lattice.bcc((4, 4, 4), 3.2)
    occupancy = np.full(lattice.n_sites, NB, dtype=np.uint8)
    cell(lattice, occupancy, (3, 3, 3), kind)
    site = int(lattice.site_at(np.array([3, 3, 3])))
    changed = lattice.neighbours[site][2 : 2 + others]
    occupancy[changed] = kind[0] if stranger == "same" else stranger
    centres = b2_centres(lattice, occupancy, PAIR)
    assert np.flatnonzero(centres).tolist() == ([site] if is_centre else [])
    cells = b2_cells(lattice, occupancy, PAIR, np.flatnonzero(centres))
    assert cells.sum() == (9 - others if is_centre else 0)


@pytest.mark.parametrize(
    ("apart", "shared_atoms", "linked"),
    [
        ((1, 1, 1), 2, True),  # volume: each centre is a corner of the other cell
        ((2, 0, 0), 4, True),  # a face
        ((2, 2, 0), 2, True),  # an edge
        ((2, 2, 2), 1, True),  # a point
        ((3, 1, 1), 0, True),  # nothing, but the centres are nearer than those that share a point
        ((4, 0, 0), 0, False),
        ((3, 3, 1), 0, False),
        ((4, 2, 0), 0, False),
    ],
)
@pytest.mark.parametrize("corner", [(5, 5, 5), (0, 0, 0), (11, 1, 11)])
def test_two_cells(apart, shared_atoms, linked, corner):
    lattice = Lattice.bcc((6, 6, 6), 3.2)  # from the last corner the other cell lies beyond the border
    occupancy = np.full(lattice.n_sites, NB, dtype=np.uint8)
    first, second = np.array(corner), np.array(corner) + apart
    cell(lattice, occupancy, first, (MO, TA))
    cell(lattice, occupancy, second, (TA, MO) if apart == (1, 1, 1) else (MO, TA))
    assert (occupancy != NB).sum() == 18 - shared_atoms
    found = b2_clusters(lattice, occupancy, PAIR)
    assert set(found.centre.tolist()) == set(lattice.site_at(np.array([first, second])).tolist())
    assert found.size.tolist() == ([2] if linked else [1, 1])


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(3, 3, 3), (4, 3, 5), (2, 4, 3)]),
    st.sampled_from([(1, 1, 1), (0.2, 1, 1), (0.3, 1, 2)]),
)
def test_clusters_are_those_found_by_distances(seed, cells, weights):
    lattice = Lattice.bcc(cells, 3.2)
    occupancy = random_state(lattice, seed, weights)
    centres = naive_centres(lattice, occupancy, PAIR)
    np.testing.assert_array_equal(b2_centres(lattice, occupancy, PAIR), centres)
    found = b2_clusters(lattice, occupancy, PAIR)
    assert as_sets(found) == naive_clusters(lattice, centres)
    assert found.size.tolist() == sorted(map(len, as_sets(found)), reverse=True)
    np.testing.assert_array_equal(found.size, np.bincount(found.cluster, minlength=len(found.size)))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.005, 0.1), st.sampled_from([(5, 5, 5), (6, 4, 5)]))
def test_links_of_any_sites_are_those_found_by_distances(seed, share, cells):
    lattice = Lattice.bcc(cells, 3.2)
    chosen = np.random.default_rng(seed).random(lattice.n_sites) < share
    assert as_sets(linked_clusters(lattice, np.flatnonzero(chosen))) == naive_clusters(lattice, chosen)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.tuples(*[st.integers(-20, 20)] * 3), st.booleans())
def test_neither_translation_nor_naming_changes_them(seed, shift, swap):
    lattice = Lattice.bcc((4, 5, 3), 3.2)
    occupancy = random_state(lattice, seed, (0.3, 1, 1))
    moved = lattice.site_at(lattice.coordinates + 2 * np.array(shift) + (1 if swap else 0))
    found = b2_clusters(lattice, occupancy, PAIR)
    renamed = np.array([0, TA, NB, MO], dtype=np.uint8)[occupancy]
    again = np.empty_like(occupancy)
    again[moved] = renamed
    after = b2_clusters(lattice, again, (MO, NB) if swap else (NB, MO))
    assert as_sets(after) == {frozenset(moved[list(members)].tolist()) for members in as_sets(found)}
    np.testing.assert_array_equal(after.size, found.size)
    np.testing.assert_array_equal(
        np.sort(wrapping(lattice, after), axis=0), np.sort(wrapping(lattice, found), axis=0)
    )


def test_the_largest_comes_first_and_the_lowest_site_among_equals():
    lattice = Lattice.bcc((9, 9, 9), 3.2)
    places = [(0, 0, 0), (8, 8, 8), (10, 8, 8), (0, 8, 0)]
    sites = lattice.site_at(np.array(places))
    found = linked_clusters(lattice, sites)
    assert found.size.tolist() == [2, 1, 1]
    assert found.of_sites(lattice.n_sites)[sites].tolist() == [1, 0, 0, 2]


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_rod_wraps_along_its_axis_only(axis):
    lattice = Lattice.bcc((7, 7, 7), 3.2)
    row = np.zeros((7, 3), dtype=np.int64)
    row[:, axis] = 2 * np.arange(7)
    whole = linked_clusters(lattice, lattice.site_at(row))
    assert wrapping(lattice, whole).tolist() == [[k == axis for k in range(3)]]
    cut = linked_clusters(lattice, lattice.site_at(row[1:5]))
    assert cut.size.tolist() == [4]
    assert not wrapping(lattice, cut).any()


def test_a_cluster_across_the_border_does_not_wrap():
    lattice = Lattice.bcc((7, 7, 7), 3.2)
    found = linked_clusters(lattice, lattice.site_at(np.array([[-2, -2, -2], [0, 0, 0], [2, 2, 2]])))
    assert found.size.tolist() == [3]
    assert not wrapping(lattice, found).any()


def test_no_centre_is_no_cluster():
    lattice = Lattice.bcc((3, 3, 3), 3.2)
    found = b2_clusters(lattice, np.full(lattice.n_sites, NB, dtype=np.uint8), PAIR)
    assert len(found.centre) == len(found.cluster) == len(found.size) == 0
    assert wrapping(lattice, found).shape == (0, 3)


def test_centres_of_random_arrangements_are_as_many_as_chance_makes():
    lattice = Lattice.bcc((6, 6, 6), 3.2)
    counts = np.array([60, 150, 221])
    atoms = np.repeat([0, 1, 2, 3], [1, *counts]).astype(np.uint8)
    rng = np.random.default_rng(3)
    shares = [b2_centres(lattice, rng.permutation(atoms), PAIR).mean() for _ in range(400)]
    expected = random_centre_share(counts, lattice.n_sites, PAIR)
    assert abs(np.mean(shares) - expected) < 4 * np.std(shares) / np.sqrt(len(shares))
    assert np.std(shares) / np.sqrt(len(shares)) < 0.02 * expected


def test_chance_in_an_infinite_alloy_is_binomial():
    third = random_centre_share([10**8] * 3, 3 * 10**8, PAIR)
    assert third == pytest.approx(2 / 3 * (28 * 4 + 8 * 2 + 1) / 3**8, rel=1e-5)
    assert random_centre_share([5, 0, 9], 14, PAIR) == 0


def test_what_has_no_b2_order_is_refused():
    fcc = Lattice.fcc((3, 3, 3), 3.6)
    with pytest.raises(ValueError, match="B2 is an order of the bcc lattice, got fcc"):
        b2_centres(fcc, np.ones(fcc.n_sites, dtype=np.uint8), PAIR)
    bcc = Lattice.bcc((3, 3, 3), 3.2)
    state = np.ones(bcc.n_sites, dtype=np.uint8)
    for pair in ((2, 2), (0, 1), (1, 2, 3)):
        with pytest.raises(ValueError, match="expected two different species"):
            b2_centres(bcc, state, pair)
    with pytest.raises(ValueError, match=r"expected shape \(54,\), got \(53,\)"):
        b2_centres(bcc, state[1:], PAIR)
