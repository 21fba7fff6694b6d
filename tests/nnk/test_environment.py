"""Environments of jumps: site counts, frames, inversion, symmetry, gathering, wrapping."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.environment import EnvironmentSpec, canonical_jump, find_columns, gather, gather_jumps
from nnk.lattice import Lattice, jump_frames, jumps, offsets_within

CASES = [("bcc", 8), ("bcc", 2), ("fcc", 5)]
SMALL = {"bcc": (5, 5, 6), "fcc": (4, 4, 5)}


@pytest.mark.parametrize(
    ("structure", "shells", "kind", "n"),
    [
        ("bcc", 8, "initial", 112),
        ("bcc", 8, "union", 142),
        ("fcc", 5, "union", 100),
        ("bcc", 8, "state", 112),
    ],
)
def test_numbers_of_sites(structure, shells, kind, n):
    assert EnvironmentSpec(structure, shells, kind).n_env == n


@pytest.mark.parametrize(("structure", "shells"), CASES)
def test_union_holds_exactly_the_sites_near_either_end(structure, shells):
    spec = EnvironmentSpec(structure, shells, "union")
    around = {tuple(x) for x in offsets_within(structure, shells)}
    for jump, offsets in zip(jumps(structure), spec.offsets, strict=True):
        expected = around | {tuple(np.add(x, jump)) for x in around}
        expected -= {(0, 0, 0), tuple(jump)}
        assert {tuple(x) for x in offsets} == expected


@pytest.mark.parametrize(("structure", "shells"), CASES)
@pytest.mark.parametrize("kind", ["initial", "union"])
def test_columns_mean_the_same_place_for_every_jump(structure, shells, kind):
    spec = EnvironmentSpec(structure, shells, kind)
    for frame, offsets in zip(jump_frames(structure), spec.offsets, strict=True):
        np.testing.assert_array_equal(offsets @ frame.T, spec.canonical)


@pytest.mark.parametrize(("structure", "shells"), CASES)
@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**31))
def test_reverse_jump_reads_the_inverted_columns(structure, shells, seed):
    lattice = Lattice(structure, SMALL[structure], 3.0)
    spec = EnvironmentSpec(structure, shells, "union")
    rng = np.random.default_rng(seed)
    occupancy = rng.integers(1, 4, lattice.n_sites).astype(np.uint8)
    site, jump = int(rng.integers(lattice.n_sites)), int(rng.integers(lattice.z))
    occupancy[site] = 0
    forward, mover = gather(spec, lattice, occupancy, site)
    end = int(lattice.neighbours[site, jump])
    occupancy[site], occupancy[end] = occupancy[end], 0
    backward, mover_back = gather(spec, lattice, occupancy, end)
    reverse = lattice.z - 1 - jump
    np.testing.assert_array_equal(forward[jump][spec.inversion], backward[reverse])
    assert mover[jump] == mover_back[reverse]


@pytest.mark.parametrize(("structure", "shells"), CASES)
@pytest.mark.parametrize(
    ("kind", "order"), [("initial", {"bcc": 6, "fcc": 4}), ("state", {"bcc": 48, "fcc": 48})]
)
def test_symmetry_permutes_columns_and_keeps_distances(structure, shells, kind, order):
    spec = EnvironmentSpec(structure, shells, kind)
    permutations = spec.symmetry
    assert len({tuple(row) for row in permutations}) == order[structure]
    squared = (spec.canonical**2).sum(axis=1)
    for row in permutations:
        assert sorted(row) == list(range(spec.n_env))
        np.testing.assert_array_equal(squared[row], squared)
    if kind == "initial":
        mover = find_columns(spec.canonical, canonical_jump(structure)[None])[0]
        assert (permutations[:, mover] == mover).all()


def test_symmetry_is_a_group_that_commutes_with_the_inversion():
    spec = EnvironmentSpec("bcc", 8, "union")
    permutations = {tuple(row) for row in spec.symmetry}
    for first in spec.symmetry:
        assert {tuple(first[list(second)]) for second in permutations} == permutations
        np.testing.assert_array_equal(first[spec.inversion], spec.inversion[first])


@pytest.mark.parametrize("kind", ["initial", "union"])
def test_batch_equals_single(kind):
    lattice = Lattice.bcc((5, 6, 5), 3.2)
    spec = EnvironmentSpec("bcc", 8, kind)
    rng = np.random.default_rng(5)
    occupancies = rng.integers(1, 4, (3, lattice.n_sites)).astype(np.uint8)
    sample, site, jump = rng.integers(0, [3, lattice.n_sites, 8], (40, 3)).T
    species, mover = gather_jumps(spec, lattice, occupancies, sample, site, jump)
    for i in range(40):
        occupancy = occupancies[sample[i]].copy()
        occupancy[site[i]] = 0
        one, one_mover = gather(spec, lattice, occupancy, int(site[i]))
        np.testing.assert_array_equal(species[i], one[jump[i]])
        assert mover[i] == one_mover[jump[i]]


@pytest.mark.parametrize(
    ("structure", "shells", "refused", "warned"), [("bcc", 8, 2, 4), ("fcc", 5, 2, 3), ("bcc", 2, 1, 2)]
)
def test_small_lattices(structure, shells, refused, warned):
    spec = EnvironmentSpec(structure, shells, "union")
    with pytest.raises(ValueError, match="at least"):
        spec.check(Lattice(structure, (refused, 9, 9), 3.0))
    with pytest.warns(UserWarning, match="wrap"):
        spec.check(Lattice(structure, (9, 9, warned), 3.0))
    lattice = Lattice(structure, (refused + 1,) * 3, 3.0)
    ends = {0, int(lattice.neighbours[0, 0])}
    assert not ends & set(lattice.sites_around(0, spec.offsets[0]).tolist())


def test_no_site_is_met_twice_in_a_comfortable_lattice(recwarn):
    spec = EnvironmentSpec("bcc", 8, "union")
    lattice = Lattice.bcc((5, 5, 5), 3.0)
    spec.check(lattice)
    assert not recwarn.list
    assert len(set(lattice.sites_around(7, spec.offsets[3]).tolist())) == 142


def test_errors_name_the_problem():
    with pytest.raises(ValueError, match="allowed are initial, union, state"):
        EnvironmentSpec("bcc", 8, "sphere")
    with pytest.raises(ValueError, match="union"):
        EnvironmentSpec("bcc", 8, "initial").inversion  # noqa: B018
    lattice = Lattice.bcc((5, 5, 5), 3.0)
    with pytest.raises(ValueError, match="no vacancy there"):
        gather(EnvironmentSpec("bcc", 8, "union"), lattice, np.ones(250, np.uint8), 3)
    with pytest.raises(ValueError, match="lattice is fcc"):
        EnvironmentSpec("bcc", 8, "union").check(Lattice.fcc((5, 5, 5), 3.0))
    with pytest.raises(ValueError, match="no jumps"):
        gather_jumps(
            EnvironmentSpec("bcc", 8, "state"), lattice, np.ones((1, 250), np.uint8), *[np.zeros(1, int)] * 3
        )
