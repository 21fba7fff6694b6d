"""Many runs on disk, made in step: the files of `nnk.kmc.segments`, by `BatchedEngine`.

Runs that a kill has left at different numbers of jumps are first brought to the same one.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nnk.environment import SpeciesArray
from nnk.files import Fence
from nnk.kmc.batched.engine import BatchedEngine, RunView, default_width
from nnk.kmc.driver import Piece
from nnk.kmc.frames import Frames
from nnk.kmc.run_folder import RunFolder
from nnk.kmc.segments import compare_software
from nnk.kmc.setup import RunSetup, RunSummary
from nnk.kmc.writer import Writer
from nnk.models.base import BarrierModel

_LOOK_EVERY_S = 0.5  # between two looks at the clock and at should_stop
_FIRST_PIECE = 64  # jumps of each run; the machine's speed is not known yet


@dataclass(frozen=True)
class BatchOptions:
    """How a batch is computed.

    Attributes:
        device: "cpu", "cuda", "cuda:1", ...
        precision: "float32" or "float64" of the network.
        width: runs in step; None: what suits the device.
    """

    device: str = "cpu"
    precision: str = "float32"
    width: int | None = None

    def made_by(self) -> dict[str, Any]:
        """What a trajectory notes of the engine."""
        cuda = torch.device(self.device).type == "cuda"
        name = torch.cuda.get_device_name(self.device) if cuda else "cpu"
        width = self.width or default_width(self.device)
        return {
            "engine": f"batched {self.precision}, {width} wide",
            "device": name,
            "torch": torch.__version__,
        }


@dataclass
class _Run:
    """One run of the batch: its files, and its place in an engine while it is advanced."""

    setup: RunSetup
    files: RunFolder
    model: BarrierModel
    started: float
    resumed_at: int = 0
    view: RunView | None = field(default=None, repr=False)

    @property
    def jumps(self) -> int:
        return self.files.jumps if self.view is None else self.view.jumps

    @property
    def temperature_K(self) -> float:
        """Of the next jump."""
        return self.setup.temperatures.temperature_K(self.jumps, 0.0)

    def next_stop(self) -> int:
        """Number of jumps at which something has to be looked at next."""
        now, setup = self.jumps, self.setup
        stops = (setup.stop.jumps, setup.key_frames.after(now), setup.temperatures.next_jump(now))
        return min(stop for stop in stops if stop is not None)

    def frame(self) -> Frames:
        if self.view is None:
            raise RuntimeError("a frame is asked of a run that is in no engine")
        energy = getattr(self.model, "energy", None)
        value = math.nan if energy is None else energy(self.view.occupancy, self.setup.lattice)
        return Frames.of(self.view, self.temperature_K, value)

    def piece(self, directions: SpeciesArray) -> Piece:
        holds = self.setup.key_frames.holds(self.jumps)
        return Piece(directions, None, self.frame() if holds else None)

    def summary(self) -> RunSummary:
        end = self.files.end
        whole = self.files.whole
        return RunSummary(
            state="interrupted" if whole is None else "done",
            jumps=self.files.jumps,
            time_s=0.0 if end is None else float(end.time_s[0]),
            ended_by="" if whole is None else whole.ended_by,
            resumed_at=self.resumed_at,
            hit_rate=math.nan,
            wall_s=time.monotonic() - self.started,
            messages=tuple(self.files.messages),
        )


def run_batch_to_files(
    runs: Sequence[tuple[Path, RunSetup]],
    model: BarrierModel,
    *,
    checkpoint_s: float,
    options: BatchOptions | None = None,
    fence: Fence | None = None,
    should_stop: Callable[[], bool] | None = None,
    quarantine: Path | None = None,
) -> list[RunSummary]:
    """Make runs in step, or go on with them from what is on disk.

    Args:
        runs: the finished trajectory (``.nc``) and the set-up of each run: the same lattice sites, one
            vacancy, an end after a number of jumps.
        model: gives the barriers; its elements are those of the set-ups, in the same order.
        checkpoint_s: seconds between segments.
        options: device, precision, width.
        fence: the right to write; None outside campaigns.
        should_stop: asked a few times a second; when it says so, segments are written and the call returns.
        quarantine: where damaged files go; by default a folder ``quarantine`` beside each file.

    Raises:
        ValueError: other elements than the model's, another lattice, an end by time or order, or whatever
            `BatchedEngine` refuses.
        OSError: a file cannot be written; nothing on disk is lost.
        StaleEpoch: a newer run has taken over.
    """
    options = options or BatchOptions()
    for _, setup in runs:
        _check(setup, runs[0][1], model)
    batch = [_opened(path, setup, model, fence, quarantine) for path, setup in runs]
    stopped = False
    while not stopped and (left := [run for run in batch if run.files.whole is None]):
        behind = min(run.jumps for run in left)
        together = [run for run in left if run.jumps == behind]
        ahead = min((run.jumps for run in left if run.jumps > behind), default=None)
        stopped = _advance(together, model, options, ahead, checkpoint_s, should_stop)
    for run in batch:
        if run.files.whole is not None:
            run.files.clean()
    return [run.summary() for run in batch]


def _check(setup: RunSetup, first: RunSetup, model: BarrierModel) -> None:
    if tuple(model.elements) != tuple(setup.elements):
        raise ValueError(
            f"the model's elements are {model.elements}, a run's {setup.elements}: remap the model"
        )
    sites = (setup.lattice.structure, setup.lattice.cells)
    if sites != (first.lattice.structure, first.lattice.cells):
        raise ValueError(f"runs in step need the same sites: {sites} beside {first.lattice}")
    if setup.stop.time_s is not None or setup.stop.order is not None or setup.temperatures.of == "time_s":
        raise ValueError("runs in step end after a number of jumps, and their temperature follows the jumps")


def _opened(
    path: Path, setup: RunSetup, model: BarrierModel, fence: Fence | None, quarantine: Path | None
) -> _Run:
    files = RunFolder(path, setup, fence, quarantine)
    started = time.monotonic()
    files.look()
    if files.whole is None:
        compare_software(files)
    return _Run(setup, files, model, started, files.jumps)


def _engine(batch: Sequence[_Run], model: BarrierModel, options: BatchOptions) -> BatchedEngine:
    """An engine with the runs in their last states on disk."""
    ends = [run.files.end for run in batch]
    states = [
        run.setup.occupancy if end is None else end.occupancy[0] for run, end in zip(batch, ends, strict=True)
    ]
    engine = BatchedEngine(
        batch[0].setup.lattice,
        np.stack(states),
        model,
        [run.setup.conditions for run in batch],
        device=options.device,
        precision=options.precision,
        width=options.width,
    )
    for number, (run, end) in enumerate(zip(batch, ends, strict=True)):
        run.view = engine.run(number)
        if end is not None:
            run.view.resume(end.progress(0))
    return engine


def _advance(
    batch: Sequence[_Run],
    model: BarrierModel,
    options: BatchOptions,
    ahead: int | None,
    checkpoint_s: float,
    should_stop: Callable[[], bool] | None,
) -> bool:
    """Advance runs that stand at the same jump, up to jump `ahead` or the first end; whether to stop."""
    engine = _engine(batch, model, options)
    writers = [Writer(run.files, run, options.made_by()) for run in batch]
    length, stop = _FIRST_PIECE, False
    limit = min([run.setup.stop.jumps for run in batch] + ([] if ahead is None else [ahead]))
    while batch[0].jumps < limit and not stop:
        engine.set_temperatures([run.temperature_K for run in batch])
        wanted = min([length, limit - batch[0].jumps, *(run.next_stop() - run.jumps for run in batch)])
        began = time.perf_counter()
        directions = engine.advance(wanted)
        if wanted == length:
            speed = length / max(time.perf_counter() - began, 1e-9)
            length = max(_FIRST_PIECE, min(4 * length, int(_LOOK_EVERY_S * speed)))
        for writer, run, row in zip(writers, batch, directions, strict=True):
            writer.add(run.piece(row))
            if writer.is_due(checkpoint_s):
                writer.write_segment()
        stop = should_stop is not None and should_stop()
    for writer, run in zip(writers, batch, strict=True):
        if run.jumps >= run.setup.stop.jumps:  # beyond, if the end has been moved to an earlier one
            writer.write_whole("jumps")
        else:
            writer.write_segment()
        run.view = None
    return stop
