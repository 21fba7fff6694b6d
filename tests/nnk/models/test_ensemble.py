"""Ensembles: the mean and spread of their members, in files, in other elements, in an engine."""

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.models import EnsembleModel, load
from nnk.models.program import evaluate

LATTICE = Lattice.bcc((5, 6, 5), 3.2)


def inputs(model, seed=0, m=20):
    rng = np.random.default_rng(seed)
    species = rng.integers(1, 4, (m, model.environment.n_env)).astype(np.uint8)
    return species, rng.integers(1, 4, m).astype(np.uint8), rng.integers(0, 8, m).astype(np.uint8)


@pytest.fixture
def ensemble(make_model):
    return EnsembleModel.of([make_model(seed=seed) for seed in (1, 2, 3)], {"source": "invented"})


def test_mean_and_spread_are_those_of_the_members(ensemble):
    given = inputs(ensemble)
    members = np.array([member.predict(*given) for member in ensemble.members])
    mean, spread = ensemble.mean_and_spread(*given)
    np.testing.assert_array_equal(ensemble.members_predict(*given), members)
    np.testing.assert_allclose(mean, members.sum(axis=0) / 3, atol=1e-14)
    np.testing.assert_array_equal(ensemble.predict(*given), mean)
    np.testing.assert_allclose(spread, np.sqrt(((members - mean) ** 2).sum(axis=0) / 2), atol=1e-14)
    assert ensemble.detailed_balance == ensemble.members[0].detailed_balance


def test_program_says_what_the_model_says(ensemble):
    occupancy = np.random.default_rng(4).integers(1, 4, LATTICE.n_sites).astype(np.uint8)
    occupancy[[7, 90]] = 0  # another vacancy far away
    expected = ensemble.barriers(occupancy, 7, LATTICE)
    np.testing.assert_allclose(evaluate(ensemble.compiled(), LATTICE, occupancy, 7), expected, atol=1e-9)


def test_file_round_trip_is_exact_in_any_order_of_elements(ensemble, tmp_path):
    ensemble.save(tmp_path / "a")
    again = load(tmp_path / "a")
    assert again.describe() == ensemble.describe()
    assert [type(member) for member in again.members] == [type(member) for member in ensemble.members]
    given = inputs(ensemble, 5)
    np.testing.assert_array_equal(again.members_predict(*given), ensemble.members_predict(*given))
    other = again.remap(("Ta", "Nb"))
    other.save(tmp_path / "b")
    species, mover, jump = given
    fewer = np.where(species == 2, 1, species), np.where(mover == 2, 1, mover)  # no Mo
    numbers = np.array([0, 2, 0, 1], dtype=np.uint8)
    expected = ensemble.predict(*fewer, jump)
    found = load(tmp_path / "b").predict(*(numbers[array] for array in fewer), jump)
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_what_is_no_ensemble_is_refused(make_model):
    with pytest.raises(ValueError, match="expected two or more, got 1"):
        EnsembleModel.of([make_model()], {})
    with pytest.raises(ValueError, match=r"members\[1\]: of other elements"):
        EnsembleModel.of([make_model(), make_model().remap(("Mo", "Nb", "Ta"))], {})
    with pytest.raises(ValueError, match=r"members\[1\]: .*reads other sites"):
        EnsembleModel.of([make_model(), make_model(shells=7)], {})


def test_a_file_without_a_members_arrays_is_refused(ensemble, tmp_path, monkeypatch):
    arrays = ensemble.tensors()
    monkeypatch.setattr(
        EnsembleModel, "tensors", lambda self: {n: a for n, a in arrays.items() if "members.2" not in n}
    )
    ensemble.save(tmp_path)
    with pytest.raises(ValueError, match="needs the array"):
        load(tmp_path)
