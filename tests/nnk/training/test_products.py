"""What a training run leaves behind."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from nnk.training import ModelSpec, TrainParameters, train
from nnk.training.data import jump_data
from nnk.training.products import predict_both
from nnk.training.splits import split_labels

pytestmark = pytest.mark.filterwarnings("ignore:.*wrap around:UserWarning")

QUICK = TrainParameters(epochs=2, batch_size=32, seed=2)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_ensembles_write_the_spread_of_their_networks(labels, shells, tmp_path):
    barriers = labels()
    spec = ModelSpec("main", "mlp", shells, {"hidden": (4,)}, members=3)
    result = train(barriers, spec, QUICK, tmp_path)
    data, rows = jump_data(barriers, shells), rows_of(tmp_path / "predictions.csv")
    members = [predict_both(member, data) for member in result.model.members]
    both = np.array([np.concatenate([m.forward, m.backward]) for m in members])
    predicted = np.array([[float(row["E_predicted_eV"]), float(row["E_spread_eV"])] for row in rows])
    np.testing.assert_allclose(predicted[:, 0], both.mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(predicted[:, 1], both.std(axis=0, ddof=1), atol=1e-12)
    assert predicted[:, 1].max() > 1e-4
    (alone, *_) = rows_of(tmp_path / "members" / "0" / "predictions.csv")
    assert "E_spread_eV" not in alone


@pytest.mark.parametrize("members", [1, 2])
def test_sums_of_energy_differences_there_and_back_are_measured(labels, shells, tmp_path, members):
    barriers = labels()
    found = {}
    for difference, weight in (("free", 1.0), ("free", 0.0), ("hard", 1.0)):
        options = {"difference": difference, "hidden": (4,), "difference_weight": weight}
        spec = ModelSpec("main", "fingerprint", shells, options, members=members)
        found[difference, weight] = train(barriers, spec, QUICK, tmp_path / f"{difference}{weight}")
    assert all("dE_sum_RMS_eV" not in entry for entry in found["free", 0.0].metrics.values())
    assert all(entry["dE_sum_RMS_eV"] < 1e-6 for entry in found["hard", 1.0].metrics.values())
    model, data = found["free", 1.0].model, jump_data(barriers, shells)
    there, back = model.energy_differences(data.species, data.mover)
    # the barriers of both directions hold the same difference
    predicted = predict_both(model, data)
    np.testing.assert_allclose(predicted.forward - predicted.backward, (there - back) / 2, atol=1e-5)
    members_of = getattr(model, "members", (model,))
    each = [member.energy_differences(data.species, data.mover) for member in members_of]
    np.testing.assert_allclose(np.mean(each, axis=0), [there, back])
    split = split_labels(data, QUICK)
    for name, entry in found["free", 1.0].metrics.items():
        left = (there + back)[split == name]
        assert entry["dE_sum_RMS_eV"] == pytest.approx(np.sqrt(np.mean(left**2)))
        assert entry["dE_sum_RMS_eV"] > 1e-3


def test_networks_without_a_difference_of_their_own_have_no_sum(labels, shells, tmp_path):
    spec = ModelSpec("main", "mlp", shells, {"hidden": (4,)})
    result = train(labels(), spec, replace(QUICK, epochs=1), tmp_path)
    data = jump_data(labels(), shells)
    assert result.model.energy_differences(data.species, data.mover) is None
    assert all("dE_sum_RMS_eV" not in entry for entry in result.metrics.values())


@pytest.mark.parametrize("known", [0.0, 0.5])
def test_barriers_that_are_not_known_are_neither_written_nor_judged(labels, shells, tmp_path, known):
    barriers = labels()
    drawn = np.random.default_rng(1).random(len(barriers)) < known
    barriers = replace(barriers, E_bwd_eV=np.where(drawn, barriers.E_bwd_eV, np.nan))
    result = train(barriers, ModelSpec("main", "mlp", shells, {"hidden": (4,)}), QUICK, tmp_path)
    data = jump_data(barriers, shells)
    forward, backward, spreads = predict_both(result.model, data)
    assert spreads is None
    rows = rows_of(tmp_path / "predictions.csv")
    found = {
        (row["sample"], int(row["vacancy_site"]), int(row["jump"]), row["direction"]): (
            float(row["E_eV"]),
            float(row["E_predicted_eV"]),
            row["species"],
        )
        for row in rows
    }
    expected = {}
    for i in range(len(data)):
        place = str(data.sample[i]), int(data.vacancy_site[i]), int(data.jump[i])
        element = data.elements[data.mover[i] - 1]
        expected[*place, "forward"] = data.E_fwd_eV[i], forward[i], element
        if np.isfinite(data.E_bwd_eV[i]):
            expected[*place, "backward"] = data.E_bwd_eV[i], backward[i], element
    assert len(rows) == len(found)
    assert found == expected
    for split, entry in result.metrics.items():
        chosen = [row for row in rows if row["split"] == split]
        assert entry["n"] == len(chosen)
        assert entry["labels"] == sum(row["direction"] == "forward" for row in chosen)
        sizes = [abs(float(row["E_eV"]) - float(row["E_predicted_eV"])) for row in chosen]
        assert entry["MAE_eV"] == pytest.approx(np.mean(sizes))
        assert (entry["dE_MAE_eV"] is None) == (entry["n"] == entry["labels"])
