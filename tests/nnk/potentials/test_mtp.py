"""The moment tensor potential: against its formula, against finite differences, and its invariances."""

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.potentials.mtp import MtpForceField, read_mtp

SPECIES = ("Nb", "Mo", "Ta", "W")
LATTICE_PARAMETERS_A = {"Nb": 3.321, "Mo": 3.173, "Ta": 3.320, "W": 3.190}


@pytest.fixture(scope="module")
def file(nnk_data):
    path = nnk_data / "potentials" / "NbMoTaW.mtp"
    if not path.is_file():
        pytest.skip(f"published potential: no file {path}")
    return path


@pytest.fixture(scope="module")
def engine(file):
    return MtpForceField(file, SPECIES)


@pytest.fixture
def alloy():
    """A rattled alloy in a box of three different edges."""
    rng = np.random.default_rng(1)
    lattice = Lattice.bcc((3, 4, 5), 3.24)
    positions = lattice.positions_A + 0.08 * rng.standard_normal((lattice.n_sites, 3))
    return rng.choice(SPECIES, lattice.n_sites).tolist(), lattice.box_A, positions


def moments(p, me, others, d):
    """All moments of an atom, as the definition has them."""
    r = np.linalg.norm(d, axis=1)
    xi = (2 * r - p.min_dist_A - p.max_dist_A) / (p.max_dist_A - p.min_dist_A)
    chebyshev = np.polynomial.chebyshev.chebvander(xi, p.radial_coeffs.shape[3] - 1)
    smooth = p.scaling * (r - p.max_dist_A) ** 2
    values = np.zeros(p.n_moments)
    for q, (mu, a, b, c) in enumerate(p.basic):
        f = smooth * (p.radial_coeffs[me, others, mu] * chebyshev).sum(axis=1)
        u = d / r[:, None]
        values[q] = (f * u[:, 0] ** a * u[:, 1] ** b * u[:, 2] ** c).sum()
    for i, j, factor, k in p.times:
        values[k] += factor * values[i] * values[j]
    return values


def naive_energy(p, numbers, box, positions):
    """The definition, over all images that can matter."""
    reach = np.ceil(p.max_dist_A / box).astype(int) + 1
    axes = [np.arange(-n, n + 1) for n in reach]
    shifts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) * box
    energy, others = 0.0, np.tile(numbers, len(shifts))
    for i, me in enumerate(numbers):
        d = (positions[None] - positions[i] + shifts[:, None]).reshape(-1, 3)
        r = np.linalg.norm(d, axis=1)
        near = (r > 1e-9) & (r < p.max_dist_A)
        scalars = moments(p, me, others[near], d[near])[p.mapping]
        energy += p.species_coeffs[me] + (p.moment_coeffs * scalars).sum()
    return energy


@pytest.mark.parametrize("edges", [(15.0, 14.0, 16.0), (5.0, 9.7, 30.0), (3.0, 3.2, 3.1)])
def test_energy_is_that_of_the_definition(file, engine, edges):
    rng = np.random.default_rng(2)
    n = max(1, round(np.prod(edges) / 18))
    positions = rng.random((n, 3)) * edges
    numbers = rng.integers(0, 4, n)
    engine.set([SPECIES[k] for k in numbers], edges)
    expected = naive_energy(read_mtp(file), numbers, np.array(edges), positions)
    assert engine.energy_forces(positions)[0] == pytest.approx(expected, rel=1e-10)
