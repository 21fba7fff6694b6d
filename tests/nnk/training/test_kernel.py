"""Kernel regression that teaches our networks."""

from dataclasses import replace

import numpy as np
import pytest

from nnk.training import ModelSpec, TrainParameters
from nnk.training import kernel as of_kernels
from nnk.training.data import jump_data
from nnk.training.kernel import fit_kernel, imagined, with_lessons


@pytest.fixture
def data(labels, shells, monkeypatch):
    monkeypatch.setattr(of_kernels, "CENTRES", 40)
    return jump_data(labels(vacancies=40), shells)


def test_what_it_learns_foretells_vacancies_never_seen(data):
    rows = np.flatnonzero(data.group % 2 == 0)
    other = data.select(data.group % 2 == 1)
    forward, backward = fit_kernel(data, rows, ridge=1.0, seed=0).predict(other)
    assert np.abs(forward - other.E_fwd_eV).mean() < 0.3 * other.E_fwd_eV.std()
    assert np.abs(backward - other.E_bwd_eV).mean() < 0.3 * other.E_bwd_eV.std()


def test_forward_and_backward_are_those_of_the_reverse_jump(data):
    teacher = fit_kernel(data, np.arange(0, len(data), 2), ridge=1.0, seed=0)
    forward, backward = teacher.predict(data)
    reverse = replace(data, species=data.species[:, data.environment.inversion])
    np.testing.assert_allclose(teacher.predict(reverse), [backward, forward], atol=1e-4)


def test_equivalent_frames_get_the_same_barrier(data):
    teacher = fit_kernel(data, np.arange(len(data)), ridge=1.0, seed=0)
    expected = teacher.predict(data)
    for columns in data.environment.symmetry[1:3]:
        turned = replace(data, species=data.species[:, columns])
        np.testing.assert_allclose(teacher.predict(turned), expected, atol=1e-4)


def test_forward_barriers_alone_suffice(data):
    unknown = np.full(len(data), np.nan)
    teacher = fit_kernel(replace(data, E_bwd_eV=unknown), np.arange(len(data)), ridge=1.0, seed=0)
    forward, _ = teacher.predict(data)
    assert np.abs(forward - data.E_fwd_eV).mean() < 0.3 * data.E_fwd_eV.std()


def test_imagined_alloys_reach_from_pure_to_mixed(data):
    lessons = imagined(data, 2000, seed=1)
    assert lessons.species.shape == (2000, data.environment.n_env)
    assert set(np.unique(lessons.species)) == set(np.unique(lessons.mover)) == {1, 2, 3}
    largest = np.max([(lessons.species == s).mean(axis=1) for s in (1, 2, 3)], axis=0)
    assert (largest > 0.9).sum() > 100
    assert (largest < 0.5).sum() > 100
    assert not np.array_equal(lessons.species, imagined(data, 2000, seed=2).species)


def test_lessons_follow_the_labels_and_know_both_barriers(data):
    rows = np.arange(0, len(data), 2)
    taught = with_lessons(data, rows, TrainParameters(seed=3), 50)
    assert len(taught) == len(data) + 50
    np.testing.assert_array_equal(taught.species[: len(data)], data.species)
    assert taught.connected[len(data) :].all()
    assert ModelSpec("ours", options={"lessons": 50}).options.lessons == 50
