"""What is asked of exchange runs: plain numbers, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Energies = Literal["relaxed", "unrelaxed"]
Mode = Literal["relax", "md"]

CELLS = {"bcc": (5, 5, 5), "fcc": (4, 4, 4)}
"""Cells that pair energies are fitted to: a large one tells no more and costs more."""

_CELLS_PER_UNKNOWN = 6
_LEAST_CELLS = 40


@dataclass(frozen=True)
class FitParameters:
    """How pair energies are fitted.

    Attributes:
        shells: neighbour shells that interact.
        energies: of relaxed cells (in the crystal's box), or with the atoms on their sites.
        n_cells: cells evaluated, random and ordered ones together; None: six per unknown, at least 40.
        temperature_K: at which the ordered cells are made, and at 2, 4 and 8 times as much.
        seed: of the cells.
        name: of the alloy, for the random streams.
    """

    shells: int = 5
    energies: Energies = "relaxed"
    n_cells: int | None = None
    temperature_K: float = 300.0
    seed: int = 0
    name: str = ""

    def number_of_cells(self, n_present: int) -> int:
        """Cells for an alloy of `n_present` elements."""
        unknowns = self.shells * n_present * (n_present - 1) // 2 + 1
        if self.n_cells is None:
            return max(_LEAST_CELLS, _CELLS_PER_UNKNOWN * unknowns)
        if self.n_cells < 2 * unknowns:
            raise ValueError(f"n_cells={self.n_cells}: {unknowns} unknowns take {2 * unknowns} or more")
        return self.n_cells


@dataclass(frozen=True)
class Thermostat:
    """Langevin's thermostat.

    Attributes:
        temperature_K: temperature.
        timestep_fs: time step.
        friction_per_ps: rate at which velocities forget.
    """

    temperature_K: float = 300.0
    timestep_fs: float = 2.0
    friction_per_ps: float = 10.0

    def __post_init__(self) -> None:
        for name in ("temperature_K", "timestep_fs", "friction_per_ps"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected a positive number")


@dataclass(frozen=True)
class CoupledParameters:
    """How exchanges and motion alternate.

    Attributes:
        mode: "relax" or "md".
        temperature_K: of the exchanges, and of the motion.
        steps: of dynamics per cycle ("md").
        trials_per_pair: trials of every pair of elements per cycle ("md").
        timestep_fs, friction_per_ps: see `Thermostat` ("md").
    """

    mode: Mode = "md"
    temperature_K: float = 300.0
    steps: int = 100
    trials_per_pair: int = 30
    timestep_fs: float = 2.0
    friction_per_ps: float = 10.0

    def __post_init__(self) -> None:
        if self.mode not in ("relax", "md"):
            raise ValueError(f"mode={self.mode!r}: allowed are relax, md")
        for name in ("steps", "trials_per_pair"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected a whole number of at least 1")
        self.thermostat  # noqa: B018 (it checks its own values)

    @property
    def thermostat(self) -> Thermostat:
        """The thermostat of the motion."""
        return Thermostat(self.temperature_K, self.timestep_fs, self.friction_per_ps)


def trial_numbers(trials: int, degrees: int, spacing: str) -> NDArray[np.int64]:
    """After how many trials the degrees of order of a run are taken, int64[degrees].

    One degree is the end of the run. Of several, the first is the start (0 trials) and the last the end;
    between them they are equally spaced ("linear"), or by equal factors from 1/1000 of the run on ("log").

    Raises:
        ValueError: too short a run for so many, or another spacing.
    """
    if spacing not in ("linear", "log"):
        raise ValueError(f"spacing={spacing!r}: allowed are linear, log")
    if degrees < 1 or trials < max(1, degrees - 1):
        raise ValueError(f"{degrees} degrees of order along {trials} trials: expected 1 to {trials + 1}")
    if degrees == 1:
        return np.array([trials], dtype=np.int64)
    if spacing == "linear" or degrees == 2:
        return np.rint(np.linspace(0, trials, degrees)).astype(np.int64)
    numbers = [0]
    for wanted in np.rint(np.geomspace(max(1.0, trials / 1000), trials, degrees - 1)).astype(int).tolist():
        still_to_come = degrees - 1 - len(numbers)
        numbers.append(min(max(wanted, numbers[-1] + 1), trials - still_to_come))
    return np.array(numbers, dtype=np.int64)
