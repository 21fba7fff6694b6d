import numpy as np
import pytest

from analysis.inputs import Inputs
from analysis.labels import analyse
from nnk.barriers import Flag


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
    assert [figure.name for figure in product.figures] == ["labels"]
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
