"""Invariants, energies and forces of patches: exact symmetries, slopes, sums over images and over voxels."""

from itertools import permutations, product

import numpy as np
import pytest
import torch

from nnk.forces.atoms import Atoms
from nnk.forces.local_density import LocalDensity, _harmonics, _radial
from nnk.forces.neighbours import neighbours
from nnk.forces.options import LocalDensityOptions

OPTIONS = LocalDensityOptions(cutoff_A=4.2, radial=5, degree=3, channels=4, hidden=(6,))


@pytest.fixture
def cell(snapshots):
    atoms = Atoms(snapshots.elements, snapshots.species, snapshots.cell_A)
    return atoms, snapshots.positions_A[-3:]


@pytest.fixture
def network(cell):
    torch.manual_seed(3)
    atoms, positions = cell
    made = LocalDensity(atoms, OPTIONS).double()
    made.see(positions, positions)
    return made.double().eval()


def ask(network, atoms, positions):
    answer = network(torch.from_numpy(positions), network.surroundings(atoms, positions))
    return answer.energy.numpy(), answer.forces.numpy()


def turns():
    """The 48 operations of the cubic group."""
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        yield np.eye(3)[list(order)] * np.array(signs)[:, None]


def test_forces_turn_with_the_crystal_under_the_whole_cubic_group(network, cell):
    atoms, positions = cell
    energy, forces = ask(network, atoms, positions)
    for turn in turns():
        turned_energy, turned = ask(network, atoms, positions @ turn.T)
        np.testing.assert_allclose(turned_energy, energy, rtol=1e-12)
        np.testing.assert_allclose(turned, forces @ turn.T, atol=1e-12)


def test_shifts_images_and_the_order_of_atoms_change_nothing(network, cell):
    atoms, positions = cell
    energy, forces = ask(network, atoms, positions)
    generator = np.random.default_rng(0)
    images = generator.integers(-2, 3, positions.shape[1:]) * atoms.cell_A
    np.testing.assert_allclose(ask(network, atoms, positions + 1.37 + images)[1], forces, atol=1e-12)
    order = generator.permutation(len(atoms))
    mixed = Atoms(atoms.elements, atoms.species[order], atoms.cell_A)
    moved_energy, moved = ask(network, mixed, positions[:, order])
    np.testing.assert_allclose(moved_energy, energy, rtol=1e-12)
    np.testing.assert_allclose(moved, forces[:, order], atol=1e-12)


def test_a_doubled_cell_has_twice_the_energy_and_the_same_forces(network, cell):
    atoms, positions = cell
    energy, forces = ask(network, atoms, positions)
    along = np.array([2.0, 1.0, 1.0])
    doubled = Atoms(atoms.elements, np.tile(atoms.species, 2), along * atoms.cell_A)
    both = np.concatenate([positions, positions + atoms.cell_A * [1, 0, 0]], axis=1)
    twice, alike = ask(network, doubled, both)
    np.testing.assert_allclose(twice, 2 * energy, rtol=1e-12)
    np.testing.assert_allclose(alike, np.concatenate([forces, forces], axis=1), atol=1e-12)


def test_forces_are_the_negative_slope_of_the_energy(network, cell):
    atoms, positions = cell
    forces = ask(network, atoms, positions[:1])[1][0]
    for atom, axis in [(0, 0), (5, 1), (15, 2)]:
        step = np.zeros_like(positions[:1])
        step[0, atom, axis] = 1e-5
        up, down = (ask(network, atoms, positions[:1] + sign * step)[0][0] for sign in (1, -1))
        assert (down - up) / 2e-5 == pytest.approx(forces[atom, axis], abs=1e-8)


def test_neighbours_are_all_images_within_the_cutoff(cell):
    atoms, positions = cell
    table = neighbours(atoms, positions, 4.2)
    for snapshot in positions:
        apart = snapshot[table.atom.numpy()] + table.shift_A.numpy() - snapshot[:, None]
        distance = np.linalg.norm(apart, axis=-1)
        for i in range(len(atoms)):
            images = np.array(list(product(range(-2, 3), repeat=3))) * atoms.cell_A
            every = np.linalg.norm(snapshot[:, None] + images - snapshot[i], axis=-1)
            every = np.sort(every[(every < 4.2) & (every > 0)])
            np.testing.assert_allclose(np.sort(distance[i][distance[i] < 4.2]), every)
    columns = np.repeat(np.arange(len(table.columns)) + 1, table.columns)
    real = table.shift_A.numpy()[..., 0] != 2 * 4.2
    np.testing.assert_array_equal(
        atoms.species[table.atom.numpy()][real], np.broadcast_to(columns, real.shape)[real]
    )


def test_harmonics_obey_the_addition_theorem():
    directions = torch.randn(2, 50, 3, dtype=torch.float64)
    one, other = directions / directions.norm(dim=-1, keepdim=True)
    products = _harmonics(one, 3) * _harmonics(other, 3)
    cos = (one * other).sum(-1)
    legendre = [torch.ones_like(cos), cos, (3 * cos**2 - 1) / 2, (5 * cos**3 - 3 * cos) / 2]
    first = 0
    for degree, expected in enumerate(legendre):
        found = products[:, first : first + 2 * degree + 1].sum(-1)
        torch.testing.assert_close(found, expected)
        first += 2 * degree + 1


def test_moments_are_those_of_a_voxel_patch_of_narrow_gaussians():
    point, width, edge = torch.tensor([1.3, -0.9, 2.1], dtype=torch.float64), 0.12, 61
    axis = torch.linspace(-3.6, 3.6, edge, dtype=torch.float64)
    voxels = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1).reshape(-1, 3)
    density = torch.exp(-(voxels - point).square().sum(-1) / (2 * width**2))
    density = density / density.sum()

    def moments(at):
        distance = at.norm(dim=-1)
        harmonics = _harmonics(at / distance[..., None].clamp(min=1e-9), 2)
        return _radial(distance, 4.2, 4)[..., None] * harmonics[..., None, :]

    found = (density[:, None, None] * moments(voxels)).sum(0)
    torch.testing.assert_close(found, moments(point), atol=0.02, rtol=0.05)
