"""kMC runs as analyses want them: cases, temperatures, replicas, with what was counted along the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.inputs import Inputs, RunFile, reading
from nnk.lattice import Lattice
from nnk.observables.pair_order import pair_counts, species_numbers

if TYPE_CHECKING:
    from nnk.kmc import Trajectory


@dataclass(frozen=True)
class Run:
    """One finished run.

    Attributes:
        file: case, temperature, replica.
        lattice: its lattice.
        elements: species i of an occupancy is ``elements[i - 1]``.
        jumps: int64[n_frames], jump number of each key frame.
        pair_counts: int64[n_frames, shells, n, n], see `nnk.observables.pair_order.pair_counts`.
        initial, final: uint8[n_sites], first and last state.
    """

    file: RunFile
    lattice: Lattice
    elements: tuple[str, ...]
    jumps: NDArray[np.int64]
    pair_counts: NDArray[np.int64]
    initial: NDArray[np.uint8]
    final: NDArray[np.uint8]

    @property
    def shells(self) -> int:
        """Neighbour shells that were counted."""
        return self.pair_counts.shape[1]

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Atoms of each species, int64[n]."""
        return species_numbers(self.final, len(self.elements))


@dataclass(frozen=True)
class Case:
    """All runs of one case, with the key frames that all of them have.

    Attributes:
        name: of the case.
        runs: sorted by temperature and replica.
    """

    name: str
    runs: tuple[Run, ...]

    @property
    def temperatures_K(self) -> list[float]:
        """The temperatures, ascending."""
        return sorted({run.file.temperature_K for run in self.runs})

    def at(self, temperature_K: float) -> list[Run]:
        """The replicas at one temperature."""
        return [run for run in self.runs if run.file.temperature_K == temperature_K]

    @property
    def first(self) -> Run:
        """Any run, for what all of them share."""
        return self.runs[0]

    @property
    def replicas_text(self) -> str:
        """How many replicas, for captions."""
        counts = sorted({len(self.at(t)) for t in self.temperatures_K})
        low, high = counts[0], counts[-1]
        return f"{low} replica{'s' if low > 1 else ''}" if low == high else f"{low} to {high} replicas"


def read_cases(inputs: Inputs) -> list[Case]:
    """All finished runs by case.

    Raises:
        MissingInput: there is none.
        DamagedInput: a file that cannot be read, or whose counts do not belong to its atoms.
        ValueError: runs of one case without key frames in common.
    """
    return cases_of([_read_run(inputs, file) for file in inputs.run_files()])


def _read_run(inputs: Inputs, file: RunFile) -> Run:
    trajectory = inputs.trajectory(file)
    with reading(file.path):
        return run_of(file, trajectory)


def cases_of(runs: Sequence[Run]) -> list[Case]:
    """Runs by case; see `read_cases`."""
    names = list(dict.fromkeys(run.file.case for run in runs))
    return [Case(name, _alike([run for run in runs if run.file.case == name])) for name in names]


def _alike(runs: Sequence[Run]) -> tuple[Run, ...]:
    """Runs with the key frames that all of them have: those that end early shorten the others' rows."""
    common = reduce(np.intersect1d, [run.jumps for run in runs])
    if len(common) < min(2, *(len(run.jumps) for run in runs)):
        paths = ", ".join(str(run.file.path) for run in runs[:2])
        raise ValueError(f"{paths}: runs of one case without key frames in common")
    return tuple(_at(run, common) for run in runs)


def _at(run: Run, jumps: NDArray[np.int64]) -> Run:
    kept = np.isin(run.jumps, jumps)
    return replace(run, jumps=run.jumps[kept], pair_counts=run.pair_counts[kept])


def run_of(file: RunFile, trajectory: Trajectory) -> Run:
    """What analyses need of one trajectory.

    Raises:
        ValueError: the pairs counted along the run are not those of its last state.
    """
    frames = trajectory.frames()
    run = Run(
        file=file,
        lattice=trajectory.lattice,
        elements=tuple(trajectory.elements),
        jumps=frames.jump,
        pair_counts=frames.pair_counts,
        initial=frames.occupancy[0],
        final=frames.occupancy[-1],
    )
    recounted = pair_counts(run.lattice, run.final, run.shells, len(run.elements))
    if not np.array_equal(recounted, run.pair_counts[-1]):
        raise ValueError(f"{file.path}: the pairs counted along the run are not those of its last state")
    return run
