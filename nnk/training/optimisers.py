"""Losses and optimisers by name."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from nnk.training.parameters import CourseParameters, Loss


def losses(kind: Loss, error: Tensor) -> Tensor:
    """Loss of each error, in units of the start's scale (Huber: squared below one unit, linear above)."""
    if kind == "mse":
        return error**2
    if kind == "mae":
        return error.abs()
    return torch.nn.functional.huber_loss(error, torch.zeros_like(error), reduction="none")


def make_optimiser(weights: Iterable[nn.Parameter], parameters: CourseParameters) -> torch.optim.Optimizer:
    """The optimiser that is asked for; RMSprop with Keras' memory of 0.9, as the papers used it."""
    rate = parameters.learning_rate
    if parameters.optimiser == "adamw":
        # fused: a quarter of the time, which small networks feel
        return torch.optim.AdamW(weights, lr=rate, weight_decay=parameters.weight_decay, fused=True)
    if parameters.optimiser == "adam":
        return torch.optim.Adam(weights, lr=rate, fused=True)
    return torch.optim.RMSprop(weights, lr=rate, alpha=0.9, eps=1e-7)
