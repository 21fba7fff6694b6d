"""Figure of a model's errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.model_errors import NAME, TABLE, TESTED, GroupErrors, ModelErrors
from analysis.predictions import OWN_LABELS, SPLIT_TITLES
from analysis.products import FigureProduct
from analysis.style import (
    BLUE,
    DOUBLE_COLUMN_IN,
    GREEN,
    GREY,
    PURPLE,
    VERMILION,
    letter_panels,
    new_figure,
    zero_line,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

MOST_NAMED = 12  # compositions that are named on the axis
SPLIT_STYLES: dict[str, dict[str, Any]] = {
    "train": {"color": GREY, "marker": "s", "linestyle": ":"},
    "validation": {"color": PURPLE, "marker": "D", "linestyle": "-."},
    "test": {"color": BLUE, "marker": "o", "linestyle": "-"},
    "test-composition": {"color": VERMILION, "marker": "^", "linestyle": "--"},
    OWN_LABELS: {"color": BLUE, "marker": "o", "linestyle": "-"},
    TESTED: {"color": GREEN, "marker": "o", "linestyle": "-"},
}


def error_figure(errors: ModelErrors) -> FigureProduct:
    """Errors of one model, six ways."""
    p = errors.predictions
    figure, axes = new_figure(2, 3, width_in=DOUBLE_COLUMN_IN, height_in=5.0)
    _draw_splits(axes[0, 0], errors)
    _draw_species(axes[0, 1], errors)
    _draw_tails(axes[0, 2], errors)
    _draw_compositions(axes[1, 0], errors)
    _draw_sizes(axes[1, 1], errors)
    _draw_calibration(axes[1, 2], errors)
    letter_panels(axes.ravel())
    figure.legend(handles=_legend(p.splits), loc="outside upper center", ncols=3)
    return FigureProduct(
        name=f"{NAME}-{p.model}",
        title=f"Errors of the network {p.model}",
        caption=(
            f"Errors of the network {p.model}, barriers in both directions. Mean absolute error (a) of each "
            "split of the labels, (b) by moving species, (d) by composition, sorted, and (e) by the computed "
            "barrier, bins of equal numbers, all tested labels. (c) Share of barriers whose error is larger; "
            "thin line: normal errors of the tested labels' root mean square error. (f) Calibration: mean of "
            "computed minus predicted barriers against the predicted barrier, bins of equal numbers; zero if "
            f"calibrated. Slope of computed on predicted barriers: {errors.slope.value:.3f} ± "
            f"{errors.slope.error:.3f}. Error bars: standard error over vacancies."
            + (f" Unseen: {', '.join(p.unseen)}." if p.unseen else "")
        ),
        alt=f"Six panels of errors in meV. {error_words(errors)}",
        figure=figure,
        table=TABLE,
    )


def error_words(errors: ModelErrors) -> str:
    """The mean absolute error of each test split, and where it is largest."""
    parts = []
    for split in errors.tests:
        (whole,) = errors.of(split, "all")
        worst = max(errors.of(split, "species"), key=lambda group: group.errors.MAE)
        parts.append(
            f"{SPLIT_TITLES[split]}: mean absolute error {1000 * whole.MAE.mean:.1f} ± "
            f"{1000 * whole.MAE.error:.1f} meV, largest, {1000 * worst.errors.MAE:.1f} meV, where "
            f"{worst.group} moves"
        )
    return f"Network {errors.predictions.model}, {'; '.join(parts)}."


def _legend(splits: Sequence[str]) -> list[Line2D]:
    """What colours, markers and lines mean."""
    from matplotlib.lines import Line2D

    titles = {split: SPLIT_TITLES[split] for split in splits} | {TESTED: "all tested labels"}
    shown = [
        Line2D([], [], markersize=4, label=title, **SPLIT_STYLES[name]) for name, title in titles.items()
    ]
    return [*shown, Line2D([], [], color="black", linewidth=0.6, label="normal errors")]


def _points(
    axes: Axes, x: Sequence[float], groups: Sequence[GroupErrors], split: str, *, small: bool = False
) -> None:
    """Mean absolute errors with their error bars."""
    style = SPLIT_STYLES[split] | {"linestyle": "none"} | ({"capsize": 0} if small else {})
    values = [1000 * float(g.MAE.mean) for g in groups]
    bars = [1000 * float(g.MAE.error) for g in groups]
    axes.errorbar(x, values, bars, markersize=2.5 if small else 4, **style)


def _from_zero(axes: Axes) -> None:
    axes.set_ylim(0, 1.12 * axes.get_ylim()[1])


def _draw_splits(axes: Axes, errors: ModelErrors) -> None:
    splits = errors.predictions.splits
    for i, split in enumerate(splits):
        _points(axes, [i], errors.of(split, "all"), split)
    short = {
        "train": "training",
        "validation": "valid.",
        "test": "test",
        "test-composition": "unseen\ncomp.",
        OWN_LABELS: "labels",
    }
    axes.set_xticks(range(len(splits)), [short[split] for split in splits])
    axes.set(ylabel="mean abs. error (meV)", xlim=(-0.5, len(splits) - 0.5))
    _from_zero(axes)


def _draw_species(axes: Axes, errors: ModelErrors) -> None:
    elements = errors.predictions.elements
    for i, split in enumerate(errors.tests):
        groups = errors.of(split, "species")
        shift = 0.16 * (i - 0.5 * (len(errors.tests) - 1))
        _points(axes, [elements.index(g.group) + shift for g in groups], groups, split)
    axes.set_xticks(range(len(elements)), elements)
    axes.set(xlabel="moving species", ylabel="mean abs. error (meV)", xlim=(-0.5, len(elements) - 0.5))
    _from_zero(axes)


def _draw_tails(axes: Axes, errors: ModelErrors) -> None:
    from scipy.stats import norm

    p = errors.predictions
    for split in p.splits:
        sizes = np.sort(np.abs(p.error_meV[p.split.among(split)]))
        larger = 1 - np.arange(len(sizes)) / len(sizes)
        style = SPLIT_STYLES[split] | {"marker": None}
        axes.step(sizes, larger, where="pre", linewidth=1.2, **style)
    tested = p.error_meV[p.tested]
    x = np.linspace(0, float(np.abs(p.error_meV).max()), 200)
    axes.plot(x, 2 * norm.sf(x, scale=float(np.sqrt((tested**2).mean()))), color="black", linewidth=0.6)
    axes.set(xlabel="absolute error $x$ (meV)", ylabel="share of errors > $x$", yscale="log", xlim=(0, None))
    axes.set_ylim(0.5 / len(p.error_meV), 1.3)


def _draw_compositions(axes: Axes, errors: ModelErrors) -> None:
    groups = [group for split in errors.tests for group in errors.of(split, "composition")]
    names = list(dict.fromkeys(g.group for g in sorted(groups, key=lambda g: float(g.MAE.mean))))
    for split in errors.tests:
        mine = errors.of(split, "composition")
        _points(axes, [names.index(g.group) for g in mine], mine, split, small=len(names) > MOST_NAMED)
    if len(names) <= MOST_NAMED:
        axes.set_xticks(range(len(names)), names, rotation=90)
    else:
        axes.set_xticks([0, len(names) - 1], [names[0], names[-1]])
        first, last = axes.get_xticklabels()
        first.set_horizontalalignment("left")
        last.set_horizontalalignment("right")
        axes.set_xlabel(f"{len(names)} compositions, by their error")
    axes.set(ylabel="mean abs. error (meV)", xlim=(-0.6, len(names) - 0.4))
    _from_zero(axes)


def _draw_sizes(axes: Axes, errors: ModelErrors) -> None:
    groups = errors.of(TESTED, "barrier")
    _points(axes, [g.computed_eV for g in groups], groups, TESTED)
    axes.set(xlabel="computed barrier (eV)", ylabel="mean abs. error (meV)")
    _from_zero(axes)


def _draw_calibration(axes: Axes, errors: ModelErrors) -> None:
    groups = errors.of(TESTED, "predicted")
    zero_line(axes)
    axes.errorbar(
        [g.predicted_eV for g in groups],
        [-1000 * float(g.bias.mean) for g in groups],
        [1000 * float(g.bias.error) for g in groups],
        **(SPLIT_STYLES[TESTED] | {"linestyle": "none"}),
        markersize=4,
    )
    axes.set(xlabel="predicted barrier (eV)", ylabel="computed $-$ predicted (meV)")
    axes.set_title(f"slope {errors.slope.value:.3f} ± {errors.slope.error:.3f}")
