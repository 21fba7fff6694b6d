"""Figures of chemical order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.order_parameters import NORMALISATION, Order, summary
from analysis.products import FigureProduct
from analysis.style import (
    DOUBLE_COLUMN_IN,
    GREY,
    letter_panels,
    new_figure,
    ramp,
    series_style,
    zero_line,
)
from nnk.observables.statistics import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "order"
JUMP_SERIES = 5  # numbers of jumps drawn against temperature
FEW_TEMPERATURES = 8
BAND = "Grey band: two standard deviations of such a mean over random cells of this size."


def order_figures(order: Order) -> list[FigureProduct]:
    """Against temperature, by shells, and along the jumps."""
    return [_against_temperature(order), _shells(order), _against_jumps(order)]


def _temperature_axis(axes: Axes, order: Order) -> None:
    axes.set(xlabel="temperature (K)", xlim=(0, 1.04 * order.temperature_K.max()))
    zero_line(axes)


def _errors(order: Order) -> str:
    if order.single:
        return "One replica per temperature."
    return f"Points and error bars: mean and standard error over {order.case.replicas_text}."


def _atoms(order: Order) -> str:
    run = order.case.first
    return f"{order.case.name}, {run.lattice.n_sites:,} sites, one vacancy"


def _against_temperature(order: Order) -> FigureProduct:
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=2.9)
    _draw_pairs(axes[0, 0], order, order.delta, shell=0)
    axes[0, 0].set_ylabel(r"pair parameter $\delta_{ab}$, shell 1 (per $a$ atom)")
    axes[0, 0].set_title(f"after {order.jumps[-1]:,} jumps")
    _draw_jump_series(axes[0, 1], order)
    for panel in axes[0]:
        _temperature_axis(panel, order)
        panel.legend(loc="lower left", bbox_to_anchor=(1.0, 0.1), handlelength=1.2)
    letter_panels(axes[0])
    lead = order.pair_name(order.leading)
    name = f"{NAME}-{order.case.name}"
    return FigureProduct(
        name=name,
        title=f"Chemical order against temperature, {order.case.name}",
        caption=(
            f"{_atoms(order)}. (a) First-shell pair parameters of all pairs a-b after {order.jumps[-1]:,} "
            f"vacancy jumps at every temperature. (b) {lead} after increasing numbers of jumps. "
            f"{NORMALISATION}; positive: favoured. {_errors(order)} {BAND}"
        ),
        alt=f"Order parameters against temperature. {summary(order)}",
        figure=figure,
        table=NAME,
    )


def _draw_pairs(axes: Axes, order: Order, parameter: Estimate, shell: int) -> None:
    for i, (a, b) in enumerate(order.pairs):
        axes.errorbar(
            order.temperature_K,
            parameter.mean[:, -1, shell, a, b],
            _bars(parameter.error[:, -1, shell, a, b]),
            label=order.pair_name((a, b)),
            **series_style(i),
        )


def _bars(errors: NDArray[np.float64]) -> NDArray[np.float64] | None:
    return None if np.isnan(errors).all() else np.nan_to_num(errors)


def _draw_jump_series(axes: Axes, order: Order) -> None:
    a, b = order.leading
    frames = _series_frames(order.jumps)
    for i, (frame, colour) in enumerate(zip(frames, ramp(len(frames)), strict=True)):
        style = {**series_style(i), "color": colour}
        axes.errorbar(
            order.temperature_K,
            order.delta.mean[:, frame, 0, a, b],
            _bars(order.delta.error[:, frame, 0, a, b]),
            label=_power(int(order.jumps[frame])),
            **style,
        )
    _noise_band(axes, order, (a, b))
    name = order.pair_name((a, b))
    axes.set_ylabel(rf"$\delta_\mathrm{{{name.replace('-', '')}}}$, shell 1 (per {order.elements[a]} atom)")
    axes.set_title(f"{name}, by number of jumps")


def _noise_band(axes: Axes, order: Order, pair: tuple[int, int]) -> None:
    noise = order.noise(pair)
    axes.axhspan(-noise, noise, color=GREY, alpha=0.16, linewidth=0, zorder=0)


def _series_frames(jumps: NDArray[np.int64]) -> list[int]:
    """Key frames about evenly spread over the logarithm of the jumps, down to 1/1000 of the last."""
    wanted = np.geomspace(max(jumps[-1] / 1000, 1), jumps[-1], JUMP_SERIES)
    started = np.flatnonzero(jumps > 0)
    nearest = [started[np.abs(np.log(jumps[started] / w)).argmin()] for w in wanted]
    return sorted({int(frame) for frame in nearest})


def _power(count: int) -> str:
    """``2.0 x 10^5`` as mathematical text."""
    exponent = len(str(count)) - 1
    return rf"${count / 10**exponent:.1f}\times10^{{{exponent}}}$"


def _shells(order: Order) -> FigureProduct:
    shells = order.case.first.shells
    figure, axes = new_figure(1, shells, width_in=DOUBLE_COLUMN_IN, height_in=2.8, share_y=True)
    for shell, panel in enumerate(axes[0]):
        _draw_pairs(panel, order, order.alpha, shell)
        _temperature_axis(panel, order)
        panel.set_title(f"shell {shell + 1}")
    axes[0, 0].set_ylabel(r"Warren-Cowley $\alpha_{ab}$")
    handles, texts = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(handles))
    letter_panels(axes[0])
    return FigureProduct(
        name=f"{NAME}-{order.case.name}-shells",
        title=f"Warren-Cowley parameters of the first shells, {order.case.name}",
        caption=(
            f"{_atoms(order)}, after {order.jumps[-1]:,} vacancy jumps at every temperature. α_ab = "
            "1 - N_ab / N_0,ab: negative: favoured, 0: random, 1: no such neighbours. " + _errors(order)
        ),
        alt=f"{shells} panels, one per neighbour shell, of the Warren-Cowley parameters against temperature.",
        figure=figure,
        table=NAME,
    )


def _against_jumps(order: Order) -> FigureProduct:
    pairs = order.pairs
    columns = min(3, len(pairs))
    rows = -(-len(pairs) // columns)
    figure, axes = new_figure(
        rows, columns, width_in=DOUBLE_COLUMN_IN, height_in=0.6 + 1.9 * rows, share_x=True
    )
    panels = axes.ravel()
    for panel, pair in zip(panels, pairs, strict=False):
        _draw_growth(panel, order, pair)
    for panel in panels[len(pairs) :]:
        panel.set_axis_off()
    figure.supxlabel("vacancy jumps", fontsize=8)
    figure.supylabel(r"pair parameter $\delta_{ab}$, shell 1 (per $a$ atom)", fontsize=8)
    _temperature_key(figure, panels, order)
    letter_panels(panels[: len(pairs)])
    lines = "Lines and bands: mean and standard error" if _few(order) else "Lines: mean"
    return FigureProduct(
        name=f"{NAME}-{order.case.name}-jumps",
        title=f"Growth of chemical order with the number of jumps, {order.case.name}",
        caption=(
            f"{_atoms(order)}. First-shell pair parameters at the key frames, one line per temperature. "
            f"{NORMALISATION}. {lines} over {order.case.replicas_text}. {BAND}"
        ),
        alt=f"{len(pairs)} panels, one per pair, of the pair parameter against the number of jumps.",
        figure=figure,
        table=f"{NAME}-jumps",
    )


def _draw_growth(axes: Axes, order: Order, pair: tuple[int, int]) -> None:
    a, b = pair
    shown = order.jumps > 0
    for t, colour in enumerate(ramp(len(order.temperature_K))):
        mean, error = order.delta.mean[t, shown, 0, a, b], order.delta.error[t, shown, 0, a, b]
        axes.plot(order.jumps[shown], mean, color=colour)
        if _few(order):
            band = (mean - error, mean + error)
            axes.fill_between(order.jumps[shown], *band, color=colour, alpha=0.2, linewidth=0)
    _noise_band(axes, order, pair)
    axes.set(xscale="log", title=order.pair_name(pair))
    zero_line(axes)


def _few(order: Order) -> bool:
    """Few enough temperatures to tell their bands and legend entries apart."""
    return len(order.temperature_K) <= FEW_TEMPERATURES


def _temperature_key(figure: Figure, panels: NDArray[Any], order: Order) -> None:
    """Which colour is which temperature: a legend for few of them, a bar for many."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.lines import Line2D

    temperatures = order.temperature_K
    colours = ramp(len(temperatures))
    if _few(order):
        handles = [Line2D([], [], color=colour) for colour in colours]
        figure.legend(
            handles, [f"{t:g} K" for t in temperatures], loc="outside upper center", ncols=FEW_TEMPERATURES
        )
        return
    norm = BoundaryNorm(np.arange(len(temperatures) + 1) - 0.5, len(temperatures))
    bar = figure.colorbar(ScalarMappable(norm, ListedColormap(colours)), ax=list(panels), aspect=40)
    bar.set_ticks(range(len(temperatures)), labels=[f"{t:g}" for t in temperatures])
    bar.ax.tick_params(labelsize=6, length=0)
    bar.set_label("temperature (K)")
