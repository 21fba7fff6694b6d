"""Several models of one campaign as a committee: is their disagreement as large as their mean's errors?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analysis.model_errors import NAME
from analysis.predictions import Predictions
from analysis.products import FigureProduct, Number, TableProduct
from analysis.style import BLUE, GREY, SINGLE_COLUMN_IN, new_figure
from nnk.observables.calibration import Errors, SpreadCalibration, errors_of, spread_calibration

TABLE = f"{NAME}-committee"
FEWEST = 3  # models; the spread of two says little
BINS = 10
SMALLEST_EV = 1e-9  # models that agree to rounding have no spread to judge


@dataclass(frozen=True)
class Committee:
    """The mean of several models, on the labels that none was trained on.

    Attributes:
        models: names.
        errors: of the mean, eV.
        calibration: of the standard deviation over the models, eV.
    """

    models: tuple[str, ...]
    errors: Errors
    calibration: SpreadCalibration


def committee_of(all_predictions: Sequence[Predictions]) -> Committee | None:
    """The campaign's models as a committee; None for fewer than `FEWEST`, or other labels tested by each."""
    if len(all_predictions) < FEWEST:
        return None
    first = all_predictions[0]
    if not all(_same_labels(first, other) for other in all_predictions[1:]):
        return None
    rows = first.tested
    predicted = np.stack([p.predicted_eV[rows] for p in all_predictions])
    mean, spread = predicted.mean(axis=0), predicted.std(axis=0, ddof=1)
    true_eV, judged = first.true_eV[rows], spread > SMALLEST_EV
    if judged.sum() < BINS:
        return None
    calibration = spread_calibration((mean - true_eV)[judged], spread[judged], bins=BINS)
    return Committee(tuple(p.model for p in all_predictions), errors_of(true_eV, mean), calibration)


def _same_labels(a: Predictions, b: Predictions) -> bool:
    """Whether two networks have seen and tested the same labels, in one order."""
    texts = all(getattr(a, name).tolist() == getattr(b, name).tolist() for name in ("split", "species"))
    return texts and np.array_equal(a.vacancy, b.vacancy) and np.array_equal(a.true_eV, b.true_eV)


def committee_figure(found: Committee) -> FigureProduct:
    """Errors of the mean against the spread of the members."""
    calibration = found.calibration
    figure, axes = new_figure(width_in=SINGLE_COLUMN_IN, height_in=3.3)
    panel = axes[0, 0]
    spread, error = 1000 * calibration.spread, 1000 * calibration.error
    top = 1.08 * float(max(spread.max(), error.max()))
    panel.plot([0, top], [0, top], color=GREY, linewidth=0.8, label="calibrated")
    bars = error / np.sqrt(2 * calibration.n)
    panel.errorbar(spread, error, bars, fmt="o", color=BLUE, markersize=4, label="tested labels")
    panel.set(xlabel="spread of the models (meV)", ylabel="error of their mean, RMS (meV)")
    panel.set(xlim=(0, top), ylim=(0, top), aspect="equal")
    panel.legend(loc="lower right")
    return FigureProduct(
        name=TABLE,
        title="The models as a committee",
        caption=(
            f"Root mean square error of the mean of {len(found.models)} models ({', '.join(found.models)}) "
            "against the root mean square of their standard deviation, tested labels in bins of equal "
            f"numbers of it. Line: calibrated. Slope through the origin {calibration.slope:.2f}; "
            f"{100 * calibration.within[0]:.0f} % of the errors are within one standard deviation and "
            f"{100 * calibration.within[1]:.0f} % within two (normal: 68 and 95 %). Error bars: error / "
            "sqrt(2 n), n the barriers of a bin taken as independent."
        ),
        alt=f"Points of error against spread, and the line of equality. {committee_words(found)}",
        figure=figure,
        table=TABLE,
    )


def committee_words(found: Committee) -> str:
    """Whether the spread can be believed."""
    return (
        f"The mean of the {len(found.models)} models errs by {1000 * found.errors.MAE:.1f} meV; its errors "
        f"are {found.calibration.slope:.2f} times the spread of the models."
    )


def committee_table(found: Committee) -> TableProduct:
    """A row per bin."""
    calibration = found.calibration
    rows = np.stack([calibration.n, calibration.spread, calibration.error], axis=1).tolist()
    columns = {
        "barriers": "tested barriers in the bin",
        "spread_eV": "root mean square of the models' standard deviation, eV",
        "RMSE_eV": "root mean square error of the models' mean, eV",
    }
    return TableProduct(TABLE, "Error of the models' mean by their spread", columns, rows)


def committee_numbers(found: Committee) -> list[Number]:
    """Slope and coverage."""
    count = int(found.calibration.n.sum())
    return [
        Number(
            "committee: error relative to spread (1: calibrated)",
            found.calibration.slope,
            "1",
            TABLE,
            count=count,
        ),
        Number("committee: mean absolute error", 1000 * found.errors.MAE, "meV", TABLE, count=found.errors.n),
    ]
