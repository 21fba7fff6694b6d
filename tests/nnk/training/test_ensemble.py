"""Ensembles in training: members of one split, kept when they are done, and a history of their own."""

import csv
from dataclasses import replace

import numpy as np
import pytest
import torch

from nnk.files import rng
from nnk.models import load
from nnk.training import ModelSpec, TrainParameters, train
from nnk.training.ensemble import _together
from nnk.training.epochs import batches

QUICK = TrainParameters(epochs=3, batch_size=32, checkpoint_epochs=1, seed=2)
THREE = ModelSpec("main", "detailed-balance", 2, {"hidden": (8,)}, members=3)

pytestmark = pytest.mark.filterwarnings("ignore:.*wrap around:UserWarning")


def test_the_first_member_is_the_network_that_would_be_alone(labels, tmp_path):
    result = train(labels(), THREE, QUICK, tmp_path / "three")
    alone = train(labels(), replace(THREE, members=1), QUICK, tmp_path / "alone")
    assert load(tmp_path / "three" / "members" / "0").tensors().keys() == alone.model.tensors().keys()
    for name, array in alone.model.tensors().items():
        np.testing.assert_array_equal(result.model.members[0].tensors()[name], array)
    description = load(tmp_path / "three").describe()
    assert description["kind"] == "ensemble"
    assert description["detailed_balance"]
    assert (description["architecture"]["kind"], description["architecture"]["members"]) == (THREE.kind, 3)
    with (tmp_path / "three" / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert description["best_epoch"] in [int(row["epoch"]) for row in rows]
    first = [row["loss"] for row in alone.history]
    assert [float(row["loss"]) for row in rows] != first


class Killed(BaseException):
    """Stands for a process that ends at once."""


def test_members_that_are_done_are_not_trained_again(labels, tmp_path):
    train(labels(), THREE, QUICK, tmp_path / "whole")
    seen = []

    def die(row):
        seen.append(row["epoch"])
        if len(seen) == QUICK.epochs + 1:
            raise Killed

    with pytest.raises(Killed):
        train(labels(), THREE, QUICK, tmp_path / "killed", progress=die)
    assert not (tmp_path / "killed" / "model.json").exists()
    again = []
    train(labels(), THREE, QUICK, tmp_path / "killed", progress=lambda row: again.append(row["epoch"]))
    assert again == [2, 3, 1, 2, 3]  # what was left of the second, and the third
    for name in ("model.safetensors", "model.json", "history.csv", "predictions.csv"):
        assert (tmp_path / "killed" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_history_is_the_mean_of_those_that_still_train():
    def rows(*errors):
        return [{"epoch": i, "validation_MAE_eV": e, "loss": 2 * e} for i, e in enumerate(errors, start=1)]

    state = _together([rows(3.0, 1.0), rows(5.0, 3.0, 2.5)])
    assert [row["validation_MAE_eV"] for row in state.history] == [4.0, 2.0, 2.5]
    assert [row["loss"] for row in state.history] == [8.0, 4.0, 5.0]
    assert (state.epoch, state.best_epoch, state.best_error) == (3, 2, 2.0)


@pytest.mark.parametrize(
    ("n", "sizes"), [(96, [32, 32, 32]), (97, [32, 32, 33]), (98, [32, 32, 32, 2]), (1, [1])]
)
def test_no_label_is_left_alone_in_a_batch(n, sizes):
    order = torch.tensor(rng(0, "order").permutation(n))
    parts = batches(order, 32)
    assert [len(part) for part in parts] == sizes
    assert torch.equal(torch.cat(parts), order)
