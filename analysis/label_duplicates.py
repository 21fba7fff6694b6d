"""Barriers that must be equal, compared with each other: the labels' own error, from the labels alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.products import FigureProduct, Number, TableProduct
from analysis.style import BLUE, DOUBLE_COLUMN_IN, GREY, ORANGE, letter_panels, new_figure
from nnk.barriers import BarrierSet
from nnk.observables.equivalence import Equivalents

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TABLE = "labels-duplicates"
SMALLEST_MEV = 1e-3  # differences below are drawn here on the logarithmic axis
LOWEST_TOP_MEV = 10.0

Products = tuple[tuple[FigureProduct, ...], tuple[TableProduct, ...], tuple[Number, ...]]


def duplicate_products(barriers: BarrierSet, found: Equivalents) -> Products:
    """Figure, table and headline numbers; nothing where no barrier stands twice."""
    if not len(found):
        return (), (), ()
    return (_figure(found),), (_table(barriers, found),), _numbers(found)


def mixed(found: Equivalents) -> np.ndarray:
    """bool[groups]: holds forward and backward barriers."""
    backward = np.bincount(found.group, found.backward, minlength=found.n_groups)
    return np.asarray((backward > 0) & (backward < found.size))


def _figure(found: Equivalents) -> FigureProduct:
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=2.6)
    _draw_spreads(axes[0, 0], found)
    _draw_deviations(axes[0, 1], found)
    letter_panels(axes[0])
    spread = 1000 * found.spread_eV
    return FigureProduct(
        name=TABLE,
        title="Barriers that must be equal",
        caption=(
            f"{len(found)} barriers in {found.n_groups} groups; within a group all are of one jump, up to a "
            "symmetry operation of the cell, all of whose atoms were compared. There and back: the backward "
            "barrier of one label is the forward barrier of another. (a) Largest minus smallest barrier of a "
            f"group; below {SMALLEST_MEV:g} meV in the first bin. (b) Each barrier minus the mean of its "
            f"group; pooled standard deviation {1000 * found.repeatability_eV:.2g} meV."
        ),
        alt=(
            f"Histogram and scatter plot of differences within {found.n_groups} groups: median "
            f"{np.median(spread):.2g} meV, largest {spread.max():.2g} meV."
        ),
        figure=figure,
        table=TABLE,
    )


def _draw_spreads(axes: Axes, found: Equivalents) -> None:
    shown, both = np.maximum(1000 * found.spread_eV, SMALLEST_MEV), mixed(found)
    kinds = ((~both, "one direction", BLUE), (both, "there and back", ORANGE))
    present = [
        (shown[these], f"{text} ({these.sum()} groups)", colour)
        for these, text, colour in kinds
        if these.any()
    ]
    values, texts, colours = zip(*present, strict=True)
    axes.hist(
        values,
        bins=np.geomspace(SMALLEST_MEV, max(LOWEST_TOP_MEV, 1.01 * shown.max()), 25).tolist(),
        stacked=True,
        color=colours,
        label=texts,
    )
    axes.set(xscale="log", xlabel="largest $-$ smallest (meV)", ylabel="groups")
    axes.set_ylim(top=1.35 * axes.get_ylim()[1])  # room for the legend
    axes.legend(loc="upper left")


def _draw_deviations(axes: Axes, found: Equivalents) -> None:
    for backward, label, marker, face in ((False, "forward", "o", BLUE), (True, "backward", "s", "white")):
        these = found.backward == backward
        axes.plot(
            found.mean_eV[found.group[these]],
            1000 * found.deviation_eV[these],
            marker=marker,
            linestyle="none",
            color=BLUE,
            markerfacecolor=face,
            markersize=2.5,
            label=label,
            rasterized=True,
        )
    axes.axhline(0, color=GREY, linewidth=0.6, zorder=0)
    axes.set(xlabel="mean barrier of the group (eV)", ylabel="barrier $-$ mean (meV)")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.2 * (high - low))
    axes.legend(loc="upper left", ncols=2)


def _table(barriers: BarrierSet, found: Equivalents) -> TableProduct:
    """The barriers, those of the groups that differ most first."""
    order = np.lexsort((found.label, found.group, -found.spread_eV[found.group]))
    rank = {group: i + 1 for i, group in enumerate(dict.fromkeys(found.group[order].tolist()))}
    rows: list[list[Any]] = []
    for i in order.tolist():
        label, group = int(found.label[i]), int(found.group[i])
        rows.append(
            [
                rank[group],
                1000 * float(found.spread_eV[group]),
                barriers.sample_key[barriers.sample[label]],
                int(barriers.vacancy_site[label]),
                int(barriers.jump[label]),
                "backward" if found.backward[i] else "forward",
                float(found.E_eV[i]),
            ]
        )
    columns = {
        "group": "number of the group, those that differ most first",
        "spread_meV": "largest minus smallest barrier of the group, meV",
        "sample": "composition and number of the sample",
        "vacancy_site": "site of the vacancy",
        "jump": "direction of the jump",
        "direction": "which barrier of the label",
        "E_eV": "barrier, eV",
    }
    return TableProduct(TABLE, "Barriers that must be equal", columns, rows)


def _numbers(found: Equivalents) -> tuple[Number, ...]:
    count = found.n_groups
    spread = Number("equal jumps: largest difference", 1000 * float(found.spread_eV.max()), "meV", TABLE)
    repeatability = 1000 * found.repeatability_eV
    return (Number("equal jumps: pooled deviation", repeatability, "meV", TABLE, count=count), spread)
