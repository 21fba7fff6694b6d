"""How training went: loss, errors and learning rate by epoch."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.command import run_analysis
from analysis.csv_tables import read_columns
from analysis.inputs import Inputs, reading
from analysis.products import FigureProduct, Number, Product, TableProduct
from analysis.style import BLUE, DOUBLE_COLUMN_IN, GREY, VERMILION, letter_panels, new_figure, paper_style

NAME = "training"
HISTORY_COLUMNS = (
    "epoch",
    "learning_rate",
    "loss",
    "train_MAE_eV",
    "validation_MAE_eV",
    "validation_RMSE_eV",
)


@dataclass(frozen=True)
class History:
    """One model's training.

    Attributes:
        model: its name.
        columns: float64[n_epochs] by the names of `HISTORY_COLUMNS`.
        description: what model.json says of the model.
    """

    model: str
    columns: Mapping[str, NDArray[np.float64]]
    description: Mapping[str, Any]

    @property
    def best(self) -> int:
        """Row of the epoch whose weights were kept."""
        return int(np.flatnonzero(self.columns["epoch"] == self.description["best_epoch"])[0])


def analyse(inputs: Inputs) -> Product:
    """Curves of each trained model, and its errors per split."""
    histories = [_history(inputs, name) for name in inputs.model_names()]
    with paper_style():
        figures = tuple(_figure(history) for history in histories)
    return Product(
        name=NAME,
        title="Training",
        summary=" ".join(_summary(history) for history in histories),
        figures=figures,
        tables=tuple(table for h in histories for table in (_errors_table(h), _history_table(h))),
        numbers=tuple(number for history in histories for number in _numbers(history)),
        settings={f"data of {h.model}, hash": h.description["data_hash"] for h in histories},
        warnings=tuple(text for history in histories for text in _warnings(history)),
    )


def _history(inputs: Inputs, model: str) -> History:
    folder = inputs.workdir.model_dir(model)
    with reading(inputs.note(folder / "model.json")):
        header = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        description = header["description"]
    with reading(inputs.note(folder / "history.csv")):
        columns = read_columns(folder / "history.csv", numbers=HISTORY_COLUMNS).numbers
    return History(model, columns, description)


def _summary(history: History) -> str:
    errors = history.description["errors"]
    parts = [f"{1000 * entry['MAE_eV']:.0f} meV ({split})" for split, entry in errors.items()]
    used, left_out = (history.description[key] for key in ("labels_used", "labels_left_out"))
    return (
        f"Network {history.model}: {used} labels, {left_out} not used (no verified barrier, or none of the "
        f"way back); best epoch {history.description['best_epoch']} of {history.description['epochs']}; "
        f"mean absolute error {', '.join(parts)}."
    )


def _warnings(history: History) -> list[str]:
    errors = history.description["errors"]
    worst = [
        split for split, e in errors.items() if split != "train" and e["MAE_eV"] > 0.5 * e["baseline_MAE_eV"]
    ]
    return [
        f"Network {history.model}: on {split} its error is more than half of that of predicting each "
        "moving species' mean barrier."
        for split in worst
    ]


def _figure(history: History) -> FigureProduct:
    figure, axes = new_figure(1, 3, width_in=DOUBLE_COLUMN_IN, height_in=2.4)
    panels, epoch = axes[0], history.columns["epoch"]
    best = epoch[history.best]
    panels[0].plot(epoch, history.columns["loss"], color=BLUE)
    loss = history.columns["loss"]
    panels[0].set(ylabel="training loss", yscale="log" if loss.max() > 5 * loss.min() else "linear")
    for name, label, colour, line in (
        ("train_MAE_eV", "training", BLUE, "-"),
        ("validation_MAE_eV", "validation", VERMILION, "--"),
    ):
        panels[1].plot(epoch, 1000 * history.columns[name], color=colour, linestyle=line, label=label)
    lowest = 1000 * history.columns["validation_MAE_eV"][history.best]
    panels[1].plot(best, lowest, "o", color="black", fillstyle="none", markersize=5, label="kept")
    panels[1].set(ylabel="mean absolute error (meV)")
    panels[1].legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.3, columnspacing=0.8
    )
    panels[2].plot(epoch, history.columns["learning_rate"], color=BLUE)
    panels[2].set(ylabel="learning rate", ylim=(0, None))
    panels[2].ticklabel_format(axis="y", scilimits=(0, 0))
    for panel in panels:
        panel.axvline(best, color=GREY, linewidth=0.7, linestyle=":")
        panel.set(xlabel="epoch", xlim=(0, None))
    letter_panels(panels)
    return FigureProduct(
        name=f"{NAME}-{history.model}",
        title=f"Training of the network {history.model}",
        caption=(
            f"(a) Training loss ({history.description['parameters']['loss']}, of standardised energies; mean "
            "over an epoch's steps). (b) Mean absolute error on the training labels, likewise along the "
            "epoch, and on the validation labels after it. (c) Learning rate. Dotted line and circle: the "
            f"epoch whose weights are kept ({best:.0f}), the lowest validation error."
        ),
        alt=(
            f"Three curves against the epoch: loss, mean absolute errors, learning rate. The validation "
            f"error is lowest, {lowest:.0f} meV, at epoch {best:.0f} of {epoch[-1]:.0f}."
        ),
        figure=figure,
        table=f"{NAME}-{history.model}-history",
    )


def _errors_table(history: History) -> TableProduct:
    rows: list[list[Any]] = []
    for split, entry in history.description["errors"].items():
        for name, errors in {"all": entry, **entry["species"]}.items():
            row = [split, name, errors["n"], errors["MAE_eV"], errors["RMSE_eV"], errors["R2"]]
            whole = name == "all"
            extra = ("baseline_MAE_eV", "KRA_MAE_eV", "dE_MAE_eV")
            rows.append([*row, errors["worst_eV"], *(entry[key] if whole else None for key in extra)])
    columns = {
        "split": "split of the labels; test-composition: compositions that were held out whole",
        "moving_species": "element of the atom that jumps",
        "barriers": "number of barriers, both directions",
        "MAE_eV": "mean absolute error, eV",
        "RMSE_eV": "root mean square error, eV",
        "R2": "coefficient of determination",
        "worst_eV": "largest absolute error, eV",
        "baseline_MAE_eV": "mean absolute error of predicting each species' mean training barrier, eV",
        "KRA_MAE_eV": "mean absolute error of (E_fwd + E_bwd) / 2, eV",
        "dE_MAE_eV": "mean absolute error of E_fwd - E_bwd, eV",
    }
    return TableProduct(f"{NAME}-{history.model}", f"Errors of the network {history.model}", columns, rows)


def _history_table(history: History) -> TableProduct:
    rows = np.stack([history.columns[name] for name in HISTORY_COLUMNS], axis=1).tolist()
    columns = {
        "epoch": "passes over the training labels",
        "learning_rate": "at the end of the epoch",
        "loss": "mean training loss of the epoch, of standardised energies",
        "train_MAE_eV": "mean absolute error along the epoch, eV",
        "validation_MAE_eV": "mean absolute error after the epoch, eV",
        "validation_RMSE_eV": "root mean square error after the epoch, eV",
    }
    title = f"History of the network {history.model}"
    return TableProduct(f"{NAME}-{history.model}-history", title, columns, rows)


def _numbers(history: History) -> list[Number]:
    table = f"{NAME}-{history.model}"
    numbers = []
    for split, entry in history.description["errors"].items():
        if split != "train":
            label = f"{history.model}: error relative to that of each species' mean, {split}"
            ratio = entry["MAE_eV"] / entry["baseline_MAE_eV"]
            numbers.append(Number(label, ratio, "1", table, count=entry["n"]))
    return numbers


def main(argv: Sequence[str] | None = None) -> int:
    """``python -m analysis.training WORKDIR``; returns the exit code."""
    return run_analysis(NAME, analyse, argv)


if __name__ == "__main__":
    sys.exit(main())
