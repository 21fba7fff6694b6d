"""What became of the searches: overall, and in each composition; how well saddles are converged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.label_groups import FLAG_NAMES, Compositions, finite, median, present_flags, share
from analysis.products import FigureProduct, Number, TableProduct
from analysis.style import (
    BLACK,
    BLUE,
    DOUBLE_COLUMN_IN,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SINGLE_COLUMN_IN,
    SKY,
    VERMILION,
    YELLOW,
    letter_panels,
    new_figure,
)
from nnk.barriers import BarrierSet, Flag, Method

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "labels"
SHOWN_CALLS = 0.97  # quantile of the force calls at which the histogram ends
_COLOURS = (BLUE, ORANGE, PURPLE, VERMILION, GREY, SKY, YELLOW, GREEN, BLACK)


def quality_figure(barriers: BarrierSet, tolerance: float | None) -> FigureProduct:
    """Outcomes, force calls, residual forces and curvatures of all labels.

    Args:
        barriers: the labels.
        tolerance: largest force that was asked for, eV/Å; None if unknown.
    """
    if not np.isfinite(barriers.calls).any():  # published labels, of whose computation nothing is known
        return _outcome_figure(barriers)
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
            f"(a) Outcomes of the searches, {len(barriers)} labels, on a logarithmic axis; below the line: "
            "not used. Split path: intermediate minima on the way, the highest of several connected saddles "
            "is kept. NEB fallback: found by the climbing-image elastic band after the search had failed. "
            "(b) Force calls per barrier, the initial state's shared by its jumps, in the colours of (a); "
            "dashed: median. (c) Largest force left on an atom at the saddle; dashed: what was asked for. "
            "(d) Lowest curvature at the saddle. (c) and (d): labels that are used."
        ),
        alt=(
            "Four panels: bars of the outcomes, and histograms of force calls, residual force and curvature. "
            f"{share(barriers.usable):.1f} percent of the labels have a barrier, "
            f"median {median(barriers.calls):.0f} calls."
        ),
        figure=figure,
        table=f"{NAME}-outcomes",
    )


def _outcome_figure(barriers: BarrierSet) -> FigureProduct:
    """Outcomes alone."""
    figure, axes = new_figure(width_in=SINGLE_COLUMN_IN, height_in=1.6)
    _draw_outcomes(axes[0, 0], barriers)
    return FigureProduct(
        name=NAME,
        title="Outcomes of the barrier labels",
        caption=(
            f"What there is of {len(barriers)} labels, on a logarithmic axis; below the line: not used. "
            "Force calls, forces and curvatures of the labels are not known."
        ),
        alt=f"Bars of the outcomes; {share(barriers.usable):.1f} percent of the labels have a barrier.",
        figure=figure,
        table=f"{NAME}-outcomes",
    )


def _draw_outcomes(axes: Axes, barriers: BarrierSet) -> None:
    flags = present_flags(barriers)
    counts = [int((barriers.flag == flag).sum()) for flag in flags]
    axes.barh(
        [FLAG_NAMES[flag] for flag in flags],
        counts,
        height=0.7,
        color=[_COLOURS[flag] for flag in flags],
    )
    for row, count in enumerate(counts):
        text = f"{count:,}  ({_percent(count / len(barriers))})"
        axes.annotate(text, (count, row), (4, 0), textcoords="offset points", va="center", fontsize=7)
    used = int(np.isin(flags, np.unique(barriers.flag[barriers.usable])).sum())
    if 0 < used < len(flags):
        axes.axhline(used - 0.5, color="black", linewidth=0.6)
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="labels", xlim=(0.7, 30 * max(counts)))


def _draw_calls(axes: Axes, barriers: BarrierSet) -> None:
    calls = barriers.calls
    top = float(np.nanquantile(calls, SHOWN_CALLS))
    bins = np.linspace(0, max(top, 1.0), 41).tolist()
    flags = present_flags(barriers)
    axes.hist(
        [np.clip(calls[barriers.flag == flag], None, bins[-1]) for flag in flags],
        bins=bins,
        stacked=True,
        color=[_COLOURS[flag] for flag in flags],
    )
    middle = median(calls)
    axes.axvline(middle, color="black", linestyle="--", linewidth=0.9)
    axes.annotate(
        f"median {middle:.0f}",
        xy=(middle, 1.0),
        xycoords=("data", "axes fraction"),
        xytext=(4, -2),
        textcoords="offset points",
        va="top",
    )
    beyond = int((calls > bins[-1]).sum())
    more = f" (last bin: with {beyond} beyond)" if beyond else ""
    axes.set(xlabel="force calls per barrier" + more, ylabel="labels")


def _draw_of_saddles(axes: Axes, values: NDArray[np.float64]) -> None:
    if len(values):
        axes.hist(values, bins=40, color=BLUE)
    else:
        axes.set(xlim=(-1, 1), ylim=(0, 1), yticks=[0])
        axes.annotate("no saddles", (0.5, 0.5), xycoords="axes fraction", ha="center")


def _draw_forces(axes: Axes, barriers: BarrierSet, tolerance: float | None) -> None:
    _draw_of_saddles(axes, 1000 * finite(barriers.residual_force_eV_A[barriers.usable]))
    if tolerance is not None:
        axes.axvline(1000 * tolerance, color="black", linestyle="--", linewidth=0.9)
    axes.set(xlabel="largest force at the saddle (meV/Å)", ylabel="labels")
    axes.set_xlim(left=0)


def _draw_curvatures(axes: Axes, barriers: BarrierSet) -> None:
    _draw_of_saddles(axes, finite(barriers.curvature_eV_A2[barriers.usable]))
    axes.set(xlabel="lowest curvature at the saddle (eV/Å$^2$)", ylabel="labels")
    axes.set_xlim(right=0)


def outcome_table(barriers: BarrierSet) -> TableProduct:
    """A row per outcome and method."""
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
                    share(mask),
                    median(barriers.calls[mask]),
                    float(barriers.calls[mask].max()),
                    median(barriers.residual_force_eV_A[mask]),
                    median(barriers.curvature_eV_A2[mask]),
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


def composition_table(barriers: BarrierSet, compositions: Compositions) -> TableProduct:
    """A row per composition: outcomes, cost, mean and width of the forward barriers."""
    rows: list[list[Any]] = []
    for i, name in enumerate(compositions.names):
        mask = compositions.number == i
        counts = [int((barriers.flag[mask] == flag).sum()) for flag in Flag]
        forward = barriers.E_fwd_eV[mask & barriers.usable]
        spread = [float(forward.mean()), float(forward.std())] if len(forward) else [None, None]
        shares = share(barriers.usable[mask]), median(barriers.calls[mask])
        rows.append([name, int(mask.sum()), *counts, *shares, *spread])
    columns = {
        "composition": "atomic percent",
        "labels": "number of labels",
        **{flag.name.lower(): f"labels with the outcome: {FLAG_NAMES[flag]}" for flag in Flag},
        "usable_percent": "share of the labels that are used, %",
        "calls_median": "median of the force calls per barrier",
        "E_fwd_eV_mean": "mean forward barrier, eV",
        "E_fwd_eV_std": "standard deviation of the forward barriers, eV",
    }
    return TableProduct(f"{NAME}-compositions", "Labels by composition", columns, rows)


def outcome_numbers(barriers: BarrierSet) -> tuple[Number, ...]:
    """Headline numbers."""
    table, n = f"{NAME}-outcomes", len(barriers)
    shares = [
        Number(f"labels: {FLAG_NAMES[flag]}", share(barriers.flag == flag), "%", table, count=n)
        for flag in (Flag.SPLIT, Flag.FALLBACK)
    ]
    out = Number("labels not used", share(~barriers.usable), "%", table, count=n)
    middle = Number("force calls per barrier, median", median(barriers.calls), "1", table, count=n)
    usable = Number("labels with a verified barrier", float(barriers.usable.sum()), "1", table)
    return (usable, *shares, out, middle)


def mean_by(compositions: Compositions, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean of float64[m] in each composition, NaN left out; NaN for none."""
    there = np.isfinite(values)
    sums = np.bincount(compositions.number[there], values[there], minlength=len(compositions))
    with np.errstate(invalid="ignore"):
        return np.asarray(sums / compositions.count(there), dtype=np.float64)


def _percent(share: float) -> str:
    """In words of about two digits, whether almost none or almost all."""
    percent = 100 * share
    return f"{percent:.3g} %" if percent < 99.5 else f"{percent:.5g} %"
