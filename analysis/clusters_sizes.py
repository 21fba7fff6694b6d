"""Distribution of the sizes of ordered clusters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.clusters_figures import DEFINITION, atoms_text, jumps_text, summary
from analysis.clusters_runs import NAME, ClusterCase
from analysis.products import FigureProduct
from analysis.style import DOUBLE_COLUMN_IN, GREY, letter_panels, new_figure, ramp
from nnk.lattice import IntArray
from nnk.observables.statistics import Estimate, mean_and_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN_FRAMES = 5


def at_least(sizes: Sequence[IntArray]) -> tuple[IntArray, Estimate]:
    """Number of clusters of at least each size, mean and error over the states that have these sizes.

    Returns:
        The sizes int64[k] at which some state's number changes, and the estimate [k].
    """
    grid = np.unique(np.concatenate([np.array([1]), *sizes]))
    numbers = [(state[:, None] >= grid).sum(axis=0) for state in sizes]
    return grid, mean_and_error(numbers)


def series_frames(case: ClusterCase) -> list[int]:
    """Numbers of jumps whose sizes are drawn: the start, and some evenly spread in logarithm."""
    wanted = case.jumps[-1] / 10.0 ** np.arange(SHOWN_FRAMES - 2, -1, -1)
    later = case.jumps[case.jumps > 0]
    return sorted({0, *(int(later[np.abs(np.log(later / w)).argmin()]) for w in wanted)})


def sizes_figure(case: ClusterCase) -> FigureProduct:
    """At the end by temperature, and at the strongest temperature by number of jumps."""
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=2.9, share_y=True)
    last, top = int(case.jumps[-1]), float(case.temperature_K[case.strongest])
    at_end = [
        (f"{case.temperature_K[t]:g} K", [run.sizes(last) for run in case.at(float(case.temperature_K[t]))])
        for t in case.shown
    ]
    along = [(jumps_text(jumps), [run.sizes(jumps) for run in case.at(top)]) for jumps in series_frames(case)]
    titles = (f"after {jumps_text(last)} jumps", f"at {top:g} K, by number of jumps")
    for panel, series, title in zip(axes[0], (at_end, along), titles, strict=True):
        _draw_distribution(panel, *at_least(list(case.chance_sizes)), "random", {"color": GREY, "ls": "--"})
        for (text, sizes), colour in zip(series, ramp(len(series)), strict=True):
            _draw_distribution(panel, *at_least(sizes), text, {"color": colour})
        panel.set(xscale="log", yscale="log", xlabel="size $s$ (centres)", title=title)
        panel.legend(loc="upper right")
        panel.axvline(case.options.small_below - 0.5, color=GREY, linewidth=0.6, linestyle=":", zorder=0)
    axes[0, 0].set_ylabel(r"clusters of size $\geq s$ per cell")
    most = max(len(sizes) for _, states in (*at_end, *along) for sizes in states)
    _whole_decades(axes[0, 0], 0.5 / case.replicas[1], max(most, 2))
    letter_panels(axes[0])
    return FigureProduct(
        name=f"{NAME}-{case.name}-sizes",
        title=f"Sizes of ordered clusters, {case.name}",
        caption=(
            f"{atoms_text(case)}: mean number of clusters of at least s centres per simulated cell, (a) at "
            f"the end of the runs, (b) along those at {top:g} K. Bands: standard error over replicas. "
            "Dashed: random arrangements of the same atoms. Dotted: border between small and large. "
            f"{DEFINITION}."
        ),
        alt=f"Two panels of falling curves, number of clusters against least size. {summary(case)}",
        figure=figure,
        table=f"{NAME}-sizes",
    )


def _draw_distribution(
    axes: Axes, size: IntArray, number: Estimate, label: str, style: dict[str, Any]
) -> None:
    edges = np.concatenate([[0.5], size + 0.5])  # the number is the same from one size up to the next
    axes.stairs(number.mean, edges, baseline=None, label=label, linewidth=1.2, **style)
    error = np.nan_to_num(number.error)
    low, high = np.maximum(number.mean - error, 1e-9), number.mean + error
    axes.stairs(high, edges, baseline=low, fill=True, color=style["color"], alpha=0.18, linewidth=0)


def _whole_decades(axes: Axes, lowest: float, highest: float) -> None:
    axes.set_ylim(10 ** np.floor(np.log10(lowest) + 1e-9), 10 ** np.ceil(np.log10(highest)))
