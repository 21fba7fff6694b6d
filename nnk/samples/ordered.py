"""Samples with short-range order: snapshots along one Metropolis exchange run.

A run starts from a random solution. It is a function of seed, alloy, run number and parameters, wherever it
is interrupted: a checkpoint holds the snapshots so far and all that the run needs to go on.
"""

from __future__ import annotations

import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nnk.exchange.coupled import CoupledExchange, CoupledState
from nnk.exchange.crystal import Crystal
from nnk.exchange.engine import LatticeExchange, Snapshot
from nnk.exchange.pairs import PairHamiltonian
from nnk.exchange.parameters import CoupledParameters
from nnk.files import Fence, commit
from nnk.samples.parameters import OrderedParameters

UInt8Array = NDArray[np.uint8]
Arrays = dict[str, NDArray]

_PIECE = 2_000_000  # trials on the lattice between two looks at the clock: a second or so


class Run(Protocol):
    """An exchange run, of whatever kind."""

    @property
    def trials(self) -> int:
        """Trials so far."""

    @property
    def accepted(self) -> int:
        """Exchanges so far."""

    @property
    def energy_eV(self) -> float:
        """Energy of the present state."""

    @property
    def occupancy(self) -> UInt8Array:
        """The present state uint8[n_sites]."""

    def step(self, wanted: int) -> None:
        """Go on by at least one trial and at most `wanted`, or a cycle if that is longer."""

    def arrays(self) -> Arrays:
        """All that the run needs to go on."""


@dataclass(eq=False)
class LatticeRun:
    """Exchanges on the ideal lattice."""

    engine: LatticeExchange
    temperature_K: float

    @property
    def trials(self) -> int:
        """Trials so far."""
        return self.engine.trials

    @property
    def accepted(self) -> int:
        """Exchanges so far."""
        return self.engine.accepted

    @property
    def energy_eV(self) -> float:
        """Energy of the present state."""
        return self.engine.energy_eV

    @property
    def occupancy(self) -> UInt8Array:
        """The present state uint8[n_sites]."""
        return self.engine.occupancy

    def step(self, wanted: int) -> None:
        """See `Run.step`."""
        self.engine.advance(min(wanted, _PIECE), self.temperature_K)

    def arrays(self) -> Arrays:
        """See `Run.arrays`."""
        return {name: np.asarray(value) for name, value in vars(self.engine.save()).items()}


@dataclass(eq=False)
class CoupledRun:
    """Exchanges between relaxations or dynamics."""

    engine: CoupledExchange

    @property
    def trials(self) -> int:
        """Trials so far."""
        return self.engine.state.trials

    @property
    def accepted(self) -> int:
        """Exchanges so far."""
        return self.engine.state.accepted

    @property
    def energy_eV(self) -> float:
        """Energy of the present state."""
        return self.engine.state.energy_eV

    @property
    def occupancy(self) -> UInt8Array:
        """The present state uint8[n_sites]."""
        return self.engine.state.occupancy

    def step(self, wanted: int) -> None:
        """See `Run.step`."""
        self.engine.advance()

    def arrays(self) -> Arrays:
        """See `Run.arrays`."""
        return self.engine.state.arrays()


def lattice_run(
    crystal: Crystal, hamiltonian: PairHamiltonian, start: UInt8Array, key: int, temperature_K: float
) -> Callable[[Arrays | None], LatticeRun]:
    """Makes a run on the lattice, from its start or from the arrays of a checkpoint."""

    def make(arrays: Arrays | None) -> LatticeRun:
        snapshot = None
        if arrays is not None:
            snapshot = Snapshot(arrays["site_of"], int(arrays["trials"]), int(arrays["accepted"]))
        return LatticeRun(LatticeExchange(crystal.lattice, hamiltonian, start, key, snapshot), temperature_K)

    return make


def coupled_parameters(how: OrderedParameters) -> CoupledParameters:
    """Parameters of a run with moving atoms."""
    return CoupledParameters(
        "md" if how.mode == "md" else "relax",
        how.temperature_K,
        how.steps,
        how.trials_per_pair,
        how.timestep_fs,
        how.friction_per_ps,
    )


def coupled_run(
    crystal: Crystal, start: UInt8Array, key: int, parameters: CoupledParameters
) -> Callable[[Arrays | None], CoupledRun]:
    """Makes a run with moving atoms, from its start or from the arrays of a checkpoint."""

    def make(arrays: Arrays | None) -> CoupledRun:
        state = None if arrays is None else CoupledState.from_arrays(arrays)
        return CoupledRun(CoupledExchange(crystal, start, key, parameters, state))

    return make


@dataclass(eq=False)
class Degrees:
    """States taken along a run, so far."""

    occupancy: list[UInt8Array] = field(default_factory=list)
    trials: list[int] = field(default_factory=list)
    accepted: list[int] = field(default_factory=list)
    energy_eV: list[float] = field(default_factory=list)

    def take(self, run: Run) -> None:
        """The present state of a run."""
        self.occupancy.append(run.occupancy.copy())
        self.trials.append(run.trials)
        self.accepted.append(run.accepted)
        self.energy_eV.append(run.energy_eV)


@dataclass(frozen=True)
class Checkpoint:
    """Where the state of an unfinished run is kept.

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

    def save(self, run: Run, degrees: Degrees) -> None:
        """Write the state of a run."""
        taken = {f"degree_{name}": np.array(values) for name, values in vars(degrees).items()}
        arrays = {f"run_{name}": array for name, array in run.arrays().items()}
        content = {"inputs_hash": np.array(self.inputs_hash), **taken, **arrays}
        commit(self.path, lambda path: _write(path, content), fence=self.fence)

    def load(self) -> tuple[Arrays, Degrees] | None:
        """The state of a run; None if there is none, it is damaged, or of other inputs."""
        try:
            with np.load(self.path) as file:
                content = {name: file[name] for name in file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile):
            return None
        if str(content.get("inputs_hash", "")) != self.inputs_hash:
            return None
        taken = {name: list(content[f"degree_{name}"]) for name in vars(Degrees())}
        arrays = {name[4:]: array for name, array in content.items() if name.startswith("run_")}
        return arrays, Degrees(**taken)

    def remove(self) -> None:
        """Delete the file, when the run is on disk elsewhere."""
        self.path.unlink(missing_ok=True)


def _write(path: Path, content: Arrays) -> None:
    with open(path, "wb") as file:
        np.savez_compressed(file, **content)  # type: ignore[arg-type]


def take_degrees(
    make_run: Callable[[Arrays | None], Run],
    numbers: NDArray[np.int64],
    checkpoint: Checkpoint,
    should_stop: Callable[[], bool] = lambda: False,
) -> Degrees | None:
    """The states of a run after `numbers` trials each (with moving atoms: after the cycle that reaches them).

    Args:
        make_run: the run from its start, or from a checkpoint's arrays.
        numbers: int64[n], rising.
        checkpoint: where the run is kept and continued from.
        should_stop: asked about every second; then a checkpoint is written.

    Returns:
        The states, or None if the run was told to stop.
    """
    found = checkpoint.load()
    arrays, degrees = found if found is not None else (None, Degrees())
    run = make_run(arrays)
    saved_s = time.monotonic()
    for number in numbers[len(degrees.trials) :].tolist():
        while run.trials < number:
            if should_stop():
                checkpoint.save(run, degrees)
                return None
            run.step(number - run.trials)
            if time.monotonic() - saved_s > checkpoint.every_s:
                checkpoint.save(run, degrees)
                saved_s = time.monotonic()
        degrees.take(run)
    return degrees
