"""Panels of predicted against computed barriers: points, or where there are many, their density."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.predictions import Predictions
from analysis.style import GREY, series_style
from nnk.observables.calibration import Errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

MOST_POINTS = 20_000  # of a panel; more are drawn as their density
POINTS_A_TURN = 500
_HEXAGONS = 70  # along the axis
_MARGIN_EV = 0.05

Span = tuple[float, float]


def span_of(predictions: Predictions) -> Span:
    """Least and largest barrier, computed or predicted, with a margin, eV."""
    both = np.concatenate([predictions.true_eV, predictions.predicted_eV])
    return float(both.min()) - _MARGIN_EV, float(both.max()) + _MARGIN_EV


def draw_parity(axes: Axes, members: Predictions, span: Span, *, small: bool = False) -> None:
    """Barriers about the line of equality, coloured by the moving species or, of many, by their number."""
    axes.plot(span, span, color=GREY, linewidth=0.7, zorder=0)
    if len(members) > MOST_POINTS:
        _draw_density(axes, members, span)
    else:
        _draw_points(axes, members, size=1.6 if small else 2.4)
    axes.set(xlim=span, ylim=span, aspect="equal")


def _draw_points(axes: Axes, members: Predictions, size: float) -> None:
    """Points of the species in turns, so that none of many covers the others."""
    turns = -(-len(members) // POINTS_A_TURN)
    rows = [np.flatnonzero(members.species.among(element)) for element in members.elements]
    for turn, (s, of_species) in product(range(turns), enumerate(rows)):
        some = of_species[turn::turns]
        axes.plot(
            members.true_eV[some],
            members.predicted_eV[some],
            linestyle="none",
            markersize=size,
            markeredgewidth=0,
            alpha=0.55,
            rasterized=True,
            **series_style(s),
        )


def _draw_density(axes: Axes, members: Predictions, span: Span) -> None:
    """Every hexagon with a barrier in it is seen, so that the tails are."""
    axes.hexbin(
        members.true_eV,
        members.predicted_eV,
        gridsize=_HEXAGONS,
        extent=(*span, *span),
        mincnt=1,
        bins="log",
        cmap="viridis_r",
        linewidths=0,
        rasterized=True,
    )


def annotate(axes: Axes, errors: Errors, *, small: bool = False) -> None:
    """The errors as text in the free corner above the line."""
    R2 = "undefined" if np.isnan(errors.R2) else f"{errors.R2:.3f}"
    lines = [f"MAE {1000 * errors.MAE:.0f} meV", f"$R^2$ {R2}", f"$n$ = {errors.n:,}"]
    if not small:
        lines.insert(1, f"RMSE {1000 * errors.RMSE:.0f} meV")
    size = 6 if small else 7
    axes.annotate("\n".join(lines), xy=(0.03, 0.97), xycoords="axes fraction", va="top", fontsize=size)


def parity_legend(elements: Iterable[str], panels: Iterable[Predictions]) -> list[Line2D]:
    """What the colours mean; empty where no panel has points."""
    from matplotlib.lines import Line2D

    if all(len(members) > MOST_POINTS for members in panels):
        return []
    style: dict[str, Any] = {"linestyle": "none", "markersize": 4, "markeredgewidth": 0}
    return [
        Line2D([], [], label=f"{element} moves", **style, **series_style(s))
        for s, element in enumerate(elements)
    ]


def dense_words(panels: Iterable[Predictions]) -> str:
    """What a caption says of panels that are drawn as densities; empty where there is none."""
    if all(len(members) <= MOST_POINTS for members in panels):
        return ""
    return (
        f" Panels of more than {MOST_POINTS:,} barriers: shade by the logarithm of the number of barriers, "
        "of whatever species; the lightest hexagons hold one."
    )
