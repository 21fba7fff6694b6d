"""Figures of chemical order along the runs: against jumps, against time, and how long it takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.order_drawing import (
    BAND,
    NAME,
    STARTS,
    atoms_text,
    bars,
    few,
    noise_band,
    temperature_key,
)
from analysis.order_kinetics import Kinetics, PairRelaxation
from analysis.order_parameters import NORMALISATION, Order
from analysis.products import FigureProduct
from analysis.style import (
    BLUE,
    DOUBLE_COLUMN_IN,
    VERMILION,
    letter_panels,
    new_figure,
    ramp,
    zero_line,
)
from nnk.observables.relaxation import DEFINITION
from nnk.observables.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = tuple[
    NDArray[np.float64], Estimate
]  # an axis [n] and the order there [n, shells, n_species, n_species]
Rows = Callable[[int], Row]
Place = tuple[int, int, int]  # shell and pair
JUMPS, TIME = "vacancy jumps", "time (s)"


def growth_figures(kinetics: Kinetics) -> list[FigureProduct]:
    """All pairs against jumps and against time, the leading pair by shells, relaxations if there are any."""
    found = [_pairs(kinetics, JUMPS), _pairs(kinetics, TIME), _leading_shells(kinetics)]
    shown = _leading_relaxations(kinetics)
    return [*found, _relaxation(kinetics.order, shown)] if shown else found


def _rows(kinetics: Kinetics, axis: str) -> Rows:
    """The row of each temperature over jumps or time."""
    order = kinetics.order
    if axis == TIME:
        return lambda t: (kinetics.times[t].time_s, kinetics.times[t].delta)
    started = order.jumps > 0
    return lambda t: (
        order.jumps[started].astype(np.float64),
        Estimate(*(values[t, started] for values in order.delta)),
    )


def _pairs(kinetics: Kinetics, axis: str) -> FigureProduct:
    order = kinetics.order
    columns = min(3, len(order.pairs))
    rows = -(-len(order.pairs) // columns)
    figure, axes = new_figure(
        rows, columns, width_in=DOUBLE_COLUMN_IN, height_in=0.6 + 1.9 * rows, share_x=True
    )
    panels = axes.ravel()
    for panel, pair in zip(panels, order.pairs, strict=False):
        _draw_growth(panel, order, _rows(kinetics, axis), (0, *pair))
        panel.set_title(order.pair_name(pair))
        _limit(panel, kinetics, axis)
    for panel in panels[len(order.pairs) :]:
        panel.set_axis_off()
    figure.supxlabel(axis, fontsize=8)
    figure.supylabel(r"pair parameter $\delta_{ab}$, shell 1 (per $a$ atom)", fontsize=8)
    temperature_key(figure, panels, order)
    letter_panels(panels[: len(order.pairs)])
    suffix = "time" if axis == TIME else "jumps"
    against = "physical time" if axis == TIME else "the number of jumps"
    return FigureProduct(
        name=f"{NAME}-{order.case.name}-{suffix}",
        title=f"Growth of chemical order with {against}, {order.case.name}",
        caption=(
            f"{atoms_text(order)}. First-shell pair parameters along the runs, one line per temperature. "
            f"{NORMALISATION}. {_lines_text(kinetics, axis)}"
        ),
        alt=f"{len(order.pairs)} panels, one per pair, of the pair parameter against {against}.",
        figure=figure,
        table=f"{NAME}-{suffix}",
    )


def _lines_text(kinetics: Kinetics, axis: str) -> str:
    order = kinetics.order
    errors = "bands: " if few(order) else "bars at their ends: "
    text = f"Lines and {errors}mean and standard error over {order.case.replicas_text}. {BAND}"
    if axis == TIME:
        text += " The time is that of the one simulated vacancy, with no rescaling to its concentration."
        if len(_ordering(order)) < len(order.temperature_K):
            text += " Temperatures at which no order has formed do not set the range of times."
    return text + (f" Dashed: first states ({STARTS[order.start]})." if order.has_start else "")


def _ordering(order: Order) -> list[int]:
    """Temperatures, by number, at which the leading pair's order at the end is beyond noise; all if none."""
    a, b = order.leading
    found = np.flatnonzero(np.abs(order.delta.mean[:, -1, 0, a, b]) > 2 * order.noise((a, b)))
    return [int(t) for t in found] or list(range(len(order.temperature_K)))


def _limit(panel: Axes, kinetics: Kinetics, axis: str) -> None:
    """Times at low temperatures run to 1e70 s and would leave no room for the others."""
    if axis != TIME:
        return
    times = [kinetics.times[t].time_s for t in _ordering(kinetics.order) if len(kinetics.times[t].time_s)]
    if times:
        panel.set_xlim(min(row[0] for row in times), max(row[-1] for row in times))
    elif not any(len(row.time_s) for row in kinetics.times):
        panel.set(xscale="linear", xticks=[])  # a logarithmic axis needs something to show
        panel.text(0.5, 0.5, "no time that all\nreplicas have", transform=panel.transAxes, ha="center")


def _draw_growth(axes: Axes, order: Order, rows: Rows, place: Place) -> None:
    for t, colour in enumerate(ramp(len(order.temperature_K))):
        x, values = rows(t)
        mean, error = values.mean[:, *place], values.error[:, *place]
        axes.plot(x, mean, color=colour)
        if few(order):
            axes.fill_between(x, mean - error, mean + error, color=colour, alpha=0.2, linewidth=0)
        elif len(x):
            axes.errorbar(x[-1], mean[-1], bars(error[-1:]), color=colour, capsize=1.5, linewidth=0.8)
        if order.has_start:
            axes.axhline(order.delta.mean[t, 0, *place], color=colour, linestyle="--", linewidth=0.7)
    noise_band(axes, order, place[1:], place[0])
    axes.set_xscale("log")
    zero_line(axes)


def _leading_shells(kinetics: Kinetics) -> FigureProduct:
    order = kinetics.order
    shells, pair = order.case.first.shells, order.leading
    figure, axes = new_figure(2, shells, width_in=DOUBLE_COLUMN_IN, height_in=4.4)
    for shell in range(shells):
        axes[1, shell].sharey(axes[0, shell])
        for row, axis in enumerate((JUMPS, TIME)):
            panel = axes[row, shell]
            _draw_growth(panel, order, _rows(kinetics, axis), (shell, *pair))
            _limit(panel, kinetics, axis)
            panel.set_xlabel(axis)
        axes[0, shell].set_title(f"shell {shell + 1}")
    name = order.pair_name(pair)
    figure.supylabel(
        rf"$\delta_\mathrm{{{name.replace('-', '')}}}$ (per {order.elements[pair[0]]} atom)", fontsize=8
    )
    temperature_key(figure, axes.ravel(), order)
    letter_panels(axes.ravel())
    return FigureProduct(
        name=f"{NAME}-{order.case.name}-growth",
        title=f"Growth of the order of {name}, shell by shell, {order.case.name}",
        caption=(
            f"{atoms_text(order)}. Pair parameter of {name} in the first {shells} neighbour shells against "
            f"vacancy jumps (upper row) and physical time (lower row). {NORMALISATION}. "
            f"{_lines_text(kinetics, TIME)}"
        ),
        alt=f"Two rows of {shells} panels: order of {name} in each shell against jumps and against time.",
        figure=figure,
        table=f"{NAME}-jumps",
    )


def _leading_relaxations(kinetics: Kinetics) -> list[PairRelaxation]:
    """Those of the leading pair that are defined."""
    return [r for r in kinetics.relaxations if r.pair == kinetics.order.leading and np.isfinite(r.jumps)]


def _relaxation(order: Order, shown: list[PairRelaxation]) -> FigureProduct:
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=2.6)
    for panel, name, colour in zip(axes[0], ("jumps", "time_s"), (BLUE, VERMILION), strict=True):
        _draw_relaxations(panel, shown, name, colour)
        panel.set(yscale="log", xlabel="temperature (K)")
    axes[0, 0].set_ylabel("relaxation (vacancy jumps)")
    axes[0, 1].set_ylabel("relaxation time (s)")
    letter_panels(axes[0])
    name = order.pair_name(order.leading)
    return FigureProduct(
        name=f"{NAME}-{order.case.name}-relaxation",
        title=f"Relaxation of the order of {name}, {order.case.name}",
        caption=(
            f"{atoms_text(order)}. (a) Jumps and (b) physical time in which the first-shell order of {name} "
            f"relaxes. {DEFINITION}. Points: geometric mean over the runs that have relaxed; open: "
            "some have not; nothing drawn where fewer than half have. Error bars: standard error of "
            f"the logarithm, {order.case.replicas_text}. The time is that of the one simulated vacancy."
        ),
        alt=f"Relaxation of the order of {name} in jumps and in seconds, against temperature.",
        figure=figure,
        table=f"{NAME}-relaxation",
    )


def _draw_relaxations(panel: Axes, shown: list[PairRelaxation], name: str, colour: str) -> None:
    for r in shown:
        value = getattr(r, name)
        error = np.nan_to_num(r.jumps_error if name == "jumps" else r.time_error)
        limits = [[value - value * np.exp(-error)], [value * np.exp(error) - value]]
        face = colour if r.relaxed == r.replicas else "white"
        panel.errorbar(r.temperature_K, value, limits, fmt="o", color=colour, markerfacecolor=face)
