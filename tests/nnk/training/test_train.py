"""The loop: it learns, resumes bit for bit, shares work between ranks, and says when it fails."""

import csv
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from nnk.barriers import Flag
from nnk.environment import gather
from nnk.files import Fence, StaleEpoch
from nnk.lattice import Lattice
from nnk.models import load
from nnk.models.program import evaluate
from nnk.training import ModelSpec, TrainingDiverged, TrainParameters, train
from nnk.training.backends import Backend
from nnk.training.data import jump_data
from nnk.training.loop import Trainer
from nnk.training.problem import Problem

QUICK = TrainParameters(epochs=12, batch_size=32, checkpoint_epochs=4, seed=2)

pytestmark = pytest.mark.filterwarnings("ignore:.*wrap around:UserWarning")


def spec(kind, shells):
    return ModelSpec("main", kind, shells, {"hidden": (16, 8)})


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("kind", ["detailed-balance", "mlp"])
def test_products_and_predictions(labels, shells, kind, tmp_path):
    barriers = labels()
    result = train(barriers, spec(kind, shells), QUICK, tmp_path)
    history = rows(tmp_path / "history.csv")
    assert [int(row["epoch"]) for row in history] == list(range(1, 13))
    best = min(history, key=lambda row: float(row["validation_MAE_eV"]))
    assert int(best["epoch"]) == result.best_epoch
    predictions = rows(tmp_path / "predictions.csv")
    assert len(predictions) == 2 * barriers.usable.sum()
    model = load(tmp_path)
    description = model.describe()
    assert description["errors"] == json.loads(json.dumps(result.metrics))
    assert description["labels"] == {"potential": "invented"}
    assert description["labels_used"] == barriers.usable.sum()
    assert description["labels_left_out"] == (~barriers.usable).sum() > 0
    assert description["data_hash"] == jump_data(barriers, shells).hash
    test = [row for row in predictions if row["split"] == "test"]
    error = [abs(float(row["E_eV"]) - float(row["E_predicted_eV"])) for row in test]
    assert np.mean(error) == pytest.approx(result.metrics["test"]["MAE_eV"], abs=1e-12)
    # a prediction is what the saved model says of that very jump
    row = next(row for row in predictions if row["direction"] == "forward")
    occupancy = barriers.occupancy[barriers.sample_key.index(row["sample"])].copy()
    site = int(row["vacancy_site"])
    occupancy[site] = 0
    found = model.barriers(occupancy, site, Lattice.bcc((4, 4, 4), 3.2))[int(row["jump"])]
    assert found == pytest.approx(float(row["E_predicted_eV"]), abs=1e-9)


@pytest.mark.parametrize("kind", ["detailed-balance", "mlp"])
def test_network_and_exported_model_agree(labels, shells, kind):
    trainer = Trainer(Problem.of(labels(), spec(kind, shells), QUICK), Backend())
    data = trainer.problem.data
    with torch.no_grad():
        for weights in trainer.network.parameters():
            if weights.requires_grad:
                weights.add_(torch.randn_like(weights) * 0.1)
        forward, backward, *_ = trainer.network(trainer.labels.species, trainer.labels.mover)
    model = trainer.network.export(trainer.start, {})
    scale = trainer.start.scale_eV
    lattice = Lattice.bcc((4, 4, 4), 3.2)
    barriers = labels()
    keys = list(barriers.sample_key)
    for i in range(0, len(data), 41):
        occupancy = barriers.occupancy[keys.index(data.sample[i])].copy()
        site = int(data.vacancy_site[i])
        occupancy[site] = 0
        jump = int(data.jump[i])
        end = int(lattice.neighbours[site, jump])
        expected = trainer.start.E_fwd_eV[i] + scale * float(forward[i])
        found = evaluate(model.compiled(), lattice, occupancy, site)[jump]
        assert found == pytest.approx(expected, abs=1e-5)
        occupancy[site], occupancy[end] = occupancy[end], 0
        expected = trainer.start.E_bwd_eV[i] + scale * float(backward[i])
        assert evaluate(model.compiled(), lattice, occupancy, end)[7 - jump] == pytest.approx(
            expected, abs=1e-5
        )


@pytest.mark.parametrize("kind", ["detailed-balance", "mlp"])
def test_labels_held_out_leave_no_trace_in_the_weights(labels, shells, kind, tmp_path):
    barriers, what = labels(), spec(kind, shells)
    problem = Problem.of(barriers, what, QUICK)
    held_out = np.char.startswith(problem.split, "test")
    data = problem.data
    keys = zip(data.sample[held_out], data.vacancy_site[held_out], strict=True)
    vacancies = {(barriers.sample_key.index(sample), int(site)) for sample, site in keys}
    moved = np.array([pair in vacancies for pair in zip(barriers.sample, barriers.vacancy_site, strict=True)])
    other = replace(barriers, E_fwd_eV=barriers.E_fwd_eV + moved, E_bwd_eV=barriers.E_bwd_eV - 0.5 * moved)
    first = train(barriers, what, QUICK, tmp_path / "first")
    second = train(other, what, QUICK, tmp_path / "second")
    for name, array in first.model.tensors().items():
        np.testing.assert_array_equal(second.model.tensors()[name], array, err_msg=name)
    assert second.history == first.history
    for name in ("test", "test-composition"):
        assert second.metrics[name]["MAE_eV"] > first.metrics[name]["MAE_eV"] + 0.1


def test_it_learns_what_is_not_linear(labels, shells, tmp_path):
    barriers = labels(vacancies=40, curvature=6.0)
    parameters = replace(QUICK, epochs=80, weight_decay=0.1, learning_rate=5e-3)
    result = train(barriers, spec("detailed-balance", shells), parameters, tmp_path)
    held_out = result.metrics["test-composition"]
    first, last = result.history[0], result.history[-1]
    assert last["train_MAE_eV"] < 0.6 * first["train_MAE_eV"]
    assert held_out["MAE_eV"] < 0.5 * held_out["baseline_MAE_eV"]
    assert held_out["dE_MAE_eV"] < 0.01


def test_trained_model_does_not_drift_on_loops(labels, shells, tmp_path, closed_loop):
    model = train(labels(curvature=6.0), spec("detailed-balance", shells), QUICK, tmp_path).model
    lattice = Lattice.bcc((6, 6, 6), 3.2)
    occupancy, site, directions = closed_loop(lattice, hops=50, seed=3)
    drift = 0.0
    for direction in directions:
        end = int(lattice.neighbours[site, direction])
        drift += model.barriers(occupancy, site, lattice)[direction]
        occupancy[site], occupancy[end] = occupancy[end], 0
        site = end
        drift -= model.barriers(occupancy, site, lattice)[7 - direction]
    assert abs(drift) < 1e-6
    assert len(gather(model.environment, lattice, occupancy, site)[0]) == 8


class Killed(BaseException):
    """Stands for a process that ends at once."""


@pytest.mark.parametrize("stop", [1, 5, 11])
def test_resumes_bit_for_bit(labels, shells, tmp_path, stop):
    barriers, what = labels(), spec("detailed-balance", shells)

    def die(row):
        if row["epoch"] == stop:
            raise Killed

    train(barriers, what, QUICK, tmp_path / "whole")
    with pytest.raises(Killed):
        train(barriers, what, QUICK, tmp_path / "killed", progress=die)
    epochs = []
    train(barriers, what, QUICK, tmp_path / "killed", progress=lambda row: epochs.append(row["epoch"]))
    assert epochs[0] == stop // QUICK.checkpoint_epochs * QUICK.checkpoint_epochs + 1
    for name in ("model.safetensors", "model.json", "history.csv", "predictions.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_checkpoint_of_other_parameters_is_not_used(labels, shells, tmp_path):
    what, epochs = spec("mlp", shells), []
    train(labels(), what, QUICK, tmp_path)
    other = replace(QUICK, learning_rate=1e-3)
    train(labels(), what, other, tmp_path, progress=lambda row: epochs.append(row["epoch"]))
    assert epochs == list(range(1, 13))
    train(labels(), what, other, tmp_path, progress=lambda row: epochs.append(row["epoch"]))
    assert len(epochs) == 12


def test_a_damaged_checkpoint_is_named(labels, shells, tmp_path):
    checkpoint = tmp_path / "checkpoints" / "last.pt"
    checkpoint.parent.mkdir()
    checkpoint.write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match=r"last\.pt is damaged"):
        train(labels(), spec("mlp", shells), QUICK, tmp_path)


def test_divergence_is_a_clear_error(labels, shells, tmp_path):
    wild = replace(QUICK, learning_rate=1e30)
    with pytest.raises(TrainingDiverged, match=r"epoch \d+: the loss is (nan|inf).*learning_rate"):
        train(labels(), spec("mlp", shells), wild, tmp_path)
    assert not (tmp_path / "model.json").exists()


def test_weights_ruined_by_the_last_step_are_not_kept(labels, shells, tmp_path):
    wild = replace(QUICK, epochs=1, batch_size=10_000, learning_rate=1e30)
    with pytest.raises(TrainingDiverged, match=r"epoch 1: the validation error is (nan|inf)"):
        train(labels(), spec("mlp", shells), wild, tmp_path)
    assert not (tmp_path / "model.json").exists()


@pytest.mark.parametrize("kind", ["detailed-balance", "mlp"])
def test_an_element_that_never_moves_in_training_is_named(labels, shells, kind, tmp_path):
    barriers = labels()
    failed = replace(barriers, flag=np.where(barriers.moving_species == 3, Flag.FAILED, barriers.flag))
    with pytest.warns(UserWarning, match="no training label moves Ta"):
        result = train(failed, spec(kind, shells), QUICK, tmp_path)
    assert load(tmp_path).describe()["movers_unseen"] == ["Ta"]
    assert set(result.metrics["test"]["species"]) == {"Nb", "Mo"}
    assert np.isfinite(result.metrics["test-composition"]["MAE_eV"])


def test_stops_when_nothing_improves(labels, shells, tmp_path):
    still = replace(QUICK, learning_rate=1e-12, weight_decay=0.0, patience=3)
    result = train(labels(), spec("detailed-balance", shells), still, tmp_path)
    assert len(result.history) <= result.best_epoch + 3 < QUICK.epochs


def test_a_stale_run_writes_nothing(labels, shells, tmp_path):
    (tmp_path / "epoch").write_text("2\n")
    with pytest.raises(StaleEpoch):
        train(labels(), spec("mlp", shells), QUICK, tmp_path / "m", fence=Fence(tmp_path / "epoch", 1))
    assert not [path for path in (tmp_path / "m").rglob("*") if path.is_file()]


KILLED = """
import sys
from pathlib import Path
from nnk.barriers import BarrierSet
from nnk.training import ModelSpec, TrainParameters, train
folder, shells = Path(sys.argv[1]), int(sys.argv[2])
parameters = TrainParameters(epochs=60, batch_size=8, checkpoint_epochs=3, seed=2)
spec = ModelSpec("main", "detailed-balance", shells, {"hidden": (16, 8)})
train(BarrierSet.load(folder / "labels.nc"), spec, parameters, folder / sys.argv[3],
      progress=lambda row: print(row["epoch"], flush=True))
"""


@pytest.mark.faults
def test_sigkill_in_an_epoch_changes_nothing(labels, shells, tmp_path):
    labels().save(tmp_path / "labels.nc")
    (tmp_path / "program.py").write_text(KILLED)

    def start(name):
        command = [sys.executable, "-P", str(tmp_path / "program.py"), str(tmp_path), str(shells), name]
        return subprocess.Popen(
            command, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True
        )

    assert start("whole").communicate()[0].split()[-1] == "60"
    for delay_s in (0.05, 0.2, 0.35):
        killed = start("killed")
        first, *_ = [int(killed.stdout.readline()) for _ in range(4)]  # epochs; a checkpoint is there
        time.sleep(delay_s)
        killed.kill()
        killed.communicate()
        assert killed.returncode == -9
    assert first > 1  # the last of them has gone on from a checkpoint
    assert start("killed").communicate()[0].split()[-1] == "60"
    for name in ("model.safetensors", "model.json", "history.csv", "predictions.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
