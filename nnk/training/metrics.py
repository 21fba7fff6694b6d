"""Errors of predicted barriers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.observables.calibration import errors_of
from nnk.training.data import Float64Array


def errors(true_eV: Float64Array, predicted_eV: Float64Array) -> dict[str, float | None]:
    """Number, mean absolute and root-mean-square error, tails (eV), and R^2 (None if nothing varies)."""
    found = errors_of(true_eV, predicted_eV)
    return {
        "n": found.n,
        "MAE_eV": found.MAE,
        "RMSE_eV": found.RMSE,
        "q95_eV": found.q95,
        "q99_eV": found.q99,
        "worst_eV": found.worst,
        "R2": None if np.isnan(found.R2) else found.R2,
    }


def species_means(E_eV: Float64Array, mover: SpeciesArray, n_species: int) -> Float64Array:
    """Mean barrier of each moving species, float64[n_species + 1]; of all, where a species is absent or 0."""
    counts = np.bincount(mover, minlength=n_species + 1)
    sums = np.bincount(mover, weights=E_eV, minlength=n_species + 1)
    return np.where(counts > 0, sums / np.maximum(counts, 1), E_eV.mean())


def split_metrics(
    split: NDArray[np.str_],
    mover: SpeciesArray,
    true_eV: Float64Array,
    predicted_eV: Float64Array,
    elements: Sequence[str],
) -> dict[str, dict[str, Any]]:
    """Errors of every split that occurs, over all and per moving species.

    `baseline_MAE_eV` is the error of predicting the mean training barrier of each moving species.

    Args:
        split, mover, true_eV, predicted_eV: [m], one per direction of a label; those whose true barrier is
            not known (NaN) do not count.
        elements: names of the species.
    """
    known = np.isfinite(true_eV)
    split, mover, true_eV, predicted_eV = split[known], mover[known], true_eV[known], predicted_eV[known]
    train = split == "train"
    baseline_eV = species_means(true_eV[train], mover[train], len(elements))[mover]
    metrics: dict[str, dict[str, Any]] = {}
    for name in np.unique(split):
        members = split == name
        entry: dict[str, Any] = dict(errors(true_eV[members], predicted_eV[members]))
        entry["baseline_MAE_eV"] = float(np.abs(true_eV - baseline_eV)[members].mean())
        entry["species"] = {
            element: dict(errors(true_eV[rows], predicted_eV[rows]))
            for i, element in enumerate(elements, start=1)
            if len(rows := np.flatnonzero(members & (mover == i)))
        }
        metrics[str(name)] = entry
    return metrics
