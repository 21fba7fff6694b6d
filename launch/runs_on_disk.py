"""How far kMC runs have come, from the attributes of their files alone."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import netCDF4

from launch.items import Item
from nnk.files import Workdir
from nnk.run_terms import MOST_JUMPS

REFRESH_S = 2.0  # between two looks at the files of runs under way


@dataclass(frozen=True)
class RunOnDisk:
    """What a file of a run says.

    Attributes:
        inputs_hash: hash of the inputs that it was made from.
        jumps: jumps made since the start of the run.
        time_s: physical time since then.
        ended_by: why the run ended there; empty for a segment of a run under way.
    """

    inputs_hash: str
    jumps: int
    time_s: float
    ended_by: str


def read_run(path: Path) -> RunOnDisk | None:
    """The attributes of a trajectory or segment; None if it is not there, damaged or of an older format."""
    if not path.is_file():
        return None
    try:
        with netCDF4.Dataset(path) as file:
            return RunOnDisk(str(file.inputs_hash), int(file.jumps), float(file.time_s), str(file.ended_by))
    except (OSError, RuntimeError, AttributeError):  # the run is made again, and the file set aside then
        return None


def run_file(workdir: Workdir, item: Item) -> Path:
    """The file of a finished run."""
    return workdir.root / "kmc" / f"{item.key}.nc"


def finished_run(workdir: Workdir, item: Item) -> RunOnDisk | None:
    """The run of an item if it once ended, from the present inputs, at whatever length."""
    run = read_run(run_file(workdir, item))
    return run if run is not None and run.inputs_hash == item.hash else None


def is_long_enough(run: RunOnDisk | None, item: Item) -> bool:
    """Whether a run has come as far as is asked for."""
    return run is not None and (item.until is None or item.until.is_met(run.jumps, run.time_s, run.ended_by))


def extension(run: RunOnDisk, item: Item) -> str:
    """Why a run that has ended goes on: ``extend 200,000 -> 400,000 jumps``."""
    until = item.until.text if item.until is not None else ""
    return f"extend {run.jumps:,} -> {until}" if run.ended_by == "jumps" else f"extend to {until}"


def jumps_on_disk(workdir: Workdir, item: Item) -> int:
    """Jumps of a run that are safe, whether it has ended or not; those beyond its end do not count."""
    folder = run_file(workdir, item).with_suffix("")
    segments = sorted(folder.glob("seg-*.nc")) if folder.is_dir() else []
    found = [read_run(segments[-1])] if segments else []
    runs = [run for run in [*found, finished_run(workdir, item)] if run and run.inputs_hash == item.hash]
    most = item.until.jumps if item.until is not None else MOST_JUMPS
    return min(max((run.jumps for run in runs), default=0), most)


class JumpCount:
    """Jumps made by some runs so far, looked up now and then.

    Args:
        workdir: the working directory.
        items: the runs.
    """

    def __init__(self, workdir: Workdir, items: Iterable[Item]) -> None:
        self._workdir = workdir
        self._left = {item.key: item for item in items}
        self._asked = sum(item.until.jumps for item in self._left.values() if item.until is not None)
        self._bounded = all(
            item.until is not None and item.until.jumps != MOST_JUMPS for item in self._left.values()
        )
        self._finished = 0
        self._looked_s = float("-inf")
        self._note = ""

    def note(self, done: Iterable[str] = ()) -> str:
        """``350,000 of 800,000 jumps``; `done`: keys of runs that have ended."""
        now = time.monotonic()
        if now - self._looked_s < REFRESH_S:
            return self._note
        self._looked_s = now
        for key in done:
            if key in self._left:
                self._finished += jumps_on_disk(self._workdir, self._left.pop(key))
        made = self._finished + sum(jumps_on_disk(self._workdir, item) for item in self._left.values())
        self._note = f"{made:,} of {self._asked:,} jumps" if self._bounded else f"{made:,} jumps"
        return self._note
