"""What the figures of chemical order have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.order_parameters import Order
from analysis.style import GREY, ramp, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAME = "order"
FEW_TEMPERATURES = 8
BAND = "Grey band: two standard deviations of such a mean over random cells of this size."
STARTS = {
    "ordered": "ordered start",
    "exchanged": "start: exchange Monte Carlo",
    "case": "start: end of other runs",
    "file": "given start",
}


def errors_text(order: Order) -> str:
    """What the error bars of a figure are."""
    if order.single:
        return "One replica per temperature."
    return f"Points and error bars: mean and standard error over {order.case.replicas_text}."


def atoms_text(order: Order) -> str:
    """What was simulated."""
    vacancies = int((order.case.first.final == 0).sum())
    count = "one vacancy" if vacancies == 1 else f"{vacancies} vacancies"
    return f"{order.case.name}, {order.case.first.lattice.n_sites:,} sites, {count}"


def bars(errors: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Error bars; None where there are none at all."""
    return None if np.isnan(errors).all() else np.nan_to_num(errors)


def noise_band(axes: Axes, order: Order, pair: tuple[int, int], shell: int = 0) -> None:
    """What chance makes of a mean over the replicas."""
    noise = order.noise(pair, shell)
    axes.axhspan(-noise, noise, color=GREY, alpha=0.16, linewidth=0, zorder=0)


def power_text(count: int) -> str:
    """``2.0 x 10^5`` as mathematical text."""
    exponent = len(str(count)) - 1
    return rf"${count / 10**exponent:.1f}\times10^{{{exponent}}}$"


def delta_label(order: Order, pair: tuple[int, int]) -> str:
    """Of an axis of delta of one pair, first shell."""
    name = order.pair_name(pair).replace("-", "")
    return rf"$\delta_\mathrm{{{name}}}$, shell 1 (per {order.elements[pair[0]]} atom)"


def temperature_axis(axes: Axes, order: Order) -> None:
    """From 0 K on, with a line at no order."""
    axes.set(xlabel="temperature (K)", xlim=(0, 1.04 * order.temperature_K.max()))
    zero_line(axes)


def few(order: Order) -> bool:
    """Few enough temperatures to tell their bands and legend entries apart."""
    return len(order.temperature_K) <= FEW_TEMPERATURES


def temperature_key(figure: Figure, panels: NDArray[Any], order: Order) -> None:
    """Which colour is which temperature: a legend for few of them, a bar for many."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.lines import Line2D

    temperatures = order.temperature_K
    colours = ramp(len(temperatures))
    if few(order):
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
