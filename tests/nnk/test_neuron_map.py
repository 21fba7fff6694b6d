"""The neuron map: which voxel each site fills, in a crystal, and as the published network reads it."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nnk.environment import EnvironmentSpec, canonical_jump, gather, initial_columns
from nnk.lattice import Lattice, jump_frames
from nnk.neuron_map import NeuronMap, fill_map, fill_one_hot_map, voxels
from nnk.published.nkk import read_nkk_weights

LATTICES = pytest.mark.parametrize(("structure", "shells", "edge"), [("bcc", 8, 9), ("fcc", 5, 7)])


def by_loops(lattice, occupancy, vacancy, frame, spec):
    """The map [y, x, z] of one jump, from the crystal, atom by atom."""
    reach = spec.edge // 2
    offsets = {tuple(r) for r in spec.environment.canonical.tolist()}
    grid = np.zeros((spec.edge,) * 3)
    for site in range(lattice.n_sites):
        r = lattice.coordinates[site] - lattice.coordinates[vacancy]
        r -= lattice.extent * np.round(r / lattice.extent).astype(int)
        x, y, z = frame @ r
        if (x, y, z) in offsets:
            grid[y + reach, x + reach, z + reach] = occupancy[site]
    return grid


@LATTICES
@settings(deadline=None, max_examples=4)
@given(seed=st.integers(0, 2**31))
def test_maps_of_a_jump_and_of_its_reverse_in_a_crystal(structure, shells, edge, seed):
    rng, spec = np.random.default_rng(seed), NeuronMap(structure, shells, edge)
    lattice = Lattice(structure, (6, 6, 6), 3.0)
    occupancy = rng.integers(1, 4, lattice.n_sites).astype(np.uint8)
    start, jump = int(rng.integers(lattice.n_sites)), int(rng.integers(lattice.z))
    end = int(lattice.neighbours[start, jump])
    occupancy[start] = 0
    union, mover = gather(EnvironmentSpec(structure, shells, "union"), lattice, occupancy, start)
    columns = torch.from_numpy(np.append(union[jump], mover[jump])[None])
    table = torch.from_numpy(spec.voxels)
    for direction, site, inside in zip(
        (jump, lattice.z - 1 - jump), (start, end), initial_columns(structure, shells), strict=True
    ):
        found = fill_map(columns[:, inside], table, edge)
        assert found.dtype == torch.float32
        frame = jump_frames(structure)[direction]
        np.testing.assert_array_equal(found[0, 0], by_loops(lattice, occupancy, site, frame, spec))
        occupancy[start], occupancy[end] = occupancy[end], 0


@LATTICES
def test_vacancy_in_the_middle_and_mover_beside_it(structure, shells, edge):
    spec, half = NeuronMap(structure, shells, edge), edge // 2
    species = torch.ones((1, spec.environment.n_env), dtype=torch.uint8)
    mover = (spec.environment.canonical == canonical_jump(structure)).all(axis=1)
    species[0, np.flatnonzero(mover)] = 3
    filled = fill_map(species, torch.from_numpy(spec.voxels), edge)[0, 0]
    assert filled[half, half, half] == 0
    x, y, z = half + canonical_jump(structure)
    assert filled[y, x, z] == 3
    assert (filled != 0).sum() == spec.environment.n_env


def test_one_hot_map_has_a_channel_per_species():
    spec = NeuronMap("bcc", 8)
    generator = torch.Generator().manual_seed(0)
    species = torch.randint(0, 4, (5, 112), dtype=torch.uint8, generator=generator)
    table = torch.from_numpy(spec.voxels)
    scalar, channels = fill_map(species, table), fill_one_hot_map(species, table, 3)
    assert channels.shape == (5, 3, 9, 9, 9)
    assert channels.dtype == torch.float32
    for number in (1, 2, 3):
        torch.testing.assert_close(channels[:, number - 1], (scalar[:, 0] == number).float())


def test_the_published_network_reads_this_map(nkk_weights):
    """Its raw layers on the flattened map give what the model reader makes of them, to float32."""
    spec = NeuronMap("bcc", 8)
    species = np.random.default_rng(1).integers(1, 4, (20, 112)).astype(np.uint8)
    layer = fill_map(torch.from_numpy(species), torch.from_numpy(spec.voxels)).numpy().reshape(20, -1)
    arrays = [np.asarray(array, dtype=np.float64) for array in np.load(nkk_weights, allow_pickle=True)]
    for i in range(0, len(arrays) - 2, 6):
        kernel, bias, gamma, beta, mean, variance = arrays[i : i + 6]
        layer = np.maximum(gamma * (layer @ kernel + bias - mean) / np.sqrt(variance + 1e-3) + beta, 0)
    expected = (layer @ arrays[-2] + arrays[-1])[:, 0]
    model = read_nkk_weights(nkk_weights, allow_pickle=True)
    mover = (spec.environment.canonical == 1).all(axis=1)
    np.testing.assert_allclose(model.predict(species, species[:, mover][:, 0]), expected, atol=1e-5)


@pytest.mark.parametrize(("structure", "shells"), [("bcc", 9), ("fcc", 10)])
def test_most_shells_of_the_published_edge(structure, shells):
    spec = NeuronMap(structure, shells)
    assert len(np.unique(spec.voxels)) == spec.environment.n_env
    assert spec.voxels.min() >= 0
    assert spec.voxels.max() < 9**3


def test_refused_maps():
    with pytest.raises(ValueError, match="edge=9: sites reach 5 voxels from the middle, the map only 4"):
        NeuronMap("bcc", 10)
    with pytest.raises(ValueError, match="edge=8: expected an odd number"):
        voxels(np.zeros((1, 3), dtype=np.int64), 8)
