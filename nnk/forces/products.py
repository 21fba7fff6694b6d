"""What the training of a force model leaves behind: the model with its errors, history and predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from netCDF4 import Dataset

from nnk.files import Fence, commit
from nnk.forces.atoms import Float64Array
from nnk.forces.drift import energy_drift
from nnk.forces.errors import errors_by_temperature, force_errors
from nnk.forces.model import ForceModel
from nnk.forces.problem import ForceProblem
from nnk.training.checkpoint import Row
from nnk.training.history import write_history

PREDICTIONS_FILE = "predictions.nc"
_DRIFT_STEPS = 250


@dataclass(frozen=True)
class ForceResult:
    """A trained force model and how well it does.

    Attributes:
        model: best on the validation split; its description holds what follows.
        errors: of every split, see `nnk.forces.errors.force_errors`.
        history: a row per epoch.
    """

    model: ForceModel
    errors: Mapping[str, Any]
    history: Sequence[Row]


def finish(
    problem: ForceProblem,
    model: ForceModel,
    history: Sequence[Row],
    directory: Path | None,
    fence: Fence | None,
) -> ForceResult:
    """Measure the model's errors and, unless `directory` is None, write it with its predictions."""
    snapshots, training = problem.snapshots, problem.training
    mean_A = snapshots.positions_A[problem.rows.train].mean(0)
    model = replace(model, description={"mean_positions_A": mean_A.tolist()})
    errors: dict[str, Any] = {}
    tests: Float64Array = np.zeros(0)
    for name, rows in problem.rows._asdict().items():
        energies, forces = model.evaluate(problem.atoms, snapshots.positions_A[rows])
        errors[name] = force_errors(snapshots.forces_eV_A[rows], forces)
        if energies is not None:
            per_atom = (energies - snapshots.energy_eV[rows]) / snapshots.n_atoms
            errors[name]["energy_RMSE_eV_per_atom"] = float(np.sqrt((per_atom**2).mean()))
        tests = forces
    rows = problem.rows.test
    true, temperature = snapshots.forces_eV_A[rows], snapshots.temperature_K[rows]
    description = {
        **model.description,
        "name": problem.spec.name,
        "data_hash": problem.data_hash,
        "snapshots": dict(snapshots.attrs),
        "has_energy": model.has_energy,
        "errors": errors,
        "errors_by_temperature": errors_by_temperature(temperature, true, tests),
        "drift": _drift(model, problem),
        "n_parameters": model.n_parameters,
        "architecture": asdict(problem.spec),
        "parameters": asdict(training),
        "epochs": len(history),
        "best_epoch": _best(history),
    }
    described = replace(model, description=description)
    if directory is not None:
        write_history(directory, history, fence)
        columns = {
            "forces_eV_A": true,
            "predicted_eV_A": tests,
            "temperature_K": temperature,
            "snapshot": rows,
        }
        commit(directory / PREDICTIONS_FILE, lambda path: _write_predictions(path, columns), fence=fence)
        described.save(directory, fence=fence)
    return ForceResult(described, errors, tuple(history))


def _drift(model: ForceModel, problem: ForceProblem) -> dict[str, float] | None:
    """Energy drift of a run from the first test snapshot; None of a model without an energy."""
    if not model.has_energy:
        return None
    start = problem.snapshots.positions_A[problem.rows.test[0]]
    return asdict(energy_drift(model, problem.atoms, start, steps=_DRIFT_STEPS, seed=problem.training.seed))


def _best(history: Sequence[Row]) -> int:
    if not history:
        return 0
    return int(min(history, key=lambda row: row["validation_RMSE_eV_A"])["epoch"])


def _write_predictions(path: Path, columns: Mapping[str, np.ndarray]) -> None:
    with Dataset(path, "w") as file:
        for size, name in zip(columns["forces_eV_A"].shape, ("snapshot", "atom", "spatial"), strict=True):
            file.createDimension(name, size)
        for name, values in columns.items():
            kind = "i8" if values.dtype.kind == "i" else "f4"
            dims = ("snapshot", "atom", "spatial")[: values.ndim]
            stored = f"{name}_index" if name == "snapshot" else name
            file.createVariable(stored, kind, dims)[:] = values


def read_predictions(path: Path) -> dict[str, np.ndarray]:
    """Forces of the test split, true and predicted [n, n_atoms, 3], and the snapshots' temperatures."""
    with Dataset(path) as file:
        names = ("forces_eV_A", "predicted_eV_A", "temperature_K", "snapshot_index")
        return {name: np.asarray(file[name][:]) for name in names}
