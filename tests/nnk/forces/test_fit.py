"""Training of every kind: it learns, goes on after an interruption to the same bits, states its errors."""

import csv

import numpy as np
import pytest

from nnk.forces import ForceModel, ForceSpec, ForceTraining
from nnk.forces.errors import force_errors, pearson
from nnk.forces.fit import train_forces
from nnk.forces.problem import ForceProblem
from nnk.forces.products import read_predictions
from nnk.snapshots import SnapshotSet
from nnk.training import TrainingStopped

SMALL = {
    "voxel-cnn": {
        "grid": {"edge": 5, "gamma": 0.15},
        "filters": 8,
        "layers": 2,
        "hidden": 32,
        "dropout": 0.2,
    },
    "dense": {"hidden": (32,)},
    "linear": {},
    "local-density": {"cutoff_A": 4.0, "radial": 5, "degree": 1, "channels": 4, "hidden": (8,)},
}
QUICK = ForceTraining(epochs=8, batch_size=10, learning_rate=1e-2, seed=1, checkpoint_epochs=4)


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", SMALL)
def test_every_kind_learns_and_says_how_well(kind, snapshots, tmp_path):
    result = train_forces(snapshots, ForceSpec("main", kind, SMALL[kind]), QUICK, tmp_path)
    test, learnt = result.errors["test"], result.errors["train"]
    assert learnt["RMSE_eV_A"] < 0.97 * learnt["zero_RMSE_eV_A"]
    found = read_predictions(tmp_path / "predictions.nc")
    assert pearson(found["forces_eV_A"], found["predicted_eV_A"]) == pytest.approx(test["pearson"], abs=1e-5)
    kept = found["snapshot_index"]
    np.testing.assert_allclose(found["forces_eV_A"], snapshots.forces_eV_A[kept], rtol=1e-6)
    assert [row["temperature_K"] for row in result.model.description["errors_by_temperature"]] == [
        300.0,
        900.0,
    ]
    if kind != "linear":
        assert result.history[-1]["loss"] < result.history[0]["loss"]
        assert len(rows(tmp_path / "history.csv")) == len(result.history)
    assert ("energy_RMSE_eV_per_atom" in test) == (kind == "local-density")


def test_local_densities_learn_what_neighbours_do(snapshots, tmp_path):
    options = {"cutoff_A": 5.0, "radial": 8, "degree": 0, "channels": 8, "hidden": (16,)}
    training = ForceTraining(epochs=25, batch_size=5, learning_rate=0.02, seed=1)
    result = train_forces(snapshots, ForceSpec("main", "local-density", options), training, tmp_path)
    assert result.errors["test"]["pearson"] > 0.97


@pytest.mark.parametrize("kind", ["voxel-cnn", "local-density"])
def test_an_interrupted_training_ends_with_the_same_bits(kind, snapshots, tmp_path):
    spec = ForceSpec("main", kind, SMALL[kind])
    whole = train_forces(snapshots, spec, QUICK, tmp_path / "whole")
    asked = iter(range(100))
    with pytest.raises(TrainingStopped, match="after epoch 3"):
        train_forces(snapshots, spec, QUICK, tmp_path / "cut", stop=lambda: next(asked) == 2)
    after = train_forces(snapshots, spec, QUICK, tmp_path / "cut")
    for name, array in whole.model.weights.items():
        np.testing.assert_array_equal(after.model.weights[name], array, err_msg=name)
    assert (tmp_path / "cut/model.json").read_text() == (tmp_path / "whole/model.json").read_text()


def test_inner_and_outer_boxes_and_channels_make_other_images(snapshots, tmp_path):
    losses = set()
    for grid in ({}, {"box": "ibb"}, {"channels": "elements"}, {"gamma": 2.0}):
        options = {**SMALL["voxel-cnn"], "grid": {**SMALL["voxel-cnn"]["grid"], **grid}}
        training = ForceTraining(epochs=1, batch_size=10, seed=1)
        result = train_forces(
            snapshots, ForceSpec("main", "voxel-cnn", options), training, tmp_path / str(grid)
        )
        losses.add(result.history[0]["loss"])
    assert len(losses) == 4


def test_a_random_split_puts_neighbours_in_time_into_both_parts(snapshots):
    spec = ForceSpec("main", "linear")
    honest, random = (
        ForceProblem.of(snapshots, spec, ForceTraining(split=kind)) for kind in ("blocks", "random")
    )
    shared = [
        set(snapshots.trajectory[problem.rows.train]) & set(snapshots.trajectory[problem.rows.test])
        for problem in (honest, random)
    ]
    assert len(shared[0]) < len(shared[1])
    assert honest.key != random.key


def test_forces_of_nothing_cannot_be_learnt(snapshots):
    still = SnapshotSet(**{**vars(snapshots), "forces_eV_A": np.zeros_like(snapshots.forces_eV_A)})
    with pytest.raises(ValueError, match="there is nothing to learn"):
        ForceProblem.of(still, ForceSpec("main"), ForceTraining())


def test_forces_that_are_no_numbers_are_refused(snapshots):
    forces = snapshots.forces_eV_A.copy()
    forces[3, 2, 1] = np.nan
    with pytest.raises(ValueError, match="forces_eV_A: not finite in 1 of 100 snapshots, the first is 3"):
        SnapshotSet(**{**vars(snapshots), "forces_eV_A": forces})


def test_errors_are_their_definitions():
    generator = np.random.default_rng(0)
    true = generator.normal(size=(20, 4, 3))
    predicted = true + 0.1 * generator.normal(size=true.shape)
    found = force_errors(true, predicted)
    assert found["RMSE_eV_A"] == pytest.approx(np.sqrt(np.mean((predicted - true) ** 2)))
    assert found["Fy"]["pearson"] == pytest.approx(
        np.corrcoef(true[..., 1].ravel(), predicted[..., 1].ravel())[0, 1]
    )
    assert found["Fz"]["quartiles_eV_A"][1] == pytest.approx(np.median(true[..., 2]))
    assert pearson(true, np.zeros_like(true)) is None


@pytest.mark.parametrize(
    ("kind", "options", "text"),
    [
        ("cnn", {}, "expected voxel-cnn or dense or linear or local-density"),
        ("dense", {"filters": 3}, "filters: no option of kind 'dense'; allowed are hidden"),
        ("voxel-cnn", {"layers": 9}, "grid edge=8: expected more than 9 layers"),
        ("voxel-cnn", {"filters": 6}, "filters=6: expected a multiple of 4"),
        ("voxel-cnn", {"grid": {"box": "outer"}}, "allowed are ibb, obb"),
        ("local-density", {"degree": 4}, "degree=4: expected 0 to 3"),
    ],
)
def test_models_that_cannot_be(kind, options, text):
    with pytest.raises(ValueError, match=text):
        ForceSpec("main", kind, options)


def test_a_model_is_read_as_it_was_written(snapshots, tmp_path):
    result = train_forces(snapshots, ForceSpec("main", "dense", SMALL["dense"]), QUICK, tmp_path)
    read = ForceModel.load(tmp_path)
    atoms = read.take(snapshots.symbols, snapshots.cell_A)
    again = read.evaluate(atoms, snapshots.positions_A)[1]
    np.testing.assert_array_equal(again, result.model.evaluate(atoms, snapshots.positions_A)[1])
    shifted = snapshots.positions_A + snapshots.cell_A * [1, 0, -2]
    np.testing.assert_allclose(read.evaluate(atoms, shifted)[1], again, atol=1e-5)  # the same images
