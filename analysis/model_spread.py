"""Stated spreads judged: is the disagreement of several networks as large as the error of their mean?

Asked of each model that is an ensemble, and of the campaign's single models taken as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from analysis.model_errors import NAME
from analysis.predictions import Predictions
from analysis.products import Cell, FigureProduct, Number, TableProduct
from analysis.style import GREY, SINGLE_COLUMN_IN, new_figure, series_style
from nnk.observables.calibration import SpreadCalibration, mean_over_groups, spread_calibration
from nnk.observables.statistics import Estimate

TABLE = f"{NAME}-spread"
COMMITTEE = "committee"
FEWEST = 3  # models; the spread of two says little
BINS = 10
SMALLEST_EV = 1e-9  # networks that agree to rounding have no spread to judge


@dataclass(frozen=True)
class JudgedSpread:
    """The mean of several networks and their spread, on labels that none was trained on.

    Attributes:
        model: name of the ensemble, or "committee".
        of: whose mean it is, in words.
        MAE: mean absolute error of the mean with its error over vacancies, eV.
        calibration: of the standard deviation over the networks, eV.
    """

    model: str
    of: str
    MAE: Estimate
    calibration: SpreadCalibration


def judged_spreads(ensembles: Iterable[Predictions], singles: Sequence[Predictions]) -> list[JudgedSpread]:
    """The spread of each ensemble, and that of the single models as a committee."""
    found = [judged_spread(p, f"the networks of {p.model}") for p in ensembles]
    committee = committee_of(singles)
    if committee is not None:
        found.append(judged_spread(committee, f"the models {', '.join(p.model for p in singles)}"))
    return [spread for spread in found if spread is not None]


def judged_spread(p: Predictions, of: str) -> JudgedSpread | None:
    """Errors of a mean by its spread; None where too few tested labels have one."""
    tested = p.select(p.tested)
    if tested.spread_eV is None:
        return None
    judged = tested.spread_eV > SMALLEST_EV
    if judged.sum() < BINS:
        return None
    error_eV = tested.error_meV / 1000
    calibration = spread_calibration(error_eV[judged], tested.spread_eV[judged], bins=BINS)
    return JudgedSpread(p.model, of, mean_over_groups(np.abs(error_eV), tested.vacancy), calibration)


def committee_of(singles: Sequence[Predictions]) -> Predictions | None:
    """The mean and spread of several models; None for fewer than `FEWEST`, or other labels tested by each."""
    if len(singles) < FEWEST:
        return None
    first, *others = singles
    if not all(_same_labels(first, other) for other in others):
        return None
    predicted = np.stack([p.predicted_eV for p in singles])
    mean, spread = predicted.mean(axis=0), predicted.std(axis=0, ddof=1)
    return replace(first, model=COMMITTEE, predicted_eV=mean, spread_eV=spread)


def _same_labels(a: Predictions, b: Predictions) -> bool:
    """Whether two networks have seen and tested the same labels, in one order."""
    texts = all(getattr(a, name).tolist() == getattr(b, name).tolist() for name in ("split", "species"))
    return texts and np.array_equal(a.vacancy, b.vacancy) and np.array_equal(a.true_eV, b.true_eV)


def spread_figure(found: Sequence[JudgedSpread]) -> FigureProduct:
    """Errors of the means against the spreads."""
    figure, axes = new_figure(width_in=SINGLE_COLUMN_IN, height_in=3.5)
    panel = axes[0, 0]
    top = 0.0
    for i, judged in enumerate(found):
        calibration = judged.calibration
        spread, error = 1000 * calibration.spread, 1000 * calibration.error
        bars = error / np.sqrt(2 * calibration.n)
        style: dict[str, Any] = series_style(i) | {"linestyle": "none", "markersize": 4}
        panel.errorbar(spread, error, bars, label=judged.model, **style)
        top = max(top, 1.08 * float(max(spread.max(), (error + bars).max())))
    panel.plot([0, top], [0, top], color=GREY, linewidth=0.8, zorder=0, label="calibrated")
    panel.set(xlabel="spread of the networks (meV)", ylabel="error of their mean, RMS (meV)")
    panel.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    figure.legend(*panel.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    details = [
        f"{judged.model}, the mean of {judged.of}: slope {judged.calibration.slope:.2f}, "
        f"{100 * judged.calibration.within[0]:.0f} and {100 * judged.calibration.within[1]:.0f} %"
        for judged in found
    ]
    return FigureProduct(
        name=TABLE,
        title="Stated spread and error",
        caption=(
            "Root mean square error of the mean of several networks against the root mean square of their "
            "standard deviation, tested labels in bins of equal numbers of it. Line: calibrated. Slope "
            "through the origin, and shares of the errors within one and two standard deviations (normal: "
            f"68 and 95 %): {'; '.join(details)}. Error bars: error / sqrt(2 n), n the barriers of a bin "
            "taken as independent."
        ),
        alt=f"Points of error against spread, and the line of equality. {spread_words(found)}",
        figure=figure,
        table=TABLE,
    )


def spread_words(found: Sequence[JudgedSpread]) -> str:
    """Whether the spreads can be believed."""
    return " ".join(
        f"The mean of {judged.of} errs by {1000 * float(judged.MAE.mean):.1f} meV; its errors are "
        f"{judged.calibration.slope:.2f} times their spread."
        for judged in found
    )


def spread_table(found: Sequence[JudgedSpread]) -> TableProduct:
    """A row per model and bin."""
    rows: list[list[Cell]] = [
        [judged.model, int(n), float(spread), float(error)]
        for judged in found
        for n, spread, error in zip(
            judged.calibration.n, judged.calibration.spread, judged.calibration.error, strict=True
        )
    ]
    columns = {
        "model": f"the ensemble; {COMMITTEE}: the campaign's single models taken as one",
        "barriers": "tested barriers in the bin",
        "spread_eV": "root mean square of the networks' standard deviation, eV",
        "RMSE_eV": "root mean square error of the networks' mean, eV",
    }
    return TableProduct(TABLE, "Error of the mean of several networks by their spread", columns, rows)


def spread_numbers(found: Sequence[JudgedSpread]) -> list[Number]:
    """Slopes, and the committee's error: those of ensembles stand with the other models'."""
    numbers = []
    for judged in found:
        count = int(judged.calibration.n.sum())
        label = f"{judged.model}: error relative to spread (1: calibrated)"
        numbers.append(Number(label, judged.calibration.slope, "1", TABLE, count=count))
        if judged.model == COMMITTEE:
            value, error = (1000 * float(x) for x in judged.MAE[:2])
            label = f"{COMMITTEE}: mean absolute error, tested labels"
            numbers.append(Number(label, value, "meV", TABLE, None if np.isnan(error) else error, count))
    return numbers
