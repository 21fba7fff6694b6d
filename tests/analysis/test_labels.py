from dataclasses import replace

import numpy as np
import pytest

from analysis import label_compositions, quarantine
from analysis.inputs import Inputs
from analysis.label_checks import Check
from analysis.label_limits import Property
from analysis.labels import analyse
from nnk.alloy import with_vacancy
from nnk.barriers import Flag
from nnk.files import commit

COMPOSITIONS = ("Nb34Mo33Ta33", "Nb20Mo60Ta20")


def test_counts_are_those_of_a_plain_loop(workdir, labels, rows_of):
    product = analyse(Inputs(workdir))
    rows = {row["flag"]: row for row in rows_of(product, "labels-outcomes")}
    for flag in (Flag.OK, Flag.SPLIT, Flag.FALLBACK, Flag.FAILED):
        members = [i for i in range(len(labels)) if labels.flag[i] == flag]
        row = rows[flag.name.lower()]
        assert int(row["labels"]) == len(members)
        assert float(row["share_percent"]) == pytest.approx(100 * len(members) / len(labels))
        assert float(row["calls_median"]) == np.median([labels.calls[i] for i in members])
    assert sum(int(row["labels"]) for row in rows.values()) == len(labels)
    per_composition = rows_of(product, "labels-compositions")
    assert [row["composition"] for row in per_composition] == ["Nb34Mo33Ta33", "Nb20Mo60Ta20"]
    assert sum(int(row["failed"]) for row in per_composition) == 1


def test_audit_differences(workdir, audit, rows_of):
    product = analyse(Inputs(workdir))
    found = {number.label: number for number in product.numbers}
    differences = [
        0.5 * (abs(a - b) + abs(c - d))
        for a, b, c, d in zip(
            audit.E_fwd_eV, audit.neb_E_fwd_eV, audit.E_bwd_eV, audit.neb_E_bwd_eV, strict=True
        )
        if np.isfinite(b)
    ]
    mean = found["audit: mean |label - NEB|"]
    assert mean.value == pytest.approx(1000 * np.mean(differences))
    assert mean.count == len(audit) - 1
    assert found["audit: NEB did not converge"].value == pytest.approx(100 / len(audit))
    rows = rows_of(product, "labels-audit")
    assert len(rows) == len(audit)
    assert rows[2]["difference_fwd_meV"] == ""


def test_without_an_audit_it_says_so(workdir):
    workdir.audit_file.unlink()
    product = analyse(Inputs(workdir))
    assert "labels-audit" not in [figure.name for figure in product.figures]
    assert any("No audit" in text for text in product.warnings)
    assert any("1 labels have no verified barrier" in text for text in product.warnings)


def test_segments_do_before_they_are_merged(workdir, labels, rows_of):
    half = np.arange(len(labels)) < len(labels) // 2
    labels.select(half).save(workdir.labels_dir / "w1-000.nc")
    labels.select(~half).save(workdir.labels_dir / "w2-000.nc")
    workdir.labels_file.unlink()
    product = analyse(Inputs(workdir))
    assert sum(int(row["labels"]) for row in rows_of(product, "labels-outcomes")) == len(labels)


def test_what_was_read_is_noted(workdir):
    inputs = Inputs(workdir)
    analyse(inputs)
    read = {path.relative_to(workdir.root).as_posix() for path in inputs.used}
    assert read == {"labels/labels.nc", "audit/audit.nc", "campaign.yaml"}


@pytest.fixture
def flawed(labels):
    """The labels with some that are not used, each for a reason, and one that is far off."""
    flag, reason = labels.flag.copy(), np.array(labels.reason, dtype=object)
    forward, backward = labels.E_fwd_eV.copy(), labels.E_bwd_eV.copy()
    for i, (outcome, text) in {
        1: (Flag.TINY, "E_fwd 0.003 eV"),
        2: (Flag.MERGED, "the final state is the initial one"),
        90: (Flag.ERROR, "RuntimeError: lost atoms"),
        91: (Flag.ERROR, "RuntimeError: lost atoms"),
    }.items():
        flag[i], reason[i] = outcome, text
        forward[i] = backward[i] = 0.003 if outcome == Flag.TINY else np.nan
    forward[100] += 9.0
    return replace(labels, flag=flag, reason=tuple(reason), E_fwd_eV=forward, E_bwd_eV=backward)


def test_every_label_that_is_not_used_is_listed_with_its_reason(workdir, flawed, rows_of):
    flawed.save(workdir.labels_file)
    product = analyse(Inputs(workdir))
    rows = rows_of(product, "labels-quarantine")
    out = [i for i in range(len(flawed)) if flawed.flag[i] not in (Flag.OK, Flag.SPLIT, Flag.FALLBACK)]
    assert sorted((row["sample"], int(row["vacancy_site"]), int(row["jump"])) for row in rows) == sorted(
        (flawed.sample_key[flawed.sample[i]], int(flawed.vacancy_site[i]), int(flawed.jump[i])) for i in out
    )
    said = {row["flag"]: (row["reason"], row["E_fwd_eV"]) for row in rows}
    assert said["tiny"] == ("E_fwd 0.003 eV", "0.003")
    assert said["merged"] == ("the final state is the initial one", "")
    assert said["failed"] == ("failed", "")  # without a reason the outcome stands for it
    reasons = rows_of(product, "labels-reasons")
    first = reasons[0]
    assert (first["flag"], first["reason"], first["labels"]) == ("error", "RuntimeError: lost atoms", "2")
    assert sum(int(row["labels"]) for row in reasons) == len(out)
    assert any(f"{len(out)} labels have no verified barrier" in text for text in product.warnings)


def test_reasons_that_differ_in_a_measured_number_alone_are_one(workdir, labels, rows_of):
    flag, reason = labels.flag.copy(), list(labels.reason)
    texts = (
        "close: ijtype 1 2 dist 2.1736 (pair.cpp:117)",
        "close: ijtype 1 2 dist -3.5e-05 (pair.cpp:117)",
        "close: ijtype 2 2 dist 2.1736 (pair.cpp:117)",
        "signal 11",
    )
    for i, text in enumerate(texts):
        flag[i], reason[i] = Flag.ERROR, text
    replace(labels, flag=flag, reason=tuple(reason)).save(workdir.labels_file)
    product = analyse(Inputs(workdir))
    errors = [row for row in rows_of(product, "labels-reasons") if row["flag"] == "error"]
    assert {row["reason"]: int(row["labels"]) for row in errors} == {
        "close: ijtype 1 2 dist ... (pair.cpp:117)": 2,
        "close: ijtype 2 2 dist ... (pair.cpp:117)": 1,
        "signal 11": 1,
    }
    assert "dist 2.1736" in str(rows_of(product, "labels-quarantine"))


def test_a_set_without_a_single_saddle_is_drawn(workdir, labels):
    n = len(labels)
    energies = dict.fromkeys(("E_fwd_eV", "E_bwd_eV", "curvature_eV_A2"), np.full(n, np.nan))
    nothing = replace(
        labels, flag=np.full(n, Flag.FAILED, dtype=np.uint8), reason=("no saddle",) * n, **energies
    )
    nothing.save(workdir.labels_file)
    product = analyse(Inputs(workdir))
    drawn = next(figure for figure in product.figures if figure.name == "labels")
    outcomes, _, forces, curvatures = drawn.figure.axes
    assert not outcomes.get_lines()  # nothing to set apart from what is used
    for axes in (forces, curvatures):
        assert axes.get_ylim() == (0, 1)
        assert "no saddles" in [text.get_text() for text in axes.texts]


def test_what_is_far_from_its_kind_is_named(workdir, flawed, rows_of):
    flawed.save(workdir.labels_file)
    rows = rows_of(analyse(Inputs(workdir)), "labels-outliers")
    assert [(row["sample"], int(row["vacancy_site"]), int(row["jump"])) for row in rows] == [
        (flawed.sample_key[flawed.sample[100]], flawed.vacancy_site[100], flawed.jump[100])
    ]
    name, mover = flawed.composition_name[100], flawed.moving_species[100]
    kind = [
        energy
        for i in range(len(flawed))
        if flawed.usable[i] and flawed.composition_name[i] == name and flawed.moving_species[i] == mover
        for energy in (flawed.E_fwd_eV[i], flawed.E_bwd_eV[i])
    ]
    width = 1.4826 * np.median(np.abs(np.array(kind) - np.median(kind)))
    expected = (flawed.E_fwd_eV[100] - np.median(kind)) / width
    assert float(rows[0]["distance"]) == pytest.approx(expected)


def test_barriers_per_composition_and_species(workdir, labels, rows_of):
    rows = rows_of(analyse(Inputs(workdir)), "labels-barriers")
    assert len(rows) == 6
    for row in rows:
        energies = [
            energy
            for i in range(len(labels))
            if labels.usable[i]
            and labels.composition_name[i] == row["composition"]
            and labels.elements[labels.moving_species[i] - 1] == row["moving_species"]
            for energy in (labels.E_fwd_eV[i], labels.E_bwd_eV[i])
        ]
        assert float(row["lowest_eV"]) == pytest.approx(min(energies))
        assert float(row["q50_eV"]) == pytest.approx(np.median(energies))
        assert float(row["highest_eV"]) == pytest.approx(max(energies))


def barriers_there_and_back(network, lattice, occupancy, site):
    """Barriers of the vacancy's jumps, and of their reverses."""
    state = with_vacancy(occupancy, site)
    back = []
    for jump, other in enumerate(lattice.neighbours[site]):
        moved = state.copy()
        moved[site], moved[other] = state[other], 0
        back.append(network.barriers(moved, int(other), lattice)[7 - jump])
    return network.barriers(state, site, lattice), back


def twins(labels, network, shift_eV):
    """Labels of a vacancy and of its neighbours: between alike atoms each jump stands there twice."""
    lattice = labels.lattice(0)
    sites = [0, *lattice.neighbours[0].tolist()]
    both = [barriers_there_and_back(network, lattice, labels.occupancy[0], site) for site in sites]
    forward, backward = (np.ravel(column) for column in zip(*both, strict=True))
    forward[first_alike(labels)] += shift_eV
    return replace(
        labels.select(np.zeros(len(forward), dtype=int)),
        vacancy_site=np.repeat(sites, 8),
        jump=np.tile(np.arange(8), len(sites)),
        E_fwd_eV=forward,
        E_bwd_eV=backward,
    )


def alike(labels):
    """Jumps of the vacancy at site 0 of the first sample whose atom is like the one taken out."""
    occupancy = labels.occupancy[0]
    return np.flatnonzero(occupancy[labels.lattice(0).neighbours[0]] == occupancy[0])


def first_alike(labels):
    return int(alike(labels)[0])


def test_there_and_back_are_compared(workdir, labels, network, rows_of):
    twins(labels, network, 0.0).save(workdir.labels_file)
    product = analyse(Inputs(workdir))
    found = {number.label: number.value for number in product.numbers}
    assert found["equal jumps: pooled deviation"] == pytest.approx(0, abs=1e-3)
    assert "labels-duplicates" in [figure.name for figure in product.figures]
    # each jump and its reverse, from two labels each
    assert len(rows_of(product, "labels-duplicates")) == 4 * len(alike(labels)) > 0


def test_a_jump_with_two_barriers_is_bad(workdir, labels, network, rows_of):
    twins(labels, network, 0.1).save(workdir.labels_file)
    product = analyse(Inputs(workdir))
    worst = rows_of(product, "labels-duplicates")[:2]
    assert [float(row["spread_meV"]) for row in worst] == pytest.approx([100, 100], abs=0.1)
    assert {row["direction"] for row in worst} == {"forward", "backward"}
    assert ("0", str(first_alike(labels))) in [(row["vacancy_site"], row["jump"]) for row in worst]
    assert any(text.startswith("Bad: equal jumps: worst pair") for text in product.warnings)


def test_verdicts(workdir, labels, rows_of):
    rows = {row["check"]: row for row in rows_of(analyse(Inputs(workdir)), "labels-checks")}
    assert rows["labels not used"]["verdict"] == "good"
    assert float(rows["labels not used"]["value"]) == pytest.approx(100 / len(labels))
    assert rows["equal jumps: deviation"]["verdict"] == "not checked"
    assert rows["saddles with more force than asked"]["verdict"] == "good"
    many = np.where(np.arange(len(labels)) % 8 == 3, Flag.FAILED, labels.flag)
    few = replace(labels, flag=many, residual_force_eV_A=labels.residual_force_eV_A * 1.03)
    commit(workdir.labels_file, few.save)
    product = analyse(Inputs(workdir))
    rows = {row["check"]: row for row in rows_of(product, "labels-checks")}
    assert rows["labels not used"]["verdict"] == "bad"
    assert rows["the same, worst composition"]["verdict"] == "look"
    beyond = np.mean(few.residual_force_eV_A[few.usable] > 0.02)
    assert float(rows["saddles with more force than asked"]["value"]) == pytest.approx(100 * beyond)
    assert "bad: labels not used" in product.summary


@pytest.mark.parametrize(
    ("value", "expected"), [(0.0, "good"), (1.0, "good"), (1.1, "look"), (5.0, "look"), (5.1, "bad")]
)
def test_limits(value, expected):
    assert Check(Property("p", "1", 1, 5, "m"), value).verdict == expected
    assert Check(Property("p", "1", 1, 5, "m"), float("nan")).verdict == "not checked"


def test_labels_made_from_the_initial_state_alone(workdir, labels):
    replace(labels, E_bwd_eV=np.full(len(labels), np.nan)).save(workdir.labels_file)
    workdir.audit_file.unlink()
    product = analyse(Inputs(workdir))
    assert {figure.name for figure in product.figures} >= {"labels", "labels-barriers"}


def test_a_set_without_one_usable_label(workdir, labels):
    none = np.full(len(labels), np.nan)
    lost = replace(labels, flag=np.full(len(labels), Flag.FAILED), E_fwd_eV=none, E_bwd_eV=none)
    lost.save(workdir.labels_file)
    product = analyse(Inputs(workdir))
    assert "0 of 160 labels" in product.summary
    assert "bad: labels not used" in product.summary


def test_structures_of_what_is_not_used(workdir, flawed, tmp_path, capsys):
    flawed.save(workdir.labels_file)
    assert quarantine.main([str(workdir.root), "--write", str(tmp_path / "xyz")]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1 + int((~flawed.usable).sum())
    files = sorted((tmp_path / "xyz").glob("*.extxyz"))
    assert len(files) == (~flawed.usable).sum()
    io = pytest.importorskip("ase.io")
    key, site, jump = flawed.sample_key[flawed.sample[1]], flawed.vacancy_site[1], flawed.jump[1]
    frames = io.read(tmp_path / "xyz" / f"tiny-{key.replace('/', '-')}-v{site}-j{jump}.extxyz", ":")
    assert [frame.info["state"] for frame in frames] == ["initial", "midpoint", "final"]
    lattice = flawed.lattice(0)
    mover, vacancy = lattice.positions_A[lattice.neighbours[site, jump]], lattice.positions_A[site]
    moved = np.abs(frames[2].positions - frames[0].positions).sum(axis=1) > 1e-6
    assert moved.sum() == 1
    np.testing.assert_allclose(frames[0].positions[moved][0], mover, atol=1e-6)
    frames[2].wrap()
    away = frames[2].positions[moved][0] - vacancy
    np.testing.assert_allclose(away - lattice.box_A * np.round(away / lattice.box_A), 0, atol=1e-6)
    assert len(frames[0]) == lattice.n_sites - 1


def test_inspection_of_nothing(tmp_path, capsys):
    assert quarantine.main([str(tmp_path)]) == 1
    assert "is missing" in capsys.readouterr().err


def test_more_compositions_than_fit_on_a_page(workdir, labels, monkeypatch):
    monkeypatch.setattr(label_compositions, "MOST_ROWS", 1)
    figures = {figure.name: figure for figure in analyse(Inputs(workdir)).figures}
    assert "1 more are in the table" in figures["labels-compositions"].caption
    out = [(~labels.usable)[labels.composition_name == name].mean() for name in COMPOSITIONS]
    shown = figures["labels-compositions"].figure.axes[0].get_yticklabels()
    assert [text.get_text() for text in shown] == [COMPOSITIONS[int(np.argmax(out))]]


def test_of_published_labels_only_outcomes_are_drawn_and_nothing_is_called_bad(workdir, labels, rows_of):
    unknown = np.full(len(labels), np.nan)
    names = ("E_bwd_eV", "calls", "curvature_eV_A2", "residual_force_eV_A")
    labels.replaced(**dict.fromkeys(names, unknown)).save(workdir.labels_file)
    workdir.audit_file.unlink()
    product = analyse(Inputs(workdir))
    (quality,) = [figure for figure in product.figures if figure.name == "labels"]
    assert len(quality.figure.axes) == 1
    assert "are not known" in quality.caption
    assert "force calls" not in product.summary
    verdict = {row["check"]: row["verdict"] for row in rows_of(product, "labels-checks")}
    assert verdict["saddles hardly curved"] == "not checked"
