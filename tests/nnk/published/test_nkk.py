"""The published network and configuration."""

import json

import numpy as np
import pytest

from nnk.environment import gather
from nnk.lattice import Lattice
from nnk.models import frame_spread_eV, load
from nnk.models.program import evaluate
from nnk.published import read_lammps_dump, read_nkk_weights


@pytest.fixture(scope="module")
def network(nkk_weights):
    return read_nkk_weights(nkk_weights, allow_pickle=True)


@pytest.fixture(scope="module")
def published(nnk_data):
    lattice, occupancy = read_lammps_dump(nnk_data / "nkk" / "initial.dump", "bcc", 3.24)
    return lattice, occupancy, json.loads((nnk_data / "nkk" / "expected_barriers.json").read_text())


def test_reproduces_the_published_barriers(network, published, nnk_data):
    lattice, occupancy, expected = published
    rows = [line.split() for line in (nnk_data / "nkk" / "initial.dump").read_text().splitlines()[9:]]
    positions = {int(row[0]): np.array(row[2:5], dtype=float) for row in rows}
    numbers = {tuple(jump): d for d, jump in enumerate(lattice.jumps.tolist())}
    for case in expected:
        site = int(lattice.site_at(np.round(positions[case["vacancy_id"]] / 1.62).astype(int)))
        vacant = occupancy.copy()
        vacant[site] = 0
        order = [numbers[tuple(np.round(np.array(jump) / 1.62).astype(int))] for jump in case["jump_A"]]
        barriers = network.barriers(vacant, site, lattice)
        np.testing.assert_allclose(barriers[order], case["barrier_eV"], atol=1e-5)


def test_compiled_program_gives_the_same(network, published):
    lattice, occupancy, _ = published
    vacant = occupancy.copy()
    vacant[100] = 0
    expected = network.barriers(vacant, 100, lattice)
    np.testing.assert_allclose(evaluate(network.compiled(), lattice, vacant, 100), expected, atol=1e-12)


def test_elements_are_matched_by_name(nkk_weights, network, published):
    lattice, occupancy, _ = published
    vacant = occupancy.copy()
    vacant[7] = 0
    other = read_nkk_weights(nkk_weights, allow_pickle=True, elements=("Mo", "Ta", "Nb"))
    renumbered = np.array([0, 3, 1, 2], dtype=np.uint8)[vacant]
    np.testing.assert_array_equal(
        other.barriers(renumbered, 7, lattice), network.barriers(vacant, 7, lattice)
    )
    with pytest.raises(ValueError, match="does not know W"):
        read_nkk_weights(nkk_weights, allow_pickle=True, elements=("Nb", "Mo", "W"))


def test_pure_metals(network):
    lattice = Lattice.bcc((5, 5, 5), 3.24)
    for species, expected in ((1, 1.02), (2, 1.72), (3, 1.13)):
        pure = np.full(lattice.n_sites, species, dtype=np.uint8)
        pure[0] = 0
        np.testing.assert_allclose(network.barriers(pure, 0, lattice), expected, atol=0.006)


def test_spread_over_equivalent_frames_is_9_meV(network, published):
    lattice, occupancy, _ = published
    species, movers = [], []
    for site in range(0, 1024, 16):
        vacant = occupancy.copy()
        vacant[site] = 0
        around, mover = gather(network.environment, lattice, vacant, site)
        species.append(around)
        movers.append(mover)
    spread = frame_spread_eV(network, np.concatenate(species), np.concatenate(movers))
    assert spread == pytest.approx(0.009, abs=0.002)


def test_save_and_load_is_exact(network, tmp_path):
    network.save(tmp_path / "model")
    again = load(tmp_path / "model")
    for name, array in network.tensors().items():
        assert again.tensors()[name].dtype == array.dtype
        np.testing.assert_array_equal(again.tensors()[name], array)
    assert again.describe() == network.describe()


def test_pickles_need_consent(nkk_weights):
    with pytest.raises(ValueError, match="allow_pickle=True"):
        read_nkk_weights(nkk_weights)


def test_another_network_is_refused(tmp_path):
    arrays = np.empty(8, dtype=object)
    arrays[:] = [np.ones((5, 4)), *[np.ones(4)] * 5, np.ones((4, 1)), np.ones(1)]
    np.save(tmp_path / "w.npy", arrays, allow_pickle=True)
    with pytest.raises(ValueError, match="voxels"):
        read_nkk_weights(tmp_path / "w.npy", allow_pickle=True)
    np.save(tmp_path / "w.npy", np.append(arrays, arrays[-1:]), allow_pickle=True)
    with pytest.raises(ValueError, match="arrays per layer"):
        read_nkk_weights(tmp_path / "w.npy", allow_pickle=True)


def test_dump_is_checked(published, nnk_data, tmp_path):
    lattice, occupancy, _ = published
    assert lattice == Lattice.bcc((8, 8, 8), 3.24)
    assert np.bincount(occupancy).tolist()[0] == 0
    text = (nnk_data / "nkk" / "initial.dump").read_text()
    bad = {
        "whole number of cells": text.replace("2.5920000000000002e+01", "2.6920000000000002e+01"),
        "away from its lattice site": text.replace("\n3 2 3.24 0 0", "\n3 2 3.34 0 0"),
        "two atoms": text.replace("\n3 2 3.24 0 0", "\n3 2 0 0 0"),
        "columns": text.replace("id type x y z", "id type xs ys zs"),
    }
    for message, content in bad.items():
        (tmp_path / "bad.dump").write_text(content)
        with pytest.raises(ValueError, match=message):
            read_lammps_dump(tmp_path / "bad.dump", "bcc", 3.24)
