"""Training data, splits, metrics, linear parts."""

from dataclasses import replace

import numpy as np
import pytest

from nnk.barriers import Flag
from nnk.lattice import Lattice
from nnk.models.linear import half_pair_difference
from nnk.training import ModelSpec, TrainParameters
from nnk.training.data import jump_data
from nnk.training.metrics import errors, split_metrics
from nnk.training.ridge import fit_linear_parts
from nnk.training.splits import SPLITS, held_out_compositions, split_labels


def test_data_are_the_usable_labels_in_any_order(labels, shells):
    barriers = labels()
    data = jump_data(barriers, shells)
    assert len(data) == (barriers.flag == Flag.OK).sum()
    np.testing.assert_allclose(data.KRA_eV + 0.5 * data.dE_eV, data.E_fwd_eV, atol=1e-12)
    shuffled = jump_data(barriers.select(np.random.default_rng(0).permutation(len(barriers))), shells)
    assert shuffled.hash == data.hash
    assert shuffled.a_A == data.a_A
    np.testing.assert_array_equal(shuffled.species, data.species)
    assert jump_data(barriers.select(np.arange(len(barriers) - 1)), shells).hash != data.hash


def test_nothing_usable_is_an_error(labels, shells):
    barriers = labels()
    with pytest.raises(ValueError, match="none of the"):
        jump_data(barriers.select(~barriers.usable), shells)


def test_a_vacancy_stands_in_one_split_and_compositions_are_held_out(labels, shells):
    data = jump_data(labels(), shells)
    split = split_labels(data, TrainParameters(seed=4))
    assert set(split) == set(SPLITS)
    vacancies = np.char.add(data.sample, data.vacancy_site.astype(str))
    for vacancy in np.unique(vacancies):
        assert len(set(split[vacancies == vacancy])) == 1
    held_out = set(data.composition[split == "test-composition"])
    assert len(held_out) == 1
    assert held_out.isdisjoint(data.composition[split != "test-composition"])
    for part in ("train", "validation", "test"):
        assert len(set(data.composition[split == part])) == 3


def test_a_jump_labelled_from_both_sides_stands_in_one_split(labels, shells):
    """Neighbouring vacancies of one sample with atoms of one species share a jump and its reverse."""
    barriers = labels(vacancies=40)
    data = jump_data(barriers, shells)
    neighbours = Lattice.bcc(barriers.cells, 1.0).neighbours
    rows = {key: i for i, key in enumerate(zip(data.sample, data.vacancy_site, data.jump, strict=True))}
    ends = neighbours[data.vacancy_site, data.jump]
    twice = []
    for (sample, site, jump), i in rows.items():
        back = rows.get((sample, ends[i], 7 - jump))
        if back is not None and data.mover[back] == data.mover[i] and site < ends[i]:
            assert data.E_fwd_eV[i] == pytest.approx(data.E_bwd_eV[back], abs=1e-9)
            twice.append((i, back))
    assert len(twice) > 10
    first, second = np.array(twice).T
    for seed in range(5):
        split = split_labels(data, TrainParameters(seed=seed))
        np.testing.assert_array_equal(split[first], split[second])
    vacancies = {(data.sample[i], data.vacancy_site[i]) for i in range(len(data))}
    assert 20 < len(np.unique(data.group)) < len(vacancies)
    shuffled = jump_data(barriers.select(np.random.default_rng(0).permutation(len(barriers))), shells)
    np.testing.assert_array_equal(shuffled.group, data.group)


def test_vacancies_that_share_no_jump_stand_alone(labels, shells):
    barriers = labels()
    barriers = barriers.select(np.isin(barriers.vacancy_site % 2, 0))  # the corners: no nearest neighbours
    data = jump_data(barriers, shells)
    vacancies = {(data.sample[i], data.vacancy_site[i]) for i in range(len(data))}
    assert len(np.unique(data.group)) == len(vacancies)


def test_the_split_follows_the_seed(labels, shells):
    data = jump_data(labels(), shells)
    first = split_labels(data, TrainParameters(seed=4))
    np.testing.assert_array_equal(first, split_labels(data, TrainParameters(seed=4)))
    seeds = [held_out_compositions(np.unique(data.composition), TrainParameters(seed=s)) for s in range(20)]
    assert len({tuple(names) for names in seeds}) == 4


def test_splits_that_leave_nothing_are_refused(labels, shells):
    data = jump_data(labels(vacancies=2), shells)
    with pytest.raises(ValueError, match="at most 3 can be held out"):
        split_labels(data, TrainParameters(test_compositions=4))
    with pytest.raises(ValueError, match="2 labelled vacancies cannot be split"):
        split_labels(data, TrainParameters())


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"learning_rate": 0.0},
        {"loss": "cubic"},
        {"validation_fraction": 0.0},
        {"patience": 0},
    ],
)
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.*expected"):
        TrainParameters(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "oracle"},
        {"options": {"hidden": ()}},
        {"share": 0},
        {"kind": "mlp", "options": {"state_hidden": (8,)}},
    ],
)
def test_wrong_architectures_are_named(wrong):
    with pytest.raises(ValueError, match=r"expected|no option of"):
        ModelSpec("main", **wrong)


def test_errors_of_known_numbers():
    found = errors(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.5, 2.0]))
    assert found == {
        "n": 3,
        "MAE_eV": pytest.approx(0.5),
        "RMSE_eV": pytest.approx(np.sqrt(1.25 / 3)),
        "q95_eV": pytest.approx(0.5 + 0.9 * 0.5),
        "q99_eV": pytest.approx(0.5 + 0.98 * 0.5),
        "worst_eV": pytest.approx(1.0),
        "R2": pytest.approx(1 - 1.25 / 2),
    }
    assert errors(np.ones(2), np.ones(2))["R2"] is None


def test_baseline_is_the_training_mean_of_each_species():
    split = np.array(["train", "train", "train", "test", "test"])
    mover = np.array([1, 1, 2, 1, 2], dtype=np.uint8)
    true = np.array([1.0, 3.0, 5.0, 4.0, 5.5])
    metrics = split_metrics(split, mover, true, true, ["Nb", "Mo", "Ta"])
    assert metrics["test"]["baseline_MAE_eV"] == pytest.approx((2.0 + 0.5) / 2)
    assert set(metrics["test"]["species"]) == {"Nb", "Mo"}
    assert metrics["test"]["species"]["Mo"]["n"] == 1


def test_barriers_that_are_not_known_have_no_error():
    split = np.array(["train", "train", "test", "test"])
    mover = np.array([1, 1, 1, 2], dtype=np.uint8)
    true = np.array([1.0, np.nan, 2.0, np.nan])
    metrics = split_metrics(split, mover, true, np.array([1.5, 9.0, 2.25, 9.0]), ["Nb", "Mo"])
    assert metrics["train"]["n"] == 1
    assert metrics["train"]["MAE_eV"] == 0.5
    assert metrics["test"]["MAE_eV"] == 0.25
    assert metrics["test"]["baseline_MAE_eV"] == 1.0
    assert set(metrics["test"]["species"]) == {"Nb"}


def test_ridge_finds_a_linear_law(labels, shells, invented_law):
    data = jump_data(labels(vacancies=40), shells)
    parts = fit_linear_parts(data, np.arange(0, len(data), 2), ridge=1e-6)
    KRA_eV, dE_eV = parts.predict(data)
    np.testing.assert_allclose(KRA_eV, data.KRA_eV, atol=1e-5)
    np.testing.assert_allclose(dE_eV, data.dE_eV, atol=1e-5)
    pair, _, _ = invented_law
    # energies of pairs have a gauge; what a jump sees has none but a constant per shell and mover
    found, true = (half_pair_difference("bcc", shells, x) for x in (parts.pair_eV, pair))
    difference = found - true
    np.testing.assert_allclose(difference, difference[:, :, :1].repeat(3, axis=2), atol=1e-4)


@pytest.mark.parametrize("known", [0.0, 0.3], ids=["forward-only", "some-both-ways"])
def test_ridge_finds_a_linear_law_of_forward_barriers(labels, shells, known):
    data = jump_data(labels(vacancies=120), shells)
    unknown = np.random.default_rng(1).random(len(data)) >= known
    forward = replace(data, E_bwd_eV=np.where(unknown, np.nan, data.E_bwd_eV))
    parts = fit_linear_parts(forward, np.arange(0, len(data), 2), ridge=1e-7)
    KRA_eV, dE_eV = parts.predict(data)
    np.testing.assert_allclose(KRA_eV, data.KRA_eV, atol=1e-4)
    np.testing.assert_allclose(dE_eV, data.dE_eV, atol=1e-4)


def test_ridge_shrinks_with_its_penalty(labels, shells):
    data = jump_data(labels(), shells)
    rows = np.arange(len(data))
    sizes = [np.abs(fit_linear_parts(data, rows, ridge).kra_linear_eV).sum() for ridge in (1e-3, 10.0, 1e6)]
    assert sizes[0] > sizes[1] > sizes[2]
    assert sizes[2] < 1e-2


def test_what_is_held_out_by_name_is_tested_alone(labels, shells):
    data = jump_data(labels(), shells)
    composition, other = np.unique(data.composition)[:2]
    sample = data.sample[data.composition == other][0]
    parameters = TrainParameters(
        seed=4, held_out=(str(composition), str(sample)), test_compositions=0, test_fraction=0
    )
    split = split_labels(data, parameters)
    tested = (data.composition == composition) | (data.sample == sample)
    np.testing.assert_array_equal(split == "test-composition", tested)
    assert set(split[~tested]) == {"train", "validation"}


def test_names_that_hold_out_nothing_or_all_are_refused(labels, shells):
    data = jump_data(labels(), shells)
    with pytest.raises(ValueError, match="held_out: there is no usable label of Nowhere"):
        split_labels(data, TrainParameters(held_out=("Nowhere",)))
    everything = tuple(map(str, np.unique(data.composition)))
    with pytest.raises(ValueError, match="held_out: all labels are held out"):
        split_labels(data, TrainParameters(held_out=everything))
