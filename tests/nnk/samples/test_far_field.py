"""Samples that are alike up to a cutoff: what is kept, what changes, and that places are numbered once."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.alloy import exact_counts
from nnk.lattice import Lattice
from nnk.samples import FarFieldParameters, far_field_sample
from nnk.samples.far_field import Place, near_sites, sites_beyond

FCC = Lattice.fcc((5, 5, 5), 3.6)


def counts_of(lattice, *fractions):
    return exact_counts(fractions, lattice.n_sites)


def distances_to_ends(lattice, site, jump):
    """Distance in a/2 of every site to the nearer end of a jump, nearest image, the slow way."""
    edges = 2 * np.array(lattice.cells)
    best = np.full(lattice.n_sites, np.inf)
    for end in (site, int(lattice.neighbours[site, jump])):
        away = np.abs(lattice.coordinates - lattice.coordinates[end])
        away = np.minimum(away, edges - away)
        best = np.minimum(best, np.sqrt((away**2).sum(axis=1)))
    return best


@given(st.sampled_from(["bcc", "fcc"]), st.integers(1, 4), st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_sites_beyond_are_those_farther_than_the_shell_from_both_ends(structure, shells, number):
    lattice = Lattice(structure, (5, 6, 5), 1.0)
    site, jump = number % lattice.n_sites, number % lattice.z
    squares = sorted({int(x) for x in (np.array(list(product(range(-4, 5), repeat=3))) ** 2).sum(axis=1)})
    on_lattice = {"bcc": lambda v: len({x % 2 for x in v}) == 1, "fcc": lambda v: sum(v) % 2 == 0}[structure]
    radii = [
        s
        for s in squares[1:]
        if any(on_lattice(v) and sum(x * x for x in v) == s for v in product(range(-4, 5), repeat=3))
    ]
    far = np.flatnonzero(distances_to_ends(lattice, site, jump) > np.sqrt(radii[shells - 1]) + 1e-9)
    np.testing.assert_array_equal(sites_beyond(lattice, site, jump, shells), far)


def test_samples_of_a_jump_differ_beyond_the_cutoff_alone():
    counts = counts_of(FCC, 0.5, 0.5)
    made = [far_field_sample(Place(2, 3, r), 5, "CuNi", FCC, counts) for r in range(4)]
    assert len({(sample.site, sample.jump) for sample in made}) == 1
    far = sites_beyond(FCC, made[0].site, made[0].jump, 3)
    near = np.setdiff1d(np.arange(FCC.n_sites), far)
    for other in made[1:]:
        np.testing.assert_array_equal(other.occupancy[near], made[0].occupancy[near])
        assert (other.occupancy[far] != made[0].occupancy[far]).sum() > len(far) // 4
        np.testing.assert_array_equal(np.bincount(other.occupancy)[1:], counts)


def test_cutoffs_of_a_jump_share_what_both_of_them_keep():
    counts = counts_of(FCC, 0.25, 0.75)
    small, large = (far_field_sample(Place(0, shells, 7), 5, "CuNi", FCC, counts) for shells in (1, 4))
    assert (small.site, small.jump) == (large.site, large.jump)
    near = near_sites(FCC, small.site, small.jump, 1)
    np.testing.assert_array_equal(small.occupancy[near], large.occupancy[near])


def test_moving_atoms_are_of_all_elements_in_turn():
    counts = counts_of(FCC, 0.8, 0.0, 0.2)
    movers = []
    for jump in range(6):
        sample = far_field_sample(Place(jump, 1, 0), 1, "x", FCC, counts)
        movers.append(int(sample.occupancy[FCC.neighbours[sample.site, sample.jump]]))
    assert movers == [1, 3, 1, 3, 1, 3]


@given(st.integers(1, 5), st.integers(1, 4), st.sampled_from([(1,), (2, 5), (1, 3, 10)]))
def test_every_sample_has_a_place_of_its_own_and_more_resamples_keep_them(resamples, jumps, shells):
    how = FarFieldParameters(shells, jumps, resamples)
    places = [how.place(number) for number in range(how.n_samples)]
    assert set(places) == set(map(Place._make, product(range(jumps), shells, range(resamples))))
    more = FarFieldParameters(shells, jumps, resamples + 3)
    assert places == [more.place(number) for number in range(how.n_samples)]


@pytest.mark.parametrize(("cells", "shells"), [((3, 8, 8), 5), ((8, 3, 8), 5), ((2, 2, 2), 2)])
def test_boxes_that_are_too_small_are_refused(cells, shells):
    with pytest.raises(ValueError, match="reach around the box"):
        near_sites(Lattice.fcc(cells, 1.0), 0, 0, shells)


def test_a_cutoff_leaves_sites_beyond():
    lattice = Lattice.fcc((2, 2, 2), 1.0)
    assert len(near_sites(lattice, 0, 0, 1)) == 20
    assert len(sites_beyond(lattice, 0, 0, 1)) == 12


@pytest.mark.parametrize(
    "wrong", [{"shells": ()}, {"shells": (1, 1)}, {"shells": (0,)}, {"shells": (1,), "jumps": 0}]
)
def test_parameters_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        FarFieldParameters(**wrong)
