"""Out-of-fold predictions: what each network says of labels that its fold had held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from analysis.csv_tables import Columns, joined
from analysis.inputs import Inputs
from analysis.networks import alloy_elements
from analysis.predictions import HELD_OUT, Predictions, predictions_of, read_fold_tables
from nnk.files import rng
from nnk.folds import sample_group
from nnk.observables.calibration import Errors, errors_of
from nnk.observables.statistics import bootstrap

RESAMPLES = 1000


@dataclass(frozen=True)
class Folder:
    """Errors on a folder: the samples of one composition, or of one folder of a published set.

    Attributes:
        name, fold: of the folder, and number of the fold that has tested it.
        errors: of its barriers, eV.
    """

    name: str
    fold: int
    errors: Errors

    @property
    def MAE_eV(self) -> float:
        """Mean absolute error."""
        return self.errors.MAE


@dataclass(frozen=True)
class ModelFolds:
    """One network in cross-validation.

    Attributes:
        name: of the network.
        groups: errors folder by folder, by name.
        predictions: of all labels, each by the training that had held it out.
        trained_compositions: those of tested labels that the same training has learnt from.
        seed: of the campaign, for errors by resampling.
    """

    name: str
    groups: tuple[Folder, ...]
    predictions: Predictions
    trained_compositions: tuple[str, ...]
    seed: int

    @property
    def MAE_eV(self) -> NDArray[np.float64]:
        """Mean absolute error of each folder."""
        return np.array([folder.MAE_eV for folder in self.groups])

    @property
    def mean_eV(self) -> float:
        """Mean of the folders' mean absolute errors."""
        return float(self.MAE_eV.mean())

    @property
    def mean_error_eV(self) -> float:
        """Its standard error over folders; NaN for a single one."""
        n = len(self.groups)
        return float(self.MAE_eV.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")

    @property
    def median_eV(self) -> float:
        """Median of the folders' mean absolute errors."""
        return float(np.median(self.MAE_eV))

    @cached_property
    def median_error_eV(self) -> float:
        """Its standard error, by resampling folders."""
        generator = rng(self.seed, "folds", self.name)
        return bootstrap(self.MAE_eV, _median, generator, resamples=RESAMPLES).error

    @property
    def worst(self) -> Folder:
        """The folder with the largest mean absolute error."""
        return max(self.groups, key=lambda folder: folder.MAE_eV)

    @cached_property
    def pooled(self) -> Errors:
        """Errors over all barriers."""
        return errors_of(self.predictions.true_eV, self.predictions.predicted_eV)


def _median(rows: NDArray[np.float64]) -> float:
    return float(np.median(rows))


def read_model_folds(inputs: Inputs, model: str) -> ModelFolds | None:
    """The out-of-fold predictions of a network; None, with a warning, while folds are missing."""
    tables = read_fold_tables(inputs, model)
    if not tables:
        return None
    return model_folds(model, tables, alloy_elements(inputs), inputs.campaign()["seed"])


def model_folds(model: str, tables: Sequence[Columns], elements: tuple[str, ...], seed: int) -> ModelFolds:
    """Errors of one network.

    Args:
        model: its name.
        tables: the predictions of each fold's training, of all splits.
        elements: moving species in a fixed order.
        seed: for errors by resampling.
    """
    groups: list[Folder] = []
    seen: set[str] = set()
    parts: list[Columns] = []
    for fold, table in enumerate(tables):
        tested = table.texts["split"].among(HELD_OUT)
        folder_of = np.array([sample_group(key) for key in table.texts["sample"][tested].tolist()])
        both = np.stack([table.numbers[name][tested] for name in ("E_eV", "E_predicted_eV")])
        names = np.unique(folder_of).tolist()
        groups += [Folder(name, fold, errors_of(*both[:, folder_of == name])) for name in names]
        composition = table.texts["composition"]
        seen |= set(composition[tested].present()) & set(composition[~tested].present())
        parts.append(table.select(tested))
    predictions = predictions_of(model, joined(parts), elements)
    ordered = tuple(sorted(groups, key=lambda folder: folder.name))
    return ModelFolds(model, ordered, predictions, tuple(sorted(seen)), seed)
