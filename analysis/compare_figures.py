"""Figures of two sides: order of both against temperature, one against the other, differences in errors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.compare_differences import Comparison
from analysis.compare_tables import Key, Table, Value
from analysis.products import FigureProduct
from analysis.style import (
    BLUE,
    DOUBLE_COLUMN_IN,
    GREY,
    SINGLE_COLUMN_IN,
    VERMILION,
    letter_panels,
    new_figure,
    series_style,
    zero_line,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "compare"
MOST_PANELS = 12
SHELL = "1"
SIGMA_TICKS = (-1000, -300, -100, -30, -10, -4, -2, 0, 2, 4, 10, 30, 100, 300, 1000)
ERRORS = "Error bars: standard errors as each side's table has them; no bar: none is given."


def compare_figures(comparisons: Sequence[Comparison], this: str, other: str) -> Iterator[FigureProduct]:
    """Order against temperature; values of the other tables one against the other; differences in errors."""
    for one in comparisons:
        if one.name == "order":
            yield from (_order(one, case, this, other) for case in one.cases)
        elif "jumps" not in one.keys:
            yield _scatter(one, this, other)
    if any(np.isfinite(found.sigma) for one in comparisons for found in one.differences):
        yield _sigmas(comparisons, this, other)


def _order(one: Comparison, case: str, this: str, other: str) -> FigureProduct:
    quantity = next(name for name in ("delta_ab", *one.quantities) if name in one.quantities)
    pairs = _pairs(one.this, case)[:MOST_PANELS]
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, axes = new_figure(
        rows, columns, width_in=DOUBLE_COLUMN_IN, height_in=0.8 + 1.9 * rows, share_x=True
    )
    for panel, pair in zip(axes.ravel(), pairs, strict=False):
        _draw_side(panel, one.this, case, pair, quantity, side=0)
        _draw_side(panel, one.other, one.cases[case], pair, quantity, side=1)
        panel.set_title("-".join(pair))
        zero_line(panel)
    for panel in axes.ravel()[len(pairs) :]:
        panel.set_axis_off()
    names = {"delta_ab": r"pair parameter $\delta_{ab}$, shell 1 (per $a$ atom)"}
    figure.supylabel(names.get(quantity, r"Warren-Cowley $\alpha_{ab}$, shell 1"), fontsize=8)
    figure.supxlabel("temperature (K)", fontsize=8)
    handles, _ = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, [this, other], loc="outside upper center", ncols=2)
    letter_panels(axes.ravel()[: len(pairs)])
    count, _, _, largest, rms_sigma, _ = one.statistics(quantity)
    return FigureProduct(
        name=f"{NAME}-order-{case}",
        title=f"Chemical order on both sides, {case}",
        caption=(
            f"{quantity} of the nearest neighbours against temperature at the end of the runs: {this} "
            f"(filled, case {case}{_after(one.this)}) and {other} (open, case "
            f"{one.cases[case]}{_after(one.other)}). {ERRORS}"
        ),
        alt=(
            f"{len(pairs)} panels, one per pair, each with two series against temperature. Over {count} "
            f"values of all shells the largest difference is {largest:.3g}"
            + (f", the root mean square {rms_sigma:.2g} errors." if np.isfinite(rms_sigma) else ".")
        ),
        figure=figure,
        table=f"{NAME}-order",
    )


def _after(table: Table) -> str:
    return f", {table.jumps} jumps" if table.jumps else ""


def _pairs(table: Table, case: str) -> list[tuple[str, str]]:
    """Pairs of elements of a case, each once: a-b, not b-a."""
    found: dict[tuple[str, str], None] = {}
    for key in table.rows:
        row = dict(zip(table.keys, key, strict=True))
        if row.get("case", case) == case and (row["b"], row["a"]) not in found:
            found[row["a"], row["b"]] = None
    return list(found)


def _draw_side(
    axes: Axes, table: Table, case: str, pair: tuple[str, str], quantity: str, *, side: int
) -> None:
    wanted = {"case": case, "a": pair[0], "b": pair[1], "shell": SHELL}
    points = sorted(
        (float(row["temperature_K"]), values[quantity])
        for key, values in table.rows.items()
        if (row := dict(zip(table.keys, key, strict=True))) and _fits(row, wanted) and quantity in values
    )
    x, y = np.array([t for t, _ in points]), _values([value for _, value in points])
    colour = (BLUE, VERMILION)[side]
    axes.errorbar(
        x, y[0], np.nan_to_num(y[1]), color=colour, marker="os"[side], linestyle=("-", "--")[side],
        markerfacecolor=colour if side == 0 else "white", label=str(side),
    )  # fmt: skip


def _fits(row: dict[str, str], wanted: dict[str, str]) -> bool:
    return all(row.get(name, value) == value for name, value in wanted.items())


def _values(found: Sequence[Value]) -> np.ndarray:
    """Values and errors, float64[2, n]."""
    return np.array([[one.value for one in found], [one.error for one in found]])


def _scatter(one: Comparison, this: str, other: str) -> FigureProduct:
    quantities = one.quantities[:4]
    figure, axes = new_figure(
        1, len(quantities), width_in=SINGLE_COLUMN_IN if len(quantities) == 1 else DOUBLE_COLUMN_IN,
        height_in=2.9 if len(quantities) < 3 else 2.5,
    )  # fmt: skip
    for panel, quantity in zip(axes[0], quantities, strict=True):
        _draw_scatter(panel, one, quantity)
        panel.set(xlabel=other, ylabel=this if panel is axes[0, 0] else "", title=quantity)
    if len(quantities) > 1:
        letter_panels(axes[0])
    worst = max(one.differences, key=lambda found: abs(found.difference))
    return FigureProduct(
        name=f"{NAME}-{one.name}",
        title=f"Table {one.name} on both sides",
        caption=(
            f"Every value of the table {one.name} that both sides have: {this} against {other}, in the "
            f"unit of the column; line: equal. {ERRORS}"
        ),
        alt=(
            f"{len(quantities)} scatter plots around the diagonal; the largest difference, "
            f"{worst.difference:.3g} in {worst.quantity}, is that of {', '.join(worst.key)}."
        ),
        figure=figure,
        table=f"{NAME}-{one.name}",
    )


def _draw_scatter(axes: Axes, one: Comparison, quantity: str) -> None:
    found = [f for f in one.differences if f.quantity == quantity]
    x, y = _values([f.other for f in found]), _values([f.this for f in found])
    groups = [_group(one.keys, f.key) for f in found]
    for i, name in enumerate(dict.fromkeys(groups)):
        here = np.array([group == name for group in groups])
        style = series_style(i)
        axes.errorbar(
            x[0, here], y[0, here], np.nan_to_num(y[1, here]), np.nan_to_num(x[1, here]),
            linestyle="none", elinewidth=0.6, label=name, **style,
        )  # fmt: skip
    low, high = min(x[0].min(), y[0].min()), max(x[0].max(), y[0].max())
    axes.plot([low, high], [low, high], color=GREY, linewidth=0.8, zorder=0)
    if len(set(groups)) > 1:
        axes.legend()


def _group(keys: tuple[str, ...], key: Key) -> str:
    """What the series of a row is called: by species, split or state, as the table has them."""
    row = dict(zip(keys, key, strict=True))
    return next((row[name] for name in ("moving_species", "element", "species", "state") if name in row), "")


def _sigmas(comparisons: Sequence[Comparison], this: str, other: str) -> FigureProduct:
    from matplotlib.ticker import NullLocator

    rows = [
        (f"{one.name}: {quantity}", np.array([f.sigma for f in one.differences if f.quantity == quantity]))
        for one in comparisons
        for quantity in one.quantities
    ]
    rows = [(name, sigmas[np.isfinite(sigmas)]) for name, sigmas in rows]
    rows = [(name, sigmas) for name, sigmas in rows if len(sigmas)]
    figure, axes = new_figure(width_in=DOUBLE_COLUMN_IN, height_in=0.9 + 0.28 * len(rows))
    panel = axes[0, 0]
    panel.axvspan(-2, 2, color=GREY, alpha=0.16, linewidth=0)
    for place, (_, sigmas) in enumerate(rows):
        offset = np.random.default_rng(0).uniform(-0.28, 0.28, len(sigmas))
        panel.plot(sigmas, place + offset, ".", color=BLUE, markersize=3, alpha=0.5, rasterized=True)
    panel.set_yticks(range(len(rows)), [name for name, _ in rows])
    panel.set_xscale("symlog", linthresh=4, linscale=2)
    most = max(float(np.abs(sigmas).max()) for _, sigmas in rows)
    ticks = [tick for tick in SIGMA_TICKS if abs(tick) <= max(4.0, most)]
    panel.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    panel.xaxis.set_minor_locator(NullLocator())
    panel.set_xlabel(f"{this} minus {other}, in standard errors")
    panel.invert_yaxis()
    return FigureProduct(
        name=f"{NAME}-sigma",
        title="Differences in units of their errors",
        caption=(
            "One point per row of each table that both sides have: the difference divided by the root of "
            "the sum of the squares of both standard errors. Linear up to 4, logarithmic beyond; the height "
            "within a row means nothing. Grey: two errors, within which 95 % of the points lie if the sides "
            "differ by chance alone (fewer with errors from few replicas; rows of one run are not "
            "independent)."
        ),
        alt="; ".join(
            f"{name}: {len(sigmas)} points, {100 * np.mean(np.abs(sigmas) > 2):.0f} % beyond two errors"
            for name, sigmas in rows
        ),
        figure=figure,
        table=NAME,
    )
