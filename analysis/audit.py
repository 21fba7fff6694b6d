"""The audit in figures: labels against climbing-image NEB calculations of the same jumps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.inputs import Inputs, reading
from analysis.label_groups import finite
from analysis.products import FigureProduct, Number, TableProduct
from analysis.style import BLUE, DOUBLE_COLUMN_IN, GREY, ORANGE, letter_panels, new_figure
from nnk.audit import AuditSet
from nnk.barriers import Flag

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE = "labels-audit"
SMALLEST_MEV = 1e-3  # differences below are drawn here on the logarithmic axis

Products = tuple[tuple[FigureProduct, ...], tuple[TableProduct, ...], tuple[Number, ...]]


def read_audit(inputs: Inputs) -> AuditSet | None:
    """The audit; None where the campaign has none, or not yet, or where no NEB converged."""
    path = inputs.workdir.audit_file
    if not path.is_file():
        return None
    with reading(inputs.note(path)):
        audit = AuditSet.load(path)
    return audit if audit.converged.any() else None


def audit_products(audit: AuditSet | None) -> Products:
    """Figure, table and headline numbers of an audit; nothing without one."""
    return ((), (), ()) if audit is None else ((_figure(audit),), (_table(audit),), _numbers(audit))


def absolute_meV(audit: AuditSet) -> NDArray[np.float64]:
    """Absolute differences of both directions, float64[converged, 2]; NaN for a way back not labelled."""
    return np.asarray(1000 * np.abs(audit.difference_eV[audit.converged]), dtype=np.float64)


def _figure(audit: AuditSet) -> FigureProduct:
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=2.6)
    difference = absolute_meV(audit)
    _draw_absolute(axes[0, 0], audit)
    _draw_signed(axes[0, 1], audit)
    letter_panels(axes[0])
    return FigureProduct(
        name=TABLE,
        title="Audit of the labels against an independent method",
        caption=(
            f"{len(difference)} labels calculated again by the climbing-image nudged elastic band of ASE, "
            f"forward and backward barriers. (a) Absolute differences; those below {SMALLEST_MEV:g} meV are "
            "in the first bin; dashed: mean. (b) Label minus NEB against the barrier."
        ),
        alt=(
            "Histogram and scatter plot of the differences between labels and NEB: mean "
            f"{np.nanmean(difference):.2g} meV, largest {np.nanmax(difference):.2g} meV, "
            f"over {len(difference)} labels."
        ),
        figure=figure,
        table=TABLE,
    )


def _draw_absolute(axes: Axes, audit: AuditSet) -> None:
    difference = absolute_meV(audit)
    split = (audit.flag == Flag.SPLIT)[audit.converged]
    shown = np.maximum(difference, SMALLEST_MEV)
    axes.hist(
        [finite(shown[~split].ravel()), finite(shown[split].ravel())],
        bins=np.geomspace(SMALLEST_MEV, max(10.0, 1.01 * np.nanmax(shown)), 25).tolist(),
        stacked=True,
        color=[BLUE, ORANGE],
        label=[f"others ({(~split).sum()} labels)", f"split path ({split.sum()} labels)"],
    )
    axes.axvline(float(np.nanmean(difference)), color="black", linestyle="--", linewidth=0.9)
    axes.set(xscale="log", xlabel="|label $-$ NEB| (meV)", ylabel="barriers")
    axes.set_ylim(top=1.35 * axes.get_ylim()[1])  # room for the legend
    axes.legend(loc="upper left")


def _draw_signed(axes: Axes, audit: AuditSet) -> None:
    found = audit.converged
    for column, energy, label, marker, face in (
        (0, audit.neb_E_fwd_eV, "forward", "o", BLUE),
        (1, audit.neb_E_bwd_eV, "backward", "s", "white"),
    ):
        axes.plot(
            energy[found],
            1000 * audit.difference_eV[found, column],
            marker=marker,
            linestyle="none",
            color=BLUE,
            markerfacecolor=face,
            label=label,
        )
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    axes.set(xlabel="barrier by NEB (eV)", ylabel="label $-$ NEB (meV)")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.2 * (high - low))
    axes.legend(loc="upper left", ncols=2)


def _table(audit: AuditSet) -> TableProduct:
    rows: list[list[Any]] = []
    for i, key in enumerate(audit.sample_key):
        forward, backward = (1000 * audit.difference_eV[i]).tolist()
        outcome = Flag(int(audit.flag[i])).name.lower()
        rows.append(
            [
                *(key, int(audit.vacancy_site[i]), int(audit.jump[i]), outcome),
                *(float(audit.E_fwd_eV[i]), float(audit.neb_E_fwd_eV[i]), forward),
                *(float(audit.E_bwd_eV[i]), float(audit.neb_E_bwd_eV[i]), backward),
                *(int(audit.neb_calls[i]), int(audit.negative_modes[i])),
            ]
        )
    columns = {
        "sample": "composition and number of the sample",
        "vacancy_site": "site of the vacancy",
        "jump": "direction of the jump",
        "flag": "outcome of the label",
        "E_fwd_eV": "forward barrier, label, eV",
        "neb_E_fwd_eV": "forward barrier, NEB, eV; empty: not converged",
        "difference_fwd_meV": "label minus NEB, forward, meV",
        "E_bwd_eV": "backward barrier, label, eV",
        "neb_E_bwd_eV": "backward barrier, NEB, eV",
        "difference_bwd_meV": "label minus NEB, backward, meV",
        "neb_calls": "force calls of the NEB",
        "negative_modes": "negative curvatures at the NEB's saddle: 1 at a saddle of first order",
    }
    return TableProduct(TABLE, "Audited labels", columns, rows)


def _numbers(audit: AuditSet) -> tuple[Number, ...]:
    difference = absolute_meV(audit)
    per_label, count = np.nanmean(difference, axis=1), len(difference)
    error = float(per_label.std(ddof=1) / np.sqrt(count)) if count > 1 else None
    failed = 100 * float((~audit.converged).mean())
    mean = Number("audit: mean |label - NEB|", float(per_label.mean()), "meV", TABLE, error, count)
    worst = Number("audit: largest |label - NEB|", float(np.nanmax(difference)), "meV", TABLE, count=count)
    unconverged = Number("audit: NEB did not converge", failed, "%", TABLE, count=len(audit))
    return mean, worst, unconverged
