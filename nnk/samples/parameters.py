"""What is asked of samples with short-range order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnk.exchange.parameters import Energies, trial_numbers

Mode = Literal["lattice", "relax", "md"]
MODES: tuple[Mode, ...] = ("lattice", "relax", "md")


@dataclass(frozen=True)
class OrderedParameters:
    """How samples with short-range order are made.

    Attributes:
        mode: "lattice" (pair energies fitted to the potential), "relax" or "md" (`nnk.exchange.coupled`).
        temperature_K: of the exchanges.
        trials_per_atom: length of a run: trials divided by the number of atoms.
        degrees: snapshots along a run; of several, the first is the random start, the last the end.
        spacing: "linear" or "log" in the number of trials.
        shells, energies, fit_cells: of the fit ("lattice"), see `nnk.exchange.fit.FitParameters`.
        steps, trials_per_pair, timestep_fs, friction_per_ps: of the dynamics ("md").
    """

    mode: Mode = "lattice"
    temperature_K: float = 300.0
    trials_per_atom: float = 100.0
    degrees: int = 1
    spacing: Literal["linear", "log"] = "log"
    shells: int = 5
    energies: Energies = "relaxed"
    fit_cells: int | None = None
    steps: int = 100
    trials_per_pair: int = 30
    timestep_fs: float = 2.0
    friction_per_ps: float = 10.0

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode={self.mode!r}: allowed are {', '.join(MODES)}")

    def numbers(self, n_sites: int) -> NDArray[np.int64]:
        """After how many trials each degree is taken, int64[degrees]."""
        trials = max(1, round(self.trials_per_atom * n_sites))
        return trial_numbers(trials, self.degrees, self.spacing)
