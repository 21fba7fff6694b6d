"""Quality of a data set of labels: outcomes, convergence, checks, and what is not used and why."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from analysis.audit import absolute_meV, audit_products, read_audit
from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.label_checks import BAD, Check, Evidence, check_figure, check_table, checks, verdict
from analysis.label_compositions import composition_figure, strip_figure, strip_table
from analysis.label_duplicates import duplicate_products
from analysis.label_groups import Compositions, median
from analysis.label_outcomes import composition_table, outcome_numbers, outcome_table, quality_figure
from analysis.label_outliers import outlier_distance, outlier_table
from analysis.products import Product
from analysis.quarantine import quarantine_table, reason_table
from analysis.style import paper_style
from nnk.audit import AuditSet
from nnk.barriers import BarrierSet
from nnk.observables.equivalence import equivalents

NAME = "labels"


def analyse(inputs: Inputs) -> Product:
    """The quality report of the labels; with the audit, if there is one."""
    barriers = inputs.labels()
    tolerance = (inputs.campaign().get("label") or {}).get("max_force_eV_A")
    audit, equal, compositions = read_audit(inputs), equivalents(barriers), Compositions.of(barriers)
    distance = outlier_distance(barriers, compositions)
    found = checks(Evidence(barriers, compositions, tolerance, audit, equal, distance))
    with paper_style():
        figures = (
            check_figure(found),
            quality_figure(barriers, tolerance),
            composition_figure(barriers, compositions),
            strip_figure(barriers, compositions),
        )
        equal_figures, equal_tables, equal_numbers = duplicate_products(barriers, equal)
        audit_figures, audit_tables, audit_numbers = audit_products(audit)
    tables = (
        check_table(found),
        outcome_table(barriers),
        reason_table(barriers),
        quarantine_table(barriers, compositions),
        composition_table(barriers, compositions),
        strip_table(barriers, compositions),
        outlier_table(barriers, compositions, distance),
    )
    return Product(
        name=NAME,
        title="Barrier labels",
        summary=f"{_summary(barriers, audit)} {verdict(found)}",
        figures=(*figures, *equal_figures, *audit_figures),
        tables=(*tables, *equal_tables, *audit_tables),
        numbers=(*outcome_numbers(barriers), *equal_numbers, *audit_numbers),
        settings={f"labels: {key}": value for key, value in sorted(barriers.attrs.items())},
        warnings=_warnings(barriers, audit, found),
    )


def _summary(barriers: BarrierSet, audit: AuditSet | None) -> str:
    usable = int(barriers.usable.sum())
    text = f"{usable} of {len(barriers)} labels have a verified barrier"
    known = np.isfinite(barriers.calls).any()
    text += f", at a median of {median(barriers.calls):.0f} force calls each." if known else "."
    if audit is not None:
        difference = absolute_meV(audit)
        text += (
            f" Against {len(difference)} independent climbing-image NEB calculations the mean absolute "
            f"difference is {np.nanmean(difference):.2g} meV."
        )
    return text


def _warnings(barriers: BarrierSet, audit: AuditSet | None, found: Sequence[Check]) -> tuple[str, ...]:
    said = []
    if not barriers.usable.all():
        count = int((~barriers.usable).sum())
        said.append(
            f"{count} labels have no verified barrier; they are left out of everything else. Each is listed "
            "with its reason; python -m analysis.quarantine writes their structures."
        )
    if audit is None:
        said.append("No audit: the labels were not checked against an independent method.")
    said += [
        f"Bad: {c.of.what}, {c.value:.3g} {c.of.unit}: {c.of.meaning}." for c in found if c.verdict == BAD
    ]
    return tuple(said)


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.labels WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
