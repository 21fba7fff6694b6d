"""What a training run leaves behind: the model with its errors, history and predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import repeat
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from nnk.environment import initial_columns
from nnk.files import Fence
from nnk.models import BarrierModel, EnsembleModel, frame_spread_eV
from nnk.training.checkpoint import Row, TrainState
from nnk.training.data import Float64Array, JumpData
from nnk.training.history import write_csv, write_history
from nnk.training.metrics import split_metrics
from nnk.training.problem import Problem

PREDICTIONS_FILE = "predictions.csv"
PREDICTION_COLUMNS = (
    "split",
    "composition",
    "sample",
    "vacancy_site",
    "jump",
    "direction",
    "species",
    "E_eV",
    "E_predicted_eV",
)
SPREAD_COLUMN = "E_spread_eV"  # the last one, of models that state a spread
_SPREAD_SAMPLE = 512  # labels on which the spread over frames is measured


@dataclass(frozen=True)
class TrainResult:
    """A trained model and how well it does.

    Attributes:
        model: best on the validation split; its description holds what follows.
        metrics: errors per split, see `nnk.training.metrics.split_metrics`.
        history: a row per epoch.
        best_epoch: the epoch of the model, from 1.
    """

    model: BarrierModel
    metrics: Mapping[str, Any]
    history: Sequence[Row]
    best_epoch: int


class Predicted(NamedTuple):
    """Barriers of every label by a model.

    Attributes:
        forward, backward: float64[m], eV.
        spreads: standard deviations of both, eV; None for a model that states none.
    """

    forward: Float64Array
    backward: Float64Array
    spreads: tuple[Float64Array, Float64Array] | None


def predict_both(model: BarrierModel, data: JumpData) -> Predicted:
    """Both barriers of every label; the backward ones are NaN where the labels have none at all."""
    reverse = (int(data.environment.offsets.shape[0]) - 1 - data.jump).astype(np.uint8)
    if model.environment.kind == "union":
        before, after = data.species, data.species[:, data.environment.inversion]
    else:
        with_mover = np.concatenate([data.species, data.mover[:, None]], axis=1)
        before, after = (with_mover[:, columns] for columns in initial_columns(data.structure, data.shells))
    ways = [(before, data.mover, data.jump), (after, data.mover, reverse)]
    unknown = np.full(len(data), np.nan)
    if not data.connected.any():
        del ways[1]
    if isinstance(model, EnsembleModel):
        found = [model.mean_and_spread(*way) for way in ways]
        (forward, one), (backward, other) = (*found, (unknown, unknown))[:2]
        return Predicted(forward, backward, (one, other))
    forward, backward = (*(model.predict(*way) for way in ways), unknown)[:2]
    return Predicted(forward, backward, None)


def finish(
    problem: Problem, model: BarrierModel, state: TrainState, directory: Path | None, fence: Fence | None
) -> TrainResult:
    """Measure the model's errors and, unless `directory` is None, write it with its predictions."""
    data, split = problem.data, problem.split
    predicted = predict_both(model, data)
    metrics = _metrics(predicted, data, split)
    _add_sums_of_differences(metrics, model, data, split)
    description = {
        "name": problem.spec.name,
        "data_hash": data.hash,
        "labels": dict(problem.labels),
        "labels_used": len(data),
        "labels_left_out": problem.left_out,
        "compositions": sorted(set(data.composition.tolist())),
        "held_out_compositions": sorted(set(data.composition[split == "test-composition"].tolist())),
        "movers_unseen": problem.movers_unseen,
        "errors": metrics,
        "frame_spread_eV": _spread(model, data),
        "architecture": asdict(problem.spec),
        "parameters": asdict(problem.parameters),
        "epochs": state.epoch,
        "best_epoch": state.best_epoch,
    }
    described = replace(cast(Any, model), description=description)
    if directory is not None:
        write_history(directory, state.history, fence)
        columns = PREDICTION_COLUMNS if predicted.spreads is None else (*PREDICTION_COLUMNS, SPREAD_COLUMN)
        rows = _prediction_rows(predicted, data, split)
        write_csv(directory / PREDICTIONS_FILE, columns, rows, fence)
        described.save(directory, fence=fence)
    return TrainResult(described, metrics, tuple(state.history), state.best_epoch)


def _metrics(predicted: Predicted, data: JumpData, split: NDArray[np.str_]) -> dict[str, dict[str, Any]]:
    """Labels and errors of each split, over the known directions; of KRA and dE apart where both are."""
    both_true = np.concatenate([data.E_fwd_eV, data.E_bwd_eV])
    mover = np.concatenate([data.mover, data.mover])
    both = np.concatenate([split, split])
    forward, backward = predicted.forward, predicted.backward
    metrics = split_metrics(both, mover, both_true, np.concatenate([forward, backward]), data.elements)
    for name, entry in metrics.items():
        entry["labels"] = int((split == name).sum())
        members = (split == name) & data.connected
        entry["KRA_MAE_eV"] = _mean_size(0.5 * (forward + backward)[members] - data.KRA_eV[members])
        entry["dE_MAE_eV"] = _mean_size((forward - backward)[members] - data.dE_eV[members])
    return metrics


def _add_sums_of_differences(
    metrics: dict[str, dict[str, Any]], model: BarrierModel, data: JumpData, split: NDArray[np.str_]
) -> None:
    """By how much energy differences there and back fail to be opposites, for models that predict both.

    Root mean square of dE_AB + dE_BA, eV, over the labels with both barriers (Talapatra et al., eq. 14).
    """
    found = model.energy_differences(data.species, data.mover) if data.connected.any() else None
    if found is None:
        return
    left_eV = found.sum(axis=0)
    for name, entry in metrics.items():
        members = (split == name) & data.connected
        if members.any():
            entry["dE_sum_RMS_eV"] = float(np.sqrt((left_eV[members] ** 2).mean()))


def _mean_size(values: Float64Array) -> float | None:
    return float(np.abs(values).mean()) if len(values) else None


def _spread(model: BarrierModel, data: JumpData) -> float:
    some = np.linspace(0, len(data) - 1, min(len(data), _SPREAD_SAMPLE)).astype(np.int64)
    species, mover, jump = data.species[some], data.mover[some], data.jump[some]
    if model.environment.kind != "union":
        before, _ = initial_columns(data.structure, data.shells)
        species = np.concatenate([species, mover[:, None]], axis=1)[:, before]
    return frame_spread_eV(model, species, mover, jump)


def _prediction_rows(
    predicted: Predicted, data: JumpData, split: NDArray[np.str_]
) -> Iterator[tuple[Any, ...]]:
    """A row for each barrier that is known."""
    species = np.array(data.elements)[data.mover - 1]
    labels = (split, data.composition, data.sample, data.vacancy_site, data.jump)
    forward, backward = [data.E_fwd_eV, predicted.forward], [data.E_bwd_eV, predicted.backward]
    if predicted.spreads is not None:
        forward.append(predicted.spreads[0])
        backward.append(predicted.spreads[1])
    for direction, columns in (("forward", forward), ("backward", backward)):
        known = np.isfinite(columns[0])
        names = [column[known].tolist() for column in labels]
        energies = [map(repr, column[known].tolist()) for column in columns]
        yield from zip(*names, repeat(direction), species[known].tolist(), *energies, strict=False)
