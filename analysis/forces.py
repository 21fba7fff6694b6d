"""Force models side by side: losses, errors per component and temperature, parity, quartiles."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.command import run_analysis
from analysis.csv_tables import read_columns
from analysis.forces_figures import losses_figure, model_figure, temperature_figure
from analysis.inputs import Inputs, MissingInput, reading
from analysis.products import Number, Product, TableProduct
from analysis.style import paper_style
from nnk.alloy import composition_name

NAME = "forces"
HISTORY_COLUMNS = (
    "epoch",
    "learning_rate",
    "loss",
    "train_RMSE_eV_A",
    "validation_loss",
    "validation_RMSE_eV_A",
)
AXES = ("Fx", "Fy", "Fz")
QUARTILES = ("25 %", "50 %", "75 %")


@dataclass(frozen=True)
class FitOfForces:
    """One trained force model.

    Attributes:
        composition, name: whose.
        description: what model.json says of it.
        history: float64[n_epochs] by the names of `HISTORY_COLUMNS`; empty of a model that is fitted at once.
        true_eV_A, predicted_eV_A: float32[n, n_atoms, 3], forces of the test split.
    """

    composition: str
    name: str
    description: Mapping[str, Any]
    history: Mapping[str, NDArray[np.float64]]
    true_eV_A: NDArray[np.float32]
    predicted_eV_A: NDArray[np.float32]

    @property
    def kind(self) -> str:
        """Kind of the model."""
        return str(self.description["architecture"]["kind"])

    @property
    def test(self) -> Mapping[str, Any]:
        """Errors on the test split."""
        return self.description["errors"]["test"]


def analyse(inputs: Inputs) -> Product:
    """Curves, errors and parity of every force model, by composition."""
    fits = list(_fits(inputs))
    if not fits:
        raise MissingInput(
            f"{inputs.workdir.root / 'forces'} holds no trained force model: the campaign has no section "
            "forces, or the stage has not run yet"
        )
    compositions = list(dict.fromkeys(fit.composition for fit in fits))
    figures, tables = [], []
    with paper_style():
        for name in compositions:
            own = [fit for fit in fits if fit.composition == name]
            trained = [fit for fit in own if fit.history]
            figures += [losses_figure(name, trained)] if trained else []
            figures += [temperature_figure(name, own), *(model_figure(fit) for fit in own)]
            tables += [_errors_table(name, own), _history_table(name, trained)]
            tables += [_temperature_table(name, own), _quartiles_table(name, own)]
    return Product(
        name=NAME,
        title="Force models",
        summary=" ".join(_summary(fit) for fit in fits),
        figures=tuple(figures),
        tables=tuple(tables),
        numbers=tuple(number for fit in fits for number in _numbers(fit)),
        settings={
            f"data of {fit.composition}/{fit.name}, hash": fit.description["data_hash"] for fit in fits
        },
        warnings=tuple(_warnings(fits)),
    )


def _fits(inputs: Inputs) -> Iterator[FitOfForces]:
    from nnk.forces.products import PREDICTIONS_FILE, read_predictions

    campaign = inputs.campaign()
    models = [model["name"] for model in (campaign.get("forces") or {}).get("models", [])]
    asked = (campaign.get("snapshots") or {}).get("compositions", [])
    for composition in map(composition_name, asked):
        for name in models:
            folder = inputs.workdir.force_model_dir(f"{composition}/{name}")
            if not (folder / "model.json").is_file():
                inputs.warn(f"The force model {composition}/{name} has not been trained yet and is left out.")
                continue
            with reading(inputs.note(folder / "model.json")):
                description = json.loads((folder / "model.json").read_text(encoding="utf-8"))["description"]
            history: Mapping[str, NDArray[np.float64]] = {}
            if description["epochs"]:
                with reading(inputs.note(folder / "history.csv")):
                    history = read_columns(folder / "history.csv", numbers=HISTORY_COLUMNS).numbers
            with reading(inputs.note(folder / PREDICTIONS_FILE)):
                found = read_predictions(folder / PREDICTIONS_FILE)
            yield FitOfForces(
                composition, name, description, history, found["forces_eV_A"], found["predicted_eV_A"]
            )


def _summary(fit: FitOfForces) -> str:
    test, drift = fit.test, fit.description["drift"]
    energy = "gives no energy"
    if drift is not None:
        energy = f"its energy drifts by {1000 * drift['drift_eV_per_atom_ps']:.2g} meV per atom and ps"
    return (
        f"{fit.name} ({fit.kind}, {fit.composition}): Pearson's r {_text(test['pearson'])}, error "
        f"{test['RMSE_eV_A']:.3g} eV/Å where forces are {test['zero_RMSE_eV_A']:.3g} (root mean square); "
        f"{energy}."
    )


def _text(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.3f}"


def _warnings(fits: Sequence[FitOfForces]) -> list[str]:
    leaky = [fit.name for fit in fits if fit.description["parameters"]["split"] == "random"]
    text = "were tested on neighbours in time of what they were trained on (split: random)"
    return [f"{', '.join(dict.fromkeys(leaky))} {text}: their errors are too small."] if leaky else []


def _grid(fit: FitOfForces) -> Mapping[str, Any]:
    return fit.description["architecture"]["options"].get("grid", {})


def _errors_table(composition: str, fits: Sequence[FitOfForces]) -> TableProduct:
    rows: list[list[Any]] = []
    for fit in fits:
        grid, errors, test = _grid(fit), fit.description["errors"], fit.test
        drift = fit.description["drift"] or {}
        validation = min(fit.history["validation_loss"]) if fit.history else None
        rows.append(
            [
                *(fit.name, fit.kind, fit.description["parameters"]["split"]),
                *(grid.get(key) for key in ("edge", "box", "gamma", "channels")),
                *(
                    errors["train"]["n"],
                    test["n"],
                    fit.description["n_parameters"],
                    fit.description["epochs"],
                ),
                *(validation, test["MAE_eV_A"], test["RMSE_eV_A"], test["zero_RMSE_eV_A"], test["pearson"]),
                *(test[axis]["pearson"] for axis in AXES),
                *(test.get("energy_RMSE_eV_per_atom"), drift.get("drift_eV_per_atom_ps")),
            ]
        )
    columns = {
        "model": "name",
        "kind": "of model",
        "split": "blocks: honest; random: neighbours in time of what was learnt from are among the tests",
        "voxels": "along each axis of the box",
        "box": "ibb: each snapshot's; obb: that of the training snapshots",
        "gamma": "width of an atom, in coordinates divided by the largest",
        "channels": "what an atom is weighted by",
        "train_snapshots": "learnt from",
        "test_snapshots": "tested on",
        "parameters": "numbers that were learnt step by step",
        "epochs": "passes over the training snapshots; 0: fitted at once",
        "validation_loss": "lowest mean squared error, in squares of the largest training force",
        "MAE_eV_A": "mean absolute error of a component, eV/Å",
        "RMSE_eV_A": "root mean square error of a component, eV/Å",
        "zero_RMSE_eV_A": "error of no force at all, eV/Å",
        "pearson": "correlation of predicted and true components",
        **{f"pearson_{axis}": f"the same of {axis} alone" for axis in AXES},
        "energy_RMSE_eV_per_atom": "root mean square error of the energy, eV per atom; empty: it gives none",
        "drift_eV_per_atom_ps": "of the energy in molecular dynamics with the model, eV per atom and ps",
    }
    return TableProduct(f"{NAME}-{composition}", f"Force models of {composition}", columns, rows)


def _history_table(composition: str, fits: Sequence[FitOfForces]) -> TableProduct:
    rows = [
        [fit.name, *values]
        for fit in fits
        for values in np.stack([fit.history[name] for name in HISTORY_COLUMNS], axis=1).tolist()
    ]
    columns = {
        "model": "name",
        "epoch": "passes over the training snapshots",
        "learning_rate": "at the end of the epoch",
        "loss": "mean training loss of the epoch, in squares of the largest force",
        "train_RMSE_eV_A": "root mean square error along the epoch, eV/Å",
        "validation_loss": "mean squared error after the epoch, in squares of the largest force",
        "validation_RMSE_eV_A": "root mean square error after the epoch, eV/Å",
    }
    return TableProduct(
        f"{NAME}-{composition}-history", f"Training of the models of {composition}", columns, rows
    )


def _temperature_table(composition: str, fits: Sequence[FitOfForces]) -> TableProduct:
    names = ("temperature_K", "n", "MAE_eV_A", "RMSE_eV_A", "zero_RMSE_eV_A", "pearson")
    rows = [
        [fit.name, *(entry[name] for name in names)]
        for fit in fits
        for entry in fit.description["errors_by_temperature"]
    ]
    columns = {
        "model": "name",
        "temperature_K": "of the thermostat, K",
        "snapshots": "tested on",
        "MAE_eV_A": "mean absolute error of a component, eV/Å",
        "RMSE_eV_A": "root mean square error of a component, eV/Å",
        "zero_RMSE_eV_A": "error of no force at all, eV/Å",
        "pearson": "correlation of predicted and true components",
    }
    return TableProduct(
        f"{NAME}-{composition}-temperature", f"Errors by temperature, {composition}", columns, rows
    )


def _quartiles_table(composition: str, fits: Sequence[FitOfForces]) -> TableProduct:
    rows = []
    for fit in fits:
        for axis in AXES:
            entry = fit.test[axis]
            for share, true, predicted in zip(
                QUARTILES, entry["quartiles_eV_A"], entry["predicted_quartiles_eV_A"], strict=True
            ):
                rows.append([fit.name, axis, share, true, predicted])
    columns = {
        "model": "name",
        "component": "of the force",
        "share": "of the components that are below",
        "true_eV_A": "of the potential, eV/Å",
        "predicted_eV_A": "of the model, eV/Å",
    }
    return TableProduct(
        f"{NAME}-{composition}-quartiles", f"Quartiles of the forces, {composition}", columns, rows
    )


def _numbers(fit: FitOfForces) -> Iterator[Number]:
    table, label = f"{NAME}-{fit.composition}", f"{fit.composition}, {fit.name}"
    if fit.test["pearson"] is not None:
        yield Number(f"{label}: Pearson's r", fit.test["pearson"], "1", table, count=fit.test["n"])
    yield Number(f"{label}: error", fit.test["RMSE_eV_A"], "eV/Å", table, count=fit.test["n"])


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.forces WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
