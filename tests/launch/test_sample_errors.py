# ruff: noqa: E501 (a message is one line)
"""Golden messages about samples and the choice of vacancies in them."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from launch.campaign import load_campaign
from launch.problems import CampaignErrors

# old text -> new text: the messages that come, without the file's name
GOLDEN = {
    "more vacancies per sample than asked for": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  samples: {vacancies_per_sample: 4}"),
        ["16:35: label.samples.vacancies_per_sample: got 4; allowed: at most vacancies_per_composition, 3"],
    ),
    "far field to train on": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  samples: {kind: far-field, shells: [1, 8]}"),
        [
            "16:19: label.samples.kind: got far-field with a section train, though all samples of a jump share its surroundings; allowed: random or ordered, to train",
            "17:30: label.vacancies_per_composition: got 3 with far-field samples; allowed: none, which is 800",
        ],
    ),
    "cutoffs that reach around": (
        (
            "  cells: [6, 6, 6]\n  vacancies_per_composition: 3",
            "  cells: [6, 4, 6]\n  samples: {kind: far-field, shells: [2, 8]}\n  sites: all",
        ),
        [
            "16:19: label.samples.kind: got far-field with a section train, though",
            "16:42: label.samples.shells[1]: got 8: 8 shells around a jump reach around the box; allowed: fewer, or more cells",
            "17:3: label.sites: given with far-field samples, which have their jumps; allowed: none",
        ],
    ),
    "far field of nothing": (
        ("analysis: [labels, parity, order]", "analysis: [labels, farfield]"),
        [
            '34:20: analysis[1]: "farfield" needs labels of its own; allowed: with label: {samples: {kind: far-field, ...}}'
        ],
    ),
    "kind of samples": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  samples: {kind: orderd}"),
        [
            '16:19: label.samples.kind: got "orderd"; allowed: random or ordered or far-field; did you mean "ordered"?'
        ],
    ),
    "key of other samples": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  samples: {kind: random, degrees: 3}"),
        [
            "16:27: label.samples.degrees: does not go with the other keys here; "
            "allowed: those that do of kind, vacancies_per_sample, count, mode, temp"
        ],
    ),
    "mode of ordered samples": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  samples: {kind: ordered, mode: mc}"),
        ['16:34: label.samples.mode: got "mc"; allowed: lattice, relax, md'],
    ),
    "keys of another mode": (
        (
            "  cells: [6, 6, 6]",
            "  cells: [6, 6, 6]\n  samples: {kind: ordered, mode: md, pairs: {shells: 2}}",
        ),
        ["16:38: label.samples.pairs: given with mode: md; allowed: with mode: lattice only"],
    ),
    "too many degrees": (
        (
            "  cells: [6, 6, 6]",
            "  cells: [6, 6, 6]\n  samples: {kind: ordered, trials_per_atom: 0.01, degrees: 6}",
        ),
        ["16:60: label.samples.degrees: got 6 along 4 exchanges tried; allowed: at most 5"],
    ),
    "too few cells for a fit": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  samples: {kind: ordered, pairs: {cells: 12}}"),
        ["16:43: label.samples.pairs.cells: got 12; allowed: 16 unknowns take 32 or more cells of 250 atoms"],
    ),
    "number of samples": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  samples: {count: 3}"),
        ["16:20: label.samples.count: got 3 with sites: random; allowed: with sites: all only"],
    ),
    "all sites and a number": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  sites: all"),
        ["17:30: label.vacancies_per_composition: got 3 with sites: all; allowed: none, which is 432"],
    ),
    "all sites and a number per sample": (
        ("  vacancies_per_composition: 3", "  sites: all\n  samples: {vacancies_per_sample: 3}"),
        ["17:35: label.samples.vacancies_per_sample: got 3 with sites: all; allowed: none, which is 432"],
    ),
    "number of vacancies missing": (
        ("  vacancies_per_composition: 3\n", ""),
        [
            "11:1: label.vacancies_per_composition: missing; allowed: a whole number >= 1, or with sites: all none"
        ],
    ),
    "choice of sites": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  sites: kmeans"),
        [
            '16:10: label.sites: got "kmeans"; allowed: random, k-means, all or a mapping with the keys choice,'
        ],
    ),
    "clusters without k-means": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  sites: {choice: random, clusters: 3}"),
        ["16:27: label.sites.clusters: given with choice: random; allowed: with choice: k-means only"],
    ),
    "more clusters than sites": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  sites: {choice: k-means, clusters: 433}"),
        ["16:38: label.sites.clusters: got 433; allowed: at most the 432 sites of a sample"],
    ),
    "start by exchanges with another kind of model": (
        (
            "kind: detailed-balance, shells: 8}\n  test_compositions: 1\n\nkmc:\n  model: main\n  cells: [8, 8, 8]\n  compositions: [equimolar]\n  start: random",
            "kind: mlp, shells: 8}\n  test_compositions: 1\n\nkmc:\n  model: main\n  cells: [8, 8, 8]\n  compositions: [equimolar]\n  start: {exchanged: {}}",
        ),
        [
            "28:11: kmc.start.exchanged: the model main, of kind mlp, has no pair energies; allowed: with a model"
        ],
    ),
    "key of exchanges": (
        ("start: random", "start: {exchanged: {trials: 3}}"),
        ["28:23: kmc.start.exchanged.trials: unknown key; allowed: trials_per_atom, temperature_K"],
    ),
    "k-means of one": (
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  sites: k-means\n  samples: {vacancies_per_sample: 1}"),
        ["17:35: label.samples.vacancies_per_sample: got 1 with sites: k-means; allowed: 2 or more"],
    ),
}


@pytest.mark.parametrize("case", GOLDEN)
def test_message(case: str, write_campaign, monkeypatch, tmp_path: Path):
    replacement, expected = GOLDEN[case]
    write_campaign(replacement)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CampaignErrors) as error:
        load_campaign("c.yaml")
    lines = [str(problem) for problem in error.value.problems]
    assert len(lines) == len(expected), lines
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(f"c.yaml:{start}"), (line, start)
        assert "allowed" in line


def test_one_element_cannot_be_ordered(write_campaign, monkeypatch, tmp_path: Path):
    write_campaign(
        ("elements: [Nb, Mo, Ta]", "elements: [Mo]"),
        ("    - {Nb: 0.34, Mo: 0.33, Ta: 0.33}\n    - {Nb: 0.60, Mo: 0.20, Ta: 0.20}", "    - {Mo: 1}"),
        ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  samples: {kind: ordered}"),
        ("  test_compositions: 1\n", ""),
    )
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CampaignErrors, match="got ordered with pure Mo; allowed: kind: random"):
        load_campaign("c.yaml")


def test_corners_of_a_grid_cannot_be_ordered(write_campaign, monkeypatch, tmp_path: Path):
    points = "\n    - {Nb: 0.34, Mo: 0.33, Ta: 0.33}\n    - {Nb: 0.60, Mo: 0.20, Ta: 0.20}"
    ordered = ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  samples: {kind: ordered}")
    monkeypatch.chdir(tmp_path)
    write_campaign((points, " {grid: {divisions: 2}}"), ordered)
    with pytest.raises(CampaignErrors, match=r"pure .*Mo.*; allowed: kind: random, .* a grid with a margin"):
        load_campaign("c.yaml")
    write_campaign((points, " {grid: {divisions: 2, margin: 0.1}}"), ordered)
    load_campaign("c.yaml")


def test_spacing_of_one_degree_is_a_warning(write_campaign):
    edit = ("  cells: [6, 6, 6]", "  cells: [6, 6, 6]\n  samples: {kind: ordered, spacing: linear}")
    (warning,) = load_campaign(write_campaign(edit)).warnings
    assert ":16:28: label.samples.spacing: has no effect: of one degree" in str(warning)


@pytest.mark.parametrize("mode", ["lattice", "relax", "md"])
def test_the_campaign_as_kept_is_valid(mode, write_campaign, tmp_path):
    edit = ("  cells: [6, 6, 6]", f"  cells: [6, 6, 6]\n  samples: {{kind: ordered, mode: {mode}}}")
    campaign = load_campaign(write_campaign(edit))
    kept = tmp_path / "kept.yaml"
    YAML(typ="safe").dump(campaign.resolved(), kept)
    assert load_campaign(kept).label.samples.mode == mode
