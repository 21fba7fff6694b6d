"""What is wrong with a set of labels? One line per check: a number, its limits, a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis import label_limits as limits
from analysis.audit import absolute_meV
from analysis.label_groups import Compositions, share
from analysis.label_limits import Property
from analysis.label_outliers import FAR
from analysis.products import Cell, FigureProduct, TableProduct
from analysis.style import DOUBLE_COLUMN_IN, GREEN, GREY, ORANGE, VERMILION, new_figure
from nnk.audit import AuditSet
from nnk.barriers import BarrierSet, Flag
from nnk.observables.equivalence import Equivalents

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE = "labels-checks"
GOOD, LOOK, BAD, NOT_CHECKED = "good", "look", "bad", "not checked"
COLOURS = {GOOD: GREEN, LOOK: ORANGE, BAD: VERMILION, NOT_CHECKED: GREY}
WEAK_CURVATURE_EV_A2 = -0.05
FAR_FROM_NEB_MEV = 10.0


@dataclass(frozen=True)
class Check:
    """A property of a set with its value; NaN where the set does not tell."""

    of: Property
    value: float

    @property
    def verdict(self) -> str:
        """One of good, look, bad, not checked."""
        if not np.isfinite(self.value):
            return NOT_CHECKED
        if self.value <= self.of.good:
            return GOOD
        return LOOK if self.value <= self.of.bad else BAD


@dataclass(frozen=True)
class Evidence:
    """What is known of a set.

    Attributes:
        barriers: the labels.
        compositions: whose they are.
        tolerance: largest force asked for at a saddle, eV/Å; None if unknown.
        audit: labels computed again by another method; None if none were.
        equal: barriers that must be equal.
        distance: float64[m, 2] from the rest of their kind, see `analysis.label_outliers`.
    """

    barriers: BarrierSet
    compositions: Compositions
    tolerance: float | None
    audit: AuditSet | None
    equal: Equivalents
    distance: NDArray[np.float64]


def checks(evidence: Evidence) -> list[Check]:
    """All checks of a set."""
    return [
        *_outcome_checks(evidence.barriers, evidence.compositions),
        *_saddle_checks(evidence.barriers, evidence.tolerance),
        *_audit_checks(evidence.audit),
        *_value_checks(evidence),
    ]


def _outcome_checks(barriers: BarrierSet, compositions: Compositions) -> list[Check]:
    out, counts = ~barriers.usable, compositions.count()
    short = counts < 0.5 * np.median(counts) if len(counts) else counts
    return [
        Check(limits.OUT, share(out)),
        Check(limits.WORST_OUT, float(compositions.share(out).max(initial=0.0))),
        Check(limits.SHORT, float(short.sum())),
        Check(limits.ERRORS, share(barriers.flag == Flag.ERROR)),
        Check(limits.FALLBACK, share(barriers.flag == Flag.FALLBACK)),
        Check(limits.SPLIT, share(barriers.flag == Flag.SPLIT)),
    ]


def _saddle_checks(barriers: BarrierSet, tolerance: float | None) -> list[Check]:
    usable = barriers.usable
    force, curvature = barriers.residual_force_eV_A[usable], barriers.curvature_eV_A2[usable]
    beyond = share(force > tolerance) if tolerance is not None else np.nan
    return [
        Check(limits.FORCE, beyond),
        Check(
            limits.FLAT,
            share(~(curvature < WEAK_CURVATURE_EV_A2)) if np.isfinite(curvature).any() else np.nan,
        ),
    ]


def _audit_checks(audit: AuditSet | None) -> list[Check]:
    mean = far = modes = np.nan
    if audit is not None:
        difference = absolute_meV(audit)
        mean = float(np.nanmean(difference))
        far = share(np.nanmax(difference, axis=1) > FAR_FROM_NEB_MEV)
        modes = share(audit.negative_modes[audit.converged] != 1)
    return [Check(limits.NEB, mean), Check(limits.NEB_FAR, far), Check(limits.NEB_MODES, modes)]


def _value_checks(evidence: Evidence) -> list[Check]:
    equal, farthest = evidence.equal, np.fmax(*np.abs(evidence.distance).T)
    largest = 1000 * float(equal.spread_eV.max()) if len(equal) else np.nan
    return [
        Check(limits.EQUAL, 1000 * equal.repeatability_eV),
        Check(limits.EQUAL_WORST, largest),
        Check(limits.OUTLIERS, share(farthest[np.isfinite(farthest)] > FAR)),
    ]


def verdict(found: Sequence[Check]) -> str:
    """One sentence on a set."""
    wrong = [check.of.what for check in found if check.verdict == BAD]
    odd = [check.of.what for check in found if check.verdict == LOOK]
    unknown = [check.of.what for check in found if check.verdict == NOT_CHECKED]
    parts = [
        f"bad: {', '.join(wrong)}" if wrong else "",
        f"worth a look: {', '.join(odd)}" if odd else "",
        f"not checked: {', '.join(unknown)}" if unknown else "",
    ]
    said = "; ".join(part for part in parts if part)
    good = sum(check.verdict == GOOD for check in found)
    return f"{good} of {len(found)} checks are good" + (f"; {said}." if said else ".")


def check_table(found: Sequence[Check]) -> TableProduct:
    """A row per check."""
    rows: list[list[Cell]] = [
        [c.of.what, c.value, c.of.unit, c.of.good, c.of.bad, c.verdict, c.of.meaning] for c in found
    ]
    columns = {
        "check": "property of the set; the smaller, the better",
        "value": "its value; empty: the set does not tell",
        "unit": "of value and limits",
        "good_up_to": "good up to this value",
        "bad_above": "bad above this value, and worth a look between",
        "verdict": f"{GOOD}, {LOOK} (worth a look), {BAD}, or {NOT_CHECKED}",
        "meaning": "what a large value means",
    }
    return TableProduct(TABLE, "Checks of the labels", columns, rows)


def check_figure(found: Sequence[Check]) -> FigureProduct:
    """The checks as a list, each verdict as a word on its colour."""
    figure, axes = new_figure(width_in=DOUBLE_COLUMN_IN, height_in=0.35 + 0.19 * len(found))
    panel = axes[0, 0]
    panel.set_axis_off()
    panel.set(xlim=(0, 1.02), ylim=(len(found) - 0.4, -1.2))
    for x, text in ((0.125, "check"), (0.455, "value"), (0.48, "good / bad"), (0.63, "if large")):
        panel.text(x, -0.85, text, ha="right" if text == "value" else "left", va="center", fontweight="bold")
    for row, check in enumerate(found):
        _draw_check(panel, row, check)
    return FigureProduct(
        name=TABLE,
        title="Is anything wrong with these labels?",
        caption=(
            "Every check of the set with its verdict. Good: up to the first limit; bad: above the second; "
            "look: between them; not checked: the set does not tell, for want of an audit, of jumps "
            "that were labelled twice, or of labels of a kind."
        ),
        alt=verdict(found),
        figure=figure,
        table=TABLE,
    )


def _draw_check(axes: Axes, row: int, check: Check) -> None:
    unit = "" if check.of.unit == "1" else f" {check.of.unit}"
    value = f"{check.value:.3g}{unit}" if np.isfinite(check.value) else "unknown"
    box = {"boxstyle": "round,pad=0.2", "facecolor": COLOURS[check.verdict], "edgecolor": "none"}
    word: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "color": "white",
        "fontweight": "bold",
        "bbox": box,
    }
    axes.text(0.055, row, check.verdict, **word)
    axes.text(0.125, row, check.of.what, va="center")
    axes.text(0.455, row, value, ha="right", va="center")
    axes.text(0.48, row, f"{check.of.good:g} / {check.of.bad:g}{unit}", va="center", color="0.35")
    axes.text(0.63, row, check.of.meaning, va="center", color="0.35")
