"""Ensembles: several networks of one kind, trained one after the other on one split, saved as one model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from nnk.barriers import BarrierSet
from nnk.files import Fence
from nnk.models import EnsembleModel
from nnk.training.backends import Backend
from nnk.training.checkpoint import Row, TrainState
from nnk.training.epochs import Progress
from nnk.training.loop import train_network
from nnk.training.parameters import ModelSpec, TrainParameters
from nnk.training.problem import Problem
from nnk.training.products import TrainResult, finish

MEMBERS = "members"


def train(
    barriers: BarrierSet,
    spec: ModelSpec,
    parameters: TrainParameters,
    directory: Path,
    *,
    ranks: Backend | None = None,
    fence: Fence | None = None,
    progress: Progress | None = None,
    stop: Callable[[], bool] | None = None,
) -> TrainResult:
    """Train a model, of ``spec.members`` networks, and write it into `directory`.

    Arguments, products and errors are those of `nnk.training.loop.train_network`. Each network of several has
    a folder of its own, members/0, members/1, ...; those that are done are not trained again. The history is
    the mean over the networks that were still training.
    """
    if spec.members == 1:
        return train_network(
            barriers, spec, parameters, directory, ranks=ranks, fence=fence, progress=progress, stop=stop
        )
    alone = replace(spec, members=1)
    results = []
    for i in range(spec.members):
        own, folder = replace(parameters, member=i), Path(directory) / MEMBERS / str(i)
        results.append(
            train_network(
                barriers, alone, own, folder, ranks=ranks, fence=fence, progress=progress, stop=stop
            )
        )
    model = EnsembleModel.of([result.model for result in results], {})
    writer = Path(directory) if ranks is None or ranks.rank == 0 else None
    state = _together([result.history for result in results])
    return finish(Problem.of(barriers, spec, parameters), model, state, writer, fence)


def _together(histories: Sequence[Sequence[Row]]) -> TrainState:
    """The mean history; its best epoch is the one of the lowest mean validation error."""
    history: list[Row] = []
    for epoch in range(max(map(len, histories))):
        rows = [rows[epoch] for rows in histories if len(rows) > epoch]
        mean = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
        history.append({**mean, "epoch": epoch + 1})
    best = min(history, key=lambda row: row["validation_MAE_eV"])
    return TrainState(len(history), int(best["epoch"]), best["validation_MAE_eV"], {}, history)
