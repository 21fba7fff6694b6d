import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nnk import lattice as lat
from nnk.lattice import Lattice

SHELL_SIZES = {"bcc": [8, 6, 12, 24, 8, 6, 24, 24], "fcc": [12, 6, 24, 12, 24, 8, 48, 6]}
structures = pytest.mark.parametrize("structure", lat.STRUCTURES)
blocks = st.builds(
    Lattice,
    st.sampled_from(lat.STRUCTURES),
    st.tuples(*[st.integers(1, 5)] * 3),
    st.floats(2.0, 5.0),
)


@structures
def test_shell_sizes_are_those_of_the_crystal(structure):
    assert [len(lat.shell_offsets(structure, k)) for k in range(1, 9)] == SHELL_SIZES[structure]


@structures
def test_shells_are_spheres_of_growing_radius(structure):
    radii = [np.unique((lat.shell_offsets(structure, k) ** 2).sum(axis=1)) for k in range(1, 11)]
    assert all(len(r) == 1 for r in radii)
    assert np.all(np.diff(np.concatenate(radii)) > 0)


def test_eight_bcc_shells_are_the_112_sites_within_7_5_angstrom():
    offsets = lat.offsets_within("bcc", 8)
    assert len(offsets) == 112
    assert np.linalg.norm(offsets, axis=1).max() * 0.5 * 3.24 < 7.5


@structures
def test_reverse_jump_is_the_opposite_vector(structure):
    vectors = lat.jumps(structure)
    reverse = lat.reverse_jump(structure, np.arange(len(vectors)))
    np.testing.assert_array_equal(vectors[reverse], -vectors)


@structures
def test_jumps_are_in_lexicographic_order(structure):
    vectors = [tuple(v) for v in lat.jumps(structure)]
    assert vectors == sorted(vectors)


@structures
def test_frames_turn_every_jump_onto_one_direction_and_oppose_their_reverse(structure):
    vectors, frames = lat.jumps(structure), lat.jump_frames(structure)
    turned = np.einsum("dij,dj->di", frames, vectors)
    assert np.all(turned == ([1, 1, 1] if structure == "bcc" else [1, 1, 0]))
    np.testing.assert_array_equal(
        frames @ frames.transpose(0, 2, 1), np.broadcast_to(np.eye(3), frames.shape)
    )
    np.testing.assert_array_equal(frames[::-1], -frames)


def test_bcc_frames_are_the_published_rotations_and_mirror():
    def published(vector, jump):  # the rule of the published code, in floating point
        x, y, z = jump
        angle = (0 if y >= 0 else np.pi / 2) if x >= 0 else (-np.pi / 2 if y >= 0 else np.pi)
        c, s = np.cos(angle), np.sin(angle)
        turned = np.array([c * vector[0] - s * vector[1], s * vector[0] + c * vector[1], vector[2]])
        return turned * [1, 1, 1 if z >= 0 else -1]

    for jump, frame in zip(lat.jumps("bcc"), lat.jump_frames("bcc"), strict=True):
        for vector in np.eye(3):
            np.testing.assert_allclose(frame @ vector, published(vector, jump), atol=1e-12)


@structures
def test_jump_symmetry_is_a_group_that_keeps_the_jump(structure):
    group = lat.jump_symmetry(structure)
    assert len(group) == (6 if structure == "bcc" else 4)
    members = {g.tobytes() for g in group}
    assert {(g @ h).tobytes() for g in group for h in group} == members


def test_point_group_has_48_distinct_orthogonal_operations():
    group = lat.point_group()
    assert len({g.tobytes() for g in group}) == 48
    np.testing.assert_array_equal(group[0], np.eye(3))
    assert np.all(np.abs(np.round(np.linalg.det(group))) == 1)


@given(blocks)
def test_site_at_inverts_coordinates_across_periodic_images(block):
    sites = np.arange(block.n_sites)
    np.testing.assert_array_equal(block.site_at(block.coordinates), sites)
    np.testing.assert_array_equal(block.site_at(block.coordinates - 3 * block.extent), sites)


@given(blocks)
def test_neighbours_are_mutual(block):
    reverse = lat.reverse_jump(block.structure, np.arange(block.z))
    for site in range(0, block.n_sites, max(1, block.n_sites // 7)):
        there = block.neighbours[site]
        np.testing.assert_array_equal(block.neighbours[there, reverse], site)


def test_neighbours_against_a_search_by_distance():
    block = Lattice.bcc(cells=(3, 4, 5), a_A=3.24)
    distance = block.positions_A[:, None] - block.positions_A[None]
    distance -= block.box_A * np.round(distance / block.box_A)
    near = np.linalg.norm(distance, axis=-1)
    for site in range(block.n_sites):
        found = np.flatnonzero(np.isclose(near[site], np.sqrt(3) / 2 * 3.24))
        assert sorted(block.neighbours[site]) == sorted(found)


def test_sites_around_keeps_the_shapes_of_sites_and_offsets():
    block = Lattice.fcc(cells=(4, 4, 4), a_A=3.6)
    assert block.sites_around(3, block.jumps).shape == (12,)
    assert block.sites_around([3, 4], np.zeros((12, 7, 3), int)).shape == (2, 12, 7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hcp", (2, 2, 2), 3.0), "allowed are bcc, fcc"),
        (("bcc", (2, 2, 0), 3.0), "whole numbers"),
        (("bcc", (2, 2, 2.5), 3.0), "whole numbers"),
        (("bcc", (2, 2, 2), -1.0), "positive length"),
        (("bcc", (2, 2, 2), float("nan")), "positive length"),
    ],
)
def test_impossible_blocks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Lattice(*arguments)


@pytest.mark.parametrize("ijk", [[1, 0, 0], [[0, 0, 0], [1, 1, 0]]])
def test_coordinates_off_the_lattice_are_refused(ijk):
    with pytest.raises(ValueError, match="is not a site of the bcc lattice"):
        Lattice.bcc(cells=(3, 3, 3), a_A=3.0).site_at(ijk)


def test_shells_out_of_range_are_refused():
    with pytest.raises(ValueError, match="allowed are 1 to"):
        lat.shell_offsets("bcc", 0)
