"""One trajectory: equilibrated, its correlation time measured, then sampled at equal intervals.

The first half of the equilibration is forgotten; of the second the potential energy and the squares of the
forces give the correlation time. What a trajectory is does not depend on where it was interrupted.
"""

from __future__ import annotations

import math
import time
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnk.files import Fence, commit
from nnk.snapshots.correlation import integrated_time, n_effective
from nnk.snapshots.dynamics import Motion, MotionState
from nnk.snapshots.parameters import Sampling

FloatArray = NDArray[np.float64]
Arrays = dict[str, NDArray]

STRETCH = 100
"""Steps between two points where a trajectory can be cut; each costs LAMMPS some milliseconds of set-up."""
TRACED_ATOMS = 128  # at most so many atoms' forces are kept for the correlation time
TIMES = 4.0
"""Correlation times between two snapshots, where the campaign gives no interval."""


@dataclass(frozen=True)
class Correlation:
    """Correlation times in time steps, and the interval that was chosen by them.

    Attributes:
        energy, forces: integrated times of the potential energy and of the squares of the forces.
        interval: steps between two snapshots.
    """

    energy: float
    forces: float
    interval: int

    @classmethod
    def of(cls, energy_eV: FloatArray, forces_eV_A: FloatArray, interval: int | None) -> Correlation:
        """From what was recorded at every step."""
        energy, forces = integrated_time(energy_eV), integrated_time(forces_eV_A**2)
        return cls(energy, forces, interval or math.ceil(TIMES * max(energy, forces)))


@dataclass(eq=False)
class Recording:
    """A trajectory so far.

    Attributes:
        state: where it is.
        energy_trace, forces_trace: of each step of the second half of the equilibration, until its end.
        correlation: found at the end of the equilibration.
        positions_A, forces_eV_A, energy_eV, kinetic_K, step: of the snapshots.
    """

    state: MotionState
    energy_trace: list[float] = field(default_factory=list)
    forces_trace: list[FloatArray] = field(default_factory=list)
    correlation: Correlation | None = None
    positions_A: list[FloatArray] = field(default_factory=list)
    forces_eV_A: list[FloatArray] = field(default_factory=list)
    energy_eV: list[float] = field(default_factory=list)
    kinetic_K: list[float] = field(default_factory=list)
    step: list[int] = field(default_factory=list)

    def trace(self, energy_eV: float, forces_eV_A: FloatArray) -> None:
        """Keep what the correlation time is measured with: of a large cell, atoms that are evenly spread."""
        every = -(-len(forces_eV_A) // TRACED_ATOMS)
        self.energy_trace.append(energy_eV)
        self.forces_trace.append(forces_eV_A[::every].ravel())

    def measure(self, interval: int | None) -> None:
        """The end of the equilibration."""
        self.correlation = Correlation.of(np.array(self.energy_trace), np.array(self.forces_trace), interval)
        self.energy_trace.clear()
        self.forces_trace.clear()

    def take(self, kinetic_K: float) -> None:
        """Keep the present moment."""
        self.positions_A.append(self.state.positions_A)
        self.forces_eV_A.append(self.state.forces_eV_A)
        self.energy_eV.append(self.state.energy_eV)
        self.kinetic_K.append(kinetic_K)
        self.step.append(self.state.step)

    @property
    def n_effective(self) -> float:
        """Independent snapshots that tell as much: by the slower of energy and squared forces."""
        if len(self.step) < 2:
            return float(len(self.step))
        n_atoms = len(self.forces_eV_A[0])
        forces = np.array(self.forces_eV_A)[:, :: -(-n_atoms // TRACED_ATOMS)].reshape(len(self.step), -1)
        return min(n_effective(np.array(self.energy_eV)), n_effective(forces**2))

    def arrays(self) -> Arrays:
        """The trajectory as plain arrays, exactly."""
        state = {"at_step": self.state.step, "at_A": self.state.positions_A, "v": self.state.velocities}
        found = [] if self.correlation is None else list(vars(self.correlation).values())
        lists = {name: value for name, value in vars(self).items() if isinstance(value, list)}
        content = {**state, **lists, "correlation": found}
        return {name: np.array(value) for name, value in content.items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray], motion: Motion) -> Recording:
        """The trajectory whose `arrays` these are."""
        state = motion.resumed(int(arrays["at_step"]), arrays["at_A"], arrays["v"])
        found = arrays["correlation"].tolist()
        correlation = Correlation(found[0], found[1], int(found[2])) if found else None
        rows = ("forces_trace", "positions_A", "forces_eV_A")
        numbers = ("energy_trace", "energy_eV", "kinetic_K", "step")
        lists = {name: list(arrays[name]) for name in rows} | {
            name: arrays[name].tolist() for name in numbers
        }
        return cls(state=state, correlation=correlation, **lists)


@dataclass(frozen=True)
class Checkpoint:
    """Where an unfinished trajectory is kept.

    Attributes:
        path: the file (``.npz``).
        inputs_hash: a file of other inputs is not used.
        every_s: seconds between checkpoints.
        fence: the right to write; None outside campaigns.
    """

    path: Path
    inputs_hash: str
    every_s: float = 60.0
    fence: Fence | None = None

    def save(self, recording: Recording) -> None:
        """Write the trajectory so far."""
        content = {"inputs_hash": np.array(self.inputs_hash), **recording.arrays()}
        commit(self.path, lambda path: _write(path, content), fence=self.fence)

    def load(self) -> Arrays | None:
        """A trajectory's arrays; None if there are none, they are damaged, or of other inputs."""
        try:
            with np.load(self.path) as file:
                content = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        return content if str(content.get("inputs_hash", "")) == self.inputs_hash else None

    def remove(self) -> None:
        """Delete the file, when the trajectory is on disk elsewhere."""
        self.path.unlink(missing_ok=True)


def _write(path: Path, content: Arrays) -> None:
    with open(path, "wb") as file:
        np.savez(file, **content)  # type: ignore[arg-type]


def sample(
    motion: Motion,
    sampling: Sampling,
    checkpoint: Checkpoint,
    should_stop: Callable[[], bool] = lambda: False,
    *,
    stretch: int = STRETCH,
) -> Recording | None:
    """A trajectory from its start, or from its checkpoint, to its last snapshot.

    Args:
        motion: moves the atoms.
        sampling: what is kept.
        checkpoint: where the trajectory is kept and continued from.
        should_stop: asked after every stretch; then a checkpoint is written.
        stretch: most steps of a stretch; another number may change the rounding of forces, no more.

    Returns:
        The trajectory, or None if it was told to stop.

    Raises:
        AtomLeft: the atoms are no crystal any more.
        ForceFieldError: the forces cannot be had.
    """
    arrays = checkpoint.load()
    found = Recording(motion.start()) if arrays is None else Recording.from_arrays(arrays, motion)
    saved_s = time.monotonic()
    while len(found.step) < sampling.count:
        if should_stop():
            checkpoint.save(found)
            return None
        if time.monotonic() - saved_s > checkpoint.every_s:
            checkpoint.save(found)
            saved_s = time.monotonic()
        _go_on(found, motion, sampling, stretch)
    return found


def _go_on(found: Recording, motion: Motion, sampling: Sampling, stretch: int) -> None:
    """One stretch, and what is to be done at its end."""
    step, end = found.state.step, sampling.equilibration
    interval = found.correlation.interval if found.correlation else 1
    mark = sampling.next_mark(step, interval)
    is_traced = end // 2 <= step < end
    found.state = motion.advance(found.state, min(mark - step, stretch), found.trace if is_traced else None)
    if found.state.step < mark:
        return
    if mark == end:
        found.measure(sampling.interval)
    if mark >= end:
        found.take(motion.kinetic_temperature_K(found.state.velocities))
