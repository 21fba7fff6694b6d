"""Transport in the last part of each run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from analysis.inputs import DamagedInput, Inputs, MissingInput, RunFile
from analysis.options import TransportOptions
from analysis.runs import sound_runs
from nnk.lattice import Lattice
from nnk.observables.transport import Transport, time_error, transport_of
from nnk.observables.walks import JumpFollower, JumpRecord

if TYPE_CHECKING:
    from nnk.kmc import Frames, Trajectory

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RunTransport:
    """Transport in the last part of one run.

    Attributes:
        file: case, temperature, replica.
        lattice: its lattice.
        elements: species i is ``elements[i - 1]``.
        first_jump: jumps made before the part that was looked at.
        time_s: how long that part took.
        skipped: jumps to and fro within traps that it made besides those recorded (engine flicker).
        record: what its jumps did.
        transport: what follows from it.
    """

    file: RunFile
    lattice: Lattice
    elements: tuple[str, ...]
    first_jump: int
    time_s: float
    skipped: float
    record: JumpRecord
    transport: Transport


def read_runs(inputs: Inputs, options: TransportOptions) -> list[RunTransport]:
    """Transport in all finished runs that can be read, one at a time in memory.

    Runs whose temperature still changes in the part that is looked at are left out with a warning.

    Raises:
        MissingInput: there is none, or none at a constant temperature.
        DamagedInput: none can be read.
    """

    def read(file: RunFile, trajectory: Trajectory) -> RunTransport | None:
        return run_transport(file, trajectory, options)

    found = list(sound_runs(inputs, read))
    kept = [run for run in found if run is not None]
    if len(kept) < len(found):
        inputs.warn(f"{len(found) - len(kept)} runs are left out: their temperature changes to the end.")
    if not kept:
        raise MissingInput("no run at a constant temperature: diffusivities need one")
    return kept


def run_transport(file: RunFile, trajectory: Trajectory, options: TransportOptions) -> RunTransport | None:
    """Transport in the last part of a run; None if its temperature changes there.

    Raises:
        DamagedInput: a run without jumps or time.
    """
    frames = trajectory.frames()
    first = _first_frame(frames.jump, options.skip_share)
    if len(np.unique(frames.temperature_K[first:])) > 1:
        return None
    time_s = _time_since(frames, first)
    if frames.jump[-1] == frames.jump[first] or not time_s > 0:
        raise DamagedInput(f"{file.path} cannot be used: no time passes in it")
    record = _followed(trajectory, frames, first, options.blocks)
    error = time_error(frames.jump[first:], frames.time_s[first:])
    skipped = float(frames.skipped[-1] - frames.skipped[first])
    transport = transport_of(
        record,
        trajectory.lattice,
        time_s=time_s,
        time_error=error if np.isfinite(error) else 0.0,
        skipped=skipped,
    )
    return RunTransport(
        file=file,
        lattice=trajectory.lattice,
        elements=tuple(trajectory.elements),
        first_jump=int(frames.jump[first]),
        time_s=time_s,
        skipped=skipped,
        record=record,
        transport=transport,
    )


def _first_frame(jumps: NDArray[np.int64], skip_share: float) -> int:
    """The last key frame, but the very last, that is not after the share of the jumps that is skipped."""
    return int(np.flatnonzero(jumps[:-1] <= skip_share * jumps[-1])[-1]) if len(jumps) > 1 else 0


def _time_since(frames: Frames, first: int) -> float:
    """Small residence times are not lost against a long time before them: its rest counts."""
    whole = frames.time_s[-1] - frames.time_s[first]
    return float(whole + (frames.time_rest_s[-1] - frames.time_rest_s[first]))


def _followed(trajectory: Trajectory, frames: Frames, first: int, blocks: int) -> JumpRecord:
    start, end = int(frames.jump[first]), trajectory.jumps
    follower = JumpFollower(
        trajectory.lattice,
        frames.occupancy[first],
        len(trajectory.elements),
        n_jumps=end - start,
        blocks=min(blocks, end - start),
        vacancies=frames.vacancies[first],
    )
    for piece in trajectory.read_jumps(start - trajectory.first_jump, end - trajectory.first_jump):
        follower.follow(piece.directions, piece.movers)
    return follower.record
