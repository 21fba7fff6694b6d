"""Clusters of sites around a jump, sorted into sets that the jump's symmetry makes equivalent.

A cluster is an ordered tuple of columns of the jump's union environment. Its orbit holds all its images under
the operations that leave the jump or its reverse unchanged (bcc D3d, fcc D2h), each once: a sum over an orbit
of products of functions of the species is the same in every equivalent frame and for the reverse jump.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from nnk.environment import EnvironmentSpec, find_columns
from nnk.lattice import IntArray, Structure, shell_offsets


@cache
def cluster_orbits(structure: Structure, shells: int, size: int, reach: int) -> tuple[IntArray, ...]:
    """Orbits of clusters, each int64[images, size], columns of the union environment of `shells`.

    Args:
        structure: "bcc" or "fcc".
        shells: of the environment.
        size: sites of a cluster.
        reach: neighbour shells of either end of the jump that its sites are in, none farther from another
            than the last of these shells; at most `shells`.
    """
    union = EnvironmentSpec(structure, shells, "union")
    near = find_columns(union.canonical, EnvironmentSpec(structure, min(reach, shells), "union").canonical)
    farthest = int((shell_offsets(structure, reach)[0] ** 2).sum())
    place = union.canonical
    close = ((place[:, None] - place) ** 2).sum(axis=2) <= farthest
    operations = np.concatenate([union.symmetry, union.inversion[union.symmetry]])
    seen: set[tuple[int, ...]] = set()
    orbits = []
    for cluster in combinations(sorted(near.tolist()), size):
        if cluster in seen or not all(close[a, b] for a, b in combinations(cluster, 2)):
            continue
        images = np.unique(operations[:, list(cluster)], axis=0)
        images.setflags(write=False)
        seen.update(tuple(sorted(image)) for image in images.tolist())
        orbits.append(images)
    return tuple(orbits)


def contrasts(n_species: int) -> NDArray[np.float64]:
    """Functions of a species, float64[n_species, n_species - 1]: orthogonal, of mean 0 and mean square 1.

    Those of Helmert; which ones does not matter to least squares with a penalty that is alike for all.
    """
    matrix = np.zeros((n_species, max(n_species - 1, 0)))
    for k in range(1, n_species):
        matrix[:k, k - 1] = 1.0
        matrix[k, k - 1] = -k
        matrix[:, k - 1] /= np.sqrt((matrix[:, k - 1] ** 2).mean())
    return matrix
