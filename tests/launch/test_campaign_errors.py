# ruff: noqa: E501 (a message is one line)
"""Golden messages: what is wrong with a campaign file, where, and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.campaign import load_campaign
from launch.problems import CampaignErrors

# old text -> new text: the messages that come, without the file's name
GOLDEN = {
    "unknown key": (
        ("  cells: [6, 6, 6]", "  celss: [6, 6, 6]"),
        [
            "15:3: label.celss: unknown key; allowed: compositions, samples, cells, sites, vacancies_per_composition, "
            'max_force_eV_A, connect, method, box, ranks_per_barrier, audit; did you mean "cells"?'
        ],
    ),
    "unknown section": (
        ("kmc:\n", "kmcc:\n"),
        [
            "24:1: kmcc: unknown key; allowed: schema_version, name, seed, workdir, site, resources, alloy, "
            "potential, label, labels, train, kmc, snapshots, forces, analysis",
            '34:28: analysis[2]: "order" needs the section kmc; allowed here: labels, farfield, training, parity, ',
        ],
    ),
    "duplicate key": (
        ("seed: 7", "seed: 7\nname: other"),
        ["4:1: name: duplicate key; it stands on line 2 already"],
    ),
    "tab": (("  model: main", "\tmodel: main"), ["25:1: a tab character; allowed: spaces for indentation"]),
    "merge conflict": (
        ("seed: 7", "<<<<<<< HEAD\nseed: 7\n=======\nseed: 8\n>>>>>>> theirs"),
        [
            f'{line}:1: "{mark * 7}" is the mark of a merge conflict; resolve it and keep one version'
            for line, mark in ((3, "<"), (5, "="), (7, ">"))
        ],
    ),
    "object tag": (
        ("name: tiny", "name: !!python/object/apply:os.system [true]"),
        ["2:7: name: tag tag:yaml.org,2002:python/object/apply:os.system; tags are not allowed"],
    ),
    "unclosed": (
        ("[Nb, Mo, Ta]", "[Nb, Mo, Ta"),
        ["7:44: not YAML: while parsing a flow sequence that begins on line 7, expected"],
    ),
    "two documents": (("site: local", "---\nsite: local"), ["5:1: not YAML: but found another document"]),
    "missing key": (("seed: 7\n", ""), ["1:1: seed: missing; allowed: a whole number >= 0"]),
    "missing alloy": (
        ("alloy: {elements: [Nb, Mo, Ta], lattice: bcc}", ""),
        ["1:1: alloy: missing; allowed: a mapping with the keys elements, lattice, lattice_parameter_A"],
    ),
    "empty section": (("potential: {builtin: zhou-eam}", "potential:"), ["9:1: potential: empty; allowed: "]),
    "text for a number": (
        ("seed: 7", 'seed: "7"'),
        [
            '3:7: seed: got "7"; allowed: a whole number >= 0 and < 9223372036854775808; did you mean 7, without'
        ],
    ),
    "newer version": (
        ("schema_version: 1", "schema_version: 2"),
        ["1:17: schema_version: got 2; allowed: 1"],
    ),
    "bad name": (
        ("name: tiny", "name: my campaign"),
        ['2:7: name: got "my campaign"; allowed: at most 64 let'],
    ),
    "wrong unit": (
        ("[400, 800]", '[400, "800 C"]'),
        [
            '29:25: kmc.temperatures_K[1]: got "800 C"; allowed: a number >= 1 and <= 100000, in K; '
            "did you mean 1073.15, which is 800 °C in K?"
        ],
    ),
    "unit in the value": (
        ("checkpoint_s: 60", "checkpoint_s: 60 s"),
        [
            '32:17: kmc.checkpoint_s: got "60 s"; allowed: a number > 0, in s; did you mean 60, without the unit?'
        ],
    ),
    "impossible temperatures": (
        ("[400, 800]", "[0, -5, .nan, .inf, 800]"),
        [
            f"29:{column}: kmc.temperatures_K[{i}]: got {value}; allowed: a number >= 1"
            for i, (column, value) in enumerate([(20, "0"), (23, "-5"), (27, "nan"), (33, "inf")])
        ],
    ),
    "the same temperature": (
        ("[400, 800]", "[400, 400.01]"),
        [
            "29:19: kmc.temperatures_K: temperature 400 K given twice; allowed: temperatures at least 0.1 K apart"
        ],
    ),
    "sum of fractions": (
        ("Ta: 0.33}", "Ta: 0.32}"),
        ["13:7: label.compositions[0]: the fractions sum to 0.99; allowed: a sum of 1 within 1e-06"],
    ),
    "negative fraction": (
        ("{Nb: 0.60, Mo: 0.20,", "{Nb: 1.00, Mo: -0.20,"),
        ["14:22: label.compositions[1].Mo: got -0.2; allowed: a number >= 0 and <= 1"],
    ),
    "unknown element": (
        ("Mo: 0.33, Ta: 0.33}", "Mo: 0.33, Cr: 0.33}"),
        ['13:28: label.compositions[0].Cr: unknown element "Cr"; allowed: Nb, Mo, Ta'],
    ),
    "no element": (
        ("[Nb, Mo, Ta]", "[Nb, Mo, Ta, Xx]"),
        ['7:32: alloy.elements[3]: got "Xx"; allowed: the symbol of a chemical element'],
    ),
    "duplicate element": (
        ("[Nb, Mo, Ta]", "[Nb, Mo, Ta, Mo]"),
        ["7:19: alloy.elements: element Mo given twice; each is allowed once"],
    ),
    "element the potential lacks": (
        ("[Nb, Mo, Ta]", "[Nb, Mo, Ta, Cr]"),
        ['7:32: alloy.elements[3]: the potential zhou-eam has no "Cr"; allowed: '],
    ),
    "the same composition": (
        ("{Nb: 0.60, Mo: 0.20, Ta: 0.20}", "{Nb: 0.340001, Mo: 0.329999, Ta: 0.33}"),
        [
            "14:7: label.compositions[1]: Nb34Mo33Ta33 again, as label.compositions[0]; allowed: each composition"
        ],
    ),
    "grid of another name": (
        ("compositions: [equimolar]", "compositions: {grid: paper64}"),
        [
            '27:24: kmc.compositions.grid: got "paper64"; allowed: paper46 or a mapping with the keys divisions, margin'
        ],
    ),
    "no grid": (
        ("compositions: [equimolar]", "compositions: {Nb: 0.5, Mo: 0.5}"),
        [
            "27:17: kmc.compositions: got a mapping without the key grid; allowed: equimolar, a list of compositions,"
        ],
    ),
    "published grid of two elements": (
        ("compositions: [equimolar]", "compositions: {grid: paper46, elements: [Nb, Mo]}"),
        [
            "27:24: kmc.compositions.grid: got paper46 with 2 elements, Nb, Mo; allowed: three, chosen by elements:"
        ],
    ),
    "element of a grid": (
        ("compositions: [equimolar]", "compositions: {grid: paper46, elements: [Nb, Mo, W]}"),
        ['27:52: kmc.compositions.elements[2]: unknown element "W"; allowed: Nb, Mo, Ta'],
    ),
    "one element of a grid": (
        ("compositions: [equimolar]", "compositions: {grid: {divisions: 3}, elements: [Nb]}"),
        ["27:50: kmc.compositions.elements: got a list of 1; allowed: a list of at least one text"],
    ),
    "margin of a grid": (
        ("compositions: [equimolar]", "compositions: {grid: {divisions: 3, margin: 0.34}}"),
        ["27:47: kmc.compositions.grid.margin: got 0.34; allowed: less than 1/3, or all points coincide"],
    ),
    "divisions of a grid": (
        ("compositions: [equimolar]", "compositions: {grid: {divisions: 0}}"),
        ["27:36: kmc.compositions.grid.divisions: got 0; allowed: a whole number >= 1 and <= 1000"],
    ),
    "size of a grid": (
        ("compositions: [equimolar]", "compositions: {grid: {divisions: 500}}"),
        [
            "27:36: kmc.compositions.grid.divisions: got 500, which makes 125751 compositions; allowed: at most 10000"
        ],
    ),
    "atoms of a grid": (
        ("compositions: [equimolar]", "compositions: {grid: {divisions: 4, margin: 0.0001}}"),
        [
            "27:24: kmc.compositions.grid: Nb99.98Mo0.01Ta0.01 leaves no atom of Mo, Ta on 1024 sites; allowed: at least"
        ],
    ),
    "key of a grid": (
        ("compositions: [equimolar]", "compositions: {grid: {division: 4}}"),
        ["27:25: kmc.compositions.grid.division: unknown key; allowed: divisions, margin; did you mean"],
    ),
    "cells below the cutoff": (
        ("  cells: [6, 6, 6]", "  cells: [2, 6, 6]"),
        [
            "15:10: label.cells: got 2x6x6, too small for 8 neighbour shells; allowed: at least 3 cells",
            "15:10: label.cells: got 2x6x6, an edge of about 6.3 Å, below the potential's cutoff of 6.5 Å",
        ],
    ),
    "kmc cells": (
        ("  cells: [8, 8, 8]", "  cells: [8, 8, 2]"),
        [
            "26:10: kmc.cells: got 8x8x2, too small for 8 neighbour shells; allowed: at least 3 cells along each"
        ],
    ),
    "two cells": (
        ("[8, 8, 8]", "[8, 8]"),
        ["26:10: kmc.cells: got a list of 2; allowed: a list of 3 x whole"],
    ),
    "no atom of an element": (
        ("{Nb: 0.60, Mo: 0.20, Ta: 0.20}", "{Nb: 0.999, Mo: 0.001}"),
        ["14:7: label.compositions[1]: Nb99.9Mo0.1 leaves no atom of Mo on 432 sites; allowed: at least one"],
    ),
    "more vacancies than sites": (
        (
            "  vacancies_per_composition: 3",
            "  vacancies_per_composition: 500\n  samples: {vacancies_per_sample: 433}",
        ),
        ["17:35: label.samples.vacancies_per_sample: got 433; allowed: at most the 432 sites of a sample"],
    ),
    "too few vacancies to split": (
        ("vacancies_per_composition: 3", "vacancies_per_composition: 2"),
        [
            "16:30: label.vacancies_per_composition: got 2, of which 2 are held out for validation and test; allowed"
        ],
    ),
    "all compositions held out": (
        ("test_compositions: 1", "test_compositions: 2"),
        ["22:22: train.test_compositions: got 2 of 2 compositions; allowed: 0 to 1, so that one is left"],
    ),
    "no such model": (
        ("model: main", "model: mainn"),
        ['25:10: kmc.model: no model "mainn"; allowed: main, or {published: ...}; did you mean "main"?'],
    ),
    "kind of model": (
        ("kind: detailed-balance", "kind: detailed_balance"),
        [
            '21:26: train.models[0].kind: got "detailed_balance"; allowed: detailed-balance or ',
        ],
    ),
    "voxels that three poolings do not halve": (
        ("kind: detailed-balance", "kind: sdm-cnn, voxel_A: 0.7"),
        [
            "21:7: train.models[0]: voxel_A=0.7: expected an edge of 8, 16, 24 ... voxels (three poolings halve it)"
        ],
    ),
    "option of another kind": (
        ("kind: detailed-balance", "kind: linear, hidden: [8]"),
        [
            "21:34: train.models[0].hidden: does not go with the other keys here; allowed: those that do of name, "
        ],
    ),
    "shells beyond the neuron map": (
        ("kind: detailed-balance, shells: 8", "kind: neuron-map-cnn, shells: 10"),
        [
            "21:50: train.models[0].shells: got 10; allowed: fewer, edge=9: sites reach 5 voxels from the middle, "
        ],
    ),
    "more ranks than one process": (
        ("test_compositions: 1", "ranks: 2"),
        ["22:10: train.ranks: got 2 with backend single; allowed: 1, or backend: ddp or horovod"],
    ),
    "nodes without Horovod": (
        ("site: local", "site: local\nresources: {train: {nodes: 2}}"),
        ["6:28: resources.train.nodes: got 2 with backend single; allowed: 1, or backend: horovod"],
    ),
    "decay of another optimiser": (
        ("test_compositions: 1", "optimiser: adam\n  weight_decay: 1.0"),
        [
            "23:3: train.weight_decay: given with optimiser adam, which has none; allowed: with optimiser: adamw"
        ],
    ),
    "unknown schedule": (
        ("test_compositions: 1", "schedule: {plateau: {patience: 0}}"),
        ["22:34: train.schedule.plateau.patience: got 0; allowed: a whole number >= 1"],
    ),
    "schedule of a model": (
        ("shells: 8}", "shells: 8, training: {schedule: cosine}}"),
        ['21:76: train.models[0].training.schedule: got "cosine"; allowed: one-cycle'],
    ),
    "label without potential": (
        ("potential: {builtin: zhou-eam}", ""),
        [
            "11:1: label: needs a potential; allowed: a section potential, such as potential: {builtin: zhou-eam}"
        ],
    ),
    "other lattice": (
        ("lattice: bcc", "lattice: hcp"),
        ["7:42: alloy.lattice: hcp is not supported in this version; allowed: bcc, fcc"],
    ),
    "lattice of the potential": (
        ("lattice: bcc", "lattice: fcc"),
        ["7:42: alloy.lattice: got fcc; allowed with zhou-eam, which is for bcc metals: bcc"],
    ),
    "no such box": (
        ("max_force_eV_A: 0.02", "box: zero"),
        ['17:8: label.box: got "zero"; allowed: zero-pressure, relaxed'],
    ),
    "box without length": (
        ("max_force_eV_A: 0.02", "box: {fixed: -3.2}"),
        ["17:16: label.box.fixed: got -3.2; allowed: a number > 0"],
    ),
    "Vegard's rule without an element": (
        ("max_force_eV_A: 0.02", "box: {vegard: {Nb: 3.3, Ta: 3.3}}"),
        ["17:17: label.box.vegard: got Nb, Ta; allowed: exactly the elements of the alloy, Nb, Mo, Ta"],
    ),
    "two boxes": (
        ("max_force_eV_A: 0.02", "box: {fixed: 3.2, vegard: {Nb: 3.3, Mo: 3.15, Ta: 3.3}}"),
        [
            "17:9: label.box.fixed: does not go with the other keys here; "
            "allowed: those that do of fixed, vegard"
        ],
    ),
    "box in nm": (
        ("max_force_eV_A: 0.02", "box: {fixed: 0.324}"),
        ["17:16: label.box.fixed: got 0.324; allowed: 2.52 to 4.14, in Å, for Nb, Mo, Ta on the bcc lattice"],
    ),
    "box of a slip": (
        ("max_force_eV_A: 0.02", "box: {vegard: {Nb: 3.3, Mo: 31.5, Ta: 3.3}}"),
        ["17:31: label.box.vegard.Mo: got 31.5; allowed: 2.52 to 3.94, in Å, for Mo on the bcc lattice"],
    ),
    "ranks of a barrier": (
        ("max_force_eV_A: 0.02", "ranks_per_barrier: 0"),
        ["17:22: label.ranks_per_barrier: got 0; allowed: a whole number >= 1 and <= 64"],
    ),
    "published network": (
        ("model: main", "model: {published: {format: nkk, file: no.npy}}"),
        [
            "25:11: kmc.model.published.allow_pickle: the file is a Python pickle, which can run code when read; ",
            "25:42: kmc.model.published.file: no file ",
        ],
    ),
    "start file": (
        ("start: random", "start: {file: no.dump}"),
        [
            "27:3: kmc.compositions: given with a start file",
            "28:17: kmc.start.file: no file ",
            "28:17: kmc.start.file: needs the lattice parameter of its atoms; allowed: with alloy.lattice_",
        ],
    ),
    "start": (
        ("start: random", "start: randm"),
        [
            '28:10: kmc.start: got "randm"; allowed: random, ordered or a mapping with the keys ordered, sublattices '
        ],
    ),
    "stop": (
        ("{jumps: 1_000}", "{}"),
        ["31:3: kmc.stop: empty; allowed: jumps, time_s, order, or several of them"],
    ),
    "order to stop at": (
        ("{jumps: 1_000}", "{order: {pair: Mo-Fe, shell: 4}}"),
        ["31:38: kmc.stop.order.shell: got 4; allowed: a whole number >= 1 and <= 3"],
    ),
    "element of the order to stop at": (
        ("{jumps: 1_000}", "{order: {pair: Mo-Fe}}"),
        [
            "31:10: kmc.stop.order: allowed: one of at_least and at_most",
            '31:24: kmc.stop.order.pair: unknown element "Fe"; allowed: Nb, Mo, Ta',
        ],
    ),
    "pair of the order to stop at": (
        ("{jumps: 1_000}", "{order: {pair: MoTa, at_least: 1}}"),
        ['31:24: kmc.stop.order.pair: got "MoTa"; allowed: two elements with a hyphen between them, such as'],
    ),
    "count of key frames": (
        ("checkpoint_s: 60", "key_frames: {count: 40, spacing: log}"),
        [
            "32:15: kmc.key_frames: count is no longer a key: a run can be made longer, so that its key frames are "
        ],
    ),
    "linear key frames": (
        ("checkpoint_s: 60", "key_frames: {spacing: linear, per_decade: 3}"),
        [
            "32:3: kmc.key_frames.every: missing; allowed: a whole number >= 1, the jumps between two key frames",
            "32:33: kmc.key_frames.per_decade: given with spacing: linear; allowed: per_decade with log, every ",
        ],
    ),
    "no temperatures": (
        ("  temperatures_K: [400, 800]\n", ""),
        [
            "24:1: kmc.temperatures_K: missing; allowed: a list of temperatures such as [800, 1000], or a schedule"
        ],
    ),
    "temperatures and a schedule": (
        ("checkpoint_s: 60", "schedule: {jumps: [0], temperatures_K: [900]}"),
        ["32:3: kmc.schedule: given with temperatures_K; allowed: one of the two"],
    ),
    "schedule without places": (
        ("temperatures_K: [400, 800]", "schedule: {temperatures_K: [900, 300]}"),
        ["29:3: kmc.schedule: allowed: one of jumps and time_s, to say where each temperature begins"],
    ),
    "schedule that goes back": (
        ("temperatures_K: [400, 800]", "schedule: {jumps: [0, 9, 5], temperatures_K: [900, 300, 200]}"),
        ["29:21: kmc.schedule.jumps: expected ascending jumps from 0 on, got [0, 9, 5]; allowed: as many as"],
    ),
    "schedule of other lengths": (
        ("temperatures_K: [400, 800]", "schedule: {time_s: [0, 1.0e-6], temperatures_K: [900]}"),
        ["29:22: kmc.schedule.time_s: 2 places for 1 temperatures; allowed: as many as temperatures_K"],
    ),
    "prototype of another lattice": (
        ("start: random", "start: {ordered: L1_2}"),
        ["28:20: kmc.start.ordered: got L1_2; allowed on bcc: B2, D0_3"],
    ),
    "elements of sublattices": (
        ("start: random", "start: {ordered: B2, sublattices: [[Mo, Fe], [Mo]]}"),
        [
            '28:39: kmc.start.sublattices[0][0]: "Mo" given twice; allowed: each element on one sublattice',
            '28:43: kmc.start.sublattices[0][1]: unknown element "Fe"; allowed: Nb, Mo, Ta',
            '28:49: kmc.start.sublattices[1][0]: "Mo" given twice; allowed: each element on one sublattice',
        ],
    ),
    "case that is not there": (
        ("start: random", "start: [random, {case: NbMoT, temperature_K: 900}]"),
        [
            '28:26: kmc.start[1].case: no case "NbMoT"; allowed: the cases of the starts before it: NbMoTa; did ',
            "28:48: kmc.start[1].temperature_K: got 900; allowed: one of kmc.temperatures_K: 400, 800",
        ],
    ),
    "word for a frame": (
        ("start: random", "start: [random, {case: NbMoTa, frame: first}]"),
        ['28:41: kmc.start[1].frame: got "first"; allowed: last or a whole number >= 0'],
    ),
    "frame before the first": (
        ("start: random", "start: [random, {case: NbMoTa, frame: -1}]"),
        ["28:41: kmc.start[1].frame: got -1; allowed: last or a whole number >= 0"],
    ),
    "frame that is not reached": (
        ("start: random", "start: [random, {case: NbMoTa, frame: 1_001}]"),
        ["28:41: kmc.start[1].frame: got 1001; allowed: last, or at most the 1000 jumps of kmc.stop"],
    ),
    "start given twice": (
        ("start: random", "start: [ordered, {ordered: B2}]"),
        [
            '28:20: kmc.start[1]: a second case "NbMoTa-B2"; allowed: each start once, files with names of their own'
        ],
    ),
    "ramp in too many steps": (
        (
            "temperatures_K: [400, 800]",
            "schedule: {jumps: [0, 9], temperatures_K: [300, 900], shape: linear, step_K: 0.05}",
        ),
        [
            "29:80: kmc.schedule.step_K: got 0.05, which makes 12000 steps; allowed: at least 0.06, for at most 10,000"
        ],
    ),
    "vacancies on all sites": (
        ("start: random", "vacancies: 1024"),
        ["28:14: kmc.vacancies: got 1024 on 1024 sites; allowed: less than there are sites"],
    ),
    "no vacancy": (
        ("start: random", "vacancies: 0"),
        ["28:14: kmc.vacancies: got 0; allowed: a whole number >= 1 and <= 65536"],
    ),
    "ranks": (
        ("site: local", "site: local\nresources: {label: {ranks_per_node: all}, kmc: {ranks: 2}}"),
        [
            '6:37: resources.label.ranks_per_node: got "all"; allowed: a whole number >= 1',
            '6:49: resources.kmc.ranks: unknown key; allowed: nodes, ranks_per_node, queue, walltime; did you mean "ranks_per_node"?',
        ],
    ),
    "no such site": (("site: local", "site: lokal"), ['5:7: site: no site "lokal"; allowed: ']),
    "no such site file": (("site: local", "site: sites/mine.yaml"), ["5:7: site: no file "]),
    "no such analysis": (
        ("[labels,", "[labelz,"),
        ['34:12: analysis[0]: got "labelz"; allowed: labels, farfield, training, '],
    ),
    "yes is no boolean": (
        ("max_force_eV_A: 0.02", "connect: yes"),
        ['17:12: label.connect: got "yes"; allowed: true or false'],
    ),
    "number in another type": (
        ("replicas: 2", "replicas: 2.5"),
        ["30:13: kmc.replicas: got 2.5; allowed: a whole number >= 1"],
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


def test_all_errors_come_at_once(write_campaign):
    path = write_campaign(
        ("seed: 7", "seed: -7\nsede: 8"),
        ("lattice: bcc", "lattice: hcp"),
        ("Ta: 0.33}", "Cr: 0.33}"),
        ("test_compositions: 1", "test_compositions: 9"),
        ("model: main", "model: other"),
        ("replicas: 2", "replicas: many"),
        ("[labels,", "[label,"),
    )
    with pytest.raises(CampaignErrors) as error:
        load_campaign(path)
    keys = [problem.key for problem in error.value.problems]
    assert keys == [
        ("seed",),
        ("sede",),
        ("alloy", "lattice"),
        ("label", "compositions", 0, "Cr"),
        ("train", "test_compositions"),
        ("kmc", "model"),
        ("kmc", "replicas"),
        ("analysis", 0),
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", ":1:1: the file is empty; `launch init PATH` writes one"),
        (b" \n\n", ":1:1: the file is empty"),
        (b"# only a comment\n", ":1:1: got nothing but comments; allowed: a mapping"),
        (b"- a\n- b\n", ":1:1: got a list; allowed: a mapping"),
        (b"hello\n", ':1:1: got "hello"; allowed: a mapping'),
        (b"name: x\nseed: \xe9\n", ":2:7: byte 0xe9 is not UTF-8"),
        ("name: x".encode("utf-16"), ":1:1: byte 0xff is not UTF-8"),
        (b"name: a\x00b\n", ":1:8: character U+0000 is not allowed in YAML"),
        (b"[" * 5000, ":1:1: nested deeper than the 100 levels allowed"),
        (b"a: &a [*a]\n", ":1:1: nested deeper than the 100 levels allowed"),
        (
            b"a: &a [x,x,x,x,x,x,x,x,x]\n"
            + b"".join(b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 9)) for n in range(98, 106)),
            ":1:1: more than 200000 values",
        ),
    ],
)
def test_files_that_are_no_campaign(content: bytes, message: str, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.yaml").write_bytes(content)
    with pytest.raises(CampaignErrors) as error:
        load_campaign("c.yaml")
    assert str(error.value).startswith(f"c.yaml{message}")


def test_missing_file_names_the_nearest(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick.yaml").touch()
    with pytest.raises(CampaignErrors, match=r'^qiuck.yaml: no such file; did you mean "quick.yaml"\?$'):
        load_campaign("qiuck.yaml")


def test_directory_names_the_campaign_in_it(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "campaign.yaml").touch()
    with pytest.raises(CampaignErrors, match=r"^run: is a directory; .* did you mean run/campaign.yaml\?$"):
        load_campaign("run")


def test_workdir_that_would_overwrite_the_campaign(write_campaign):
    path = write_campaign(("workdir: work", "workdir: ."), name="campaign.yaml")
    with pytest.raises(CampaignErrors, match=r":4:10: workdir: the copy .* would overwrite .*campaign.yaml"):
        load_campaign(path)


def test_labels_that_are_not_connected_are_a_warning(write_campaign):
    edits = [("  max_force_eV_A: 0.02", "  max_force_eV_A: 0.02\n  connect: false")]
    (warning,) = load_campaign(write_campaign(*edits)).warnings
    assert ":18:12: label.connect: false saves more than half" in str(warning)


def test_an_order_that_a_composition_cannot_reach_is_a_warning(write_campaign):
    stop = ("{jumps: 1_000}", "{order: {pair: Mo-Ta, at_least: 1}}")
    (warning,) = load_campaign(write_campaign(stop, ("[equimolar]", "[{Nb: 0.5, Mo: 0.5}]"))).warnings
    assert "31:24: kmc.stop.order.pair: 1 of 1 compositions lack one of the two" in str(warning)
    assert load_campaign(write_campaign(stop)).warnings == ()


def test_small_cells_are_a_warning(write_campaign):
    campaign = load_campaign(write_campaign(("  cells: [6, 6, 6]", "  cells: [4, 6, 6]")))
    (warning,) = campaign.warnings
    assert str(warning).endswith(
        ":15:10: label.cells: 4x6x6 is small for 8 neighbour shells: a network sees some sites twice; "
        "5 cells along each edge avoid it"
    )


@pytest.mark.parametrize("left", [b"", b"# The campaign as it", bytes(300), bytes(range(256))])
def test_a_kept_copy_that_a_crash_has_damaged_is_written_anew(write_campaign, tmp_path, left):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "campaign.yaml").write_bytes(left)
    with pytest.raises(CampaignErrors, match="would overwrite"):  # nothing was run there yet: whose is it?
        load_campaign(write_campaign())
    (tmp_path / "work" / "epoch").write_text("1\n")
    assert load_campaign(write_campaign()).name == "tiny"
