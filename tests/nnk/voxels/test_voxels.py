"""Boxes, the inside-outside test and images against plain loops over atoms and voxels."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnk.voxels import Boxes, VoxelGrid, boxes_of, voxel_numbers
from nnk.voxels.images import voxel_images

ELEMENTS = ("Ta", "Nb", "Mo")
EIGHTHS = st.integers(-16, 48).map(lambda n: n / 8)  # exact in binary: faces are hit, nothing is rounded


def snapshots(n=3, n_atoms=7, seed=0):
    return np.random.default_rng(seed).uniform(-1, 9, (n, n_atoms, 3))


def tensors(boxes):
    return tuple(torch.from_numpy(part) for part in (boxes.lower_A, boxes.upper_A, boxes.unit_A))


def images(grid, positions, species):
    weights = torch.from_numpy(grid.weights(ELEMENTS, species))
    boxes = tensors(boxes_of(positions, grid.box))
    return voxel_images(torch.from_numpy(positions), weights, boxes, edge=grid.edge, gamma=grid.gamma)


def by_loops(positions, charges, gamma, edge, inner):
    """Eq. 3 as it is printed, for one weight per atom: coordinates are divided before anything else."""
    found = np.zeros((len(positions), edge, edge, edge))
    for n in range(len(positions)):
        atoms = positions[n : n + 1] if inner else positions
        unit = np.abs(atoms).max()
        lower, upper = atoms.min((0, 1)) / unit, atoms.max((0, 1)) / unit
        for i, j, k in np.ndindex(edge, edge, edge):
            centre = lower + (np.array([i, j, k]) + 0.5) / edge * (upper - lower)
            for atom, charge in zip(positions[n] / unit, charges, strict=True):
                found[n, i, j, k] += charge * math.exp(-((centre - atom) ** 2).sum() / (2 * gamma**2))
    return found


def inside(point, corner, edges):
    """Eq. 2: 0 < k.u <= u.u for the three edges of a voxel."""
    k = point - corner
    return all(0 < k @ u <= u @ u for u in np.diag(edges))


def test_inner_boxes_are_each_snapshots_own_and_the_outer_one_holds_all():
    positions = snapshots()
    inner, outer = boxes_of(positions, "ibb"), boxes_of(positions, "obb")
    np.testing.assert_array_equal(inner.lower_A, positions.min(1))
    np.testing.assert_array_equal(inner.unit_A, np.abs(positions).max((1, 2)))
    np.testing.assert_array_equal(outer.lower_A, inner.lower_A.min(0)[None])
    np.testing.assert_array_equal(outer.upper_A, inner.upper_A.max(0)[None])
    np.testing.assert_array_equal(outer.unit_A, [inner.unit_A.max()])


@pytest.mark.parametrize("box", ["ibb", "obb"])
@pytest.mark.parametrize("gamma", [0.1, 2.0])
def test_images_are_the_printed_sum(box, gamma):
    positions, species = snapshots(), np.array([1, 2, 3, 3, 1, 2, 1], dtype=np.uint8)
    charges = np.array([73, 41, 42])[species - 1]
    expected = by_loops(positions, charges, gamma, 4, box == "ibb")
    found = images(VoxelGrid(4, box, gamma), positions, species)
    np.testing.assert_allclose(found[:, 0].numpy(), expected, rtol=1e-10)


def test_a_channel_holds_the_atoms_of_one_element():
    positions, species = snapshots(), np.array([1, 2, 3, 3, 1, 2, 1], dtype=np.uint8)
    found = images(VoxelGrid(3, "obb", 0.2, "elements"), positions, species)
    assert found.shape == (3, 3, 3, 3, 3)
    for channel in range(3):
        expected = by_loops(positions, (species == channel + 1).astype(float), 0.2, 3, inner=False)
        np.testing.assert_allclose(found[:, channel].numpy(), expected, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("box", ["ibb", "obb"])
def test_images_do_not_change_when_lengths_and_atoms_are_scaled_together(box):
    positions, species = snapshots(), np.ones(7, dtype=np.uint8)
    grid = VoxelGrid(4, box, 0.3)
    found = images(grid, 2.5 * positions, species)
    torch.testing.assert_close(found, images(grid, positions, species))


def test_the_inner_box_alone_hides_a_change_of_scale_of_one_snapshot():
    positions, species = snapshots(), np.ones(7, dtype=np.uint8)
    grown = positions * np.array([1.0, 1.0, 1.1])[:, None, None]
    for box, hidden in (("ibb", True), ("obb", False)):
        grid = VoxelGrid(4, box, 0.3)
        change = images(grid, grown, species)[2] - images(grid, positions, species)[2]
        assert (change.abs().max() < 1e-12) == hidden


@given(points=st.lists(st.tuples(EIGHTHS, EIGHTHS, EIGHTHS), min_size=1, max_size=6))
def test_the_voxel_that_holds_an_atom_is_the_one_that_passes_the_test(points):
    lower, edges, shape = np.array([0.0, -1.0, 0.5]), np.array([4.0, 2.0, 3.0]), (4, 2, 3)
    boxes = Boxes(lower[None], (lower + edges)[None], np.ones(1))
    positions = np.array(points)
    size = edges / np.array(shape)
    for point, number in zip(positions, voxel_numbers(positions[None], boxes, shape)[0], strict=True):
        moved = np.where(point == lower, np.nextafter(lower, 10), point)  # a box's lower faces are its own
        holders = [
            n for n, ijk in enumerate(np.ndindex(shape)) if inside(moved, lower + np.array(ijk) * size, size)
        ]
        assert holders == ([] if number == -1 else [number])


@pytest.mark.parametrize("kind", ["ibb", "obb"])
def test_no_atom_is_outside_its_bounding_box(kind):
    positions = snapshots(n=5, n_atoms=30)
    numbers = voxel_numbers(positions, boxes_of(positions, kind), (8, 8, 8))
    assert numbers.min() >= 0
    assert numbers.max() < 8**3


@pytest.mark.parametrize(
    ("positions", "text"),
    [
        (np.zeros((2, 4, 3)), "box 0 is empty: along x all atoms are at 0 Å"),
        (np.full((1, 2, 3), np.nan), "expected finite numbers"),
        (np.zeros((0, 4, 3)), r"with atoms, got \(0, 4, 3\)"),
        (np.zeros((4, 3)), r"expected \[n, n_atoms, 3\]"),
    ],
)
def test_boxes_that_cannot_be(positions, text):
    with pytest.raises(ValueError, match=text):
        boxes_of(positions, "ibb")
    with pytest.raises(ValueError, match="allowed are ibb, obb"):
        boxes_of(snapshots(), "outer")


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"edge": 0}, "edge=0"),
        ({"gamma": 0.0}, "gamma=0.0"),
        ({"box": "outer"}, "allowed are ibb, obb"),
        ({"channels": "mass"}, "allowed are atomic-number, elements"),
    ],
)
def test_grids_that_cannot_be(changed, text):
    with pytest.raises(ValueError, match=text):
        VoxelGrid(**changed)


def test_names_that_are_no_elements_have_no_weight():
    with pytest.raises(ValueError, match="Qq: not elements"):
        VoxelGrid().weights(("Qq",), np.ones(1, dtype=np.uint8))
