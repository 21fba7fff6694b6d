"""Which sites of a sample become vacancies, and in which order.

The v-th vacancy of a sample is the v-th site of an order that depends on the sample and the choice alone, not
on how many are taken:

* ``all``: every site, by number.
* ``random``: a random permutation.
* ``k-means``: the environments are sorted into clusters; first comes the most typical site of every cluster,
  the clusters most different from those before it first, then another random site of each, and so on. Few
  vacancies so cover what there is, and more of them approach the distribution stratum by stratum.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnk.lattice import IntArray, Lattice, offsets_within, shell_offsets

FloatArray = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]
Choice = Literal["all", "random", "k-means"]
Features = Literal["shell-counts", "one-hot"]
CHOICES: tuple[Choice, ...] = ("all", "random", "k-means")

_MOST_ITERATIONS = 100


@dataclass(frozen=True)
class SiteChoice:
    """How vacancies are chosen in a sample.

    Attributes:
        choice: "all", "random" or "k-means".
        clusters: of environments ("k-means").
        shells: neighbour shells of an environment ("k-means").
        features: "shell-counts", the share of every species in each shell, the same for all orientations; or
            "one-hot", the species of every site in the crystal's frame ("k-means").
    """

    choice: Choice = "random"
    clusters: int = 32
    shells: int = 8
    features: Features = "shell-counts"

    def __post_init__(self) -> None:
        if self.choice not in CHOICES:
            raise ValueError(f"choice={self.choice!r}: allowed are {', '.join(CHOICES)}")
        if self.features not in ("shell-counts", "one-hot"):
            raise ValueError(f"features={self.features!r}: allowed are shell-counts, one-hot")
        for name in ("clusters", "shells"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected a whole number of at least 1")


def site_order(
    how: SiteChoice, lattice: Lattice, occupancy: UInt8Array, n_species: int, rng: np.random.Generator
) -> IntArray:
    """All sites int64[n_sites] in the order in which they become vacancies.

    Args:
        how: the choice.
        lattice: the lattice.
        occupancy: uint8[n_sites] without vacancies.
        n_species: number of elements.
        rng: generator of the sample.
    """
    if how.choice == "all":
        return np.arange(lattice.n_sites)
    if how.choice == "random":
        return rng.permutation(lattice.n_sites)
    points = environments(how, lattice, occupancy, n_species)
    return order_by_environment(points, min(how.clusters, len(points)), rng)


def order_by_environment(points: FloatArray, clusters: int, rng: np.random.Generator) -> IntArray:
    """Points int64[n] sorted so that the first of them cover what there is; see ``k-means`` above.

    Args:
        points: float64[n, n_features], environments.
        clusters: of them, at most n.
        rng: random generator.
    """
    label, centres = k_means(points, clusters, rng)
    return _by_rounds(points, label, centres, rng)


def environments(how: SiteChoice, lattice: Lattice, occupancy: UInt8Array, n_species: int) -> FloatArray:
    """Environments float64[n_sites, n_features] of every site; distances between them are what counts.

    A shell's counts are divided by the number of its sites: near shells, whose shares vary most and matter
    most to a barrier, weigh most.
    """
    species = np.arange(1, n_species + 1)
    everywhere = np.arange(lattice.n_sites)
    if how.features == "one-hot":
        around = occupancy[lattice.sites_around(everywhere, offsets_within(lattice.structure, how.shells))]
        return (around[:, :, None] == species).reshape(lattice.n_sites, -1).astype(np.float64)
    shells = []
    for shell in range(1, how.shells + 1):
        offsets = shell_offsets(lattice.structure, shell)
        around = occupancy[lattice.sites_around(everywhere, offsets)]
        shells.append((around[:, :, None] == species).mean(axis=1))
    return np.concatenate(shells, axis=1)


def _squared_distances(points: FloatArray, centres: FloatArray) -> FloatArray:
    """float64[n_points, n_centres]; rounded, so that ties are ties on every machine."""
    squared = (points**2).sum(axis=1)[:, None] - 2 * points @ centres.T + (centres**2).sum(axis=1)
    return np.round(np.maximum(squared, 0), 10)


def k_means(points: FloatArray, clusters: int, rng: np.random.Generator) -> tuple[IntArray, FloatArray]:
    """Cluster int64[n] of each point and the centres float64[k, d]; k <= `clusters`, none is empty.

    Lloyd's iterations from a k-means++ start (Arthur and Vassilvitskii 2007). Fewer clusters come out when
    there are fewer different points.
    """
    centres = _spread_start(points, clusters, rng)
    label = np.zeros(len(points), dtype=np.int64)
    for _ in range(_MOST_ITERATIONS):
        before, label = label, _squared_distances(points, centres).argmin(axis=1)
        used, label = np.unique(label, return_inverse=True)
        sums = np.zeros((len(used), points.shape[1]))
        np.add.at(sums, label, points)
        centres = sums / np.bincount(label)[:, None]
        if np.array_equal(before, label):
            break
    return label, centres


def _spread_start(points: FloatArray, clusters: int, rng: np.random.Generator) -> FloatArray:
    """Points drawn one by one, with probabilities as their squared distance to the nearest one drawn."""
    chosen = [int(rng.integers(len(points)))]
    nearest = _squared_distances(points, points[chosen])[:, 0]
    while len(chosen) < clusters and nearest.sum() > 0:
        total = np.cumsum(nearest)
        chosen.append(int(np.searchsorted(total, rng.random() * total[-1], side="right")))
        nearest = np.minimum(nearest, _squared_distances(points, points[chosen[-1:]])[:, 0])
    return points[chosen]


def _most_different_first(centres: FloatArray, mean: FloatArray) -> list[int]:
    """Clusters so that each is the farthest from those before it; the first is the farthest from the mean."""
    nearest = _squared_distances(centres, mean[None])[:, 0]
    order: list[int] = []
    for _ in range(len(centres)):
        order.append(int(nearest.argmax()))
        to_last = _squared_distances(centres, centres[order[-1:]])[:, 0]
        nearest = to_last if len(order) == 1 else np.minimum(nearest, to_last)
        nearest[order] = -1.0
    return order


def _by_rounds(
    points: FloatArray, label: IntArray, centres: FloatArray, rng: np.random.Generator
) -> IntArray:
    """The most typical point of each cluster, then one more of each at random, and so on."""
    shuffled = rng.permutation(len(points))
    own = _squared_distances(points, centres)[np.arange(len(points)), label]
    rounds = []
    for cluster in _most_different_first(centres, points.mean(axis=0)):
        members = shuffled[label[shuffled] == cluster]
        typical = int(own[members].argmin())
        rounds.append([members[typical], *np.delete(members, typical)])
    longest = max(map(len, rounds))
    return np.array([members[i] for i in range(longest) for members in rounds if i < len(members)])
