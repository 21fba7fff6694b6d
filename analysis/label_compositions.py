"""All compositions on one page: shares of outcomes as a heat map, barriers of each species as strips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.label_groups import Compositions, finite, median
from analysis.label_limits import FALLBACK, SPLIT, WORST_OUT
from analysis.label_outcomes import mean_by
from analysis.products import FigureProduct, TableProduct
from analysis.style import DOUBLE_COLUMN_IN, SERIES_COLOURS, letter_panels, new_figure
from nnk.barriers import BarrierSet, Flag

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FIGURE, STRIPS = "labels-compositions", "labels-barriers"
MOST_ROWS = 60  # more compositions than these do not fit on a page
ROW_IN, SPARE_IN = 0.15, 0.9
QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)


@dataclass(frozen=True)
class Column:
    """A column of the heat map.

    Attributes:
        values: float64[compositions].
        form: how a value is written.
        low, high: values of the lightest and of the darkest colour.
        bad: whether more is worse (red rather than blue).
    """

    values: NDArray[np.float64]
    form: str
    low: float
    high: float
    bad: bool = False


def composition_figure(barriers: BarrierSet, compositions: Compositions) -> FigureProduct:
    """A row per composition, the worst first; a column per number, coloured within the column."""
    columns = _columns(barriers, compositions)
    order = np.lexsort((columns["split path (%)"].values, columns["not used (%)"].values))[::-1][:MOST_ROWS]
    height = SPARE_IN + ROW_IN * len(order)
    figure, axes = new_figure(1, len(columns), width_in=DOUBLE_COLUMN_IN, height_in=height)
    for panel, (title, column) in zip(axes[0], columns.items(), strict=True):
        _draw_column(panel, title, column, order)
    axes[0, 0].set_yticks(range(len(order)), [compositions.names[i] for i in order])
    left_out = len(compositions) - len(order)
    return FigureProduct(
        name=FIGURE,
        title="Outcomes and cost per composition",
        caption=(
            "One row per composition, those with most labels that are not used first"
            + (f"; {left_out} more are in the table. " if left_out else ". ")
            + "Red: from none to where a check of the whole set says bad. Blue: from the smallest to the "
            "largest number (calls: from none to twice the median). Mean and width (standard deviation) are "
            "of the forward barriers."
        ),
        alt=f"Table of {len(order)} compositions as a heat map; the same numbers are in the table.",
        figure=figure,
        table=FIGURE,
    )


def _columns(barriers: BarrierSet, compositions: Compositions) -> dict[str, Column]:
    forward = np.where(barriers.usable, barriers.E_fwd_eV, np.nan)
    mean = mean_by(compositions, forward)
    variance = mean_by(compositions, (forward - mean[compositions.number]) ** 2)
    calls = np.array([median(barriers.calls[compositions.number == i]) for i in range(len(compositions))])
    split, fallback = (compositions.share(barriers.flag == flag) for flag in (Flag.SPLIT, Flag.FALLBACK))
    return {
        "labels": Column(
            compositions.count().astype(np.float64), "{:.0f}", 0, 2 * compositions.count().max()
        ),
        "not used (%)": Column(compositions.share(~barriers.usable), "{:.1f}", 0, WORST_OUT.bad, bad=True),
        "split path (%)": Column(split, "{:.1f}", 0, SPLIT.bad, bad=True),
        "fallback (%)": Column(fallback, "{:.1f}", 0, FALLBACK.bad, bad=True),
        "calls": Column(calls, "{:.0f}", 0, 2 * median(calls)),
        "mean (eV)": _between("{:.3f}", mean),
        "width (eV)": _between("{:.3f}", np.sqrt(variance)),
    }


def _between(form: str, values: NDArray[np.float64]) -> Column:
    """A column coloured from its smallest to its largest value."""
    found = finite(values)
    low, high = (float(found.min()), float(found.max())) if len(found) else (0.0, 0.0)
    return Column(values, form, low, high)


def _draw_column(axes: Axes, title: str, column: Column, order: NDArray[np.int64]) -> None:
    values = column.values[order]
    span = column.high - column.low if column.high > column.low else 1.0
    axes.imshow(
        np.clip((values[:, None] - column.low) / span, 0, 1),
        aspect="auto",
        cmap="Reds" if column.bad else "Blues",
        vmin=0,
        vmax=1.6,  # keeps the darkest cell light enough for black figures
        interpolation="nearest",
    )
    for row, value in enumerate(values):
        text = column.form.format(value) if np.isfinite(value) else "none"
        axes.text(0, row, text, ha="center", va="center", fontsize=6.5)
    axes.set_title(title, fontsize=7.5)
    axes.set(xticks=[], yticks=[])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def strip_figure(barriers: BarrierSet, compositions: Compositions) -> FigureProduct:
    """Median, quartiles and range of the barriers of every moving species in every composition."""
    found = barrier_quantiles(barriers, compositions)
    names = [compositions.names[i] for i in _by_mean(barriers, compositions)[:MOST_ROWS]]
    n_species = len(barriers.elements)
    height = SPARE_IN + max(ROW_IN * len(names), 0.5)
    figure, axes = new_figure(
        1, n_species, width_in=DOUBLE_COLUMN_IN, height_in=height, share_x=True, share_y=True
    )
    for species, panel in enumerate(axes[0]):
        for row, name in enumerate(names):
            if (name, species) in found:
                _draw_strip(panel, row, found[name, species], SERIES_COLOURS[species])
        panel.set_title(f"{barriers.elements[species]} moves")
        panel.grid(axis="x", color="0.9", linewidth=0.5)
    axes[0, 0].set_yticks(range(len(names)), names)
    axes[0, 0].set_ylim(len(names) - 0.4, -0.6)
    figure.supxlabel("migration barrier $E$ (eV)", fontsize=8)
    letter_panels(axes[0])
    return FigureProduct(
        name=STRIPS,
        title="Barriers per moving species and composition",
        caption=(
            "Forward and backward barriers of the labels that are used, a row per composition, the highest "
            "mean first. Point: median; thick line: from the first to the third quartile; thin line: "
            "from 1 to 99 percent; crosses: smallest and largest."
        ),
        alt=(
            f"Strips of the barriers in {len(names)} compositions, one panel per moving species "
            f"({', '.join(barriers.elements)})."
        ),
        figure=figure,
        table=STRIPS,
    )


def _by_mean(barriers: BarrierSet, compositions: Compositions) -> NDArray[np.int64]:
    """Compositions, the highest mean barrier first."""
    forward = np.where(barriers.usable, barriers.E_fwd_eV, np.nan)
    return np.argsort(-mean_by(compositions, forward), kind="stable")


def _draw_strip(axes: Axes, row: int, quantiles: NDArray[np.float64], colour: str) -> None:
    lowest, q01, q25, q50, q75, q99, highest = quantiles
    axes.plot([q01, q99], [row, row], color=colour, linewidth=0.7)
    axes.plot([q25, q75], [row, row], color=colour, linewidth=3, solid_capstyle="butt", alpha=0.55)
    axes.plot([q50], [row], marker="o", color=colour, markersize=2.6)
    axes.plot([lowest, highest], [row, row], linestyle="none", marker="x", color=colour, markersize=2.4)


def barrier_quantiles(
    barriers: BarrierSet, compositions: Compositions
) -> dict[tuple[str, int], NDArray[np.float64]]:
    """Smallest, `QUANTILES` and largest barrier (both directions) by composition and species (from 0)."""
    usable = barriers.usable
    energies = np.concatenate([barriers.E_fwd_eV[usable], barriers.E_bwd_eV[usable]])
    group = np.tile(
        compositions.number[usable] * len(barriers.elements) + barriers.moving_species[usable] - 1, 2
    )
    there = np.isfinite(energies)  # labels made from the initial state alone have no way back
    energies, group = energies[there], group[there]
    order = np.argsort(group, kind="stable")
    present, starts = np.unique(group[order], return_index=True)
    parts = np.split(energies[order], starts[1:]) if len(present) else []
    return {
        (compositions.names[g // len(barriers.elements)], int(g % len(barriers.elements))): np.quantile(
            part, (0.0, *QUANTILES, 1.0)
        )
        for g, part in zip(present.tolist(), parts, strict=True)
    }


def strip_table(barriers: BarrierSet, compositions: Compositions) -> TableProduct:
    """What `strip_figure` draws."""
    found = barrier_quantiles(barriers, compositions)
    rows = [[name, barriers.elements[species], *values.tolist()] for (name, species), values in found.items()]
    columns = {
        "composition": "atomic percent",
        "moving_species": "element of the atom that jumps",
        "lowest_eV": "smallest barrier, forward and backward, eV",
        **{f"q{round(100 * q):02d}_eV": f"quantile {100 * q:.0f} % of the barriers, eV" for q in QUANTILES},
        "highest_eV": "largest barrier, eV",
    }
    return TableProduct(STRIPS, "Barriers by composition and moving species", columns, rows)
