import importlib

import pytest

from analysis import ANALYSES
from nnk.files import Workdir

NEEDS = {
    "labels": "labels.nc",
    "spectra": "labels.nc",
    "training": "models",
    "parity": "models",
    "order": "kmc",
    "randomness": "kmc",
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
            "name: empty\nseed: 1\nalloy: {elements: [Nb], lattice: bcc}\n"
            "kmc: {temperatures_K: [800], replicas: 1}\n"
        )
    main = importlib.import_module(f"analysis.{name}").main
    assert main([str(tmp_path)]) == 1
    captured = capsys.readouterr()
    assert NEEDS[name] in captured.err
    assert captured.out == ""
    assert not workdir.figures.exists()


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
