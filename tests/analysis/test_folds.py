"""Cross-validation: out-of-fold errors folder by folder, on predictions made by hand."""

import csv

import numpy as np
import pytest

from analysis import folds
from analysis.csv_tables import Columns, Texts, joined
from analysis.fold_errors import model_folds
from analysis.inputs import Inputs
from analysis.predictions import read_predictions
from nnk.files import Workdir

CAMPAIGN = """\
name: folds
seed: 7
alloy: {elements: [Nb, Mo], lattice: bcc}
labels: {file: labels.nc}
train:
  folds: [[A, B], [C]]
  models: [{name: good, kind: mlp, shells: 2}, {name: bad, kind: mlp, shells: 2}]
"""
COLUMNS = ("split", "composition", "sample", "vacancy_site", "species", "E_eV", "E_predicted_eV")
ERRORS = {
    "A": 0.1,
    "B": 0.3,
    "C": 0.2,
}  # of the network "good", on the first barrier of a folder; half as much on the other
FOLDS = (("A", "B"), ("C",))


def rows_of(tested, factor, split="test-composition"):
    """Two barriers of each folder; those of the folders that are not tested were trained on."""
    rows = []
    for name, error in ERRORS.items():
        for site, part in ((3, 1.0), (4, -0.5)):
            of = split if name in tested else "train"
            predicted = 1.0 + factor * part * error if name in tested else 1.0
            rows.append((of, f"Nb{name}", f"{name}/s0000", site, "Nb", 1.0, predicted))
    return rows


def write(path, rows):
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([COLUMNS, *rows])


@pytest.fixture
def workdir(tmp_path, save_labels):
    found = Workdir(tmp_path)
    found.campaign_file.write_text(CAMPAIGN)
    for model, factor in (("good", 1.0), ("bad", 3.0)):
        write(found.model_dir(model) / "predictions.csv", rows_of((), factor))
        for number, tested in enumerate(FOLDS):
            rows = rows_of(tested, factor)
            write(found.model_dir(f"{model}/fold{number}") / "predictions.csv", rows)
            (found.model_dir(model) / "model.json").touch()
    save_labels(found)
    return found


@pytest.fixture
def save_labels(labels):
    """Labels of which one is not used."""

    def save(workdir):
        workdir.labels_dir.mkdir(parents=True)
        reasons = tuple("too small" if not used else "" for used in labels.usable)
        labels.replaced(reason=reasons).save(workdir.labels_file)

    return save


@pytest.fixture
def labels():
    from nnk.barriers import BarrierSet, Flag

    flag = np.zeros(8, dtype=np.uint8)
    flag[2] = Flag.TINY
    return BarrierSet(
        elements=("Nb", "Mo"),
        structure="bcc",
        cells=(2, 2, 2),
        occupancy=np.ones((1, 16)),
        a_A=[3.2],
        sample_key=("A/s0000",),
        composition=[[1.0, 0.0]],
        sample=np.zeros(8),
        vacancy_site=np.zeros(8),
        jump=np.arange(8),
        flag=flag,
        **dict.fromkeys(("E_fwd_eV", "E_bwd_eV", "curvature_eV_A2", "residual_force_eV_A"), np.ones(8)),
        calls=np.ones(8),
        method=np.zeros(8),
        n_saddles=np.ones(8),
        item_hash=("",) * 8,
    )


def table_of(product, name):
    (table,) = [table for table in product.tables if table.name == name]
    return [dict(zip(table.columns, row, strict=True)) for row in table.rows]


def test_networks_stand_side_by_side_best_first(workdir):
    product = folds.analyse(Inputs(workdir))
    good, bad = table_of(product, "folds")
    assert (good["model"], bad["model"]) == ("good", "bad")
    means = 0.75 * np.array(list(ERRORS.values()))
    assert good["mean_MAE_eV"] == pytest.approx(means.mean())
    assert good["mean_MAE_error_eV"] == pytest.approx(means.std(ddof=1) / np.sqrt(3))
    assert good["median_MAE_eV"] == pytest.approx(0.15)
    assert (good["worst_folder"], good["folders"], good["barriers"]) == ("B", 3, 6)
    assert bad["mean_MAE_eV"] == pytest.approx(3 * means.mean())
    assert product.summary.startswith("Of 2 networks, good has the lowest mean absolute error")
    assert product.settings["labels left out"] == "1 of 8: 1 too small"
    assert product.warnings == ()


def test_each_folder_is_judged_by_the_training_that_had_not_seen_it(workdir):
    rows = table_of(folds.analyse(Inputs(workdir)), "folds-by-folder")
    good = {row["folder"]: row for row in rows if row["model"] == "good"}
    assert {name: row["fold"] for name, row in good.items()} == {"A": 0, "B": 0, "C": 1}
    for name, error in ERRORS.items():
        assert good[name]["MAE_eV"] == pytest.approx(0.75 * error)
        assert good[name]["bias_eV"] == pytest.approx(0.25 * error)
        assert good[name]["largest_error_eV"] == pytest.approx(error)


def test_figures_name_their_tables(workdir):
    product = folds.analyse(Inputs(workdir))
    assert {figure.name for figure in product.figures} == {"folds", "folds-parity"}
    assert {figure.table for figure in product.figures} <= {table.name for table in product.tables}
    labels = [text.get_text() for text in product.figures[0].figure.axes[0].get_yticklabels()]
    assert labels == ["good", "bad"]


def test_a_network_whose_folds_are_not_all_trained_is_left_out(workdir):
    (workdir.model_dir("bad/fold1") / "predictions.csv").unlink()
    inputs = Inputs(workdir)
    assert [row["model"] for row in table_of(folds.analyse(inputs), "folds")] == ["good"]
    assert inputs.warnings == ["Cross-validation of bad is left out: bad/fold1 not trained yet."]


def test_a_composition_in_two_folds_is_a_warning():
    columns = dict(zip(COLUMNS, zip(*rows_of(("A",), 1.0), strict=True), strict=True))
    columns["composition"] = ["NbMo"] * 6
    texts = {name: Texts.of(columns[name]) for name in COLUMNS[:5]}
    numbers = {name: np.array(columns[name]) for name in COLUMNS[5:]}
    assert model_folds("m", [Columns(texts, numbers)], ("Nb",), 7).trained_compositions == ("NbMo",)


def test_predictions_of_a_network_have_what_its_folds_had_held_out(workdir):
    found = read_predictions(Inputs(workdir), "good", ("Nb", "Mo"))
    assert found.splits == ["train", "test-composition"]
    tested = found.select(found.tested)
    assert len(found) == 12
    assert sorted(np.abs(tested.error_meV).round(6)) == [50, 100, 100, 150, 200, 300]
    assert len(np.unique(tested.vacancy)) == 6
    training = found.select(~found.tested)
    assert sorted(training.vacancy) == sorted(tested.vacancy)  # the same numbers for the same vacancies


def test_joined_tables_keep_their_texts_and_what_all_have():
    first = Columns({"a": Texts.of(["x", "y"])}, {"n": np.array([1.0, 2.0]), "m": np.zeros(2)})
    second = Columns({"a": Texts.of(["z", "x"])}, {"n": np.array([3.0, 4.0])})
    both = joined([first, second])
    assert both.texts["a"].tolist() == ["x", "y", "z", "x"]
    assert both.numbers["n"].tolist() == [1, 2, 3, 4]
    assert set(both.numbers) == {"n"}
    assert both.select(np.array([3, 0])).texts["a"].tolist() == ["x", "x"]
