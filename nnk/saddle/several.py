"""Evaluations that may go on at once: of several tasks, each of which asks for one configuration at a time.

A task is a generator that yields positions, is sent their energy and forces, and returns its outcome. What
it does never depends on whether it runs alone or beside others.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nnk.potentials import ForceField

FloatArray = NDArray[np.float64]
Evaluation = tuple[float, FloatArray]
Forces = Callable[[FloatArray], Evaluation]
SeveralForces = Callable[[Sequence[FloatArray]], list[Evaluation]]

Outcome = TypeVar("Outcome")
Task = Generator[FloatArray, Evaluation, Outcome]


def several_forces(force_field: ForceField) -> SeveralForces | None:
    """The force field's way to evaluate several configurations at once, if it has one."""
    return getattr(force_field, "energies_forces", None)


def evaluate_all(force_field: ForceField, configurations_A: Sequence[FloatArray]) -> list[Evaluation]:
    """Energy and forces of each configuration, at once where the force field can."""
    several = several_forces(force_field)
    if several is not None:
        return several(configurations_A)
    return [force_field.energy_forces(positions_A) for positions_A in configurations_A]


def run(task: Task[Outcome], forces: Forces) -> Outcome:
    """Run one task to its end."""
    try:
        wanted = next(task)
        while True:
            wanted = task.send(forces(wanted))
    except StopIteration as end:
        outcome: Outcome = end.value
        return outcome


def run_together(tasks: Sequence[Task[Outcome]], several: SeveralForces) -> list[Outcome]:
    """Run all tasks to their ends, one evaluation of each that is left at a time."""
    outcomes: dict[int, Outcome] = {}
    answers: dict[int, Evaluation | None] = dict.fromkeys(range(len(tasks)))
    while answers:
        wanted: dict[int, FloatArray] = {}
        for number, answer in answers.items():
            try:
                wanted[number] = next(tasks[number]) if answer is None else tasks[number].send(answer)
            except StopIteration as end:
                outcomes[number] = end.value
        answers = dict(zip(wanted, several(list(wanted.values())), strict=True)) if wanted else {}
    return [outcomes[number] for number in range(len(tasks))]
