"""Predicted against computed barriers, per split of the labels and moving species."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.networks import alloy_elements
from analysis.parity_panels import annotate, dense_words, draw_parity, parity_legend, span_of
from analysis.predictions import SPLIT_TITLES, Predictions, read_predictions
from analysis.products import FigureProduct, Number, Product, TableProduct
from analysis.style import (
    GREY,
    SERIES_COLOURS,
    SINGLE_COLUMN_IN,
    letter_panels,
    new_figure,
    paper_style,
)
from nnk.observables.calibration import Errors, errors_of, mean_over_groups

NAME = "parity"


def analyse(inputs: Inputs) -> Product:
    """Parity and residuals of each trained model."""
    elements = alloy_elements(inputs)
    sets = [read_predictions(inputs, name, elements) for name in inputs.model_names()]
    with paper_style():
        figures = tuple(figure for p in sets for figure in (_parity(p), _residuals(p)))
    return Product(
        name=NAME,
        title="Predicted and computed barriers",
        summary=" ".join(_summary(predictions) for predictions in sets),
        figures=figures,
        tables=tuple(_table(p) for p in sets),
        numbers=tuple(number for p in sets for number in _numbers(p)),
        settings={"errors of errors": "over vacancies"},
    )


def _summary(predictions: Predictions) -> str:
    parts = []
    for split in predictions.splits:
        if split != "train":
            found = _errors(predictions, predictions.split.among(split))
            parts.append(f"{SPLIT_TITLES[split]}: R² {found.R2:.3f}, worst {1000 * found.worst:.0f} meV")
    return f"Network {predictions.model}, {'; '.join(parts)}."


def _errors(predictions: Predictions, mask: NDArray[np.bool_]) -> Errors:
    return errors_of(predictions.true_eV[mask], predictions.predicted_eV[mask])


def _parity(predictions: Predictions) -> FigureProduct:
    splits = predictions.splits
    columns = min(2, len(splits))
    rows = -(-len(splits) // columns)
    figure, axes = new_figure(
        rows, columns, width_in=5.6, height_in=0.5 + 2.55 * rows, share_x=True, share_y=True
    )
    panels, span = axes.ravel(), span_of(predictions)
    parts = [predictions.select(predictions.split.among(split)) for split in splits]
    for panel, split, members in zip(panels, splits, parts, strict=False):
        draw_parity(panel, members, span)
        annotate(panel, errors_of(members.true_eV, members.predicted_eV))
        panel.set_title(SPLIT_TITLES[split])
    for panel in panels[len(splits) :]:
        panel.set_axis_off()
    figure.supxlabel("computed barrier (eV)", fontsize=8)
    figure.supylabel("predicted barrier (eV)", fontsize=8)
    handles = parity_legend(predictions.elements, parts)
    figure.legend(handles=handles, loc="outside upper center", ncols=max(len(handles), 1))
    letter_panels(panels[: len(splits)])
    return FigureProduct(
        name=f"{NAME}-{predictions.model}",
        title=f"Parity of the network {predictions.model}",
        caption=(
            "Barriers by the network against those of the transition-state searches, forward and backward, "
            "coloured by the atom that moves; line: equality. MAE: mean absolute error; RMSE: root mean "
            "square error; n: barriers. All barriers of a vacancy stand in one split."
            + dense_words(parts)
            + (f" Unseen: {', '.join(predictions.unseen)}." if predictions.unseen else "")
        ),
        alt="Scatter plots near the diagonal, one per split. " + _summary(predictions),
        figure=figure,
        table=f"{NAME}-{predictions.model}",
    )


def _residuals(predictions: Predictions) -> FigureProduct:
    figure, axes = new_figure(width_in=SINGLE_COLUMN_IN, height_in=2.6)
    panel, error = axes[0, 0], predictions.error_meV
    limit = float(np.quantile(np.abs(error), 0.995))
    bins = np.linspace(-limit, limit, 22)
    for i, split in enumerate(predictions.splits):
        values = np.clip(error[predictions.split.among(split)], -limit, limit)
        density, _ = np.histogram(values, bins, density=True)
        style = ("-", "--", ":", "-.")[i]
        label = f"{SPLIT_TITLES[split]} ({len(values):,})"
        panel.stairs(density, bins, color=SERIES_COLOURS[i], linestyle=style, linewidth=1.2, label=label)
    panel.axvline(0, color=GREY, linewidth=0.6, zorder=0)
    panel.set(xlabel="predicted $-$ computed (meV)", ylabel="probability density (1/meV)")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return FigureProduct(
        name=f"{NAME}-{predictions.model}-residuals",
        title=f"Residuals of the network {predictions.model}",
        caption=(
            "Distribution of predicted minus computed barriers per split (number of barriers in brackets). "
            f"The outermost bins hold all residuals beyond ±{limit:.0f} meV."
        ),
        alt="Histograms of the residuals per split, peaked near zero; the widths are in the table.",
        figure=figure,
        table=f"{NAME}-{predictions.model}",
    )


def _table(predictions: Predictions) -> TableProduct:
    rows: list[list[Any]] = []
    for split in predictions.splits:
        members = predictions.split.among(split)
        for name in ("all", *predictions.elements):
            mask = members if name == "all" else members & predictions.species.among(name)
            if mask.any():
                e = _errors(predictions, mask)
                rows.append([split, name, e.n, e.MAE, e.RMSE, e.R2, e.q95, e.q99, e.worst, e.bias])
    columns = {
        "split": "split of the labels",
        "moving_species": "element of the atom that jumps",
        "barriers": "number of barriers, both directions",
        "MAE_eV": "mean absolute error, eV",
        "RMSE_eV": "root mean square error, eV",
        "R2": "coefficient of determination",
        "q95_eV": "absolute error that 95 % keep within, eV",
        "q99_eV": "absolute error that 99 % keep within, eV",
        "worst_eV": "largest absolute error, eV",
        "bias_eV": "mean of predicted minus computed, eV",
    }
    title = f"Errors of the network {predictions.model} by split and moving species"
    return TableProduct(f"{NAME}-{predictions.model}", title, columns, rows)


def _numbers(predictions: Predictions) -> list[Number]:
    """Errors with their own uncertainty, over vacancies, as the barriers of one are not independent."""
    numbers = []
    for split in predictions.splits:
        if split == "train":
            continue
        mask = predictions.split.among(split)
        found = mean_over_groups(np.abs(predictions.error_meV[mask]), predictions.vacancy[mask])
        label = f"{predictions.model}: mean absolute error, {SPLIT_TITLES[split]}"
        value, error = float(found.mean), None if np.isnan(found.error) else float(found.error)
        numbers.append(
            Number(label, value, "meV", f"{NAME}-{predictions.model}", error, count=int(mask.sum()))
        )
    return numbers


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.parity WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
