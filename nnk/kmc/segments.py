"""Runs on disk: closed segments while under way, one file when done; any death costs one segment at most.

What the files hold does not depend on where segments ended, how often the run was killed, whether it was
asked to go on after its end, or on the cache.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from nnk.files import Fence
from nnk.kmc.driver import Driver, Piece
from nnk.kmc.engine import CACHE_MiB
from nnk.kmc.frames import Frames
from nnk.kmc.run_folder import RunFolder
from nnk.kmc.setup import RunSetup, RunSummary
from nnk.kmc.software import differences
from nnk.kmc.writer import Writer
from nnk.models.base import BarrierModel

_LOOK_EVERY_S = 0.2  # between two looks at the clock and at should_stop
_FIRST_PIECE = 500  # jumps; compilation and the machine's speed are not known yet


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
    """Make a run, or go on with it from what is on disk, until it ends as `setup` says.

    Segments are written to the folder ``final_path.with_suffix("")`` and merged when the run is complete. A
    run that has ended earlier than `setup` now asks for goes on; one that is longer is left alone. Damaged
    files, and files of other inputs, are moved away and their part is computed again.

    Args:
        final_path: the finished trajectory (``.nc``).
        setup: the run.
        model: gives the barriers; its elements are those of `setup`, in the same order.
        checkpoint_s: seconds between segments.
        fence: the right to write; None outside campaigns.
        progress: called with the jumps made and the most that are asked for, a few times a second.
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
    files.look()
    whole = files.whole
    if whole is not None:
        files.clean()
        return summary("done", files, whole.end, whole.ended_by, whole.last_jump, started)
    compare_software(files)
    driver = Driver(setup, model, files.end, cache_MiB=cache_MiB)
    resumed_at = driver.jumps
    writer = Writer(files, driver)
    ended_by = ""
    for piece in _pieces(driver):
        writer.add(piece)
        if progress is not None:
            progress(driver.jumps, setup.stop.jumps)
        ended_by = driver.ended_by()
        if ended_by or (should_stop is not None and should_stop()):
            break
        if writer.is_due(checkpoint_s):
            writer.write_segment()
    if ended_by:
        writer.write_whole(ended_by)
    else:
        writer.write_segment()
    made = driver.jumps - resumed_at
    hit_rate = driver.hits / made if made else float("nan")
    state: Literal["done", "interrupted"] = "done" if ended_by else "interrupted"
    return summary(state, files, driver.frame(), ended_by, resumed_at, started, hit_rate)


def summary(
    state: Literal["done", "interrupted"],
    files: RunFolder,
    end: Frames,
    ended_by: str,
    resumed_at: int,
    started: float,
    hit_rate: float = float("nan"),
) -> RunSummary:
    """How a call has ended, and since when (`time.monotonic`) it has been running."""
    return RunSummary(
        state=state,
        jumps=int(end.jump[0]),
        time_s=float(end.time_s[0]),
        ended_by=ended_by,
        resumed_at=resumed_at,
        hit_rate=hit_rate,
        wall_s=time.monotonic() - started,
        messages=tuple(files.messages),
    )


def compare_software(files: RunFolder) -> None:
    """Say when a run goes on under conditions in which it might not repeat itself bit for bit."""
    changed = differences(files.parts[-1].made_on[-1]) if files.parts else []
    if changed:
        files.say(
            f"{files.final_path}: goes on from jump {files.jumps} with {', '.join(changed)}: the run is as "
            f"good, but bit-equality with an unbroken one is promised for one processor type and version only"
        )


def _pieces(driver: Driver) -> Iterator[Piece]:
    """One piece of the run after the other, each short enough to look at the clock between them."""
    length = _FIRST_PIECE
    if driver.ended_by():
        yield Piece(np.empty(0, dtype=np.uint8), None, None)
        return
    while True:
        started = time.perf_counter()
        piece = driver.advance(length)
        taken_s = max(time.perf_counter() - started, 1e-9)
        if len(piece.directions) == length:  # a shorter one says little of the speed
            length = max(_FIRST_PIECE, min(4 * length, int(length * _LOOK_EVERY_S / taken_s)))
        yield piece
