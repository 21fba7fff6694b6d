"""Predicted against computed barriers, per split of the labels and moving species."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.command import run_analysis
from analysis.inputs import Inputs
from analysis.predictions import SPLIT_TITLES, Predictions, read_predictions
from analysis.products import FigureProduct, Number, Product, TableProduct
from analysis.style import (
    GREY,
    SERIES_COLOURS,
    SINGLE_COLUMN_IN,
    letter_panels,
    new_figure,
    paper_style,
    series_style,
)
from nnk.files import rng
from nnk.observables.statistics import bootstrap
from nnk.training.metrics import errors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAME = "parity"
RESAMPLES = 1000


def analyse(inputs: Inputs) -> Product:
    """Parity and residuals of each trained model."""
    campaign = inputs.campaign()
    elements = tuple(campaign["alloy"]["elements"])
    sets = [read_predictions(inputs, name, elements) for name in inputs.model_names()]
    with paper_style():
        figures = tuple(figure for p in sets for figure in (_parity(p), _residuals(p)))
    return Product(
        name=NAME,
        title="Predicted and computed barriers",
        summary=" ".join(_summary(predictions) for predictions in sets),
        figures=figures,
        tables=tuple(_table(p) for p in sets),
        numbers=tuple(number for p in sets for number in _numbers(p, campaign["seed"])),
        settings={"bootstrap resamples": RESAMPLES, "resampled are": "whole vacancies"},
    )


def _summary(predictions: Predictions) -> str:
    parts = []
    for split in predictions.splits:
        if split != "train":
            found = _errors(predictions, predictions.split == split)
            parts.append(
                f"{SPLIT_TITLES[split]}: R² {_text(found['R2'])}, worst {1000 * found['worst_eV']:.0f} meV"
            )
    return f"Network {predictions.model}, {'; '.join(parts)}."


def _errors(predictions: Predictions, mask: NDArray[np.bool_]) -> dict[str, Any]:
    return errors(predictions.true_eV[mask], predictions.predicted_eV[mask])


def _text(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _parity(predictions: Predictions) -> FigureProduct:
    splits = predictions.splits
    columns = min(2, len(splits))
    rows = -(-len(splits) // columns)
    figure, axes = new_figure(
        rows, columns, width_in=5.6, height_in=0.5 + 2.55 * rows, share_x=True, share_y=True
    )
    both = np.concatenate([predictions.true_eV, predictions.predicted_eV])
    span = (float(both.min()) - 0.05, float(both.max()) + 0.05)
    panels = axes.ravel()
    for panel, split in zip(panels, splits, strict=False):
        _draw_parity(panel, predictions, split, span)
    for panel in panels[len(splits) :]:
        panel.set_axis_off()
    figure.supxlabel("computed barrier (eV)", fontsize=8)
    figure.supylabel("predicted barrier (eV)", fontsize=8)
    handles, texts = panels[0].get_legend_handles_labels()
    figure.legend(handles, texts, loc="outside upper center", ncols=len(handles), markerscale=1.6)
    letter_panels(panels[: len(splits)])
    return FigureProduct(
        name=f"{NAME}-{predictions.model}",
        title=f"Parity of the network {predictions.model}",
        caption=(
            "Barriers by the network against those of the transition-state searches, forward and backward, "
            "coloured by the atom that moves; line: equality. MAE: mean absolute error; RMSE: root mean "
            "square error; n: barriers. All barriers of a vacancy stand in one split."
            + (f" Unseen: {', '.join(predictions.unseen)}." if predictions.unseen else "")
        ),
        alt="Scatter plots near the diagonal, one per split. " + _summary(predictions),
        figure=figure,
        table=f"{NAME}-{predictions.model}",
    )


def _draw_parity(axes: Axes, predictions: Predictions, split: str, span: tuple[float, float]) -> None:
    members = predictions.split == split
    axes.plot(span, span, color=GREY, linewidth=0.7, zorder=0)
    for s, element in enumerate(predictions.elements):
        mask = members & (predictions.species == element)
        axes.plot(
            predictions.true_eV[mask],
            predictions.predicted_eV[mask],
            linestyle="none",
            markersize=2.4,
            markeredgewidth=0,
            alpha=0.55,
            rasterized=True,
            label=f"{element} moves",
            **series_style(s),
        )
    found = _errors(predictions, members)
    text = (
        f"MAE {1000 * found['MAE_eV']:.0f} meV\nRMSE {1000 * found['RMSE_eV']:.0f} meV\n"
        f"$R^2$ {_text(found['R2'])}\n$n$ = {found['n']}"
    )
    axes.annotate(text, xy=(0.03, 0.97), xycoords="axes fraction", va="top", fontsize=7)
    axes.set(xlim=span, ylim=span, aspect="equal", title=SPLIT_TITLES[split])


def _residuals(predictions: Predictions) -> FigureProduct:
    figure, axes = new_figure(width_in=SINGLE_COLUMN_IN, height_in=2.6)
    panel, error = axes[0, 0], predictions.error_meV
    limit = float(np.quantile(np.abs(error), 0.995))
    bins = np.linspace(-limit, limit, 22)
    for i, split in enumerate(predictions.splits):
        values = np.clip(error[predictions.split == split], -limit, limit)
        density, _ = np.histogram(values, bins, density=True)
        style = ("-", "--", ":", "-.")[i]
        label = f"{SPLIT_TITLES[split]} ({len(values)})"
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
        for name in ("all", *predictions.elements):
            mask = predictions.split == split
            if name != "all":
                mask &= predictions.species == name
            if mask.any():
                found = _errors(predictions, mask)
                values = [found[key] for key in ("MAE_eV", "RMSE_eV", "R2", "worst_eV")]
                rows.append(
                    [split, name, found["n"], *values, float(predictions.error_meV[mask].mean()) / 1000]
                )
    columns = {
        "split": "split of the labels",
        "moving_species": "element of the atom that jumps",
        "barriers": "number of barriers, both directions",
        "MAE_eV": "mean absolute error, eV",
        "RMSE_eV": "root mean square error, eV",
        "R2": "coefficient of determination",
        "worst_eV": "largest absolute error, eV",
        "bias_eV": "mean of predicted minus computed, eV",
    }
    title = f"Errors of the network {predictions.model} by split and moving species"
    return TableProduct(f"{NAME}-{predictions.model}", title, columns, rows)


def _numbers(predictions: Predictions, seed: int) -> list[Number]:
    """Errors with their own uncertainty: vacancies are resampled, as their barriers are not independent."""
    numbers = []
    for split in predictions.splits:
        if split == "train":
            continue
        mask = predictions.split == split
        _, vacancy = np.unique(predictions.vacancy[mask], return_inverse=True)
        sums = np.bincount(vacancy, np.abs(predictions.error_meV[mask]))
        rows = np.stack([sums, np.bincount(vacancy)], axis=1)
        interval = bootstrap(rows, _ratio, rng(seed, NAME, predictions.model, split), resamples=RESAMPLES)
        label = f"{predictions.model}: mean absolute error, {SPLIT_TITLES[split]}"
        table = f"{NAME}-{predictions.model}"
        numbers.append(
            Number(label, interval.value, "meV", table, error=interval.error, count=int(mask.sum()))
        )
    return numbers


def _ratio(rows: NDArray[np.float64]) -> float:
    return float(rows[:, 0].sum() / rows[:, 1].sum())


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.parity WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
