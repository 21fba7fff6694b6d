"""Figures of chemical order against temperature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.order_drawing import (
    BAND,
    NAME,
    STARTS,
    atoms_text,
    bars,
    delta_label,
    errors_text,
    noise_band,
    power_text,
    temperature_axis,
)
from analysis.order_growth import growth_figures
from analysis.order_kinetics import Kinetics, Peak
from analysis.order_parameters import NORMALISATION, Order, summary
from analysis.order_schedule import schedule_figure
from analysis.products import FigureProduct
from analysis.style import BLACK, DOUBLE_COLUMN_IN, letter_panels, new_figure, ramp, series_style
from nnk.observables.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def order_figures(kinetics: Kinetics, static: Order | None = None) -> list[FigureProduct]:
    """Against temperature, by shells, along jumps and time; `static`: a case of exchange Monte Carlo."""
    if kinetics.order.scheduled:
        return [schedule_figure(kinetics)]
    return [_against_temperature(kinetics, static), _shells(kinetics.order), *growth_figures(kinetics)]


def _against_temperature(kinetics: Kinetics, static: Order | None) -> FigureProduct:
    order = kinetics.order
    columns = 3 if _defined(kinetics.peaks) else 2
    figure, axes = new_figure(1, columns, width_in=DOUBLE_COLUMN_IN, height_in=3.3)
    _draw_pairs(axes[0, 0], order, order.delta, shell=0)
    axes[0, 0].set_ylabel(r"pair parameter $\delta_{ab}$, shell 1 (per $a$ atom)")
    axes[0, 0].set_title(f"after {order.jumps[-1]:,} jumps")
    _draw_jump_series(axes[0, 1], kinetics)
    for reference in (order if order.has_start else None, static):
        if reference is not None:
            _draw_start(axes[0, 1], reference, order.leading)
    for panel in axes[0, :2]:
        temperature_axis(panel, order)
        panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2, columnspacing=1.0)
    if columns == 3:
        _draw_peaks(axes[0, 2], kinetics.peaks)
    letter_panels(axes[0])
    lead = order.pair_name(order.leading)
    return FigureProduct(
        name=f"{NAME}-{order.case.name}",
        title=f"Chemical order against temperature, {order.case.name}",
        caption=(
            f"{atoms_text(order)}. (a) First-shell pair parameters of all pairs a-b after "
            f"{order.jumps[-1]:,} vacancy jumps at every temperature. (b) {lead} after increasing numbers of "
            f"jumps. {NORMALISATION}; positive: favoured. {errors_text(order)} {BAND}"
            f"{_start_text(order, static)}{_peak_text(kinetics.peaks)}"
        ),
        alt=f"Order parameters against temperature. {summary(order)}",
        figure=figure,
        table=NAME,
    )


def _start_text(order: Order, static: Order | None) -> str:
    own = f" Dashed: the runs' first states ({STARTS[order.start]})." if order.has_start else ""
    if static is None:
        return own
    return (
        f"{own} Dashed black: the same alloy after exchanges of atoms (static Monte Carlo, the first states "
        f"of {static.case.name})."
    )


def _peak_text(peaks: list[Peak]) -> str:
    if not _defined(peaks):
        return ""
    return (
        " (c) Temperature where the curves of (b) are highest, by parabolas through their upper tenth; error "
        "bars: standard error by resampling the replicas, to which that of temperatures far apart would "
        "have to be added. Undefined, and not drawn, where the order is "
        "within noise or highest at the first or last temperature."
    )


def _defined(peaks: list[Peak]) -> list[Peak]:
    return [peak for peak in peaks if np.isfinite(peak.temperature_K.value)]


def _draw_pairs(axes: Axes, order: Order, parameter: Estimate, shell: int) -> None:
    for i, (a, b) in enumerate(order.pairs):
        style = series_style(i)
        axes.errorbar(
            order.temperature_K,
            parameter.mean[:, -1, shell, a, b],
            bars(parameter.error[:, -1, shell, a, b]),
            label=order.pair_name((a, b)),
            **style,
        )
        if order.has_start:
            start = parameter.mean[:, 0, shell, a, b]
            axes.plot(order.temperature_K, start, "--", color=style["color"], linewidth=0.8)


def _draw_jump_series(axes: Axes, kinetics: Kinetics) -> None:
    order = kinetics.order
    a, b = order.leading
    for i, (frame, colour) in enumerate(zip(kinetics.frames, ramp(len(kinetics.frames)), strict=True)):
        axes.errorbar(
            order.temperature_K,
            order.delta.mean[:, frame, 0, a, b],
            bars(order.delta.error[:, frame, 0, a, b]),
            label=power_text(int(order.jumps[frame])),
            **{**series_style(i), "color": colour},
        )
    noise_band(axes, order, (a, b))
    axes.set_ylabel(delta_label(order, (a, b)))
    axes.set_title(f"{order.pair_name((a, b))}, by number of jumps")


def _draw_start(axes: Axes, order: Order, pair: tuple[int, int]) -> None:
    place = (slice(None), 0, 0, *pair)
    axes.errorbar(
        order.temperature_K,
        order.delta.mean[place],
        bars(order.delta.error[place]),
        color=BLACK,
        linestyle="--",
        linewidth=0.9,
        label="start" if order.start != "exchanged" else "exchange MC",
    )


def _draw_peaks(axes: Axes, peaks: list[Peak]) -> None:
    """Temperature of the peak against jumps."""
    shown = _defined(peaks)
    axes.errorbar(
        [peak.jumps for peak in shown],
        [peak.temperature_K.value for peak in shown],
        bars(np.array([peak.temperature_K.error for peak in shown])),
        fmt="o",
        color=BLACK,
    )
    axes.set(xscale="log", xlim=(0.5 * peaks[0].jumps, 2 * peaks[-1].jumps), title="peak of b")
    axes.set(xlabel="vacancy jumps", ylabel=r"$T(\delta_\mathrm{max})$ (K)")


def _shells(order: Order) -> FigureProduct:
    shells = order.case.first.shells
    columns = min(shells, 3)
    rows = -(-shells // columns)
    figure, axes = new_figure(
        rows, columns, width_in=DOUBLE_COLUMN_IN, height_in=0.5 + 2.3 * rows, share_y=True
    )
    panels = axes.ravel()
    for shell, panel in enumerate(panels[:shells]):
        _draw_pairs(panel, order, order.alpha, shell)
        temperature_axis(panel, order)
        panel.set_title(f"shell {shell + 1}")
    for panel in panels[shells:]:
        panel.set_axis_off()
    for row in axes:
        row[0].set_ylabel(r"Warren-Cowley $\alpha_{ab}$")
    handles, texts = panels[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(handles))
    letter_panels(panels[:shells])
    return FigureProduct(
        name=f"{NAME}-{order.case.name}-shells",
        title=f"Warren-Cowley parameters of the first shells, {order.case.name}",
        caption=(
            f"{atoms_text(order)}, after {order.jumps[-1]:,} vacancy jumps at every temperature. α_ab = "
            "1 - N_ab / N_0,ab: negative: favoured, 0: random, 1: no such neighbours. "
            + errors_text(order)
            + _start_text(order, None)
        ),
        alt=f"{shells} panels, one per neighbour shell, of the Warren-Cowley parameters against temperature.",
        figure=figure,
        table=NAME,
    )
