import csv
import json
from collections import defaultdict

import numpy as np
import pytest

from analysis import parity, training
from analysis.csv_tables import read_columns
from analysis.inputs import Inputs


def predictions(workdir):
    with (workdir.model_dir("main") / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_parity_errors_are_those_of_a_plain_loop(workdir, rows_of):
    product = parity.analyse(Inputs(workdir))
    differences = defaultdict(list)
    for row in predictions(workdir):
        difference = float(row["E_predicted_eV"]) - float(row["E_eV"])
        differences[row["split"], row["species"]].append(difference)
        differences[row["split"], "all"].append(difference)
    rows = rows_of(product, "parity-main")
    assert {(row["split"], row["moving_species"]) for row in rows} == set(differences)
    for row in rows:
        expected = np.array(differences[row["split"], row["moving_species"]])
        assert int(row["barriers"]) == len(expected)
        assert float(row["MAE_eV"]) == pytest.approx(np.abs(expected).mean())
        assert float(row["RMSE_eV"]) == pytest.approx(np.sqrt((expected**2).mean()))
        assert float(row["bias_eV"]) == pytest.approx(expected.mean())


def test_parity_numbers_agree_with_the_model_and_have_an_error(workdir):
    numbers = parity.analyse(Inputs(workdir)).numbers
    errors = json.loads((workdir.model_dir("main") / "model.json").read_text())["description"]["errors"]
    assert len(numbers) == len(errors) - 1
    test = next(n for n in numbers if n.label.endswith("unseen composition"))
    assert test.value == pytest.approx(1000 * errors["test-composition"]["MAE_eV"])
    assert 0 < test.error < test.value


def test_training_history_and_best_epoch(workdir, rows_of):
    product = training.analyse(Inputs(workdir))
    rows = rows_of(product, "training-main-history")
    assert [float(row["epoch"]) for row in rows] == [1, 2]
    best = min(rows, key=lambda row: float(row["validation_MAE_eV"]))
    caption = product.figures[0].caption
    assert f"weights are kept ({float(best['epoch']):.0f})" in caption
    errors = rows_of(product, "training-main")
    assert {row["moving_species"] for row in errors} == {"all", "Nb", "Mo", "Ta"}


def test_a_poor_network_is_called_poor(workdir):
    """Two epochs of eight units do not halve the error of the species' means."""
    warnings = training.analyse(Inputs(workdir)).warnings
    errors = json.loads((workdir.model_dir("main") / "model.json").read_text())["description"]["errors"]
    poor = [s for s, e in errors.items() if s != "train" and e["MAE_eV"] > 0.5 * e["baseline_MAE_eV"]]
    assert len(warnings) == len(poor)
    for split, text in zip(poor, warnings, strict=True):
        assert split in text


def test_a_missing_column_is_named(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\n1,2\n")
    with pytest.raises(ValueError, match="no column lr; it has epoch, loss"):
        read_columns(path, numbers=["epoch", "lr"])


@pytest.mark.parametrize("analyse", [parity.analyse, training.analyse])
def test_networks_that_are_not_there_yet_are_named(workdir, analyse):
    text = workdir.campaign_file.read_text()
    one = "{name: main, kind: mlp, shells: 2}"
    workdir.campaign_file.write_text(text.replace(one, f"{one}, {one.replace('main', 'later')}"))
    inputs = Inputs(workdir)
    analyse(inputs)
    assert inputs.warnings == ["Networks that have not been trained yet are left out: later."]
