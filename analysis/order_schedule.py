"""The figure of chemical order along runs whose temperature changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.order_drawing import NAME, atoms_text, bars
from analysis.order_kinetics import Kinetics
from analysis.order_parameters import NORMALISATION, Order
from analysis.products import FigureProduct
from analysis.style import BLACK, DOUBLE_COLUMN_IN, letter_panels, new_figure, series_style, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def schedule_figure(kinetics: Kinetics) -> FigureProduct:
    """Temperature and order against jumps, and order against the temperature of the moment."""
    order = kinetics.order
    figure, axes = new_figure(1, 3, width_in=DOUBLE_COLUMN_IN, height_in=2.8)
    jumps, temperature_K = order.jumps, _temperature_K(order)
    axes[0, 0].step(jumps, temperature_K, where="post", color=BLACK)
    axes[0, 0].set(xlabel="vacancy jumps", ylabel="temperature (K)", ylim=(0, None))
    axes[0, 1].set(xlabel="vacancy jumps", ylabel=r"$\delta_{ab}$, shell 1 (per $a$ atom)")
    axes[0, 2].set(xlabel="temperature (K)")
    _draw(axes[0, 1], order, jumps.astype(np.float64))
    _draw(axes[0, 2], order, temperature_K)
    handles, texts = axes[0, 1].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(handles))
    letter_panels(axes[0])
    return FigureProduct(
        name=f"{NAME}-{order.case.name}",
        title=f"Chemical order while the temperature changes, {order.case.name}",
        caption=(
            f"{atoms_text(order)}. (a) Temperature along the runs at their key frames. (b) First-shell pair "
            f"parameters along the runs and (c) against the temperature of the moment. {NORMALISATION}. "
            f"Points and error bars: mean and standard error over {order.case.replicas_text}."
        ),
        alt="Three panels: temperature against jumps, order against jumps, order against temperature.",
        figure=figure,
        table=f"{NAME}-jumps",
    )


def _temperature_K(order: Order) -> np.ndarray:
    """Temperature at the key frames that all runs have; where it follows time, the mean over the runs."""
    rows = [run.temperature_K[np.isin(run.jumps, order.jumps)] for run in order.case.runs]
    return np.asarray(np.mean(rows, axis=0))


def _draw(axes: Axes, order: Order, x: np.ndarray) -> None:
    for i, (a, b) in enumerate(order.pairs):
        axes.errorbar(
            x,
            order.delta.mean[0, :, 0, a, b],
            bars(order.delta.error[0, :, 0, a, b]),
            label=order.pair_name((a, b)),
            **{**series_style(i), "markersize": 2.0, "linewidth": 0.8},
        )
    zero_line(axes)
