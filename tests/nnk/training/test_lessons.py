"""Lessons: imagined alloys, and the barriers of the kernel regression that teaches them."""

from dataclasses import replace

import numpy as np
import pytest

from nnk.training import ModelSpec, TrainParameters
from nnk.training.data import jump_data
from nnk.training.kernel_fit import fitted_network, predict
from nnk.training.lessons import imagined, with_lessons


@pytest.fixture
def data(labels, shells):
    return jump_data(labels(vacancies=20), shells)


def test_imagined_alloys_reach_from_pure_to_mixed(data):
    lessons = imagined(data, 2000, seed=1)
    assert lessons.species.shape == (2000, data.environment.n_env)
    assert set(np.unique(lessons.species)) == set(np.unique(lessons.mover)) == {1, 2, 3}
    largest = np.max([(lessons.species == s).mean(axis=1) for s in (1, 2, 3)], axis=0)
    assert (largest > 0.9).sum() > 100
    assert (largest < 0.5).sum() > 100
    assert not np.array_equal(lessons.species, imagined(data, 2000, seed=2).species)


@pytest.mark.parametrize("both", [True, False])
def test_lessons_follow_the_labels_at_the_barriers_of_the_regression(data, both):
    """Of forward barriers alone, too: a lesson's backward barrier is the forward one of its reverse jump."""
    if not both:
        data = replace(data, E_bwd_eV=np.full(len(data), np.nan))
    rows = np.flatnonzero(data.group % 2 == 0)
    taught = with_lessons(data, rows, TrainParameters(seed=3), 50)
    assert len(taught) == len(data) + 50
    np.testing.assert_array_equal(taught.species[: len(data)], data.species)
    np.testing.assert_array_equal(taught.E_bwd_eV[: len(data)], data.E_bwd_eV)
    lessons = taught.select(np.arange(len(taught)) >= len(data))
    np.testing.assert_array_equal(lessons.species, imagined(data, 50, 3).species)
    reverse = replace(lessons, species=lessons.species[:, data.environment.inversion])
    forward, backward = predict(fitted_network(data, rows), reverse)
    np.testing.assert_allclose(lessons.E_fwd_eV, backward, atol=1e-5)
    np.testing.assert_allclose(lessons.E_bwd_eV, forward, atol=1e-5)
    assert lessons.E_fwd_eV.std() > 0.05


def test_the_regression_foretells_vacancies_that_it_has_not_seen(data):
    rows, rest = np.flatnonzero(data.group % 2 == 0), data.group % 2 == 1
    forward, backward = predict(fitted_network(data, rows), data)
    assert np.abs(forward - data.E_fwd_eV)[rest].mean() < 0.5 * data.E_fwd_eV[rest].std()
    assert np.abs(backward - data.E_bwd_eV)[rest].mean() < 0.5 * data.E_bwd_eV[rest].std()


def test_the_teacher_is_in_the_hash_of_those_alone_that_it_teaches():
    assert ModelSpec("ours").methods == ModelSpec("m", "mlp").methods == {}
    assert ModelSpec("ours", options={"lessons": 50}).methods.keys() == {"lessons"}
