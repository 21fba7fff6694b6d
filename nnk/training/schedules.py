"""Learning rates, as functions of what is known of the run: nothing has to be remembered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

from nnk.training.parameters import CourseParameters, Plateau

_RISE = 0.05  # share of all steps until the peak


class Rates(Protocol):
    """Learning rate of a step."""

    def __call__(self, done: float, validation: Sequence[float]) -> float:
        """The rate after the share `done` (0 to 1) of all steps, and a validation error for each epoch."""


def rates_of(parameters: CourseParameters) -> Rates:
    """The schedule that is asked for."""
    peak, schedule = parameters.learning_rate, parameters.schedule
    if isinstance(schedule, Plateau):
        return lambda done, validation: plateau_rate(validation, peak, schedule)
    return lambda done, validation: one_cycle_rate(done, peak)


def one_cycle_rate(done: float, peak: float) -> float:
    """Rate after the share `done` (0 to 1) of all steps: linear to the peak at 1/20, then a cosine to 0."""
    if done < _RISE:
        return peak * (done + 1e-3) / (_RISE + 1e-3)
    return peak * 0.5 * (1 + math.cos(math.pi * (done - _RISE) / (1 - _RISE)))


def plateau_rate(validation: Sequence[float], first: float, plateau: Plateau) -> float:
    """Rate after epochs with these validation errors; it falls when none of the last few was the best yet."""
    rate, best, idle = first, math.inf, 0
    for error in validation:
        best, idle = (error, 0) if error < best else (best, idle + 1)
        if idle == plateau.patience:
            rate, idle = max(rate * plateau.factor, plateau.floor), 0
    return rate
