"""How far predicted forces are from true ones."""

from __future__ import annotations

from typing import Any

import numpy as np

from nnk.forces.atoms import Float64Array

_AXES = "xyz"
_QUARTILES = (25, 50, 75)


def pearson(first: Float64Array, second: Float64Array) -> float | None:
    """Correlation of two arrays of one shape; None where one of them does not vary."""
    a, b = first.ravel() - first.mean(), second.ravel() - second.mean()
    size = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / size if size else None


def force_errors(true_eV_A: Float64Array, predicted_eV_A: Float64Array) -> dict[str, Any]:
    """Errors of forces [n, n_atoms, 3], with Pearson's r and quartiles of every component.

    `zero_RMSE_eV_A` is the error of no force at all.
    """
    error = predicted_eV_A - true_eV_A
    found: dict[str, Any] = {
        "n": len(error),
        "MAE_eV_A": float(np.abs(error).mean()),
        "RMSE_eV_A": float(np.sqrt((error**2).mean())),
        "worst_eV_A": float(np.abs(error).max()),
        "zero_RMSE_eV_A": float(np.sqrt((true_eV_A**2).mean())),
        "pearson": pearson(true_eV_A, predicted_eV_A),
    }
    for i, axis in enumerate(_AXES):
        true, predicted = true_eV_A[..., i], predicted_eV_A[..., i]
        found[f"F{axis}"] = {
            "pearson": pearson(true, predicted),
            "quartiles_eV_A": np.percentile(true, _QUARTILES).tolist(),
            "predicted_quartiles_eV_A": np.percentile(predicted, _QUARTILES).tolist(),
        }
    return found


def errors_by_temperature(
    temperature_K: Float64Array, true_eV_A: Float64Array, predicted_eV_A: Float64Array
) -> list[dict[str, Any]]:
    """Error and Pearson's r of the snapshots of each temperature, coldest first."""
    found = []
    for temperature in np.unique(temperature_K):
        own = temperature_K == temperature
        whole = force_errors(true_eV_A[own], predicted_eV_A[own])
        named = ("n", "MAE_eV_A", "RMSE_eV_A", "zero_RMSE_eV_A", "pearson")
        found.append({"temperature_K": float(temperature), **{name: whole[name] for name in named}})
    return found
