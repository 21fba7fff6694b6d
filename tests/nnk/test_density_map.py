"""Spatial density maps against the formula written as loops; their frame, symmetry and errors."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.density_grid import DensityGrid, jump_axes, map_positions_A
from nnk.density_map import DensityMaps, contracted_maps, density_maps
from nnk.environment import EnvironmentSpec, canonical_jump, gather, initial_columns
from nnk.lattice import Lattice, jump_frames, jump_symmetry

WAYS = pytest.mark.parametrize("make", [density_maps, contracted_maps])
LATTICES = pytest.mark.parametrize(("structure", "shells", "a_A"), [("bcc", 8, 3.24), ("fcc", 5, 3.6)])
SMALL = DensityGrid(cutoff_A=4.0, half_edge_A=3.0, voxel_A=0.5)


def by_loops(species, positions_A, grid, n_species):
    """The formula, one environment: float64[n_species, z, y, x]."""
    centres = [-grid.half_edge_A + (i + 0.5) * grid.voxel_A for i in range(grid.edge)]
    xi = np.zeros((n_species, grid.edge, grid.edge, grid.edge))
    for number, (rx, ry, rz) in zip(species, positions_A, strict=True):
        if number == 0 or math.sqrt(rx**2 + ry**2 + rz**2) >= grid.cutoff_A:
            continue
        for k, z in enumerate(centres):
            for j, y in enumerate(centres):
                for i, x in enumerate(centres):
                    squared = (rx - x) ** 2 + (ry - y) ** 2 + (rz - z) ** 2
                    xi[number - 1, k, j, i] += math.exp(-squared / (2 * grid.voxel_A**2))
    return xi


def on_mesh(species, positions_A, grid, n_species):
    """The formula with NumPy over all voxels at once, for maps too large for loops."""
    z, y, x = np.meshgrid(*[grid.centres_A] * 3, indexing="ij")
    xi = np.zeros((n_species, *x.shape))
    for number, (rx, ry, rz) in zip(species, positions_A, strict=True):
        if number and rx**2 + ry**2 + rz**2 < grid.cutoff_A**2:
            squared = (rx - x) ** 2 + (ry - y) ** 2 + (rz - z) ** 2
            xi[number - 1] += np.exp(-squared / (2 * grid.voxel_A**2))
    return xi


def turn(angle):
    cos, sin = math.cos(angle), math.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def random_species(shape, n_species, seed, lowest=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(lowest, n_species + 1, shape, dtype=torch.uint8, generator=generator)


def test_the_two_references_agree():
    positions = np.random.default_rng(0).normal(0, 2, (5, 3))
    np.testing.assert_allclose(
        by_loops([1, 2, 0, 2, 1], positions, SMALL, 2), on_mesh([1, 2, 0, 2, 1], positions, SMALL, 2)
    )


@WAYS
@LATTICES
def test_published_map_on_ideal_sites(make, structure, shells, a_A):
    grid = DensityGrid() if structure == "bcc" else DensityGrid(6.0, 6.4, 0.4)
    positions = map_positions_A(structure, shells, a_A)
    species, angle = random_species((2, len(positions)), 3, seed=1, lowest=0), torch.tensor([0.3, 4.0])
    maps = make(species, torch.from_numpy(positions), grid, n_species=3, angle=angle)
    assert maps.dtype == torch.float32
    assert maps.shape == (2, 3, 32, 32, 32)
    for one, numbers, alpha in zip(maps, species, angle, strict=True):
        expected = on_mesh(numbers.numpy(), positions @ turn(alpha).T, grid, 3)
        np.testing.assert_allclose(one, expected, atol=1e-5)


@WAYS
@settings(deadline=None, max_examples=8)
@given(
    seed=st.integers(0, 2**31),
    n_species=st.integers(1, 5),
    cutoff_A=st.floats(1.0, 6.0),
    edge=st.integers(1, 9),
    voxel_A=st.floats(0.2, 1.0),
)
def test_relaxed_atoms_any_grid(make, seed, n_species, cutoff_A, edge, voxel_A):
    """Atoms anywhere, also beyond the cutoff and outside the cube, in another place in every environment."""
    rng = np.random.default_rng(seed)
    grid = DensityGrid(cutoff_A, 0.5 * edge * voxel_A, voxel_A)
    positions = rng.normal(0, 2, (2, 6, 3))
    species = rng.integers(0, n_species + 1, (2, 6)).astype(np.uint8)
    angle = rng.uniform(0, 2 * np.pi, 2)
    maps = make(
        torch.from_numpy(species),
        torch.from_numpy(positions),
        grid,
        n_species=n_species,
        angle=torch.from_numpy(angle),
    )
    for one, numbers, sites, alpha in zip(maps, species, positions, angle, strict=True):
        expected = by_loops(numbers, sites @ turn(alpha).T, grid, n_species)
        np.testing.assert_allclose(one, expected, atol=1e-5)


@WAYS
def test_an_atom_at_a_voxel_centre(make):
    """Axes are in the order z, y, x; neighbours in the distance of one width have exp(-1/2)."""
    grid = DensityGrid(cutoff_A=2.0, half_edge_A=2.0, voxel_A=0.5)
    atom = torch.tensor([[0.25, -0.75, 1.25]])  # voxels 4, 2, 6
    maps = make(torch.tensor([[2]], dtype=torch.uint8), atom, grid, n_species=2)
    assert not maps[0, 0].any()
    assert maps[0, 1, 6, 2, 4] == pytest.approx(1.0)
    for neighbour in ((6, 2, 5), (6, 3, 4), (5, 2, 4)):
        assert maps[0, 1][neighbour] == pytest.approx(math.exp(-0.5))
    assert maps[0, 1, 5, 1, 3] == pytest.approx(math.exp(-1.5))


@WAYS
def test_an_atom_at_the_cutoff_is_left_out(make):
    atoms = torch.tensor([[2.0, 0, 0], [0, 0, 1.999]])
    maps = make(torch.tensor([[1, 2]], dtype=torch.uint8), atoms, DensityGrid(2.0, 3.0, 0.5), n_species=2)
    assert not maps[0, 0].any()
    assert maps[0, 1].any()


@WAYS
def test_no_atoms(make):
    maps = make(torch.zeros((2, 0), dtype=torch.uint8), torch.zeros((0, 3)), SMALL, n_species=3)
    assert maps.shape == (2, 3, 12, 12, 12)
    assert not maps.any()


@WAYS
def test_the_order_of_atoms_does_not_matter(make):
    positions = torch.from_numpy(map_positions_A("bcc", 8, 3.24))
    species = random_species((1, 112), 3, seed=2)
    order = torch.randperm(112, generator=torch.Generator().manual_seed(3))
    first = make(species, positions, DensityGrid(), n_species=3)
    second = make(species[:, order], positions[order], DensityGrid(), n_species=3)
    torch.testing.assert_close(first, second, atol=2e-6, rtol=0)


@LATTICES
def test_axes(structure, shells, a_A):
    """The moving atom is on +x, the axes are right-handed and orthonormal, y is a [-110]."""
    axes = jump_axes(structure)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-15)
    assert np.linalg.det(axes) == pytest.approx(1.0)
    jump = 0.5 * a_A * axes @ canonical_jump(structure)
    length = a_A * (math.sqrt(3) / 2 if structure == "bcc" else math.sqrt(0.5))
    np.testing.assert_allclose(jump, [length, 0, 0], atol=1e-14)
    np.testing.assert_allclose(axes[1], np.array([-1, 1, 0]) / math.sqrt(2))
    assert (abs(map_positions_A(structure, shells, a_A) - jump).max(axis=1) < 1e-12).sum() == 1


@WAYS
@LATTICES
def test_symmetric_surroundings(make, structure, shells, a_A):
    """A turn of the surroundings about the jump's axis is the angle; a mirror plane flips an axis."""
    grid = DensityGrid(4.5, 4.0, 0.5)
    spec = EnvironmentSpec(structure, shells, "initial")
    positions = torch.from_numpy(map_positions_A(structure, shells, a_A))
    species = random_species((1, spec.n_env), 3, seed=4)
    axes, flips, turns = jump_axes(structure), 0, 0
    plain = make(species, positions, grid, n_species=3)
    for g, columns in zip(jump_symmetry(structure), spec.symmetry, strict=True):
        operation = axes @ g.T @ axes.T  # each column receives what stands at g r: a turn by g's inverse
        found = make(species[:, columns], positions, grid, n_species=3)
        if np.linalg.det(g) > 0:
            alpha = torch.tensor([math.atan2(operation[2, 1], operation[1, 1])])
            expected = make(species, positions, grid, n_species=3, angle=alpha)
            turns += 1
        elif np.allclose(abs(operation), np.eye(3)):
            expected = plain.flip([-2 if operation[1, 1] < 0 else -3])
            flips += 1
        else:
            continue
        torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)
    assert (turns, flips) == ((3, 1) if structure == "bcc" else (2, 2))


@LATTICES
@settings(deadline=None, max_examples=4)
@given(seed=st.integers(0, 2**31))
def test_maps_of_a_jump_and_of_its_reverse_in_a_crystal(structure, shells, a_A, seed):
    """From the union environment; checked with the atoms of the crystal turned into the jump's frame."""
    rng = np.random.default_rng(seed)
    lattice, grid = Lattice(structure, (6, 6, 6), a_A), DensityGrid(4.5, 4.0, 0.5)
    occupancy = rng.integers(1, 4, lattice.n_sites).astype(np.uint8)
    start, jump = int(rng.integers(lattice.n_sites)), int(rng.integers(lattice.z))
    end = int(lattice.neighbours[start, jump])
    occupancy[start] = 0
    union, mover = gather(EnvironmentSpec(structure, shells, "union"), lattice, occupancy, start)
    columns = torch.from_numpy(np.append(union[jump], mover[jump])[None])
    maps = DensityMaps(structure, shells, a_A, n_species=3, grid=grid)
    for direction, site, inside in zip(
        (jump, lattice.z - 1 - jump), (start, end), initial_columns(structure, shells), strict=True
    ):
        relative = lattice.positions_A - lattice.positions_A[site]
        relative -= lattice.box_A * np.round(relative / lattice.box_A)
        relative = relative @ (jump_axes(structure) @ jump_frames(structure)[direction]).T
        expected = on_mesh(occupancy, relative, grid, 3)
        np.testing.assert_allclose(maps(columns[:, inside])[0], expected, atol=1e-5)
        occupancy[start], occupancy[end] = occupancy[end], 0


def test_autocast_does_not_round_the_factors():
    positions = torch.from_numpy(map_positions_A("bcc", 2, 3.24))
    species = random_species((2, 14), 2, seed=5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        maps = contracted_maps(species, positions, SMALL, n_species=2)
    torch.testing.assert_close(maps, density_maps(species, positions, SMALL, n_species=2), atol=1e-6, rtol=0)


def test_refused_input():
    species, positions = torch.ones((2, 3), dtype=torch.uint8), torch.zeros((3, 3))
    with pytest.raises(ValueError, match=r"positions_A: expected \[3, 3\] or \[2, 3, 3\], got \[4, 3\]"):
        density_maps(species, torch.zeros((4, 3)), SMALL, n_species=1)
    with pytest.raises(ValueError, match=r"angle: expected \[2\], got \[3\]"):
        density_maps(species, positions, SMALL, n_species=1, angle=torch.zeros(3))
    with pytest.raises(ValueError, match="species 4: expected numbers up to 3"):
        density_maps(4 * species, positions, SMALL, n_species=3)
    with pytest.raises(ValueError, match=r"shell 9 of bcc with a_A=3.0 is at 7.348 Å, but only 8"):
        DensityMaps("bcc", 8, 3.0, n_species=3, grid=DensityGrid())


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ((0.0, 8.0, 0.5), "cutoff_A=0.0: expected a positive length"),
        ((7.6, math.nan, 0.5), "half_edge_A=nan: expected a positive length"),
        ((7.6, 8.0, 0.3), "not a whole number of voxels of voxel_A=0.3"),
    ],
)
def test_refused_grids(lengths, message):
    with pytest.raises(ValueError, match=message):
        DensityGrid(*lengths)
