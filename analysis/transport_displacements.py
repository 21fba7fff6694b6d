"""Figure of mean squared displacements against time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from analysis.products import FigureProduct
from analysis.style import DOUBLE_COLUMN_IN, letter_panels, new_figure, ramp
from analysis.transport_cases import CaseTransport

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "transport"
CURVES = 6  # temperatures


def where(case: CaseTransport) -> str:
    """Case, sites and vacancies, for captions."""
    run = case.first
    count = run.record.n_vacancies
    vacancies = "one vacancy" if count == 1 else f"{count} vacancies"
    return f"{case.name}, {run.lattice.n_sites:,} sites, {vacancies}"


def displacement_figure(case: CaseTransport) -> FigureProduct:
    """A panel for the vacancy and one for each species."""
    columns = 2 if len(case.walkers) < 5 else 3
    rows = -(-len(case.walkers) // columns)
    figure, axes = new_figure(
        rows, columns, width_in=DOUBLE_COLUMN_IN, height_in=0.7 + 2.0 * rows, share_x=True
    )
    panels = axes.ravel()
    chosen = _curve_points(case)
    for panel, walker in zip(panels, case.walkers, strict=False):
        for t, colour in zip(chosen, ramp(len(chosen)), strict=True):
            _draw_displacement(panel, case, t, walker, colour)
        panel.set(xscale="log", yscale="log", title=case.walker_name(walker))
    for panel in panels[len(case.walkers) :]:
        panel.set_axis_off()
    figure.supxlabel("mean time of as many jumps (s)", fontsize=8)
    figure.supylabel(r"mean squared displacement (jump lengths$^2$)", fontsize=8)
    handles, texts = panels[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(handles))
    letter_panels(panels[: len(case.walkers)])
    return FigureProduct(
        name=f"{NAME}-{case.name}-displacement",
        title=f"Mean squared displacements, {case.name}",
        caption=(
            f"{where(case)}, over the jumps after the first {case.first.first_jump:,}. Mean squared "
            "displacement of the vacancy over stretches of 1, 2, 4, ... jumps, and of the atoms of each "
            "species over longer ones, against the mean time of so many jumps; mean over all stretches of "
            f"{case.replicas_text}. Circle: where the diffusivity is taken, open where it is not sound. "
            "Dotted: in proportion to time, through the circle."
        ),
        alt=(
            "One panel for the vacancy and one per species: mean squared displacement against time, both "
            "logarithmic, with lines in proportion to time."
        ),
        figure=figure,
        table=f"{NAME}-displacement",
    )


def _curve_points(case: CaseTransport) -> list[int]:
    """A few temperatures spread over those of sound vacancies, and the one below these."""
    sound = case.sound(0) or list(range(len(case.points)))
    places = np.linspace(0, len(sound) - 1, min(CURVES - 1, len(sound)))
    return sorted({sound[round(place)] for place in places} | {max(sound[0] - 1, 0)})


def _draw_displacement(
    axes: Axes, case: CaseTransport, t: int, walker: int, colour: tuple[float, float, float, float]
) -> None:
    point = case.points[t]
    squares, judged = point.lag_squares[:, walker], point.judged_lag(walker)
    shown = squares > 0
    axes.plot(point.lag_s[shown], squares[shown], color=colour, label=f"{point.temperature_K:g} K")
    if not squares[judged] > 0:
        return
    slope = point.lag_s * squares[judged] / point.lag_s[judged]
    near = shown & (slope > 0.3 * squares[shown].min())
    axes.plot(point.lag_s[near], slope[near], color=colour, linewidth=0.6, linestyle=":")
    filled = not case.faults[t, walker]
    axes.plot(
        point.lag_s[judged], squares[judged], "o", color=colour, markerfacecolor=colour if filled else "white"
    )
