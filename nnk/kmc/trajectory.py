"""Trajectories of a vacancy: every jump, and key frames with the whole state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from nnk.environment import SpeciesArray
from nnk.files import Fence, commit
from nnk.kmc.engine import RunConditions
from nnk.kmc.frames import Frames, join_frames
from nnk.kmc.replay import replay
from nnk.kmc.storage import DamagedFile, Stored, lattice_of, pack, read_directions, read_states
from nnk.lattice import IntArray, Lattice


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A run, or a stretch of one, of a single vacancy.

    Attributes:
        lattice: the lattice.
        elements: species i is ``elements[i - 1]``.
        conditions: temperature, seed, replica, attempt frequency.
        initial_occupancy: uint8[n_sites], the state before the first jump of the run.
        first_jump: number of the first jump in `directions`; 0 unless this is a later stretch of a run.
        end: the state after the last jump, one frame.
        key_frames: states kept on the way.
        read_directions: gives the directions when they are asked for.
        notes: what else is known of the run: ``inputs_hash``, ``model`` and so on; JSON values.
        hit_rate: share of the jumps whose record came from the cache; NaN if unknown (read from a file).
    """

    lattice: Lattice
    elements: tuple[str, ...]
    conditions: RunConditions
    initial_occupancy: SpeciesArray = field(repr=False)
    first_jump: int
    end: Frames = field(repr=False)
    key_frames: Frames = field(repr=False)
    read_directions: Callable[[], SpeciesArray] = field(repr=False)
    notes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    hit_rate: float = float("nan")

    @cached_property
    def directions(self) -> SpeciesArray:
        """Direction uint8[n] of every jump, numbered as in ``lattice.jumps``."""
        return self.read_directions()

    @property
    def jumps(self) -> int:
        """Jumps made since the start of the run."""
        return int(self.end.jump[0])

    @property
    def time_s(self) -> float:
        """Time since the start of the run."""
        return float(self.end.time_s[0])

    @property
    def occupancy(self) -> SpeciesArray:
        """The last state uint8[n_sites]."""
        return self.end.occupancy[0]

    @property
    def vacancies(self) -> IntArray:
        """Sites int64[1] of the vacancies in the last state."""
        return self.end.vacancy

    @property
    def vacancy_displacement(self) -> IntArray:
        """The vacancy's way since the start int64[3] (a/2), not folded back."""
        return self.end.displacement[0]

    def frames(self) -> Frames:
        """The key frames."""
        return self.key_frames

    def check_replay(self) -> None:
        """Replay every jump and compare with each key frame and the last state.

        Raises:
            ValueError: the trajectory does not begin at jump 0, or a state is not what the jumps lead to.
        """
        if self.first_jump != 0:
            raise ValueError(f"the jumps begin at number {self.first_jump}: only whole runs can be replayed")
        occupancy, done = self.initial_occupancy, 0
        frames = join_frames([self.key_frames, self.end])
        for i, jump in enumerate(frames.jump):
            occupancy = replay(self.lattice, occupancy, self.directions[done:jump]).occupancy
            done = int(jump)
            if not np.array_equal(occupancy, frames.occupancy[i]):
                raise ValueError(f"the jumps do not lead to the state kept after jump {done}")

    def save(self, path: Path | str, *, fence: Fence | None = None) -> None:
        """Write to a NetCDF-4 file, atomically; `load` reads it, and so do xarray and OVITO."""
        header = make_header(self.lattice, self.elements, self.conditions, self.notes)
        stored = Stored(
            header, self.first_jump, self.initial_occupancy, self.directions, self.key_frames, self.end
        )
        blob = pack(stored, whole=True)
        commit(Path(path), lambda temporary: write_bytes(temporary, blob), fence=fence)

    @classmethod
    def load(cls, path: Path | str) -> Trajectory:
        """Read a file of `save`, or the folder of segments of a run under way. Directions are read when used.

        Raises:
            FileNotFoundError: nothing there.
            ValueError: not a trajectory.
        """
        path = Path(path)
        if path.is_dir():
            return _of_files(segment_files(path) or [path / segment_name(0)])
        return _of_files([path])


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file; returns nothing, as `nnk.files.commit` wants it."""
    path.write_bytes(content)


def segment_name(number: int) -> str:
    """File name of a run's segment."""
    return f"seg-{number:06d}.nc"


def segment_files(folder: Path) -> list[Path]:
    """Segments in `folder`, in order, up to the first one missing."""
    return [path for number, path in enumerate(all_segments(folder)) if path.name == segment_name(number)]


def all_segments(folder: Path) -> list[Path]:
    """Every segment in `folder`, in order, whether or not an earlier one is missing."""
    return sorted(folder.glob(f"seg-{'[0-9]' * 6}.nc"))


def make_header(
    lattice: Lattice, elements: Sequence[str], conditions: RunConditions, notes: Mapping[str, Any]
) -> dict[str, Any]:
    """What a run's files say about it, as JSON values."""
    return {
        "inputs_hash": "",
        **notes,
        "elements": list(elements),
        "structure": lattice.structure,
        "cells": list(lattice.cells),
        "a_A": float(lattice.a_A),
        **{name: getattr(conditions, name) for name in _CONDITIONS},
    }


_CONDITIONS = ("temperature_K", "seed", "replica", "attempt_frequency_Hz")
_HEADER_OF_RUN = {"elements", "structure", "cells", "a_A", *_CONDITIONS}


def _of_files(paths: list[Path]) -> Trajectory:
    """The trajectory that files following each other make up."""
    parts = [read_states(path) for path in paths]
    header = parts[0].header
    for path, before, part in zip(paths[1:], parts, parts[1:], strict=False):
        if part.header != header or part.first_jump != before.end.jump[0]:
            raise DamagedFile(f"{path}: does not go on from the segment before it")
    return Trajectory(
        lattice=lattice_of(header),
        elements=tuple(header["elements"]),
        conditions=RunConditions(**{name: header[name] for name in _CONDITIONS}),
        initial_occupancy=parts[0].initial_occupancy,
        first_jump=parts[0].first_jump,
        end=parts[-1].end,
        key_frames=join_frames([part.key_frames for part in parts]),
        read_directions=lambda: np.concatenate([read_directions(path) for path in paths]),
        notes={name: value for name, value in header.items() if name not in _HEADER_OF_RUN},
    )
