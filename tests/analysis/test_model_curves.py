"""Curves: which models make one, against what, and that figure, table and words agree."""

import csv
from dataclasses import asdict, replace

import numpy as np
import pytest

from analysis.csv_tables import Texts
from analysis.model_antisymmetry import antisymmetry_figure, told_both_ways
from analysis.model_curve_figures import curve_figure, curve_names, curve_table, curve_words
from analysis.model_curves import curves_of
from analysis.model_errors import model_errors
from analysis.networks import Network
from analysis.predictions import Predictions
from analysis.style import paper_style
from nnk.networks.kinds import options_of
from nnk.training import ModelSpec, TrainParameters

ELEMENTS = ("Nb", "Mo", "Ta")
ALLOYS = ("Nb20Mo60Ta20", "Nb34Mo33Ta33")


def predictions(name, error_eV, seed=0, n_train=40, n_compositions=2):
    """Barriers of five vacancies tested, five of an unseen composition, and some to train on."""
    n = n_train + 80
    true_eV = np.random.default_rng(seed).normal(1.5, 0.2, 80)
    true_eV = np.concatenate([np.random.default_rng(n_train).normal(1.5, 0.2, n_train), true_eV])
    scatter = np.concatenate([np.ones(n_train), np.random.default_rng(5).normal(0, 1, 80)])
    of_train = [ALLOYS[i % n_compositions] for i in range(n_train)]
    return Predictions(
        model=name,
        split=Texts.of(["train"] * n_train + ["test"] * 40 + ["test-composition"] * 40),
        species=Texts.of([ELEMENTS[i % 3] for i in range(n)]),
        composition=Texts.of(of_train + [ALLOYS[0]] * 40 + ["Nb60Mo20Ta20"] * 40),
        vacancy=np.arange(n) // 8,
        true_eV=true_eV,
        predicted_eV=true_eV + error_eV * scatter / np.abs(scatter[n_train:]).mean(),
        elements=ELEMENTS,
    )


@pytest.fixture
def judged(network):
    """Makes a trained model with its errors."""

    def make(name, error_eV=0.1, *, kind="mlp", parameters=None, n_train=40, data=None, left_eV=None, **spec):
        if "options" in spec:
            spec["options"] = options_of(kind, spec["options"])
        found = data or predictions(name, error_eV, n_train=n_train)
        measured = {
            split: {"labels": n_train // 2, "dE_MAE_eV": 0.5 * error_eV, "KRA_MAE_eV": 0.7 * error_eV}
            for split in ("train", "test", "test-composition")
        }
        if left_eV is not None:
            for entry in measured.values():
                entry["dE_sum_RMS_eV"] = left_eV
        description = {
            "architecture": asdict(ModelSpec(name, kind, **spec)),
            "parameters": asdict(TrainParameters(**(parameters or {}))),
            "errors": measured,
        }
        model = replace(network, description=description)
        return Network(name, model, trained=True), model_errors(found, seed=1)

    return make


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("analysis.model_errors.RESAMPLES", 10)


def of(curve):
    return curve.option, list(curve.values), [model.network.name for model in curve.models]


def test_models_that_differ_in_one_key_make_a_curve_against_it(judged):
    models = [
        judged("a", shells=4),
        judged("b", shells=2),
        judged("c", shells=4, share=0.5, n_train=24),
        judged("d", shells=2, parameters={"batch_size": 32}),
    ]
    assert [of(curve) for curve in curves_of(models)] == [
        ("shells", [2.0, 4.0], ["b", "a"]),
        ("share", [0.5, 1.0], ["c", "a"]),
        ("training.batch_size", [32.0, 64.0], ["d", "b"]),
    ]


@pytest.mark.parametrize(
    "second",
    [
        {"kind": "detailed-balance"},
        {"shells": 4, "share": 0.5},
        {"parameters": {"seed": 2}},
        {},
    ],
)
def test_models_that_differ_in_more_or_in_nothing_make_none(judged, second):
    assert curves_of([judged("a"), judged("b", **second)]) == []


def test_models_tested_on_other_labels_make_none(judged):
    other = predictions("b", 0.1, seed=3)
    assert curves_of([judged("a", shells=2), judged("b", shells=4, data=other)]) == []


def test_tests_are_the_labels_that_all_models_share(judged):
    """Of fewer compositions the known ones are tested on less, the unseen one on the same."""
    few = predictions("b", 0.2, n_compositions=1)
    few = few.select(~few.split.among("test") | (np.arange(len(few)) % 2 == 0))
    (curve,) = curves_of([judged("a"), judged("b", compositions=1, data=few)])
    assert curve.tests == ["test-composition"]
    assert (list(curve.values), curve.amounts) == ([1.0, None], [1.0, 2.0])


def test_sizes_of_layers_are_numbers_of_layers_and_of_units(judged):
    sizes = [(16,), (16, 16), (64,), (64, 64), (64, 64, 64)]
    models = [judged(f"m{i}", options={"hidden": size}) for i, size in enumerate(sizes)]
    curves = curves_of(models)
    assert [of(curve)[:2] for curve in curves] == [
        ("hidden layers", [1.0, 2.0]),
        ("hidden layers", [1.0, 2.0, 3.0]),
        ("hidden units", [16.0, 64.0]),
        ("hidden units", [16.0, 64.0]),
    ]
    assert curve_names(curves[:2]) == ["mlp, 16 units", "mlp, 64 units"]
    assert curve_names(curves[2:]) == ["mlp, 1 layer", "mlp, 2 layers"]
    assert {curve.title for curve in curves} == {"hidden layers", "hidden units"}


def test_sizes_that_are_on_no_line_are_left_out_if_there_is_one_only(judged):
    sizes = [(16,), (64,), (64, 32)]
    curves = curves_of([judged(f"m{i}", options={"hidden": size}) for i, size in enumerate(sizes)])
    assert [of(curve)[:2] for curve in curves] == [("hidden units", [16.0, 64.0])]


def test_other_sizes_are_words(judged):
    (curve,) = curves_of([judged("a", options={"hidden": (64, 32)}), judged("b", options={"hidden": (8,)})])
    assert of(curve) == ("hidden", ["64-32", "8"], ["a", "b"])
    assert curve.amounts is None


def test_all_vacancies_end_the_curves_of_either_choice(judged):
    shares = [("random", 0.25), ("random", 0.5), ("k-means", 0.25), ("k-means", 0.5), ("random", 1.0)]
    models = [
        judged(f"m{i}", choice=choice, share=share, n_train=int(80 * share))
        for i, (choice, share) in enumerate(shares)
    ]
    by_share = [curve for curve in curves_of(models) if curve.option == "share"]
    assert [of(curve)[2] for curve in by_share] == [["m0", "m1", "m4"], ["m2", "m3", "m4"]]
    assert [curve.amounts for curve in by_share] == [[10.0, 20.0, 40.0]] * 2
    assert curve_names(by_share) == ["mlp, random", "mlp, k-means"]
    by_choice = [of(curve)[1:] for curve in curves_of(models) if curve.option == "choice"]
    assert by_choice == [(["k-means", "random"], ["m2", "m0"]), (["k-means", "random"], ["m3", "m1"])]


def test_labels_that_folds_have_held_out_test_too(judged):
    """Training has measured nothing of them."""
    models = [judged("a", shells=2), judged("b", shells=4)]
    for network, _ in models:
        del network.model.description["errors"]["test-composition"]
    (curve,) = curves_of(models)
    rows = list(csv.DictReader(curve_table([curve]).csv_text().splitlines()))
    assert [row["dE_MAE_eV"] != "" for row in rows] == [row["split"] != "test-composition" for row in rows]
    with paper_style():
        assert len(curve_figure([curve]).figure.axes) == 1


def test_published_models_make_none(network):
    found = Network("published", replace(network, description={}), trained=False)
    assert curves_of([(found, model_errors(predictions("published", 0.1), 1))] * 2) == []


@pytest.fixture
def several(judged):
    """Two kinds against shells, one of them against its share too."""
    return curves_of(
        [
            *(judged(f"mlp{s}", 0.2 / s, shells=s) for s in (1, 2, 4, 8)),
            *(judged(f"db{s}", 0.1 / s, kind="detailed-balance", shells=s) for s in (2, 8)),
            judged("less", 0.4, share=0.5, shells=8, n_train=20),
        ]
    )


def test_the_table_holds_what_is_drawn(several):
    rows = list(csv.DictReader(curve_table(several).csv_text().splitlines()))
    assert len(rows) == 3 * (4 + 2 + 2)
    row = next(r for r in rows if (r["model"], r["split"], r["option"]) == ("mlp2", "test", "shells"))
    assert (row["curve"], float(row["amount"]), int(row["barriers"])) == ("mlp", 2.0, 40)
    tested = predictions("mlp2", 0.1)
    expected = np.abs(tested.error_meV[tested.split.among("test")]).mean() / 1000
    assert float(row["MAE_eV"]) == pytest.approx(expected)
    assert float(row["dE_MAE_eV"]) == pytest.approx(0.05)
    with paper_style():
        figure = curve_figure(several).figure
    shells, share, of_states = figure.axes
    assert [text.get_text() for text in shells.get_legend().get_texts()] == ["mlp", "detailed-balance"]
    drawn = shells.containers[1].lines[0]
    np.testing.assert_array_equal(drawn.get_xdata(), [1, 2, 4, 8])
    assert drawn.get_ydata()[1] == pytest.approx(1000 * expected)
    assert share.get_xlabel() == "training labels"
    assert of_states.get_lines()[1].get_ydata()[-1] == pytest.approx(1000 * 0.0125)


@pytest.fixture
def forms(judged):
    """Forms of the energy difference against the share, and another kind."""
    left = {"free": (0.06, 0.03), "soft": (0.03, 0.02), "hard": (0.0, 0.0), "kolmogorov": (1e-9, 0.0)}
    models = [
        judged(
            f"{form}-{share}",
            kind="fingerprint",
            share=share,
            n_train=int(80 * share),
            left_eV=left[form][i],
            options={"difference": form, "difference_weight": 1.0},
        )
        for form in left
        for i, share in enumerate((0.5, 1.0))
    ]
    models += [judged(f"db{s}", kind="detailed-balance", share=s, n_train=int(80 * s)) for s in (0.5, 1.0)]
    return curves_of(models)


def test_sums_of_energy_differences_are_drawn_against_the_number_of_labels(forms):
    told = told_both_ways(forms)
    assert [curve.others["difference"] for curve in told] == ["free", "soft", "hard", "kolmogorov"]
    with paper_style():
        product = antisymmetry_figure(told)
    errors, sums = product.figure.axes
    drawn = [line.get_ydata() for line in sums.get_lines()[:8:2]]
    np.testing.assert_allclose(drawn, [[60, 30], [30, 20], [0, 0], [1e-6, 0]], atol=1e-12)
    assert [list(line.get_xdata()) for line in errors.get_lines()[:2]] == [[20, 40], [20, 40]]
    assert "fingerprint, free 60.0 to 30.0 meV" in product.alt
    assert "kolmogorov nothing but rounding" in product.alt
    rows = list(csv.DictReader(curve_table(forms).csv_text().splitlines()))
    found = {
        row["dE_sum_RMS_eV"]
        for row in rows
        if (row["model"], row["split"], row["option"]) == ("free-0.5", "test", "share")
    }
    assert found == {"0.06"}
    assert {row["dE_sum_RMS_eV"] for row in rows if row["model"] == "db0.5"} == {""}


def test_many_curves_have_a_panel_for_each_kind(forms):
    with paper_style():
        panels = curve_figure(forms).figure.axes
    of_share = [panel for panel in panels if panel.get_xlabel() == "training labels"]
    # errors of fingerprints, of the other kind, and its energy differences, which are nowhere else
    assert [len(panel.get_lines()) for panel in of_share] == [3 * 4 * 3, 3 * 3, 3]


def test_words_tell_the_ends_and_the_power(several):
    text = curve_words(several)
    unseen = predictions("x", 1.0)
    scale = np.abs(unseen.error_meV[unseen.split.among("test-composition")]).mean()
    first, last = (f"{scale * error:.0f}" for error in (0.2, 0.025))
    assert f"{first} to {last} meV from 1 to 8 neighbour shells, least, {last} meV, at 8" in text
    assert "from 10 to 20 training labels, as their number to the power -4.00" in text


def test_words_of_values_that_are_no_numbers(judged):
    models = [judged("a", 0.1, share=0.5, choice="k-means"), judged("b", 0.2, share=0.5)]
    with paper_style():
        (panel,) = curve_figure(curves_of(models)).figure.axes
    assert [tick.get_text() for tick in panel.get_xticklabels()] == ["k-means", "random"]
    assert "by choice of vacancies" in curve_words(curves_of(models))
