"""What the loop does with each label: turns, weights, what is not known, precision, and when it stops."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nnk.barriers import Flag
from nnk.training import ModelSpec, TrainingStopped, TrainParameters, train
from nnk.training.backends import Backend
from nnk.training.label_tensors import LabelTensors, Turns
from nnk.training.loop import Trainer
from nnk.training.optimisers import losses
from nnk.training.problem import Problem

QUICK = TrainParameters(epochs=6, batch_size=32, checkpoint_epochs=100, seed=2)
TINY_CNN = {"layers": 4, "filters": 3, "half_edge_A": 4.0, "voxel_A": 1.0}

pytestmark = pytest.mark.filterwarnings("ignore:.*wrap around:UserWarning")


def trainer_of(barriers, shells, parameters=QUICK, kind="mlp", options=None):
    spec = ModelSpec("main", kind, shells, options or {"hidden": (8,)})
    return Trainer(Problem.of(barriers, spec, parameters), Backend())


def sdm_cnn(barriers, shells, parameters=QUICK):
    return trainer_of(barriers, shells, parameters, "sdm-cnn", TINY_CNN)


def with_flags(barriers):
    flag = barriers.flag.copy()
    good = np.flatnonzero(flag == Flag.OK)
    flag[good[::3]], flag[good[1::7]] = Flag.SPLIT, Flag.FALLBACK
    return replace(barriers, flag=flag)


def test_turns_are_symmetry_operations_that_change_with_the_epoch(labels, shells):
    trainer = trainer_of(labels(), shells)
    tensors, rows = trainer.labels, torch.arange(0, len(trainer.labels.mover), 11)
    symmetry = trainer.problem.data.environment.symmetry
    seen = []
    for epoch in (0, 0, 1):
        turns = Turns.of(tensors, trainer.network, QUICK, epoch)
        species, mover, angle = tensors.inputs(rows, turns)
        for row, found in zip(rows.tolist(), species.numpy(), strict=True):
            images = trainer.problem.data.species[row][symmetry]
            np.testing.assert_array_equal(found, images[turns.operation[row]])
        assert torch.equal(mover, tensors.mover[rows])
        assert angle is None  # a network on the lattice does not rotate
        seen.append(species)
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])
    untouched, _, _ = tensors.inputs(
        rows, Turns.of(tensors, trainer.network, replace(QUICK, symmetry=False), 0)
    )
    assert torch.equal(untouched, tensors.species[rows])


def test_angles_are_for_networks_that_rotate(labels, shells):
    trainer = sdm_cnn(labels(), shells)
    first, again, later = (Turns.of(trainer.labels, trainer.network, QUICK, e).angle for e in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert 0 <= first.min() < 0.1
    assert 6.1 < first.max() < 2 * np.pi
    still = replace(QUICK, rotation=False)
    assert Turns.of(trainer.labels, trainer.network, still, 0).angle is None


def test_weights_follow_flags_and_what_is_known(labels, shells):
    barriers = with_flags(labels())
    unknown = np.arange(len(barriers)) % 5 == 0
    barriers = replace(barriers, E_bwd_eV=np.where(unknown, np.nan, barriers.E_bwd_eV))
    parameters = replace(QUICK, split_weight=0.5, fallback_weight=2.0)
    trainer = trainer_of(barriers, shells, parameters)
    data, tensors = trainer.problem.data, trainer.labels
    by_flag = np.select([data.flag == Flag.SPLIT, data.flag == Flag.FALLBACK], [0.5, 2.0], 1.0)
    np.testing.assert_array_equal(tensors.weight[0], by_flag)
    np.testing.assert_array_equal(tensors.weight[1], np.where(np.isnan(data.E_bwd_eV), 0, by_flag))
    predicted = torch.randn(2, len(data))
    error = tensors.errors(predicted, torch.arange(len(data)))
    naive = predicted.numpy() - (np.stack([data.E_fwd_eV, data.E_bwd_eV]) - trainer.start.E_fwd_eV) / (
        trainer.start.scale_eV
    )
    np.testing.assert_allclose(error, np.nan_to_num(naive), atol=1e-5)


def test_labels_without_weight_are_not_trained_on(labels, shells):
    barriers = with_flags(labels())
    trainer = trainer_of(barriers, shells, replace(QUICK, split_weight=0.0))
    flags = trainer.problem.data.flag
    assert Flag.SPLIT in flags[trainer.problem.rows("train")]
    assert Flag.SPLIT not in flags[trainer.train_rows]
    everything = replace(barriers, flag=np.where(barriers.flag == Flag.OK, Flag.SPLIT, barriers.flag))
    everything = replace(everything, flag=np.where(everything.usable, Flag.SPLIT, everything.flag))
    with pytest.raises(ValueError, match="none of the training labels has a weight"):
        trainer_of(everything, shells, replace(QUICK, split_weight=0.0))


@pytest.mark.parametrize("kind", ["huber", "mse", "mae"])
def test_losses(kind):
    error = torch.tensor([-3.0, -0.5, 0.0, 2.0])
    naive = {"huber": [2.5, 0.125, 0, 1.5], "mse": [9, 0.25, 0, 4], "mae": [3, 0.5, 0, 2]}
    torch.testing.assert_close(losses(kind, error), torch.tensor(naive[kind], dtype=torch.float32))


def test_a_step_goes_down_the_mean_of_the_weighted_losses(labels, shells):
    parameters = replace(QUICK, loss="mse", optimiser="rmsprop", split_weight=3.0)
    trainer = trainer_of(with_flags(labels()), shells, parameters)
    batch = torch.tensor(trainer.train_rows[:20])
    output = trainer.network(*trainer.labels.inputs(batch, Turns()))
    error = torch.stack([output.forward, output.backward]) - trainer.labels.target[:, batch]
    weight = trainer.labels.weight[:, batch]
    expected = torch.autograd.grad((weight * error**2).sum() / weight.sum(), trainer.trainable)
    sums = trainer._step(batch, rate=0.0)
    for weights, gradient in zip(trainer.trainable, expected, strict=True):
        torch.testing.assert_close(weights.grad, gradient)
    torch.testing.assert_close(sums, torch.stack([(weight * error**2).sum(), error.abs().sum()]).double())


@pytest.mark.parametrize("kind", ["adamw", "adam", "rmsprop"])
def test_every_optimiser_learns(kind, labels, shells):
    parameters = replace(
        QUICK, optimiser=kind, learning_rate=5e-3, weight_decay=0.1, schedule={"patience": 9}
    )
    trainer = trainer_of(labels(), shells, parameters)
    history = [trainer._epoch() for _ in range(4)]
    assert history[-1]["validation_MAE_eV"] < 0.8 * history[0]["validation_MAE_eV"]
    assert {row["learning_rate"] for row in history} == {5e-3}


def test_energy_differences_are_learnt_besides_where_both_barriers_are_known(labels, shells):
    """The sum there and back is nothing in the labels; barriers alone leave it open."""
    barriers = labels()
    barriers = replace(barriers, E_bwd_eV=np.where(np.arange(len(barriers)) % 5, barriers.E_bwd_eV, np.nan))
    options = {"difference": "free", "hidden": (8,), "dropout": 0.0, "difference_weight": 0.7}
    trainer = trainer_of(barriers, shells, QUICK, "fingerprint", options)
    rows = torch.tensor(trainer.train_rows[:60])
    torch.nn.init.normal_(trainer.network.dE.out.weight)
    trainer.network.eval()
    output = trainer.network(*trainer.labels.inputs(rows, Turns())[:2])
    target, weight = trainer.labels.target[:, rows], trainer.labels.weight[:, rows]
    both = weight.prod(0)
    assert 0 < both.sum() < len(rows)
    dE = target[0] - target[1]
    missed = [output.forward - target[0], output.backward - target[1]]
    expected = sum((w * losses(QUICK.loss, m)).sum() for w, m in zip(weight, missed, strict=True))
    for found, true in zip(output.differences, (dE, -dE), strict=True):
        expected = expected + 0.7 * (both * losses(QUICK.loss, found - true)).sum()
    loss, _ = trainer.loss(rows)
    torch.testing.assert_close(loss, expected)


def test_forward_barriers_alone_are_learnt(labels, shells, tmp_path):
    barriers = labels()
    alone = replace(barriers, E_bwd_eV=np.full(len(barriers), np.nan))
    parameters = replace(QUICK, epochs=30, learning_rate=5e-3, weight_decay=0.1)
    spec = ModelSpec("main", "mlp", shells, {"hidden": (16,)})
    result = train(alone, spec, parameters, tmp_path)
    assert result.history[-1]["train_MAE_eV"] < 0.5 * result.history[0]["train_MAE_eV"]
    assert np.isfinite(result.metrics["test"]["MAE_eV"])


def test_bfloat16_rounds_the_products_alone(labels, shells):
    whole, halves = (
        trainer_of(labels(), shells, replace(QUICK, precision=p)) for p in ("float32", "bfloat16")
    )
    rows = [(a._epoch(), b._epoch()) for a, b in [(whole, halves)] * 3]
    assert rows[-1][0]["loss"] != rows[-1][1]["loss"]
    assert rows[-1][0]["loss"] == pytest.approx(rows[-1][1]["loss"], rel=0.05)
    for weights in (*halves.trainable, *(weights.grad for weights in halves.trainable)):
        assert weights.dtype == torch.float32


def test_validation_uses_running_statistics_and_leaves_them(labels, shells):
    trainer = sdm_cnn(labels(), shells)
    trainer._epoch()
    before = {name: value.clone() for name, value in trainer.network.state_dict().items()}
    assert any("running_mean" in name and value.abs().max() > 0 for name, value in before.items())
    first, again = trainer.validate(), trainer.validate()
    assert first == again
    for name, value in trainer.network.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_a_batch_may_be_larger_than_the_data(labels, shells, tmp_path):
    spec = ModelSpec("main", "mlp", shells, {"hidden": (8,)})
    result = train(labels(), spec, replace(QUICK, batch_size=10**6), tmp_path)
    assert len(result.history) == QUICK.epochs


def test_stops_with_a_checkpoint_when_asked_to(labels, shells, tmp_path):
    barriers, spec = labels(), ModelSpec("main", "mlp", shells, {"hidden": (8,)})
    train(barriers, spec, QUICK, tmp_path / "whole")
    epochs = []
    with pytest.raises(TrainingStopped, match="stopped after epoch 2"):
        train(
            barriers,
            spec,
            QUICK,
            tmp_path / "stopped",
            progress=lambda row: epochs.append(row["epoch"]),
            stop=lambda: len(epochs) == 1,
        )
    assert not (tmp_path / "stopped" / "model.json").exists()
    train(barriers, spec, QUICK, tmp_path / "stopped", progress=lambda row: epochs.append(row["epoch"]))
    assert epochs == [1, 2, 3, 4, 5, 6]
    for name in ("model.safetensors", "history.csv"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_labels_are_bytes_on_the_device(labels, shells):
    trainer = trainer_of(labels(), shells)
    assert isinstance(trainer.labels, LabelTensors)
    assert trainer.labels.species.dtype == trainer.labels.mover.dtype == torch.uint8
