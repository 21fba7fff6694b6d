"""Energy differences of jumps and of their reverse against the number of labels: are they opposites?

Models that predict both by themselves need not give opposites, unless their architecture makes them
(Talapatra et al., figs. 8c and 8d).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.model_curve_figures import LINES, TABLE, curve_names, legend_of_splits, number_axis
from analysis.model_curves import DIFFERENCE_SUM, SHARE, Curve
from analysis.model_errors import NAME
from analysis.predictions import SPLIT_TITLES
from analysis.products import FigureProduct
from analysis.style import DOUBLE_COLUMN_IN, letter_panels, new_figure, series_style, zero_line

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ROUNDING_EV = 1e-4  # of float32, in units of the network's scale
_PANELS = (
    ("dE_MAE_eV", r"mean abs. error of $\Delta E$ (meV)"),
    (DIFFERENCE_SUM, r"RMS of $\Delta E_{AB} + \Delta E_{BA}$ (meV)"),
)


def told_both_ways(curves: Sequence[Curve]) -> list[Curve]:
    """Curves against the number of labels whose models predict both energy differences."""
    return [curve for curve in curves if curve.option == SHARE and curve.has_difference_sums]


def antisymmetry_figure(curves: Sequence[Curve]) -> FigureProduct:
    """Error of the energy differences, and what is left of their sum, against the number of labels."""
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=3.0)
    for panel, (key, ylabel) in zip(axes[0], _PANELS, strict=True):
        _draw(panel, curves, key)
        panel.set(xlabel=curves[0].title, ylabel=ylabel)
    letter_panels(axes[0])
    tests = [split for split in LINES if any(split in curve.tests for curve in curves)]
    figure.legend(
        handles=[*axes[0, 0].get_legend_handles_labels()[0], *legend_of_splits(tests)],
        loc="outside upper center",
        ncols=3,
    )
    return FigureProduct(
        name=f"{NAME}-antisymmetry",
        title="Energy differences of jumps and of their reverse",
        caption=(
            "(a) Mean absolute error of the energy difference of a jump's states, forward less backward "
            "barrier, and (b) root mean square of the sum of the energy differences that a model predicts of "
            "a jump and of its reverse, each by itself, against the number of training labels; tested labels "
            "with both barriers. Two models in which the sum is nothing by construction lie on each other. "
            "The models of a line are alike in all else and tested on the same labels; one training each."
        ),
        alt=f"Two panels of lines against the number of training labels. {antisymmetry_words(curves)}",
        figure=figure,
        table=TABLE,
    )


def _draw(panel: Axes, curves: Sequence[Curve], key: str) -> None:
    for i, (curve, name) in enumerate(zip(curves, curve_names(curves), strict=True)):
        size = 3.5 + 1.3 * (len(curves) - 1 - i)  # smaller markers upon larger ones: lines that coincide show
        for split in curve.tests:
            values = [1000 * model.measured(split)[key] for model in curve.models]
            style = series_style(i) | {"label": name if split == curve.tests[0] else None}
            panel.plot(curve.amounts or [], values, markersize=size, **style | LINES[split])
    number_axis(panel, sorted({amount for curve in curves for amount in curve.amounts or ()}))
    zero_line(panel)
    panel.set_ylim(-0.03 * panel.get_ylim()[1], None)


def antisymmetry_words(curves: Sequence[Curve]) -> str:
    """What is left of the sums, with the fewest and with the most labels."""
    said = []
    for curve, name in zip(curves, curve_names(curves), strict=True):
        split = curve.tests[-1]
        left_eV = [model.measured(split)[DIFFERENCE_SUM] for model in curve.models]
        amount = f"{1000 * left_eV[0]:.1f} to {1000 * left_eV[-1]:.1f} meV"
        said.append(
            f"{name} {'nothing but rounding' if max(left_eV) < ROUNDING_EV else amount} "
            f"({SPLIT_TITLES[split]})"
        )
    labels = curves[0].amounts or [0.0]
    return (
        "Of energy differences there and back, whose sum should be nothing, "
        f"from {labels[0]:,.0f} to {labels[-1]:,.0f} training labels are left: {'; '.join(said)}."
    )
