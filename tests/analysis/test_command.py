import importlib

import pytest

from analysis import ANALYSES
from nnk.files import Workdir

CASE = "Nb30Mo30Ta40"  # as in conftest.py

NEEDS = {
    "labels": "labels.nc",
    "farfield": "labels.nc",
    "spectra": "labels.nc",
    "training": "models",
    "parity": "models",
    "models": "models",
    "folds": "train.folds",
    "maps": "labels.nc",
    "order": "kmc",
    "clusters": "kmc",
    "randomness": "kmc",
    "transport": "kmc",
    "snapshots": "a section snapshots",
    "forces": "no trained force model",
    "compare": "tables",
    "report": "campaign.yaml",
}


def test_every_analysis_is_registered_and_has_a_main():
    assert set(NEEDS) == set(ANALYSES)
    for name in ANALYSES:
        assert callable(importlib.import_module(f"analysis.{name}").main)


@pytest.mark.parametrize("name", list(NEEDS))
def test_unknown_folder_is_a_usage_error(name, tmp_path, capsys):
    main = importlib.import_module(f"analysis.{name}").main
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "no such folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", list(NEEDS))
def test_what_is_missing_is_named(name, tmp_path, capsys):
    workdir = Workdir(tmp_path)
    if name != "report":
        workdir.campaign_file.write_text(
            "name: empty\nseed: 1\nalloy: {elements: [Nb, Mo], lattice: bcc}\n"
            "kmc: {temperatures_K: [800], replicas: 1}\n"
        )
    main = importlib.import_module(f"analysis.{name}").main
    assert main([str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert NEEDS[name] in captured.err
    assert captured.out == ""
    assert not workdir.figures.exists()


DAMAGED = {
    "campaign.yaml": ("a: [b", ["labels", "training", "parity", "spectra", "order", "randomness", "report"]),
    "labels/labels.nc": ("rubbish", ["labels"]),
    "audit/audit.nc": ("rubbish", ["labels"]),
    "models/main/model.json": ("{", ["models", "randomness", "spectra", "training"]),
    "models/main/history.csv": ("epoch\n", ["training"]),
    "models/main/predictions.csv": ("", ["models", "parity"]),
    "figures/order.json": ("{", ["report"]),
}


@pytest.mark.parametrize(
    ("path", "name"), [(path, name) for path, (_, names) in DAMAGED.items() for name in names]
)
def test_what_is_damaged_is_named(path, name, workdir, save_runs, capsys):
    save_runs(workdir)
    workdir.figures.mkdir()
    (workdir.root / path).write_text(DAMAGED[path][0])
    assert importlib.import_module(f"analysis.{name}").main([str(workdir.root)]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith(f"analysis {name}: ")
    assert captured.err.count("\n") == 1
    assert str(workdir.root / path).removesuffix("/model.json") in captured.err


def test_spectra_of_runs_are_there_without_sound_labels(workdir, save_runs, capsys):
    save_runs(workdir)
    workdir.labels_file.write_text("rubbish")
    assert importlib.import_module("analysis.spectra").main([str(workdir.root)]) == 0
    captured = capsys.readouterr()
    assert f"{workdir.labels_file} cannot be used" in captured.err
    assert "spectra-order.csv" in captured.out
    assert "spectra.csv" not in captured.out


def test_damaged_labels_are_a_line_of_the_report(workdir):
    workdir.labels_file.write_text("rubbish")
    assert importlib.import_module("analysis.report").main([str(workdir.root)]) == 0
    assert "labels.nc cannot be used" in workdir.report.read_text()


def test_files_beside_the_runs_are_left_alone(workdir, save_runs, capsys):
    save_runs(workdir)
    (workdir.trajectory(CASE, 800.0, 0).parent / "r000-copy.nc").write_text("by hand")
    assert importlib.import_module("analysis.order").main([str(workdir.root)]) == 0
    assert capsys.readouterr().err == ""


def test_wrong_arguments_are_a_usage_error(capsys):
    from analysis.labels import main

    with pytest.raises(SystemExit) as left:
        main([])
    assert left.value.code == 2


def test_an_old_epoch_may_not_write(workdir):
    from analysis.training import main
    from nnk.files import StaleEpoch

    workdir.epoch_file.write_text("2\n")
    with pytest.raises(StaleEpoch):
        main([str(workdir.root), "--epoch", "1"])
    assert not workdir.figures.exists() or not list(workdir.figures.glob("training*"))
    assert main([str(workdir.root), "--epoch", "2"]) == 0
