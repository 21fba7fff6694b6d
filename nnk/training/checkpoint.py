"""Checkpoints of a training run: everything needed to go on as if nothing had happened."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from nnk.files import Fence, commit

Row = dict[str, float | int]


@dataclass
class TrainState:
    """What changes while training.

    Attributes:
        epoch: epochs done.
        best_epoch: the epoch with the lowest validation error, from 1; 0 before the first.
        best_error: that error.
        best_weights: the network then.
        history: a row per epoch.
    """

    epoch: int = 0
    best_epoch: int = 0
    best_error: float = float("inf")
    best_weights: dict[str, Tensor] = field(default_factory=dict)
    history: list[Row] = field(default_factory=list)


def save_checkpoint(
    path: Path,
    key: str,
    state: TrainState,
    weights: dict[str, Tensor],
    optimiser: dict[str, Any],
    *,
    fence: Fence | None,
) -> None:
    """Write the best and the last weights, the optimiser's state and the history, atomically.

    Args:
        path: the file.
        key: what the run is of; `load_checkpoint` asks for it.
        state: progress so far.
        weights, optimiser: state dictionaries of network and optimiser.
        fence: see `nnk.files.commit`.
    """
    content = {"key": key, "state": vars(state), "weights": weights, "optimiser": optimiser}
    commit(path, lambda temporary: torch.save(content, temporary), fence=fence)


def load_checkpoint(path: Path, key: str) -> tuple[TrainState, dict[str, Tensor], dict[str, Any]] | None:
    """Progress, last weights and optimiser state of the run `key`; None if there are none of that run.

    Raises:
        ValueError: the file is damaged.
    """
    if not path.exists():
        return None
    try:
        content = torch.load(path, weights_only=True, map_location="cpu")
    except (RuntimeError, EOFError, ValueError, UnpicklingError) as error:
        raise ValueError(f"{path} is damaged: remove it to train from the start") from error
    if content["key"] != key:
        return None
    state = content["state"]
    if "best_MAE_eV" in state:  # as runs of barrier models were kept before force models had the same loop
        state["best_error"] = state.pop("best_MAE_eV")
    return TrainState(**state), content["weights"], content["optimiser"]
