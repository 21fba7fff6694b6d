"""Choice of sites: complete, deterministic, nested; k-means against a naive rendition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.lattice import Lattice
from nnk.samples import SiteChoice, random_sample, site_order, vacancy_stream
from nnk.samples.sites import environments, k_means

LATTICE = Lattice.bcc((5, 5, 5), 3.2)
OCCUPANCY = random_sample(1, "alloy", 0, np.array([90, 80, 80]))


def order(how, occupancy=OCCUPANCY, lattice=LATTICE, sample=0):
    return site_order(how, lattice, occupancy, 3, vacancy_stream(1, "alloy", sample))


@pytest.mark.parametrize(
    "how",
    [
        SiteChoice("all"),
        SiteChoice("random"),
        SiteChoice("k-means", clusters=16),
        SiteChoice("k-means", clusters=16, features="one-hot", shells=2),
        SiteChoice("k-means", clusters=1000),
    ],
)
def test_every_site_comes_once_and_always_the_same(how):
    first = order(how)
    assert sorted(first.tolist()) == list(range(LATTICE.n_sites))
    assert np.array_equal(first, order(how))
    if how.choice != "all":
        assert not np.array_equal(first, order(how, sample=1))


def test_all_is_by_number_and_random_is_the_permutation_of_the_sample():
    assert order(SiteChoice("all")).tolist() == list(range(250))
    assert np.array_equal(order(SiteChoice("random")), vacancy_stream(1, "alloy", 0).permutation(250))


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_shares_of_shells_are_counted(structure):
    lattice = Lattice(structure, (3, 3, 3), 3.2)
    occupancy = np.random.default_rng(0).integers(1, 4, lattice.n_sites).astype(np.uint8)
    found = environments(SiteChoice("k-means", shells=2), lattice, occupancy, 3)
    positions = lattice.coordinates
    for site in (0, 7, lattice.n_sites - 1):
        delta = np.abs(positions - positions[site])
        squared = (np.minimum(delta, lattice.extent - delta) ** 2).sum(axis=1)
        radii = np.unique(squared)[1:3]
        naive = [(occupancy[squared == r] == s).mean() for r in radii for s in (1, 2, 3)]
        assert found[site] == pytest.approx(naive)


def test_one_hot_tells_orientations_apart():
    how = SiteChoice("k-means", shells=1, features="one-hot")
    found = environments(how, LATTICE, OCCUPANCY, 3)
    assert found.shape == (250, 8 * 3)
    assert (found.sum(axis=1) == 8).all()
    assert set(np.unique(found)) == {0.0, 1.0}


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(2, 60))
@settings(max_examples=40, deadline=None)
def test_clusters_are_a_fixed_point_of_lloyds_iteration(seed, clusters, n):
    rng = np.random.default_rng(seed)
    points = rng.integers(0, 4, (n, 3)).astype(np.float64)
    label, centres = k_means(points, min(clusters, n), rng)
    assert 1 <= len(centres) <= clusters
    assert set(label.tolist()) == set(range(len(centres)))
    for cluster in range(len(centres)):
        assert centres[cluster] == pytest.approx(points[label == cluster].mean(axis=0))
    distance = np.linalg.norm(points[:, None] - centres, axis=2)
    assert distance[np.arange(n), label] == pytest.approx(distance.min(axis=1), abs=1e-5)


def test_separate_groups_are_found():
    rng = np.random.default_rng(3)
    groups = np.repeat(np.arange(5), 40)
    points = np.array([[0, 0], [9, 0], [0, 9], [9, 9], [30, 30]])[groups] + rng.normal(size=(200, 2))
    label, centres = k_means(points, 5, rng)
    assert len(centres) == 5
    assert all(len(set(label[groups == g].tolist())) == 1 for g in range(5))


def planted():
    """A random crystal with three sites in the middle of pure regions."""
    lattice = Lattice.bcc((8, 8, 8), 3.2)
    occupancy = random_sample(2, "alloy", 0, np.array([512, 256, 256]))
    centres = lattice.site_at(np.array([[2, 2, 2], [10, 2, 2], [2, 10, 10]]))
    for species, centre in zip((1, 2, 3), centres, strict=True):
        delta = np.abs(lattice.coordinates - lattice.coordinates[centre])
        near = (np.minimum(delta, lattice.extent - delta) ** 2).sum(axis=1) <= 11
        occupancy[near] = species
    return lattice, occupancy, set(centres.tolist())


def test_the_most_different_environments_come_first():
    """Pure regions planted in a random alloy are among the first sites; a random choice misses them."""
    lattice, occupancy, centres = planted()
    points = environments(SiteChoice("k-means", shells=3), lattice, occupancy, 3)
    mean = points.mean(axis=0)
    chosen = order(SiteChoice("k-means", clusters=24, shells=3), occupancy, lattice)[:12]
    by_chance = order(SiteChoice("random"), occupancy, lattice)[:12]

    def spread(sites):
        return np.linalg.norm(points[sites] - mean, axis=1).mean()

    assert spread(chosen) > 1.3 * spread(by_chance)
    coordinates = lattice.coordinates
    for centre in centres:
        delta = np.abs(coordinates[chosen] - coordinates[centre])
        assert (np.minimum(delta, lattice.extent - delta) ** 2).sum(axis=1).min() <= 11


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"choice": "best"}, "allowed are all, random, k-means"),
        ({"features": "soap"}, "allowed are shell-counts, one-hot"),
        ({"clusters": 0}, "clusters=0"),
        ({"shells": 0}, "shells=0"),
    ],
)
def test_wrong_choices_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SiteChoice(**arguments)
