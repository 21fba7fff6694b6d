import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from ruamel.yaml import YAML

from analysis import models
from analysis.csv_tables import Texts
from analysis.inputs import DamagedInput, Inputs
from analysis.model_cards import training_time
from analysis.model_distance import distances
from analysis.model_errors import model_errors
from analysis.model_parity import chosen_parts, parts_of
from analysis.model_speed import speed_of, wall_us
from analysis.model_spread import committee_of, judged_spread
from analysis.model_table import behind, is_tied
from analysis.networks import Network
from analysis.predictions import Predictions, predicted_labels, read_predictions
from nnk.files import append_record
from nnk.lattice import Lattice

ELEMENTS = ("Nb", "Mo", "Ta")


def edited(workdir, change):
    """The campaign file after `change` of its content."""
    data = YAML(typ="safe", pure=True).load(workdir.campaign_file)
    change(data)
    workdir.campaign_file.write_text(json.dumps(data))
    return workdir


def with_options(workdir, **options):
    """The campaign with options of this analysis."""
    return edited(workdir, lambda data: data.setdefault("analysis_options", {}).update(models=options))


@pytest.fixture(scope="session")
def more_models(labels, tmp_path_factory):
    """A balanced model and another forward one, trained on the same labels as the campaign's own."""
    from nnk.training import ModelSpec, TrainParameters, train

    folder = tmp_path_factory.mktemp("more")
    parameters = TrainParameters(epochs=2, test_compositions=1, seed=7, test_fraction=0.2)
    train(labels, ModelSpec("balanced", shells=2, options={"hidden": (4,)}), parameters, folder / "balanced")
    train(labels, ModelSpec("other", "mlp", shells=1, options={"hidden": (4,)}), parameters, folder / "other")
    return folder


@pytest.fixture
def short(workdir):
    """A campaign with short loops."""
    return with_options(workdir, loop_lengths=[4, 12], loops=6)


def with_three(short, more_models):
    """The campaign with all three models."""
    names = ("main", "balanced", "other")
    edited(short, lambda data: data.update(train={"models": [{"name": name} for name in names]}))
    for name in ("balanced", "other"):
        short.model_dir(name).mkdir()
        for file in (more_models / name).iterdir():
            if file.is_file():
                (short.model_dir(name) / file.name).write_bytes(file.read_bytes())
    return short


@pytest.fixture
def several(short, more_models):
    return with_three(short, more_models)


@pytest.fixture(scope="session")
def analysed(make_workdir, more_models, tmp_path_factory):
    """The campaign of three models, and its product."""
    workdir = with_options(
        make_workdir(tmp_path_factory.mktemp("models") / "work"), loop_lengths=[4, 12], loops=6
    )
    with_three(workdir, more_models)
    return workdir, models.analyse(Inputs(workdir))


def rows_of_main(analysed, rows_of):
    return [row for row in rows_of(analysed[1], "models-errors") if row["model"] == "main"]


def plain_rows(workdir):
    with (workdir.model_dir("main") / "predictions.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def members(row, rows):
    """The barriers that a row of the table is about, found the slow way."""
    split = ("test", "test-composition") if row["split"] == "tested" else (row["split"],)
    chosen = [r for r in rows if r["split"] in split]
    if row["by"] in ("species", "composition"):
        return [r for r in chosen if r[row["by"]] == row["group"]]
    if row["by"] == "all":
        return chosen
    values = sorted(float(r["E_eV"]) for r in chosen)
    edges = np.quantile(values, np.linspace(0, 1, 9))
    low = next(i for i in range(8) if row["group"].startswith(f"{edges[i]:.3f} to {edges[i + 1]:.3f}"))
    last = low == 7
    return [
        r for r in chosen if edges[low] <= float(r["E_eV"]) and (last or float(r["E_eV"]) < edges[low + 1])
    ]


def test_errors_are_those_of_a_plain_loop(analysed, rows_of):
    rows, known = rows_of_main(analysed, rows_of), plain_rows(analysed[0])
    assert {row["by"] for row in rows} == {
        "all",
        "species",
        "composition",
        "distance",
        "barrier",
        "predicted",
    }
    for row in (r for r in rows if r["by"] not in ("predicted", "distance")):
        chosen = members(row, known)
        errors = np.array([float(r["E_predicted_eV"]) - float(r["E_eV"]) for r in chosen])
        assert int(row["barriers"]) == len(chosen) > 0
        assert float(row["MAE_eV"]) == pytest.approx(np.abs(errors).mean())
        assert float(row["RMSE_eV"]) == pytest.approx(np.sqrt((errors**2).mean()))
        assert float(row["bias_eV"]) == pytest.approx(errors.mean(), abs=1e-9)
        assert float(row["worst_eV"]) == pytest.approx(np.abs(errors).max())
        assert float(row["computed_eV"]) == pytest.approx(np.mean([float(r["E_eV"]) for r in chosen]))


def test_bins_hold_all_tested_barriers_in_about_equal_numbers(analysed, rows_of):
    rows = rows_of_main(analysed, rows_of)
    tested = sum(r["split"].startswith("test") for r in plain_rows(analysed[0]))
    for by in ("barrier", "predicted"):
        counts = [int(row["barriers"]) for row in rows if row["by"] == by]
        assert sum(counts) == tested
        assert len(counts) == 8
        assert max(counts) - min(counts) <= 2


def test_every_tested_composition_and_moving_species_has_its_error(analysed, rows_of):
    rows = rows_of_main(analysed, rows_of)
    for split in ("test", "test-composition"):
        for by in ("species", "composition"):
            groups = {row["group"] for row in rows if (row["split"], row["by"]) == (split, by)}
            assert groups == {r[by] for r in plain_rows(analysed[0]) if r["split"] == split}
    assert all(float(row["MAE_error_eV"]) > 0 for row in rows if row["split"] == "train")


def test_errors_of_errors_are_over_vacancies(workdir):
    """Each vacancy twice changes no error; twice as many vacancies shrink it."""
    p = read_predictions(Inputs(workdir), "main", ELEMENTS)
    twice = p.select(np.tile(np.arange(len(p)), 2))
    other = replace(twice, vacancy=np.concatenate([p.vacancy, p.vacancy + p.vacancy.max() + 1]))
    (once, same, half) = (model_errors(q, 7).of("test-composition", "all")[0].MAE for q in (p, twice, other))
    assert same.error == pytest.approx(once.error)
    groups = once.n
    assert half.error == pytest.approx(once.error * np.sqrt((groups - 1) / (2 * groups - 1)))


def test_balanced_models_do_not_drift_and_forward_ones_do(analysed, rows_of):
    _, product = analysed
    rows = rows_of(product, "models-drift")
    assert {(row["model"], row["length"]) for row in rows} == {
        (name, length) for name in ("main", "balanced", "other") for length in ("4", "12")
    }
    for row in rows:
        drift = float(row["drift_eV"])
        if row["model"] == "balanced":
            assert drift < 1e-9
        elif row["species"] == "all":
            assert drift > 1e-6
        assert (row["detailed_balance"] == "true") == (row["model"] == "balanced")
    every, *apart = [row for row in rows if (row["model"], row["length"]) == ("main", "12")]
    assert every["loops"] == "6"
    weighted = sum(int(row["loops"]) * float(row["drift_eV"]) for row in apart) / 6
    assert weighted == pytest.approx(float(every["drift_eV"]))
    assert "balanced leaves nothing but rounding" in product.summary


def test_figures_tables_and_numbers_are_made(analysed):
    _, product = analysed
    assert [figure.name for figure in product.figures] == [
        "models",
        *(f"models-{name}{kind}" for name in ("main", "balanced", "other") for kind in ("", "-compositions")),
        *("models-distance", "models-drift", "models-spread"),
    ]
    tables = {table.name for table in product.tables}
    parts = ("cards", "drift", "errors", "compositions", "spread")
    assert tables == {"models", *(f"models-{part}" for part in parts)}
    assert {figure.table for figure in product.figures} <= tables
    assert {number.table for number in product.numbers} <= tables
    labels = [number.label for number in product.numbers]
    assert len(labels) == len(set(labels))


def test_cards_say_what_each_model_is(analysed, rows_of):
    rows = rows_of(analysed[1], "models-cards")
    for name in ("main", "balanced", "other"):
        card = {row["item"]: row["value"] for row in rows if row["model"] == name}
        topics = {row["topic"] for row in rows if row["model"] == name}
        assert topics == {"what it is", "data", "errors", "limits", "use"}
        assert card["kind"] == ("detailed-balance" if name == "balanced" else "mlp")
        assert ("equilibrium" in card) == (name != "balanced")
        assert card["in Python"] == f'nnk.models.load("models/{name}")'
        assert card["made by"] == "launch campaign.yaml"
    overview = rows_of(analysed[1], "models")
    assert sorted(row["model"] for row in overview) == ["balanced", "main", "other"]
    assert all(float(row["core_us"]) > 0 for row in overview)


def test_a_model_is_compared_with_labels_that_it_has_not_seen(labels, network):
    """The labels were made by this network: as a stranger to them it predicts each one exactly."""
    for order in (ELEMENTS, ("Ta", "Nb", "Mo")):
        p = predicted_labels(Network("published", network.remap(order), False), labels)
        usable = labels.usable & np.isfinite(labels.E_bwd_eV)
        assert len(p.true_eV) == 2 * usable.sum()
        assert p.tested.all()
        np.testing.assert_allclose(p.predicted_eV, p.true_eV, atol=1e-6)
        moved = np.array(ELEMENTS)[labels.moving_species[usable] - 1]
        assert sorted(p.species.tolist()) == sorted([*moved, *moved])


def with_published(workdir, weights):
    published = {"format": "nkk", "file": str(weights), "allow_pickle": True}
    edited(workdir, lambda data: data["kmc"].update(model={"published": published}))


def test_published_network_without_labels_has_no_errors_but_a_drift(short, nkk_weights, rows_of):
    with_published(short, nkk_weights)
    edited(short, lambda data: [data.pop(section) for section in ("label", "train")])
    product = models.analyse(Inputs(short))
    assert [figure.name for figure in product.figures] == ["models-drift"]
    assert any("its errors are unknown here" in text for text in product.warnings)
    assert 0.02 < float(rows_of(product, "models-drift")[0]["drift_eV"]) < 0.08
    (row,) = rows_of(product, "models")
    assert not any(column.endswith("MAE_eV") for column in row)


def test_published_network_is_compared_with_the_labels_beside_the_trained_models(short, nkk_weights, rows_of):
    with_published(short, nkk_weights)
    product = models.analyse(Inputs(short))
    names = [figure.name for figure in product.figures]
    assert names == [
        *("models", "models-main", "models-main-compositions"),
        *("models-published", "models-published-compositions", "models-distance", "models-drift"),
    ]
    splits = {row["split"] for row in rows_of(product, "models-errors") if row["model"] == "published"}
    assert splits == {"labels", "tested"}


def test_a_damaged_model_is_left_out_and_named(several, rows_of):
    (several.model_dir("balanced") / "model.safetensors").write_bytes(b"torn")
    inputs = Inputs(several)
    rows = rows_of(models.analyse(inputs), "models")
    assert [row["model"] for row in rows] == ["main", "other"]
    assert any("models/balanced is left out" in text for text in inputs.warnings)


def test_without_any_sound_model_it_fails(short):
    (short.model_dir("main") / "predictions.csv").write_text("split\ntest\n")
    with pytest.raises(DamagedInput, match="none of the models main"):
        models.analyse(Inputs(short))


def test_lengths_that_no_loop_has_are_refused(workdir):
    with_options(workdir, loop_lengths=[4, 5])
    with pytest.raises(DamagedInput, match="length=5: closed loops"):
        models.analyse(Inputs(workdir))


def test_three_models_make_a_committee(analysed):
    inputs = Inputs(analysed[0])
    sets = [read_predictions(inputs, name, ELEMENTS) for name in ("main", "balanced", "other")]
    found = judged_spread(committee_of(sets), "all")
    predicted = np.array([p.predicted_eV[p.tested] for p in sets])
    error = predicted.mean(axis=0) - sets[0].true_eV[sets[0].tested]
    assert found.MAE.mean == pytest.approx(np.abs(error).mean())
    assert found.calibration.n.sum() == len(error)
    one_spread = (np.abs(error) < predicted.std(axis=0, ddof=1)).mean()
    assert found.calibration.within[0] == pytest.approx(one_spread)
    assert committee_of(sets[:2]) is None
    assert committee_of([*sets[:2], replace(sets[2], split=sets[2].split[::-1])]) is None


def test_the_errors_of_a_committee_are_compared_with_its_spread(workdir):
    """Ten members around a centre that errs by the spread of one of them."""
    p = read_predictions(Inputs(workdir), "main", ELEMENTS)
    rng = np.random.default_rng(1)
    m = 6000
    pick = np.flatnonzero(p.tested)[rng.integers(p.tested.sum(), size=m)]
    many = p.select(pick)
    width = rng.uniform(0.01, 0.1, m)
    centre = many.true_eV + rng.normal(0, width)
    members = [replace(many, predicted_eV=centre + rng.normal(0, width)) for _ in range(10)]
    # the mean of the members errs by width * sqrt(1 + 1/10)
    found = judged_spread(committee_of(members), "all")
    assert found.calibration.slope == pytest.approx(np.sqrt(1.1), rel=0.04)


@pytest.fixture
def with_ensemble(short, labels):
    """The campaign with an ensemble of two networks beside its own."""
    from nnk.training import ModelSpec, TrainParameters, train

    parameters = TrainParameters(epochs=2, test_compositions=1, seed=7, test_fraction=0.2)
    spec = ModelSpec("both", "mlp", shells=1, options={"hidden": (4,)}, members=2)
    train(labels, spec, parameters, short.model_dir("both"))
    return edited(short, lambda data: data.update(train={"models": [{"name": "main"}, {"name": "both"}]}))


def test_the_spread_of_an_ensemble_is_compared_with_its_errors(with_ensemble, rows_of):
    product = models.analyse(Inputs(with_ensemble))
    with (with_ensemble.model_dir("both") / "predictions.csv").open(newline="") as file:
        tested = [row for row in csv.DictReader(file) if row["split"].startswith("test")]
    tested = [row for row in tested if float(row["E_spread_eV"]) > 1e-9]  # both may say the very same
    rows = rows_of(product, "models-spread")
    assert {row["model"] for row in rows} == {"both"}
    assert sum(int(row["barriers"]) for row in rows) == len(tested)
    ordered = sorted(tested, key=lambda row: float(row["E_spread_eV"]))[: int(rows[0]["barriers"])]
    squares = [float(row["E_spread_eV"]) ** 2 for row in ordered]
    assert float(rows[0]["spread_eV"]) == pytest.approx(np.sqrt(np.mean(squares)))
    errors = [float(row["E_predicted_eV"]) - float(row["E_eV"]) for row in ordered]
    assert float(rows[0]["RMSE_eV"]) == pytest.approx(np.sqrt(np.mean(np.square(errors))))
    card = {row["item"]: row["value"] for row in rows_of(product, "models-cards") if row["model"] == "both"}
    assert card["kind"] == "mlp x 2"
    assert "deviation of 2 networks" in card["spread"]
    assert "both: error relative to spread (1: calibrated)" in {number.label for number in product.numbers}


@pytest.fixture
def shared(short, labels, trained, tmp_path):
    """The campaign with its network once more, trained on half of the vacancies."""
    from nnk.training import ModelSpec, TrainParameters, train

    parameters = TrainParameters(epochs=2, test_compositions=1, seed=7, test_fraction=0.2)
    spec = ModelSpec("half", "mlp", shells=2, options={"hidden": (8,)}, share=0.5)
    train(labels, spec, parameters, short.model_dir("half"))
    return edited(short, lambda data: data.update(train={"models": [{"name": "half"}, {"name": "main"}]}))


def test_networks_that_differ_in_their_share_of_the_labels_make_a_learning_curve(shared, rows_of):
    product = models.analyse(Inputs(shared))
    rows = rows_of(product, "models-curves")
    assert [row["model"] for row in rows] == ["half", "main"] * 3
    assert {row["curve"] for row in rows} == {"mlp"}
    assert [row["value"] for row in rows[:2]] == ["0.5", "1"]
    for row in rows:
        predictions = read_predictions(Inputs(shared), row["model"], ELEMENTS)
        assert int(row["training_labels"]) == predictions.split.among("train").sum() // 2
        members = predictions.split.among(row["split"])
        expected = np.abs(predictions.error_meV[members]).mean() / 1000
        assert float(row["MAE_eV"]) == pytest.approx(expected)
    assert int(rows[0]["training_labels"]) < int(rows[1]["training_labels"])
    assert "models-curves" in [figure.name for figure in product.figures]
    assert "training labels, as their number to the power" in product.summary


def test_networks_that_differ_otherwise_make_none(analysed):
    assert "models-curves" not in [figure.name for figure in analysed[1].figures]


def error_of(rows, model, split):
    return next(row for row in rows if (row["model"], row["split"], row["by"]) == (model, split, "all"))


def test_models_side_by_side_are_sorted_by_what_they_have_not_seen(analysed, rows_of):
    overview = rows_of(analysed[1], "models")
    errors = rows_of(analysed[1], "models-errors")
    unseen = [float(row["unseen_MAE_eV"]) for row in overview]
    assert unseen == sorted(unseen)
    splits = {"validation": "validation", "test": "test", "unseen": "test-composition"}
    for row in overview:
        for name, split in splits.items():
            known = error_of(errors, row["model"], split)
            for what in ("MAE_eV", "RMSE_eV", "R2"):
                assert row[f"{name}_{what}"] == known[what]
        trained = {r["sample"] + r["vacancy_site"] + r["jump"] for r in plain_rows(analysed[0])}
        assert 0 < int(row["training_labels"]) < len(trained)
    first, *others = overview
    assert (float(first["behind_best_eV"]), float(first["behind_best_error_eV"])) == (0, 0)
    for row in others:
        difference = float(row["unseen_MAE_eV"]) - float(first["unseen_MAE_eV"])
        assert float(row["behind_best_eV"]) == pytest.approx(difference)
    assert first["model"] in analysed[1].summary


def made(model, split, composition, true, error, vacancy=None):
    """Predictions by hand, of atoms of Nb."""
    n = len(true)
    return Predictions(
        model=model,
        split=Texts.of([split] * n if isinstance(split, str) else split),
        species=Texts.of(["Nb"] * n),
        composition=Texts.of([composition] * n if isinstance(composition, str) else composition),
        vacancy=np.arange(n) if vacancy is None else np.array(vacancy),
        true_eV=np.array(true, dtype=float),
        predicted_eV=np.array(true, dtype=float) + np.array(error),
        elements=("Nb", "Mo"),
    )


def test_a_model_is_behind_by_the_mean_of_the_differences_of_the_same_labels():
    """Labels that are hard for both do not blur a difference that is the same for all of them."""
    true, hard = [1.0, 1.1, 1.2, 1.3], np.array([0.1, -0.4, 0.2, 0.9])
    best = made("best", "test", "NbMo", true, hard)
    other = made("other", "test", "NbMo", true, hard + 0.01 * np.sign(hard))
    found = behind(best, other, "test")
    assert found.mean == pytest.approx(10)
    assert found.error == pytest.approx(0, abs=1e-9)
    assert not is_tied(found)
    assert is_tied(behind(best, best, "test"))
    assert is_tied(behind(best, made("o", "test", "NbMo", true, hard[::-1]), "test"))
    assert behind(best, made("o", "test", "NbMo", true[::-1], hard), "test") is None


def test_distances_are_from_the_compositions_trained_on():
    splits = ["train", "train", "test", "test-composition", "test-composition"]
    names = ["Nb20Mo80", "Nb60Mo40", "Nb20Mo80", "Nb30Mo70", "Nb90Mo10"]
    p = made("m", splits, names, [1.0, 1.1, 1.2, 1.3, 1.4], [0.1, 0.1, 0.1, 0.2, 0.3])
    found = distances(p)
    assert {name: (d.nearest, d.hull) for name, d in found.items()} == {
        "Nb20Mo80": (0, 0),
        "Nb30Mo70": (pytest.approx(0.1), pytest.approx(0, abs=1e-9)),
        "Nb90Mo10": (pytest.approx(0.3), pytest.approx(0.3)),
    }
    groups = {g.group: float(g.MAE.mean) for g in model_errors(p, 1).of("tested", "distance")}
    assert groups == {
        "0": pytest.approx(0.1),
        "5 to 10 %": pytest.approx(0.2),
        "20 to 40 %": pytest.approx(0.3),
    }
    assert distances(made("m", "labels", "NbMo", [1.0], [0.1])) == {}


def test_compositions_are_drawn_from_the_smallest_error_to_the_largest():
    names = [f"Nb{i}Mo{100 - i}" for i in range(1, 41)]
    sizes = np.random.default_rng(1).permutation(40) / 100
    p = made("m", ["train", *["test"] * 40], ["NbMo", *names], np.linspace(1, 2, 41), [0, *sizes])
    parts = parts_of(model_errors(p, 1))
    assert [part.composition for part in parts] == [names[i] for i in np.argsort(sizes)]
    drawn, some = chosen_parts(parts)
    assert some
    assert [part.MAE for part in drawn] == [
        pytest.approx(x / 100) for x in (0, 1, 2, 3, 18, 19, 20, 21, 36, 37, 38, 39)
    ]
    assert chosen_parts(parts[:12]) == (parts[:12], False)


def test_the_table_of_compositions_holds_every_one_and_each_species(analysed, rows_of):
    rows = [row for row in rows_of(analysed[1], "models-compositions") if row["model"] == "main"]
    known = [row for row in plain_rows(analysed[0]) if row["split"].startswith("test")]
    groups = {(r["split"], r["composition"], s) for r in known for s in ("all", r["species"])}
    assert {(row["split"], row["composition"], row["moving_species"]) for row in rows} == groups
    for row in rows:
        chosen = [r for r in known if (r["split"], r["composition"]) == (row["split"], row["composition"])]
        sizes = [
            abs(float(r["E_predicted_eV"]) - float(r["E_eV"]))
            for r in chosen
            if row["moving_species"] in ("all", r["species"])
        ]
        assert float(row["MAE_eV"]) == pytest.approx(np.mean(sizes))
        assert float(row["q95_eV"]) == pytest.approx(np.quantile(sizes, 0.95))
        assert (float(row["nearest_share"]) > 0) == (row["split"] == "test-composition")


def test_training_time_is_that_of_the_attempt_that_ended(workdir):
    assert training_time(Inputs(workdir), "main") == (None, 0)
    for state, seconds, digest in (
        *(("started", 0.0, "old"), ("done", 9.0, "old")),
        *(("started", 0.0, "new"), ("started", 0.0, "new"), ("done", 5.0, "new")),
    ):
        record = {"key": "main", "state": state, "seconds": seconds, "hash": digest}
        append_record(workdir, "train", "w", record)
    append_record(workdir, "train", "w", {"key": "other", "state": "done", "seconds": 1.0, "hash": "new"})
    assert training_time(Inputs(workdir), "main") == (5.0, 2)


def test_times_per_barrier(network):
    """By the compiled engine, by `predict`, and on a batch; a GPU is asked for only by networks of torch."""
    found = speed_of(network)
    assert found.compiled
    assert 0 < found.core_us < 100
    assert found.gpu_us is None
    lattice = Lattice.bcc((6, 6, 6), 1.0)
    state = np.random.default_rng(0).integers(1, 4, lattice.n_sites).astype(np.uint8)
    assert 0 < wall_us(network, lattice, state) < 1000


def test_in_cross_validation_distances_are_from_what_the_fold_was_trained_on():
    names = ["Nb20Mo80", "Nb60Mo40", "Nb20Mo80", "Nb60Mo40"]
    splits = ["train", "train", "test-composition", "test-composition"]
    p = made("m", splits, names, [1.0, 1.1, 1.0, 1.1], [0.1, 0.1, 0.2, 0.2])
    folds = {"Nb20Mo80": frozenset({"Nb60Mo40"}), "Nb60Mo40": frozenset({"Nb20Mo80", "Nb60Mo40"})}
    found = distances(replace(p, trained_on=folds))
    assert {name: d.nearest for name, d in found.items()} == {"Nb20Mo80": 0.4, "Nb60Mo40": 0}
