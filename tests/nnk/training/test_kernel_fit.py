"""Kernel regression: covariances by plain loops, the fit against a direct one, what the model keeps."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nnk.elements import element_numbers
from nnk.environment import canonical_jump
from nnk.models import load
from nnk.models.symmetry import frame_spread_eV
from nnk.networks import kernel as of_network
from nnk.networks.kernel import KernelNetwork, element_embedding, site_weights
from nnk.networks.options import KernelOptions
from nnk.networks.setting import Setting
from nnk.training import ModelSpec, TrainParameters, train
from nnk.training import kernel_fit as of_fit
from nnk.training.data import jump_data
from nnk.training.kernel_fit import NOISE, fit, kernel_start

ELEMENTS = ("Nb", "Mo", "Ta")
PARAMETERS = TrainParameters(epochs=1, test_compositions=1, test_fraction=0.2, seed=2)


def network_of(structure, shells=3):
    return KernelNetwork(Setting(ELEMENTS, structure, shells, 3.2), KernelOptions())


def jumps(setting, count, seed):
    rng = np.random.default_rng(seed)
    species = rng.integers(1, 4, (count, setting.union.n_env)).astype(np.uint8)
    return species, rng.integers(1, 4, count).astype(np.uint8)


def naive_covariance(setting, one, other):
    """By loops over centres, operations and sites."""
    (s, m), (t, k) = one, other
    place = element_embedding(setting.elements).astype(np.float64)
    jump = canonical_jump(setting.structure)
    unit, total = np.linalg.norm(jump), 0.0
    for centre, cutoff in zip((jump / 2, jump), of_network.CUTOFFS, strict=True):
        distance = np.linalg.norm(setting.union.canonical - centre, axis=1) / unit
        near = [i for i in range(len(distance)) if distance[i] < cutoff]
        norm = sum(np.exp(-distance[i] / of_network.DECAY) for i in near)
        for turn in setting.union.symmetry:
            apart = 0.0
            for i in near:
                weight = np.exp(-distance[i] / of_network.DECAY) / norm
                apart += weight * np.sum((place[s[i]] - place[t[turn[i]]]) ** 2)
            total += np.exp(-apart / of_network.RANGE) / len(setting.union.symmetry)
    same = float(m == k)
    return same + of_network.AMPLITUDE * (1 + of_network.SAME_MOVER * same) * total


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_covariances_are_those_of_plain_loops(structure):
    network = network_of(structure)
    (species, mover), (others, movers) = jumps(network.setting, 3, 0), jumps(network.setting, 4, 1)
    given = torch.tensor(species), torch.tensor(mover)
    found = network.covariances(*given, network.places(torch.tensor(others)), torch.tensor(movers))
    expected = [
        [naive_covariance(network.setting, one, other) for other in zip(others, movers, strict=True)]
        for one in zip(species, mover, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_covariances_know_no_frame_and_no_order(structure):
    network = network_of(structure)
    species, mover = (torch.tensor(part) for part in jumps(network.setting, 5, 2))

    def between(one, other):
        return network.covariances(one, mover, network.places(other), mover)

    expected = between(species, species)
    torch.testing.assert_close(expected, expected.T, atol=1e-5, rtol=0)
    for columns in network.setting.union.symmetry[1:]:
        torch.testing.assert_close(between(species[:, columns], species), expected, atol=1e-5, rtol=0)
        torch.testing.assert_close(between(species, species[:, columns]), expected, atol=1e-5, rtol=0)
    reverse = species[:, network.setting.union.inversion]
    assert (between(reverse, species) - expected).abs().max() > 1e-3


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_sites_around_a_centre_are_whole_sets_of_equivalent_ones(structure):
    setting = network_of(structure).setting
    for columns, weights in site_weights(setting):
        assert weights.sum() == pytest.approx(1)
        for turned in setting.union.symmetry:
            assert set(turned[columns]) == set(columns)


def test_elements_stand_as_they_are_alike():
    vacancy, *places = element_embedding(("Nb", "Mo", "Ta", "W", "V"))
    assert not vacancy.any()
    apart = np.linalg.norm(np.array(places)[:, None] - np.array(places), axis=2)
    assert apart[0, 2] < apart[0, 1]  # niobium is nearer to tantalum than to molybdenum
    assert apart[1, 3] < apart[1, 4]
    assert (apart + np.eye(5) > 0.5).all()
    assert np.mean(np.square(places).sum(axis=1)) == pytest.approx(1, abs=1e-5)
    assert not element_embedding(("Nb",)).any()


def test_numbers_of_elements():
    assert [element_numbers(name)[:2] for name in ("Al", "V", "Mo", "La", "W", "Au")] == [
        (13, 3),
        (5, 4),
        (6, 5),
        (3, 6),
        (6, 6),
        (11, 6),
    ]
    assert element_numbers("W").volume_A3 == pytest.approx(15.8, abs=0.1)
    assert element_numbers("Ti").volume_A3 == pytest.approx(17.6, abs=0.1)
    for name in ("Xx", "B", "U"):
        with pytest.raises(ValueError, match=name):
            element_numbers(name)


@pytest.fixture
def barriers():
    network = network_of("bcc", 2)
    species, mover = jumps(network.setting, 60, 3)
    E_eV = 1 + 0.1 * (species == 1).sum(axis=1) + np.random.default_rng(0).normal(0, 0.05, 60)
    return network, (torch.tensor(species), torch.tensor(mover), E_eV)


def test_the_fit_is_the_solution_of_the_normal_equations(barriers, monkeypatch):
    network, (species, mover, E_eV) = barriers
    monkeypatch.setattr(of_fit, "_ROWS_AT_ONCE", 25)
    fitted = fit(network, (species, mover, E_eV))
    covariance = network.covariances(species, mover, network.places(species), mover).double().numpy()
    expected = np.linalg.solve(covariance + NOISE * np.eye(60), E_eV - E_eV.mean())
    np.testing.assert_allclose(fitted.weights, expected, rtol=1e-3, atol=1e-3)
    network.take(fitted)
    np.testing.assert_allclose(network.barrier(species, mover), E_eV - NOISE * fitted.weights, atol=1e-5)


def test_too_many_barriers_are_fitted_by_some_of_them(barriers):
    network, (species, mover, E_eV) = barriers
    fitted = fit(network, (species, mover, E_eV), exact=50, centres=25)
    assert fitted.species.shape == (25, network.setting.union.n_env)
    rows = [np.flatnonzero((species.numpy() == one).all(axis=1))[0] for one in fitted.species]
    covariance = network.covariances(species, mover, network.places(species), mover).double().numpy()
    own, all_ = covariance[np.ix_(rows, rows)], covariance[:, rows]
    expected = np.linalg.solve(NOISE * own + all_.T @ all_, all_.T @ (E_eV - E_eV.mean()))
    np.testing.assert_allclose(all_ @ fitted.weights, all_ @ expected, atol=2e-3)
    every = fit(network, (species, mover, E_eV), exact=50, centres=60)
    whole = fit(network, (species, mover, E_eV))
    np.testing.assert_allclose(covariance @ every.weights, covariance @ whole.weights, atol=2e-3)


def test_it_foretells_vacancies_never_seen_from_either_kind_of_label(labels):
    data = jump_data(labels(vacancies=40), 2)
    rows, rest = np.flatnonzero(data.group % 2 == 0), data.group % 2 == 1
    forward_only = replace(data, E_bwd_eV=np.full(len(data), np.nan))
    for given, limit in ((data, 0.5), (forward_only, 0.6)):
        start = kernel_start(given, rows, 1.0)
        assert np.abs(start.E_fwd_eV - data.E_fwd_eV)[rest].mean() < limit * data.E_fwd_eV[rest].std()
        assert np.isnan(start.E_bwd_eV).all() == (given is forward_only)


def test_the_model_comes_back_from_disk_with_what_it_remembers(labels, tmp_path):
    barriers = labels(vacancies=20)
    found = train(barriers, ModelSpec("k", "kernel", shells=2), PARAMETERS, tmp_path)
    data, again = jump_data(barriers, 2), load(tmp_path)
    given = data.species, data.mover, data.jump
    np.testing.assert_array_equal(again.predict(*given), found.model.predict(*given))
    assert not again.detailed_balance
    assert len(again.weights["weights"]) == found.metrics["train"]["n"]
    assert frame_spread_eV(again, *given) < 1e-5
