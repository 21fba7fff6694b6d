"""Tables and headline numbers of a cross-validation."""

from __future__ import annotations

from collections.abc import Sequence

from analysis.fold_errors import ModelFolds
from analysis.products import Cell, Number, TableProduct

TABLE = "folds"
BY_FOLDER = "folds-by-folder"


def model_table(models: Sequence[ModelFolds]) -> TableProduct:
    """A row per network, best first."""
    rows: list[list[Cell]] = [
        [
            *(model.name, len(model.groups), model.mean_eV, model.mean_error_eV),
            *(model.median_eV, model.median_error_eV, model.worst.MAE_eV, model.worst.name),
            *(model.pooled.MAE, model.pooled.RMSE, model.pooled.n),
        ]
        for model in models
    ]
    columns = {
        "model": "the network",
        "folders": "compositions, or folders of a published set, each tested by a network not trained on it",
        "mean_MAE_eV": "mean over folders of the mean absolute error of a folder, eV",
        "mean_MAE_error_eV": "its standard error over folders, eV",
        "median_MAE_eV": "median over folders, eV",
        "median_MAE_error_eV": "its standard error, by resampling folders, eV",
        "worst_MAE_eV": "largest mean absolute error of a folder, eV",
        "worst_folder": "which folder that is",
        "all_MAE_eV": "mean absolute error over all barriers, eV",
        "all_RMSE_eV": "root mean square error over all barriers, eV",
        "barriers": "number of barriers",
    }
    return TableProduct(TABLE, "Networks in cross-validation, best first", columns, rows)


def folder_table(models: Sequence[ModelFolds]) -> TableProduct:
    """A row per network and folder."""
    rows: list[list[Cell]] = [
        [model.name, folder.name, folder.fold, e.n, e.MAE, e.RMSE, e.bias, e.worst]
        for model in models
        for folder in model.groups
        for e in (folder.errors,)
    ]
    columns = {
        "model": "the network",
        "folder": "composition, or folder of a published set",
        "fold": "number of the fold that has tested it",
        "barriers": "number of barriers",
        "MAE_eV": "mean absolute error, eV",
        "RMSE_eV": "root mean square error, eV",
        "bias_eV": "mean of predicted minus computed, eV",
        "largest_error_eV": "largest absolute error, eV",
    }
    return TableProduct(BY_FOLDER, "Errors by network and folder", columns, rows)


def fold_numbers(models: Sequence[ModelFolds]) -> tuple[Number, ...]:
    """Mean and median over folders of every network."""
    return tuple(
        Number(f"{model.name}: {what} over folders of the mean absolute error", value, "eV", TABLE, error, n)
        for model in models
        for n in (len(model.groups),)
        for what, value, error in (
            ("mean", model.mean_eV, model.mean_error_eV),
            ("median", model.median_eV, model.median_error_eV),
        )
    )
