"""Chemical order of pairs, shell by shell.

Per *atom*, for atoms a and b and neighbour shell k (k = 1: first neighbours) of a periodic block of N sites,
its vacancies among them:

    N_ab^k     mean number of b atoms in shell k around an a atom         `neighbour_numbers`
    N_0,ab^k   = z_k n_b / (N - 1),  or z_k (n_a - 1) / (N - 1) if a = b  `random_neighbour_numbers`
    delta_ab^k = N_ab^k - N_0,ab^k   (> 0: favoured)                      `pair_parameter`
    alpha_ab^k = 1 - N_ab^k / N_0,ab^k   (< 0: favoured)                  `warren_cowley`

N_0 counts with the one site that is taken by the a atom itself, so both parameters average to exactly 0 over
all arrangements of the same atoms. delta is the parameter of Fan et al. (2022) and Xing et al. (2024), who do
not say whether it is counted per atom or per cell; here it is per a atom, so delta_ab and delta_ba differ by
the ratio of the two atoms' numbers (n_a delta_ab = n_b delta_ba), while alpha_ab = alpha_ba.

All four are undefined, NaN, for an a that is absent; alpha also where N_0 = 0.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.lattice import IntArray, Lattice, Structure, shell_offsets

FloatArray = NDArray[np.float64]


def coordination(structure: Structure, shells: int) -> IntArray:
    """Number of sites z_k, int64[shells], in neighbour shells 1..`shells` (bcc: 8, 6, 12, ...)."""
    return np.array([len(shell_offsets(structure, k)) for k in range(1, shells + 1)], dtype=np.int64)


def pair_counts(lattice: Lattice, occupancy: NDArray[np.uint8], shells: int, n_species: int) -> IntArray:
    """Counted neighbours int64[shells, n_species, n_species] of one state.

    Entry [k - 1, a - 1, b - 1] is the number of pairs (site of an a atom, site in its shell k that holds b):
    a pair of unlike atoms stands once in [a, b] and once in [b, a], one of like atoms twice in [a, a].

    Args:
        lattice: the lattice.
        occupancy: uint8[n_sites], 0 = vacancy.
        shells: how many neighbour shells.
        n_species: number of elements.

    Raises:
        ValueError: occupancy of another shape or with unknown species, or a block so small that a site is
            its own neighbour.
    """
    _check_occupancy(lattice, occupancy, n_species)
    counts = np.empty((shells, n_species, n_species), dtype=np.int64)
    for k in range(shells):
        counts[k] = _shell_counts(lattice, occupancy, k + 1, n_species)
    return counts


def _check_occupancy(lattice: Lattice, occupancy: NDArray[np.uint8], n_species: int) -> None:
    if occupancy.shape != (lattice.n_sites,):
        raise ValueError(f"occupancy: expected shape ({lattice.n_sites},), got {occupancy.shape}")
    if occupancy.max() > n_species:
        raise ValueError(f"occupancy: species {occupancy.max()} found, allowed are 0 to {n_species}")


def _shell_counts(lattice: Lattice, occupancy: NDArray[np.uint8], shell: int, n_species: int) -> IntArray:
    width = n_species + 1
    total = np.zeros(width * width, dtype=np.int64)
    grid, extent = lattice.coordinates, lattice.extent
    field = np.zeros(extent, dtype=np.int64)
    field[tuple(grid.T)] = occupancy
    centre = occupancy.astype(np.int64) * width
    for offset in shell_offsets(lattice.structure, shell):
        if not np.mod(offset, extent).any():
            raise ValueError(f"cells={lattice.cells}: a site is its own neighbour in shell {shell}")
        pairs = centre + field[tuple(((grid + offset) % extent).T)]
        total += np.bincount(pairs, minlength=width * width)
    return total.reshape(width, width)[1:, 1:]


def species_numbers(occupancy: NDArray[np.uint8], n_species: int) -> IntArray:
    """Atoms of each species, int64[..., n_species], in occupancies uint8[..., n_sites]."""
    species = np.arange(1, n_species + 1)
    return (np.asarray(occupancy)[..., None, :] == species[:, None]).sum(axis=-1)


def neighbour_numbers(counts: ArrayLike, numbers: ArrayLike) -> FloatArray:
    """N_ab^k: float64[..., shells, n, n] from counts int[..., shells, n, n] and numbers of atoms int[n]."""
    n_a = np.asarray(numbers, dtype=np.float64)[:, None]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(n_a > 0, np.asarray(counts) / n_a, np.nan)


def random_neighbour_numbers(numbers: ArrayLike, n_sites: int, z: ArrayLike) -> FloatArray:
    """N_0,ab^k: float64[shells, n, n], the mean of N_ab^k over all arrangements of the atoms.

    Args:
        numbers: int[n], atoms of each species.
        n_sites: number of sites, vacancies included.
        z: int[shells], see `coordination`.
    """
    n = np.asarray(numbers, dtype=np.float64)
    others = n[None, :] - np.eye(len(n))
    shells = np.asarray(z, dtype=np.float64)[:, None, None]
    return cast(FloatArray, np.where(n[:, None] > 0, shells * others / (n_sites - 1), np.nan))


def pair_parameter(counts: ArrayLike, numbers: ArrayLike, n_sites: int, z: ArrayLike) -> FloatArray:
    """delta_ab^k: float64[..., shells, n, n], neighbours per a atom; see the module.

    Args:
        counts: int[..., shells, n, n], see `pair_counts`.
        numbers: int[n], atoms of each species.
        n_sites: number of sites, vacancies included.
        z: int[shells], see `coordination`.
    """
    return neighbour_numbers(counts, numbers) - random_neighbour_numbers(numbers, n_sites, z)


def warren_cowley(counts: ArrayLike, numbers: ArrayLike, n_sites: int, z: ArrayLike) -> FloatArray:
    """alpha_ab^k: float64[..., shells, n, n], dimensionless; arguments as in `pair_parameter`."""
    expected = random_neighbour_numbers(numbers, n_sites, z)
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = neighbour_numbers(counts, numbers) / expected
    return np.where(expected > 0, 1.0 - ratio, np.nan)


def first_alpha(lattice: Lattice, occupancy: NDArray[np.uint8], n_species: int) -> FloatArray:
    """Warren-Cowley parameter of first neighbours of one state, float64[n_species, n_species]."""
    counts, z = pair_counts(lattice, occupancy, 1, n_species), coordination(lattice.structure, 1)
    return cast(
        FloatArray, warren_cowley(counts, species_numbers(occupancy, n_species), lattice.n_sites, z)[0]
    )


def random_spread(
    lattice: Lattice,
    occupancy: NDArray[np.uint8],
    shells: int,
    n_species: int,
    rng: np.random.Generator,
    *,
    arrangements: int = 100,
) -> FloatArray:
    """Standard deviation of delta_ab^k over random arrangements of the same atoms.

    It is the noise of one state of this size: order below it says nothing.

    Args:
        lattice, occupancy, shells, n_species: as for `pair_counts`.
        rng: random generator.
        arrangements: how many arrangements are drawn, at least two.

    Returns:
        float64[shells, n_species, n_species], neighbours per a atom.
    """
    if arrangements < 2:
        raise ValueError(f"arrangements={arrangements}: expected at least 2")
    numbers, z = species_numbers(occupancy, n_species), coordination(lattice.structure, shells)
    drawn = [
        pair_parameter(
            pair_counts(lattice, rng.permutation(occupancy), shells, n_species), numbers, lattice.n_sites, z
        )
        for _ in range(arrangements)
    ]
    # about the known mean, which is zero
    return cast(FloatArray, np.sqrt(np.mean(np.square(drawn), axis=0)))
