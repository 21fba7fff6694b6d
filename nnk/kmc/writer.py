"""From a run in progress to its files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from nnk.kmc.driver import Piece
from nnk.kmc.frames import Frames, join_frames
from nnk.kmc.run_folder import RunFolder
from nnk.kmc.software import made_by
from nnk.kmc.storage import Content, Jumped

_MOST_WAITING = 2**24  # jumps kept in memory before a segment is written anyway


class Drives(Protocol):
    """A run in progress, as far as it is written down."""

    @property
    def jumps(self) -> int:
        """Jumps made since the start."""

    def frame(self) -> Frames:
        """The present state."""


class Writer:
    """Collects what a run produces and puts it on disk.

    Args:
        files: where it goes.
        driver: the run.
        maker: what else it is made by, besides the software (`nnk.kmc.software`).
    """

    def __init__(self, files: RunFolder, driver: Drives, maker: Mapping[str, Any] | None = None) -> None:
        self._files = files
        self._driver = driver
        self._maker = maker or {}
        self._begin()
        if not files.parts:
            self._frames.append(driver.frame())

    def _begin(self) -> None:
        """Nothing waits to be written."""
        self._pieces: list[Piece] = []
        self._frames: list[Frames] = []
        self._first_jump = self._driver.jumps
        self._since = time.monotonic()

    def add(self, piece: Piece) -> None:
        """Take what the driver has just done."""
        self._pieces.append(piece)
        if piece.frame is not None:
            self._frames.append(piece.frame)

    def is_due(self, checkpoint_s: float) -> bool:
        """Whether enough has come together for a segment."""
        waiting = self._driver.jumps - self._first_jump
        return waiting > 0 and (time.monotonic() - self._since >= checkpoint_s or waiting >= _MOST_WAITING)

    def write_segment(self) -> None:
        """Put what waits on disk."""
        if self._driver.jumps > self._first_jump:
            self._files.add_segment(self._waiting(""))
            self._begin()

    def write_whole(self, ended_by: str) -> None:
        """Write the finished run."""
        self._files.finish(self._waiting(ended_by))

    def _waiting(self, ended_by: str) -> Content:
        end = self._driver.frame()
        movers = [piece.movers for piece in self._pieces if piece.movers is not None]
        row = Jumped(
            np.concatenate([np.empty(0, dtype=np.uint8), *(piece.directions for piece in self._pieces)]),
            np.concatenate([np.empty(0, dtype=np.uint16), *movers]),
        )
        frames = join_frames([end.select(slice(0, 0)), *self._frames])
        stretch: dict[str, Any] = {"first_jump": self._first_jump, **made_by(), **self._maker}
        return Content(
            header=self._files.header,
            first_jump=self._first_jump,
            initial_occupancy=self._files.setup.occupancy,
            n_frames=len(frames),
            jumps=lambda: [row],
            key_frames=lambda: [frames],
            end=end,
            ended_by=ended_by,
            made_on=(stretch,),
        )
