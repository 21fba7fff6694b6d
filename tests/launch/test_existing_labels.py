"""Campaigns on labels that exist already, and cross-validation: their errors, plans and runs."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.plan import make_plan
from launch.problems import CampaignErrors
from nnk.barriers import BarrierSet
from nnk.files import Workdir

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]

CAMPAIGN = """\
schema_version: 1
name: existing
seed: 7
workdir: work
alloy: {elements: [Nb, Mo, V], lattice: bcc}
labels: {published: {format: dft, directory: dft}}
train:
  models:
    - {name: small, kind: mlp, shells: 1, hidden: [4], training: {epochs: 2}}
  folds: folds.json
analysis: [folds]
"""
FOLDS = {"folds": [["NbV"], ["NbMoV", "NbMoV_2"]]}


@pytest.fixture
def folder(write_dft, tmp_path):
    """Three folders of barriers, of two compositions, and two folds of them."""
    write_dft(tmp_path / "dft", "NbV", {"V": 60, "Nb": 68}, seed=1, changed={(5, 3): 0.0})
    for name, seed in (("NbMoV", 2), ("NbMoV_2", 3)):
        write_dft(tmp_path / "dft", name, {"Nb": 42, "V": 43, "Mo": 43}, seed=seed)
    (tmp_path / "folds.json").write_text(json.dumps(FOLDS))
    return tmp_path


def write(folder: Path, *replacements: tuple[str, str]) -> Path:
    text = CAMPAIGN
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "c.yaml").write_text(text)
    return folder / "c.yaml"


SOURCE = "labels: {published: {format: dft, directory: dft}}"

# old text -> new text: the messages that come
GOLDEN = {
    "no such file": (
        (SOURCE, "labels: {file: none.nc}"),
        ["6:16: labels.file: no file {0}/none.nc; allowed: a path relative to the folder of the campaign"],
    ),
    "one of several files": (
        (SOURCE, "labels: {files: [a.nc, none.nc]}"),
        ["6:24: labels.files[1]: no file {0}/none.nc; allowed: "],
    ),
    "no labels in it": (
        (SOURCE, "labels: {file: a.nc}"),
        ["6:16: labels.file: "],
    ),
    "no such folder": (
        ("directory: dft", "directory: none"),
        ["6:46: labels.published.directory: no folder {0}/none; allowed: a path relative to"],
    ),
    "folder of another format": (
        ("format: dft", "format: npy46"),
        [
            "6:48: labels.published.directory: {0}/dft: expected data/N.npy, labels/N.npy and dirnames.txt; "
            "no dirnames.txt there; allowed: a folder of the format npy46"
        ],
    ),
    "unknown format": (
        ("format: dft", "format: vasp"),
        ['6:30: labels.published.format: got "vasp"; allowed: dft, npy46'],
    ),
    "two sources": (
        (SOURCE, "labels: {file: a.nc, published: {format: dft, directory: dft}}"),
        ["6:9: labels: got file and published; allowed: exactly one of file, files, published"],
    ),
    "elements they lack": (
        ("[Nb, Mo, V]", "[Nb, Mo, V, W]"),
        ['5:31: alloy.elements[3]: the labels have no "W"; allowed: '],
    ),
    "elements the alloy lacks": (
        ("[Nb, Mo, V]", "[Nb, Mo]"),
        ["6:46: labels.published.directory: the labels are of V too; allowed: an alloy of all their"],
    ),
    "another lattice": (
        ("lattice: bcc", "lattice: fcc"),
        ["5:41: alloy.lattice: got fcc; allowed with these labels: bcc"],
    ),
    "tests said twice": (
        ("  folds:", "  test_fraction: 0.1\n  folds:"),
        ["10:3: train.test_fraction: given with folds, which say what is tested; allowed: one of the two"],
    ),
    "no such file of folds": (
        ("folds.json", "none.json"),
        ["10:10: train.folds: no file {0}/none.json; allowed: "],
    ),
    "unknown names": (
        ("folds.json", "[[NbV, NbW], [NbMoV]]"),
        [
            '10:10: train.folds: no sample or composition "NbW"; "NbMoV_2" is in no fold; allowed: each '
            "composition or sample in one fold, such as Nb32.81Mo33.59V33.59"
        ],
    ),
    "more folds than compositions": (
        ("folds.json", "3"),
        ["10:10: train.folds: folds=3: expected 2 to 2, the number of compositions; allowed: a number"],
    ),
    "one fold": (
        ("folds.json", "1"),
        ["10:10: train.folds: got 1; allowed: a whole number >= 2"],
    ),
    "no cross-validation": (
        ("  folds: folds.json\n", ""),
        ['10:12: analysis[0]: "folds" needs a cross-validation; allowed: with train.folds'],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", GOLDEN)
def test_message(case, folder):
    replacement, expected = GOLDEN[case]
    (folder / "a.nc").write_text("no labels")
    with pytest.raises(CampaignErrors) as error:
        load_campaign(write(folder, replacement))
    lines = [str(problem) for problem in error.value.problems]
    assert len(lines) == len(expected), lines
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(f"{folder}/c.yaml:{start.replace('{0}', str(folder))}"), line


def test_labels_are_computed_or_exist_already_but_not_both(folder):
    computed = "\npotential: {builtin: zhou-eam}\nlabel: {compositions: [equimolar], cells: [6, 6, 6]}"
    with pytest.raises(CampaignErrors) as error:
        load_campaign(write(folder, (SOURCE, SOURCE + computed)))
    expected = "6:1: labels: given with the section label, which computes them; allowed: one of the two"
    assert f"{folder}/c.yaml:{expected}" in [str(problem) for problem in error.value.problems]


def test_runs_need_a_lattice_parameter_where_there_is_no_potential(folder):
    runs = "kmc: {model: small, cells: [6, 6, 6], compositions: [equimolar], "
    runs += "temperatures_K: [800], stop: {jumps: 9}}\n"
    with pytest.raises(CampaignErrors) as error:
        load_campaign(write(folder, ("analysis:", f"{runs}analysis:")))
    (problem,) = error.value.problems
    expected = "11:1: kmc: needs the lattice parameter of its cells; allowed: with alloy.lattice_parameter_A"
    assert str(problem).startswith(f"{folder}/c.yaml:{expected}")
    given = ("lattice: bcc", "lattice: bcc, lattice_parameter_A: 3.2")
    assert load_campaign(write(folder, ("analysis:", f"{runs}analysis:"), given)).kmc


def test_no_potential_is_needed_and_everything_is_planned(folder):
    plan = make_plan(load_campaign(write(folder)), Workdir(folder / "work"))
    assert [todo.item.key for todo in plan["label"].todo] == ["import"]
    assert [todo.item.key for todo in plan["train"].todo] == ["small", "small/fold0", "small/fold1"]
    assert not plan["prepare"].items
    assert not plan["audit"].items


def hashes(path, stage):
    return {item.key: item.hash for item in all_items(load_campaign(path))[stage]}


def test_labels_are_known_by_their_contents(folder):
    before = hashes(write(folder), "label")
    (folder / "dft").rename(folder / "moved")
    assert hashes(write(folder, ("directory: dft", "directory: moved")), "label") == before
    barriers = folder / "moved" / "NbV" / "barrier_for_NN.txt"
    barriers.write_text(barriers.read_text().replace("0.", "1.", 1))
    assert hashes(write(folder, ("directory: dft", "directory: moved")), "label") != before


def test_a_fold_is_known_by_what_it_tests(folder):
    before = hashes(write(folder), "train")
    swapped = [FOLDS["folds"][1], FOLDS["folds"][0]]
    after = hashes(write(folder, ("folds.json", json.dumps(swapped))), "train")
    assert after["small"] == before["small"]
    assert after["small/fold0"] != before["small/fold0"]


def test_folds_by_number_are_whole_compositions(folder):
    campaign = load_campaign(write(folder, ("folds.json", "2")))
    assert sorted(campaign.folds()) == [("Nb32.81Mo33.59V33.59",), ("Nb53.12V46.88",)]


def test_the_resolved_campaign_is_the_same_campaign(folder, resolved_text):
    for replacement in (("seed: 7", "seed: 7"), ("folds.json", "2")):
        campaign = load_campaign(write(folder, replacement))
        (folder / "elsewhere").mkdir(exist_ok=True)
        resolved = folder / "elsewhere" / "resolved.yaml"
        resolved.write_text(resolved_text(campaign))
        again = load_campaign(resolved)
        assert again.folds() == campaign.folds()
        for stage, items in all_items(campaign).items():
            assert [item.hash for item in items] == [item.hash for item in all_items(again)[stage]]


def launch(campaign):
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*LAUNCH, str(campaign)], capture_output=True, text=True, timeout=300, env=environment, check=False
    )


def test_labels_are_imported_once_and_again_when_they_change(folder):
    campaign = write(folder, ("train:", "x_train:"))
    text = campaign.read_text()
    campaign.write_text(text[: text.index("x_train")])
    workdir = Workdir(folder / "work")
    done = launch(campaign)
    assert done.returncode == 0, done.stderr
    labels = BarrierSet.load(workdir.labels_file)
    assert (len(labels), int(labels.usable.sum())) == (
        3 * 1024,
        3 * 1024 - 2,
    )  # one without a value, and its reverse
    assert [path.name for path in workdir.labels_dir.iterdir()] == ["labels.nc"]
    assert labels.attrs["imported_from"] == str(folder / "dft")
    assert "nothing to do" in launch(campaign).stdout

    row = folder / "dft" / "NbV" / "barrier_for_NN.txt"
    first, rest = row.read_text().split(" ", 1)
    row.write_text(f"{float(first) + 1e-3} {rest}")
    done = launch(campaign)
    assert done.returncode == 0, done.stderr
    assert "label: 1 to do" in done.stderr
    assert "input changed: labels.contents" in done.stderr
    changed = BarrierSet.load(workdir.labels_file)
    assert len(changed) == len(labels)
    difference_eV = (changed.E_fwd_eV - labels.E_fwd_eV)[labels.usable]
    assert sorted(np.unique(difference_eV.round(6))) == [0, 0.001]
    assert (difference_eV > 0).sum() == 1


def test_labels_that_cannot_be_read_are_a_failure_that_is_told(folder):
    (folder / "dft" / "NbV" / "barrier_for_NN.txt").write_text("1 2 3\n")
    done = launch(write(folder))
    assert done.returncode == 1
    assert "label: import failed: ValueError" in done.stderr
    assert "NbV/barrier_for_NN.txt: expected 128 rows, got 1" in done.stderr


@pytest.mark.slow
def test_networks_are_trained_per_fold_and_judged_on_what_they_have_not_seen(folder):
    done = launch(write(folder))
    assert done.returncode == 0, done.stderr
    workdir = Workdir(folder / "work")
    for fold, names in enumerate(FOLDS["folds"]):
        with (workdir.model_dir(f"small/fold{fold}") / "predictions.csv").open() as file:
            rows = list(csv.DictReader(file))
        tested = {row["sample"] for row in rows if row["split"] == "test-composition"}
        assert tested == set(names)
        assert tested.isdisjoint(row["sample"] for row in rows if row["split"] != "test-composition")
    with (workdir.tables / "folds-by-folder.csv").open() as file:
        table = {row["folder"]: row for row in csv.DictReader(file)}
    assert {name: int(row["fold"]) for name, row in table.items()} == {"NbV": 0, "NbMoV": 1, "NbMoV_2": 1}
    assert [int(table[name]["barriers"]) for name in ("NbV", "NbMoV")] == [1022, 1024]
    with (workdir.tables / "folds.csv").open() as file:
        (row,) = csv.DictReader(file)
    means = [float(one["MAE_eV"]) for one in table.values()]
    assert float(row["mean_MAE_eV"]) == pytest.approx(np.mean(means))
    assert (workdir.model_dir("small") / "model.safetensors").is_file()
