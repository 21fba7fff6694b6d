"""Quality of the labels: what became of each search, what it cost, how well saddles are converged."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.audit import absolute_meV, audit_products, read_audit
from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.products import FigureProduct, Number, Product, TableProduct
from analysis.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN_IN,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    VERMILION,
    YELLOW,
    letter_panels,
    new_figure,
    paper_style,
)
from nnk.audit import AuditSet
from nnk.barriers import BarrierSet, Flag, Method

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "labels"
FLAG_NAMES = {
    Flag.OK: "one saddle",
    Flag.SPLIT: "split path",
    Flag.FALLBACK: "NEB fallback",
    Flag.FAILED: "failed",
    Flag.UNSTABLE: "no end state",
    Flag.TINY: "barrier below 0.01 eV",
    Flag.MERGED: "final state merged",
    Flag.MOVED: "vacancy elsewhere",
    Flag.ERROR: "force field failed",
}
_COLOURS = (BLUE, ORANGE, PURPLE, VERMILION, GREY, SKY, YELLOW, GREEN, BLACK)
_HATCHES = ("", "////", "....", "xxxx", "----", "\\\\\\\\", "oo", "++", "")


def analyse(inputs: Inputs) -> Product:
    """Counts per outcome, calls, convergence; and the audit, if there is one."""
    barriers = inputs.labels()
    tolerance = (inputs.campaign().get("label") or {}).get("max_force_eV_A")
    audit = read_audit(inputs)
    with paper_style():
        figures = [_quality_figure(barriers, tolerance)]
        audit_figures, audit_tables, audit_numbers = audit_products(audit)
    return Product(
        name=NAME,
        title="Barrier labels",
        summary=_summary(barriers, audit),
        figures=(*figures, *audit_figures),
        tables=(_outcome_table(barriers), _composition_table(barriers), *audit_tables),
        numbers=(*_numbers(barriers), *audit_numbers),
        settings={f"labels: {key}": value for key, value in sorted(barriers.attrs.items())},
        warnings=_warnings(barriers, audit),
    )


def _present_flags(barriers: BarrierSet) -> list[Flag]:
    return [flag for flag in Flag if (barriers.flag == flag).any()]


def _share(mask: NDArray[np.bool_]) -> float:
    return 100.0 * float(mask.mean()) if len(mask) else float("nan")


def _summary(barriers: BarrierSet, audit: AuditSet | None) -> str:
    usable = int(barriers.usable.sum())
    text = (
        f"{usable} of {len(barriers)} labels have a verified barrier, at a median of "
        f"{np.median(barriers.calls):.0f} force calls each."
    )
    if audit is not None:
        difference = absolute_meV(audit)
        text += (
            f" Against {len(difference)} independent climbing-image NEB calculations the mean absolute "
            f"difference is {difference.mean():.2g} meV."
        )
    return text


def _warnings(barriers: BarrierSet, audit: AuditSet | None) -> tuple[str, ...]:
    found = []
    if not barriers.usable.all():
        count = int((~barriers.usable).sum())
        found.append(f"{count} labels have no verified barrier; they are left out of everything else.")
    if audit is None:
        found.append("No audit: the labels were not checked against an independent method.")
    return tuple(found)


def _quality_figure(barriers: BarrierSet, tolerance: float | None) -> FigureProduct:
    figure, axes = new_figure(2, 2, width_in=DOUBLE_COLUMN_IN, height_in=4.8)
    panels = axes.ravel()
    _draw_outcomes(panels[0], barriers)
    _draw_calls(panels[1], barriers)
    _draw_forces(panels[2], barriers, tolerance)
    _draw_curvatures(panels[3], barriers)
    letter_panels(panels)
    return FigureProduct(
        name=NAME,
        title="Quality of the barrier labels",
        caption=(
            f"(a) Outcome of the searches per composition; {len(barriers)} labels. Split path: intermediate "
            "minima on the way, the highest of several connected saddles is kept. NEB fallback: found by "
            "the climbing-image elastic band after the search had failed. (b) Force calls per barrier, the "
            "initial state's shared by its jumps; dashed: median. (c) Largest force left on an atom at the "
            "saddle; dashed: what was asked for. (d) Lowest curvature at the saddle."
        ),
        alt=(
            "Four panels: bars of the outcomes per composition, and histograms of force calls, residual "
            f"force and curvature. {_share(barriers.usable):.1f} percent of the labels have a barrier, "
            f"median {np.median(barriers.calls):.0f} calls."
        ),
        figure=figure,
        table=f"{NAME}-outcomes",
    )


def _draw_outcomes(axes: Axes, barriers: BarrierSet) -> None:
    names = list(dict.fromkeys(barriers.composition_name.tolist()))
    left = np.zeros(len(names))
    for flag in _present_flags(barriers):
        shares = np.array([_share(barriers.flag[barriers.composition_name == n] == flag) for n in names])
        axes.barh(
            names,
            shares,
            left=left,
            height=0.72,
            color=_COLOURS[flag],
            hatch=_HATCHES[flag],
            edgecolor="white",
            linewidth=0.4,
            label=FLAG_NAMES[flag],
        )
        left += shares
    axes.invert_yaxis()
    axes.set(xlabel="share of labels (%)", xlim=(0, 100))
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, columnspacing=1.0)


def _draw_calls(axes: Axes, barriers: BarrierSet) -> None:
    top = float(np.nanquantile(barriers.calls, 0.995))
    bins = np.linspace(0, max(top, 1.0), 41).tolist()
    flags = _present_flags(barriers)
    axes.hist(
        [np.clip(barriers.calls[barriers.flag == flag], None, bins[-1]) for flag in flags],
        bins=bins,
        stacked=True,
        color=[_COLOURS[flag] for flag in flags],
    )
    median = float(np.median(barriers.calls))
    axes.axvline(median, color="black", linestyle="--", linewidth=0.9)
    axes.annotate(
        f"median {median:.0f}",
        xy=(median, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4, -2),
        textcoords="offset points",
        va="top",
    )
    beyond = int((barriers.calls > bins[-1]).sum())
    more = f" (last bin: and above, {beyond})" if beyond else ""
    axes.set(xlabel="force calls per barrier" + more, ylabel="labels")


def _draw_forces(axes: Axes, barriers: BarrierSet, tolerance: float | None) -> None:
    forces = 1000 * _finite(barriers.residual_force_eV_A[barriers.usable])
    axes.hist(forces, bins=40, color=BLUE)
    if tolerance is not None:
        axes.axvline(1000 * tolerance, color="black", linestyle="--", linewidth=0.9)
    axes.set(xlabel="largest force at the saddle (meV/Å)", ylabel="labels")
    axes.set_xlim(left=0)


def _draw_curvatures(axes: Axes, barriers: BarrierSet) -> None:
    axes.hist(_finite(barriers.curvature_eV_A2[barriers.usable]), bins=40, color=BLUE)
    axes.set(xlabel="lowest curvature at the saddle (eV/Å$^2$)", ylabel="labels")
    axes.set_xlim(right=0)


def _median(values: NDArray[np.float64]) -> float:
    finite = _finite(values)
    return float(np.median(finite)) if len(finite) else float("nan")


def _finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[np.isfinite(values)]


def _outcome_table(barriers: BarrierSet) -> TableProduct:
    rows: list[list[Any]] = []
    for flag in Flag:
        for method in Method:
            mask = (barriers.flag == flag) & (barriers.method == method)
            if not mask.any():
                continue
            rows.append(
                [
                    flag.name.lower(),
                    method.name.lower().replace("_", " "),
                    int(mask.sum()),
                    _share(mask),
                    _median(barriers.calls[mask]),
                    float(barriers.calls[mask].max()),
                    _median(barriers.residual_force_eV_A[mask]),
                    _median(barriers.curvature_eV_A2[mask]),
                ]
            )
    columns = {
        "flag": "outcome of the label",
        "method": "how its saddle was found, or last looked for",
        "labels": "number of labels",
        "share_percent": "share of all labels, %",
        "calls_median": "median of the force calls per barrier",
        "calls_max": "largest number of force calls",
        "residual_force_eV_A_median": "median of the largest force at the saddle, eV/Å",
        "curvature_eV_A2_median": "median of the lowest curvature at the saddle, eV/Å^2",
    }
    return TableProduct(f"{NAME}-outcomes", "Labels by outcome and method", columns, rows)


def _composition_table(barriers: BarrierSet) -> TableProduct:
    rows: list[list[Any]] = []
    for name in dict.fromkeys(barriers.composition_name.tolist()):
        mask = barriers.composition_name == name
        counts = [int((barriers.flag[mask] == flag).sum()) for flag in Flag]
        usable = mask & barriers.usable
        mean = float(barriers.E_fwd_eV[usable].mean()) if usable.any() else float("nan")
        rows.append([name, int(mask.sum()), *counts, float(np.median(barriers.calls[mask])), mean])
    columns = {
        "composition": "atomic percent",
        "labels": "number of labels",
        **{flag.name.lower(): f"labels with the outcome: {FLAG_NAMES[flag]}" for flag in Flag},
        "calls_median": "median of the force calls per barrier",
        "E_fwd_eV_mean": "mean forward barrier, eV",
    }
    return TableProduct(f"{NAME}-compositions", "Labels by composition", columns, rows)


def _numbers(barriers: BarrierSet) -> tuple[Number, ...]:
    table, n = f"{NAME}-outcomes", len(barriers)
    shares = [
        Number(f"labels: {FLAG_NAMES[flag]}", _share(barriers.flag == flag), "%", table, count=n)
        for flag in (Flag.SPLIT, Flag.FALLBACK, Flag.FAILED)
    ]
    median = Number("force calls per barrier, median", float(np.median(barriers.calls)), "1", table, count=n)
    usable = Number("labels with a verified barrier", float(barriers.usable.sum()), "1", table)
    return (usable, *shares, median)


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.labels WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
