"""Runs on disk: closed segments while under way, one file when done; any death costs one segment at most.

What the files hold does not depend on where segments ended, how often the run was killed, or on the cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from nnk.environment import SpeciesArray
from nnk.files import Fence
from nnk.kmc.engine import CACHE_MiB, Engine, only_vacancy
from nnk.kmc.frames import Frames, join_frames
from nnk.kmc.run_folder import RunFolder
from nnk.kmc.setup import RunSetup, RunSummary
from nnk.kmc.storage import Stored
from nnk.kmc.trajectory import segment_name
from nnk.models.base import BarrierModel

_LOOK_EVERY_S = 0.2  # between two looks at the clock and at should_stop
_FIRST_PIECE = 500  # jumps; compilation and the machine's speed are not known yet
_MOST_WAITING = 2**26  # jumps kept in memory before a segment is written anyway


def run_to_files(
    final_path: Path,
    setup: RunSetup,
    model: BarrierModel,
    *,
    checkpoint_s: float,
    fence: Fence | None = None,
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    quarantine: Path | None = None,
    cache_MiB: float = CACHE_MiB,
) -> RunSummary:
    """Make a run, or go on with it from what is on disk, until `final_path` is there.

    Segments are written to the folder ``final_path.with_suffix("")`` and merged when the run is complete.
    Damaged files, and files of other inputs, are moved away and their part is computed again.

    Args:
        final_path: the finished trajectory (``.nc``).
        setup: the run.
        model: gives the barriers; its elements are those of `setup`, in the same order.
        checkpoint_s: seconds between segments.
        fence: the right to write; None outside campaigns.
        progress: called with the jumps made and the jumps asked for, a few times a second.
        should_stop: asked a few times a second; when it says so, a segment is written and the call returns.
        quarantine: where damaged files go; by default a folder ``quarantine`` beside `final_path`.
        cache_MiB: size of the cache of barriers.

    Raises:
        ValueError: a `final_path` without ``.nc``, other elements than the model's, or whatever `nnk.kmc.run`
            refuses.
        OSError: a file cannot be written, because the disk is full, say; nothing on disk is lost.
        StaleEpoch: a newer run has taken over.
    """
    if tuple(model.elements) != tuple(setup.elements):
        raise ValueError(
            f"the model's elements are {model.elements}, the run's {setup.elements}: remap the model"
        )
    started = time.monotonic()
    files = RunFolder(final_path, setup, fence, quarantine)
    whole = files.finished()
    if whole is not None:
        files.clean()
        return _summary("done", files, whole.end, setup.jumps, started)
    on_disk = files.segments()
    engine = _engine(setup, model, on_disk, cache_MiB)
    resumed_at = engine.jumps
    writer = _Writer(files, engine, on_disk)
    state: Literal["done", "interrupted"] = "done"
    for directions in _pieces(engine, setup):
        writer.add(directions)
        if progress is not None:
            progress(engine.jumps, setup.jumps)
        if engine.jumps < setup.jumps and should_stop is not None and should_stop():
            state = "interrupted"
            break
        if writer.is_due(checkpoint_s):
            writer.write_segment()
    if state == "interrupted":
        writer.write_segment()
    else:
        writer.write_whole()
    made = engine.jumps - resumed_at
    hit_rate = engine.hits / made if made else float("nan")
    return _summary(state, files, Frames.of(engine), resumed_at, started, hit_rate)


def _summary(
    state: Literal["done", "interrupted"],
    files: RunFolder,
    end: Frames,
    resumed_at: int,
    started: float,
    hit_rate: float = float("nan"),
) -> RunSummary:
    return RunSummary(
        state=state,
        jumps=int(end.jump[0]),
        time_s=float(end.time_s[0]),
        resumed_at=resumed_at,
        hit_rate=hit_rate,
        wall_s=time.monotonic() - started,
        messages=tuple(files.messages),
    )


def _engine(setup: RunSetup, model: BarrierModel, on_disk: list[Stored], cache_MiB: float) -> Engine:
    """An engine in the state that the segments on disk end with."""
    occupancy = on_disk[-1].end.occupancy[0] if on_disk else setup.occupancy
    only_vacancy(setup.lattice, occupancy, len(setup.elements))
    engine = Engine(setup.lattice, occupancy, model, setup.conditions, cache_MiB=cache_MiB)
    if on_disk:
        engine.resume(on_disk[-1].end.progress(0))
    return engine


def _pieces(engine: Engine, setup: RunSetup) -> Iterator[SpeciesArray]:
    """Directions of one piece of the run after the other; every key frame ends a piece."""
    numbers = setup.key_frames.numbers(setup.jumps)
    length = _FIRST_PIECE
    for frame in numbers[numbers > engine.jumps]:
        while engine.jumps < frame:
            started = time.perf_counter()
            jumps = min(length, int(frame) - engine.jumps)
            yield engine.advance(jumps).directions
            taken_s = max(time.perf_counter() - started, 1e-9)
            length = max(_FIRST_PIECE, min(4 * length, int(jumps * _LOOK_EVERY_S / taken_s)))


class _Writer:
    """Collects what an engine produces and puts it on disk."""

    def __init__(self, files: RunFolder, engine: Engine, on_disk: list[Stored]) -> None:
        self._files = files
        self._engine = engine
        self._on_disk = on_disk
        self._key_jumps = files.setup.key_frames.numbers(files.setup.jumps)
        self._begin()
        if engine.jumps == 0:
            self._frames.append(Frames.of(engine))

    def _begin(self) -> None:
        """Nothing waits to be written."""
        self._directions: list[SpeciesArray] = []
        self._frames: list[Frames] = []
        self._first_jump = self._engine.jumps
        self._since = time.monotonic()

    def add(self, directions: SpeciesArray) -> None:
        """Take what the engine has just done."""
        self._directions.append(directions)
        if self._engine.jumps in self._key_jumps:
            self._frames.append(Frames.of(self._engine))

    def is_due(self, checkpoint_s: float) -> bool:
        """Whether enough has come together for a segment."""
        waiting = self._engine.jumps - self._first_jump
        return waiting > 0 and (time.monotonic() - self._since >= checkpoint_s or waiting >= _MOST_WAITING)

    def write_segment(self) -> None:
        """Put what waits on disk."""
        if self._engine.jumps == self._first_jump:
            return
        waiting = self._waiting()
        path = self._files.folder / segment_name(len(self._on_disk))
        self._files.write(path, waiting, self._first_jump, whole=False)
        self._on_disk.append(waiting)
        self._begin()

    def write_whole(self) -> None:
        """Write the finished run, and only then remove its segments."""
        parts = [*self._on_disk, self._waiting()]
        whole = Stored(
            self._files.header,
            0,
            self._files.setup.occupancy,
            np.concatenate([part.directions for part in parts]),
            join_frames([part.key_frames for part in parts]),
            parts[-1].end,
        )
        self._files.write(self._files.final_path, whole, self._first_jump, whole=True)
        self._files.clean()

    def _waiting(self) -> Stored:
        end = Frames.of(self._engine)
        return Stored(
            self._files.header,
            self._first_jump,
            self._files.setup.occupancy,
            np.concatenate([np.empty(0, dtype=np.uint8), *self._directions]),
            join_frames([end.select(slice(0, 0)), *self._frames]),
            end,
        )
