"""Figures of a cross-validation: every folder's error by every network, and the best network's barriers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.fold_errors import ModelFolds
from analysis.fold_tables import BY_FOLDER, TABLE
from analysis.parity_panels import annotate, dense_words, draw_parity, parity_legend, span_of
from analysis.products import FigureProduct
from analysis.style import BLACK, BLUE, DOUBLE_COLUMN_IN, GREY, SINGLE_COLUMN_IN, VERMILION, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROW_IN = 0.27
_SPREAD = 0.26  # of the dots of a row about its middle, in rows


def folder_figure(models: Sequence[ModelFolds]) -> FigureProduct:
    """A row per network, best on top: a dot for each folder, their mean with its error, their median."""
    figure, axes = new_figure(width_in=DOUBLE_COLUMN_IN, height_in=1.1 + _ROW_IN * len(models))
    panel = axes[0, 0]
    for row, model in enumerate(models):
        _draw_model(panel, row, model, first=row == 0)
    panel.set(xlabel="mean absolute error of a folder (eV)", ylim=(len(models) - 0.5, -0.5))
    panel.set_xlim(0, 1.04 * max(model.worst.MAE_eV for model in models))
    panel.set_yticks(range(len(models)), [model.name for model in models])
    panel.tick_params(axis="y", length=0)
    panel.grid(axis="x", color="0.9", linewidth=0.6)
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    best = models[0]
    return FigureProduct(
        name=TABLE,
        title="Errors of the networks in cross-validation",
        caption=(
            f"Mean absolute error of barriers, a dot for each of {len(best.groups)} folders (compositions, "
            "or folders of a published set), by networks that were trained on the other folds. Line: mean "
            "over folders, with its standard error over folders; open diamond: median. Dots are moved a "
            "little up and down so that they do not hide each other."
        ),
        alt="A row of dots per network. Means over folders, in eV: "
        + ", ".join(f"{model.name} {model.mean_eV:.3f}" for model in models)
        + ".",
        figure=figure,
        table=BY_FOLDER,
    )


def _draw_model(axes: Axes, row: int, model: ModelFolds, *, first: bool) -> None:
    rank = np.argsort(np.argsort(model.MAE_eV))
    heights = row + _SPREAD * np.array([-1, 1, 0])[rank % 3]
    axes.plot(
        *(model.MAE_eV, heights),
        linestyle="none",
        marker="o",
        markersize=3.4,
        markeredgewidth=0,
        color=BLUE,
        alpha=0.65,
        label="a folder" if first else None,
    )
    axes.errorbar(
        *(model.mean_eV, row),
        xerr=None if np.isnan(model.mean_error_eV) else model.mean_error_eV,
        marker="|",
        markersize=13,
        markeredgewidth=1.6,
        color=VERMILION,
        label="mean ± standard error" if first else None,
    )
    axes.plot(
        *(model.median_eV, row),
        linestyle="none",
        marker="D",
        markersize=4.4,
        fillstyle="none",
        color=BLACK,
        label="median" if first else None,
    )
    axes.axhline(row + 0.5, color=GREY, linewidth=0.3, zorder=0)


def parity_figure(model: ModelFolds) -> FigureProduct:
    """Barriers by the best network against computed ones, none of which it was trained on."""
    figure, axes = new_figure(width_in=SINGLE_COLUMN_IN, height_in=3.5)
    panel, predictions = axes[0, 0], model.predictions
    draw_parity(panel, predictions, span_of(predictions))
    annotate(panel, model.pooled)
    panel.set(xlabel="computed barrier (eV)", ylabel="predicted barrier (eV)")
    handles = parity_legend(predictions.elements, [predictions])
    if handles:
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles), handletextpad=0.1)
    return FigureProduct(
        name=f"{TABLE}-parity",
        title=f"Out-of-fold barriers by the network {model.name}",
        caption=(
            "Predicted against computed barriers of all folders, each predicted by a network that was not "
            "trained on its fold; line: equality. MAE: mean absolute error over all n barriers."
            f"{dense_words([predictions])}"
        ),
        alt=f"Scatter about the diagonal, mean absolute error {model.pooled.MAE:.3f} eV.",
        figure=figure,
        table=BY_FOLDER,
    )
