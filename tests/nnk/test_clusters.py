"""Clusters around a jump: each in one orbit, and orbits are what the symmetry of the jump makes of them."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.clusters import cluster_orbits, contrasts
from nnk.environment import EnvironmentSpec, canonical_jump
from nnk.lattice import shell_offsets


def all_clusters(structure, shells, size, reach):
    """Clusters found by going through all of them."""
    place = EnvironmentSpec(structure, shells, "union").canonical
    radius = np.linalg.norm(shell_offsets(structure, reach)[0]) + 1e-9
    ends = np.stack([np.zeros(3), canonical_jump(structure)])
    near = [i for i, r in enumerate(place) if np.linalg.norm(ends - r, axis=1).min() <= radius]
    return {
        cluster
        for cluster in combinations(near, size)
        if all(np.linalg.norm(place[a] - place[b]) <= radius for a, b in combinations(cluster, 2))
    }


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
@pytest.mark.parametrize(("size", "reach"), [(1, 3), (2, 1), (2, 2), (3, 2)])
def test_every_cluster_is_in_one_orbit(structure, size, reach):
    orbits = cluster_orbits(structure, 3, size, reach)
    found = [{tuple(sorted(image)) for image in orbit.tolist()} for orbit in orbits]
    assert sum(map(len, found)) == len(set().union(*found))
    assert set().union(*found) == all_clusters(structure, 3, size, reach)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(["bcc", "fcc"]), st.integers(1, 3), st.integers(0, 10**6))
def test_sums_over_orbits_are_the_same_in_equivalent_frames(structure, size, seed):
    union = EnvironmentSpec(structure, 3, "union")
    rng = np.random.default_rng(seed)
    state = rng.integers(0, 3, union.n_env)
    function = rng.normal(size=(3,) * size)
    operations = [*union.symmetry, *union.inversion[union.symmetry]]
    for orbit in cluster_orbits(structure, 3, size, 2):
        sums = [function[tuple(turned[orbit].T)].sum() for turned in (state[g] for g in operations)]
        np.testing.assert_allclose(sums, sums[0])


def test_orbits_of_single_sites_are_those_of_the_environment():
    union = EnvironmentSpec("fcc", 4, "union")
    found = np.empty(union.n_env, dtype=int)
    for number, orbit in enumerate(cluster_orbits("fcc", 4, 1, 4)):
        found[orbit[:, 0]] = number
    for number in np.unique(found):
        assert len(np.unique(union.orbits[found == number])) == 1
    assert len(np.unique(found)) == len(np.unique(union.orbits))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_contrasts_are_orthogonal_functions_of_mean_zero(n):
    functions = contrasts(n)
    assert functions.shape == (n, n - 1)
    np.testing.assert_allclose(functions.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(functions.T @ functions / n, np.eye(n - 1), atol=1e-12)
