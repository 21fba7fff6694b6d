"""Figures of force models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from analysis.products import FigureProduct
from analysis.style import BLUE, DOUBLE_COLUMN_IN, GREY, VERMILION, letter_panels, new_figure, series_style

if TYPE_CHECKING:
    from analysis.forces import FitOfForces

_POINTS = 5000  # of a panel of parity
_BINS = 60


def losses_figure(composition: str, fits: Sequence[FitOfForces]) -> FigureProduct:
    """Training and validation losses of all models against the epoch."""
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=2.8, share_y=True)
    for i, fit in enumerate(fits):
        style = {**series_style(i), "markevery": max(1, len(fit.history["epoch"]) // 8)}
        for panel, column in zip(axes[0], ("loss", "validation_loss"), strict=True):
            panel.plot(fit.history["epoch"], fit.history[column], label=fit.name, **style)
    for panel, label in zip(axes[0], ("training loss", "validation loss"), strict=True):
        panel.set(xlabel="epoch", ylabel=label, yscale="log")
    axes[0][1].legend()
    letter_panels(axes[0])
    best = min(fits, key=lambda fit: float(min(fit.history["validation_loss"])))
    return FigureProduct(
        name=f"forces-{composition}-losses",
        title=f"Losses of the force models of {composition}",
        caption=(
            "Mean squared error of the force components in squares of the largest training force, (a) along "
            "each epoch (with dropout and, of models that have an energy, with that of it), (b) on the "
            "validation snapshots after it."
        ),
        alt=(
            f"Two panels of curves against the epoch, one of each of {len(fits)} models. The lowest "
            f"validation loss is that of {best.name}, {min(best.history['validation_loss']):.2g}."
        ),
        figure=figure,
        table=f"forces-{composition}-history",
    )


def temperature_figure(composition: str, fits: Sequence[FitOfForces]) -> FigureProduct:
    """Error and correlation against temperature."""
    figure, axes = new_figure(1, 2, width_in=DOUBLE_COLUMN_IN, height_in=2.6)
    for i, fit in enumerate(fits):
        rows = fit.description["errors_by_temperature"]
        temperature = [row["temperature_K"] for row in rows]
        axes[0][0].plot(temperature, [row["RMSE_eV_A"] for row in rows], label=fit.name, **series_style(i))
        values = [np.nan if row["pearson"] is None else row["pearson"] for row in rows]
        axes[0][1].plot(temperature, values, **series_style(i))
    rows = fits[0].description["errors_by_temperature"]
    axes[0][0].plot(
        [row["temperature_K"] for row in rows],
        [row["zero_RMSE_eV_A"] for row in rows],
        ":",
        color=GREY,
        label="no force",
    )
    axes[0][0].set(xlabel="temperature (K)", ylabel="root mean square error (eV/Å)", ylim=(0, None))
    axes[0][1].set(xlabel="temperature (K)", ylabel="Pearson's r")
    axes[0][0].legend()
    letter_panels(axes[0])
    return FigureProduct(
        name=f"forces-{composition}-temperature",
        title=f"Errors of the force models of {composition} against temperature",
        caption=(
            "Of the test snapshots of each temperature: (a) root mean square error of a force component; "
            "dotted: of no force at all; (b) correlation of predicted and true components."
        ),
        alt=f"Error and correlation against temperature, with a line for each of {len(fits)} models.",
        figure=figure,
        table=f"forces-{composition}-temperature",
    )


def model_figure(fit: FitOfForces) -> FigureProduct:
    """Distributions, quartiles and parity of the three components of one model."""
    figure, axes = new_figure(3, 3, width_in=DOUBLE_COLUMN_IN, height_in=6.4)
    limit = float(np.abs(fit.true_eV_A).max())
    bins = np.linspace(-limit, limit, _BINS + 1)
    for i, axis in enumerate("xyz"):
        true, predicted = fit.true_eV_A[..., i].ravel(), fit.predicted_eV_A[..., i].ravel()
        for values, colour, label in ((true, BLUE, "true"), (predicted, VERMILION, "predicted")):
            axes[0][i].hist(values, bins=bins, histtype="step", density=True, color=colour, label=label)
        axes[0][i].set(xlabel=f"$F_{axis}$ (eV/Å)", ylabel="density (Å/eV)")
        axes[1][i].boxplot(
            [true, predicted], tick_labels=["true", "predicted"], whis=(5, 95), showfliers=False
        )
        axes[1][i].set(ylabel=f"$F_{axis}$ (eV/Å)")
        some = np.linspace(0, len(true) - 1, min(len(true), _POINTS)).astype(int)
        axes[2][i].plot((-limit, limit), (-limit, limit), color=GREY, linewidth=0.7)
        axes[2][i].plot(true[some], predicted[some], ".", markersize=1, color=BLUE, rasterized=True)
        axes[2][i].set(xlabel=f"true $F_{axis}$ (eV/Å)", ylabel="predicted (eV/Å)")
        correlation = fit.test[f"F{axis}"]["pearson"]
        axes[2][i].set_title("r undefined" if correlation is None else f"r = {correlation:.3f}")
    axes[0][0].legend()
    letter_panels(axes.ravel())
    return FigureProduct(
        name=f"forces-{fit.composition}-{fit.name}",
        title=f"Forces by {fit.name} ({fit.kind}) against true ones, {fit.composition}",
        caption=(
            f"Components of the forces of {fit.test['n']} test snapshots: (a-c) distributions; (d-f) "
            f"medians, quartiles and the middle 90 %; (g-i) predicted against true, at most {_POINTS} of "
            "them, with Pearson's r of all."
        ),
        alt=(
            "Three rows of three panels, one column for each component: histograms, boxes, and predicted "
            f"against true forces, root mean square error {fit.test['RMSE_eV_A']:.3g} eV/Å."
        ),
        figure=figure,
        table=f"forces-{fit.composition}-quartiles",
    )
