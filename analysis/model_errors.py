"""Errors of a model's predictions: by split, moving species, composition and size of the barrier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analysis.csv_tables import Texts
from analysis.model_distance import Distance, by_distance, distances
from analysis.predictions import TESTS, Predictions
from analysis.products import Number, TableProduct
from nnk.files import rng
from nnk.lattice import IntArray
from nnk.observables.calibration import (
    Errors,
    R2_over_groups,
    RMSE_over_groups,
    calibration_slope,
    errors_of,
    mean_over_groups,
)
from nnk.observables.statistics import Estimate, Interval

NAME = "models"
TABLE = f"{NAME}-errors"
RESAMPLES = 500
BINS = 8
TESTED = "tested"


@dataclass(frozen=True)
class GroupErrors:
    """Errors of a model on a part of the labels.

    Attributes:
        split: of the labels; "tested": all that were neither trained on nor chose the epoch.
        by: "all", "species", "composition", "distance" (from the training compositions), "barrier" (computed)
            or "predicted" (barrier).
        group: which.
        errors: eV.
        MAE, RMSE, R2: with their errors over vacancies, eV.
        bias: mean of predicted minus computed with its error over vacancies, eV.
        computed_eV, predicted_eV: mean barriers.
    """

    split: str
    by: str
    group: str
    errors: Errors
    MAE: Estimate
    RMSE: Estimate
    R2: Estimate
    bias: Estimate
    computed_eV: float
    predicted_eV: float


@dataclass(frozen=True)
class ModelErrors:
    """All errors of one model.

    Attributes:
        predictions: what they are of.
        groups: parts of the labels.
        slope: of computed on predicted barriers of the tested labels.
        distances: of each tested composition from those trained on, by its name; none if that is not known.
    """

    predictions: Predictions
    groups: tuple[GroupErrors, ...]
    slope: Interval
    distances: Mapping[str, Distance]

    def of(self, split: str, by: str) -> list[GroupErrors]:
        """Parts of one kind."""
        return [group for group in self.groups if (group.split, group.by) == (split, by)]

    @property
    def tests(self) -> list[str]:
        """Test splits that occur."""
        return [split for split in self.predictions.splits if split in TESTS]


def model_errors(predictions: Predictions, seed: int) -> ModelErrors:
    """Errors of one model; errors of the errors are those over vacancies.

    Raises:
        ValueError: no label is left for testing.
    """
    p = predictions
    if not p.tested.any():
        raise ValueError(f"network {p.model}: none of its labels is left for testing")
    known = distances(p)
    groups = tuple(_errors_of(p, part) for part in _parts(p, known) if len(part.members))
    true_eV, predicted_eV, vacancy = p.true_eV[p.tested], p.predicted_eV[p.tested], p.vacancy[p.tested]
    generator = rng(seed, NAME, p.model, "slope")
    slope = calibration_slope(true_eV, predicted_eV, vacancy, generator, resamples=RESAMPLES)
    return ModelErrors(p, groups, slope, known)


class _Part(NamedTuple):
    split: str
    by: str
    group: str
    members: IntArray


def _parts(p: Predictions, known: Mapping[str, Distance]) -> Iterator[_Part]:
    for split in p.splits:
        members = np.flatnonzero(p.split.among(split))
        yield _Part(split, "all", "all", members)
        yield from _by_text(split, "species", p.species, members)
        if split in TESTS:
            yield from _by_text(split, "composition", p.composition, members)
    tested = np.flatnonzero(p.tested)
    yield from _bins("barrier", p.true_eV, tested)
    yield from _bins("predicted", p.predicted_eV, tested)
    for group, names in by_distance(known).items():
        yield _Part(TESTED, "distance", group, tested[p.composition[tested].among(*names)])


def _by_text(split: str, by: str, texts: Texts, rows: IntArray) -> Iterator[_Part]:
    """Rows of each text, by one sort for however many texts."""
    codes = texts.codes[rows]
    order = np.argsort(codes, kind="stable")
    ends = np.cumsum(np.bincount(codes, minlength=len(texts.names)))
    parts = dict(zip(texts.names, np.split(rows[order], ends[:-1]), strict=True))
    for name in sorted(parts):
        yield _Part(split, by, name, parts[name])


def _bins(by: str, values: NDArray[np.float64], rows: IntArray) -> Iterator[_Part]:
    """Tested labels in bins of equal numbers."""
    edges = np.unique(np.quantile(values[rows], np.linspace(0, 1, BINS + 1)))
    number = np.clip(np.searchsorted(edges, values[rows], side="right") - 1, 0, max(len(edges) - 2, 0))
    for i in range(max(len(edges) - 1, 1)):
        group = f"{edges[i]:.3f} to {edges[min(i + 1, len(edges) - 1)]:.3f} eV"
        yield _Part(TESTED, by, group, rows[number == i])


def _errors_of(p: Predictions, part: _Part) -> GroupErrors:
    true_eV, predicted_eV = p.true_eV[part.members], p.predicted_eV[part.members]
    vacancy, error = p.vacancy[part.members], predicted_eV - true_eV
    return GroupErrors(
        split=part.split,
        by=part.by,
        group=part.group,
        errors=errors_of(true_eV, predicted_eV),
        MAE=mean_over_groups(np.abs(error), vacancy),
        RMSE=RMSE_over_groups(true_eV, predicted_eV, vacancy),
        R2=R2_over_groups(true_eV, predicted_eV, vacancy),
        bias=mean_over_groups(error, vacancy),
        computed_eV=float(true_eV.mean()),
        predicted_eV=float(predicted_eV.mean()),
    )


def error_table(found: Sequence[ModelErrors]) -> TableProduct:
    """A row per model and part of the labels."""
    rows: list[list[Any]] = []
    for errors in found:
        for g in errors.groups:
            e = g.errors
            rows.append(
                [
                    *(errors.predictions.model, g.split, g.by, g.group, e.n, g.computed_eV, g.predicted_eV),
                    *(float(x) for found in (g.MAE, g.RMSE, g.R2, g.bias) for x in found[:2]),
                    *(e.q50, e.q95, e.q99, e.worst),
                ]
            )
    columns = {
        "model": "the network",
        "split": f"split of the labels; {TESTED}: all that were neither trained on nor chose the epoch",
        "by": "what the labels are grouped by; barrier: computed; predicted: predicted barrier; distance: "
        "share of atoms that tells the composition from the nearest one trained on",
        "group": "which of them",
        "barriers": "number of barriers, both directions",
        "computed_eV": "mean computed barrier, eV",
        "predicted_eV": "mean predicted barrier, eV",
        "MAE_eV": "mean absolute error, eV",
        "MAE_error_eV": "its standard error over vacancies, eV",
        "RMSE_eV": "root mean square error, eV",
        "RMSE_error_eV": "its standard error over vacancies, eV",
        "R2": "coefficient of determination",
        "R2_error": "its standard error over vacancies",
        "bias_eV": "mean of predicted minus computed, eV",
        "bias_error_eV": "its standard error over vacancies, eV",
        "q50_eV": "absolute error that half of the barriers keep within, eV",
        "q95_eV": "absolute error that 95 % keep within, eV",
        "q99_eV": "absolute error that 99 % keep within, eV",
        "worst_eV": "largest absolute error, eV",
    }
    return TableProduct(TABLE, "Errors of the models by part of the labels", columns, rows)


def error_numbers(errors: ModelErrors) -> list[Number]:
    """Bias, tail and calibration of the tested labels."""
    name, numbers = errors.predictions.model, []
    for split in errors.tests:
        (whole,) = errors.of(split, "all")
        e = whole.errors
        numbers += [
            Number(
                f"{name}: bias, {split}", 1000 * e.bias, "meV", TABLE, 1000 * float(whole.bias.error), e.n
            ),
            Number(f"{name}: 99 % of errors within, {split}", 1000 * e.q99, "meV", TABLE, count=e.n),
        ]
    label = f"{name}: slope of computed on predicted barriers (1: calibrated)"
    count = int(errors.predictions.tested.sum())
    return [*numbers, Number(label, errors.slope.value, "1", TABLE, errors.slope.error, count)]
