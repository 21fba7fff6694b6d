"""The cluster expansion: its correlation functions by loops, its fit, and what the model keeps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nnk.clusters import cluster_orbits, contrasts
from nnk.lattice import Lattice
from nnk.models import load
from nnk.models.linear import end_shells
from nnk.models.symmetry import frame_spread_eV
from nnk.networks.cluster_expansion import PAIR_REACH, TRIPLET_REACH, ClusterExpansionNetwork
from nnk.networks.options import ClusterExpansionOptions
from nnk.networks.setting import Setting
from nnk.observables.drift import drift_on_loops
from nnk.training import ModelSpec, TrainParameters, train
from nnk.training.cluster_fit import cluster_start
from nnk.training.data import jump_data

ELEMENTS = ("Nb", "Mo", "Ta")
PARAMETERS = TrainParameters(epochs=1, test_compositions=1, test_fraction=0.2, seed=2)


def network_of(structure, shells=2):
    return ClusterExpansionNetwork(
        Setting(ELEMENTS, structure, shells, 3.2), ClusterExpansionOptions()
    ).double()


def naive_correlations(structure, shells, size, reach, phi, species):
    """Sums over orbits of products of the functions `phi`, by loops over orbits, images and functions."""
    found = []
    for orbit in cluster_orbits(structure, shells, size, min(reach, shells)):
        values = np.zeros((phi.shape[1],) * size)
        for image in orbit:
            for functions in np.ndindex(values.shape):
                values[functions] += np.prod(phi[species[image], functions])
        found.extend(values.ravel() / np.sqrt(len(orbit)))
    return found


def naive_pairs_made(structure, shells, species, mover):
    """Pairs of every kind that a jump makes, less those it breaks."""
    around_start, around_end = end_shells(structure, shells)
    made = []
    for shell in range(shells):
        here, there = species[around_start == shell], species[around_end == shell]
        gained = {s: int((here == s).sum() - (there == s).sum()) for s in (1, 2, 3)}
        kinds = [(a, b) for a in (1, 2, 3) for b in range(a, 4)]
        made += [gained[b] * (mover == a) + gained[a] * (mover == b and a != b) for a, b in kinds]
        made += [-count for count in gained.values()]
    return made


def naive_features(structure, shells, species, mover):
    """All correlation functions of one jump."""
    phi = np.concatenate([np.zeros((1, 2)), contrasts(3)])
    points, pairs, triplets = (
        naive_correlations(structure, shells, size, reach, phi, species)
        for size, reach in ((1, shells), (2, PAIR_REACH[structure]), (3, TRIPLET_REACH))
    )
    jumper = np.eye(3)[mover - 1]
    made = 0.5 * np.array(naive_pairs_made(structure, shells, species, mover))
    return np.concatenate([jumper, np.outer(jumper, points + pairs).ravel(), triplets, made])


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_correlation_functions_are_those_of_plain_loops(structure):
    network, rng = network_of(structure), np.random.default_rng(4)
    n_union = network.setting.union.n_env
    species = rng.integers(0, 4, (3, n_union)).astype(np.uint8)
    mover = np.array([1, 2, 3], dtype=np.uint8)
    found = network.features(torch.tensor(species), torch.tensor(mover)).numpy()
    for row, state, atom in zip(found, species, mover, strict=True):
        np.testing.assert_allclose(row, naive_features(structure, 2, state, atom), atol=1e-6, rtol=1e-6)


@pytest.fixture(scope="module")
def invented(labels):
    """Labels of an invented law that the expansion can express."""
    return labels(vacancies=40)


@pytest.fixture(scope="module")
def fitted(invented, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cluster")
    found = train(invented, ModelSpec("ce", "cluster-expansion", shells=2), PARAMETERS, folder)
    return found, folder


def test_a_law_of_clusters_is_found(fitted):
    metrics = fitted[0].metrics
    assert metrics["train"]["MAE_eV"] < 1e-3
    assert metrics["test-composition"]["MAE_eV"] < 0.02 * metrics["test-composition"]["baseline_MAE_eV"]


def test_the_model_is_the_fit_and_comes_back_from_disk(fitted, invented):
    found, folder = fitted
    data = jump_data(invented, 2)
    again = load(folder)
    predicted = found.model.predict(data.species, data.mover, data.jump)
    np.testing.assert_array_equal(again.predict(data.species, data.mover, data.jump), predicted)
    assert again.kind == "cluster-expansion"
    assert again.detailed_balance
    np.testing.assert_allclose(predicted[:50], again.predict(data.species[:50], data.mover[:50]), atol=1e-5)
    fewer = again.remap(("Ta", "Nb"))
    row = np.flatnonzero(~np.isin(data.species, [2]).any(axis=1) & (data.mover != 2))[:5]
    number = np.array([0, 2, 0, 1], dtype=np.uint8)
    np.testing.assert_allclose(
        fewer.predict(number[data.species[row]], number[data.mover[row]]), predicted[row], atol=1e-5
    )


def test_it_has_the_symmetry_and_the_balance_that_it_says(fitted, invented):
    model, data = fitted[0].model, jump_data(invented, 2)
    assert frame_spread_eV(model, data.species[:64], data.mover[:64], data.jump[:64]) < 1e-5
    lattice, rng = Lattice.bcc((6, 6, 6), 3.2), np.random.default_rng(0)
    drift = drift_on_loops(model, lattice, np.full(3, 1 / 3), length=100, loops=6, rng=rng)
    assert np.abs(drift.left_eV).max() < 1e-4


def test_labels_without_a_backward_barrier_count_too(invented):
    one_way = replace(invented, E_bwd_eV=np.full(len(invented), np.nan))
    data = jump_data(one_way, 2)
    train_rows = np.flatnonzero(data.composition != np.unique(data.composition)[0])
    start = cluster_start(data, train_rows, 3.0)
    rest = np.setdiff1d(np.arange(len(data)), train_rows)
    assert np.abs(start.E_fwd_eV - data.E_fwd_eV)[rest].mean() < 0.1 * data.E_fwd_eV[rest].std()


def test_the_strength_of_the_penalty_follows_the_labels(invented):
    """With energies that are noise alone the expansion falls back on the means of the movers."""
    data = jump_data(invented, 2)
    rng = np.random.default_rng(0)
    noise = replace(data, E_fwd_eV=rng.normal(1, 0.1, len(data)), E_bwd_eV=rng.normal(1, 0.1, len(data)))
    start = cluster_start(noise, np.arange(0, len(data), 2), 3.0)
    assert start.E_fwd_eV[1::2].std() < 0.08
