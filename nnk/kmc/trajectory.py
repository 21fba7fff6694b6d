"""Trajectories of vacancies: every jump, and key frames with the whole state."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.files import Fence, commit
from nnk.kmc.engine import RunConditions
from nnk.kmc.frames import Frames, join_frames
from nnk.kmc.replay import Replay, Replayed
from nnk.kmc.software import made_by
from nnk.kmc.storage import Content, DamagedFile, Jumped, TrajectoryFile, lattice_of, write
from nnk.lattice import IntArray, Lattice
from nnk.run_terms import Schedule

JumpReader = Callable[[int, int], Iterable[Jumped]]


@dataclass(frozen=True)
class State:
    """A state on the way of a run, found by replay.

    Attributes:
        jump: jumps made before.
        time_s: time since the start; NaN where no key frame is kept (jumps alone do not tell it).
        replayed: occupancy, vacancies and unwrapped displacements of vacancies and atoms since the start.
    """

    jump: int
    time_s: float
    replayed: Replayed = field(repr=False)


@dataclass(frozen=True, eq=False)
class Trajectory:
    """A run, or a stretch of one.

    Attributes:
        lattice: the lattice.
        elements: species i is ``elements[i - 1]``.
        conditions: temperature (of a schedule the first), seed, replica, attempt frequency.
        initial_occupancy: uint8[n_sites], the state before the first jump of the run.
        first_jump: number of the first jump; 0 unless this is a later stretch of a run.
        end: the state after the last jump, one frame.
        key_frames: states kept on the way, the last one among them.
        read_jumps: gives the jumps from one number to another (counted from `first_jump`), in blocks.
        ended_by: why the run ended: "jumps", "time" or the order reached; empty if it has not.
        made_on: for each stretch its first jump, processor type and versions.
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
    read_jumps: JumpReader = field(repr=False)
    ended_by: str = ""
    made_on: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    notes: Mapping[str, Any] = field(default_factory=dict, repr=False)
    hit_rate: float = float("nan")

    @cached_property
    def directions(self) -> SpeciesArray:
        """Direction uint8[n] of every jump, numbered as in ``lattice.jumps``; all in memory."""
        pieces = [piece.directions for piece in self.read_jumps(0, self.n_jumps)]
        return np.concatenate([np.empty(0, dtype=np.uint8), *pieces])

    @cached_property
    def movers(self) -> NDArray[np.uint16]:
        """Number uint16[n] of the vacancy that made each jump; all in memory."""
        pieces = [piece.movers for piece in self.read_jumps(0, self.n_jumps) if piece.movers is not None]
        if not pieces:
            return np.zeros(self.n_jumps, dtype=np.uint16)
        return np.concatenate(pieces).astype(np.uint16)

    @property
    def n_jumps(self) -> int:
        """Number of jumps in it."""
        return self.jumps - self.first_jump

    @property
    def jumps(self) -> int:
        """Jumps made since the start of the run."""
        return int(self.end.jump[0])

    @property
    def time_s(self) -> float:
        """Time since the start of the run."""
        return float(self.end.time_s[0])

    @property
    def schedule(self) -> Schedule:
        """Temperatures along the run."""
        kept = self.notes.get("schedule")
        return Schedule.from_json(kept) if kept else Schedule.constant(self.conditions.temperature_K)

    @property
    def occupancy(self) -> SpeciesArray:
        """The last state uint8[n_sites]."""
        return self.end.occupancy[0]

    @property
    def vacancies(self) -> IntArray:
        """Sites int64[n_vacancies] of the vacancies in the last state."""
        return self.end.vacancies[0]

    @property
    def vacancy_displacement(self) -> IntArray:
        """Way of each vacancy since the start int64[n_vacancies, 3] (a/2), not folded back."""
        return self.end.displacement[0]

    def frames(self) -> Frames:
        """The key frames."""
        return self.key_frames

    def states(self, every: int | None = None, at: Sequence[int] | None = None) -> Iterator[State]:
        """States of a whole run by replay, in bounded memory however long it is.

        Args:
            every: jumps between two states; the first is that after 0 jumps.
            at: ascending numbers of jumps instead. If neither is given, those of the key frames.

        Raises:
            ValueError: a stretch of a run, both `every` and `at`, or numbers that do not ascend or that the
                run has not reached.
        """
        self._check_whole()
        wanted = self._wanted(every, at)
        times = dict(zip(self.key_frames.jump.tolist(), self.key_frames.time_s.tolist(), strict=True))
        state, done = Replay(self.lattice, self.initial_occupancy), 0
        row = _Row(self.read_jumps(0, self.jumps))
        for number in wanted:
            for piece in row.take(number - done):
                state.follow(piece.directions, piece.movers)
            done = number
            yield State(number, times.get(number, float("nan")), state.now())

    def _wanted(self, every: int | None, at: Sequence[int] | None) -> Iterable[int]:
        if every is not None and at is not None:
            raise ValueError("states: expected every or at, got both")
        if every is not None:
            if every < 1:
                raise ValueError(f"states: every={every}: expected 1 or more")
            return range(0, self.jumps + 1, every)
        numbers = self.key_frames.jump.tolist() if at is None else [int(number) for number in at]
        if numbers and (sorted(set(numbers)) != numbers or numbers[0] < 0 or numbers[-1] > self.jumps):
            raise ValueError(f"states: at={numbers}: expected ascending numbers from 0 to {self.jumps}")
        return numbers

    def state_after(self, jumps: int) -> SpeciesArray:
        """Occupancy uint8[n_sites] after so many jumps, replayed from the key frame before.

        Raises:
            ValueError: the run has not reached it.
        """
        if not self.first_jump <= jumps <= self.jumps:
            raise ValueError(f"jumps={jumps}: the run has states from {self.first_jump} to {self.jumps}")
        before = np.flatnonzero(self.key_frames.jump <= jumps)
        if not len(before):
            self._check_whole()
            state, first = Replay(self.lattice, self.initial_occupancy), 0
        else:
            i = int(before[-1])
            frame = self.key_frames
            state = Replay(self.lattice, frame.occupancy[i], frame.vacancies[i])
            first = int(frame.jump[i])
        for piece in self.read_jumps(first - self.first_jump, jumps - self.first_jump):
            state.follow(piece.directions, piece.movers)
        return state.occupancy

    def check_replay(self) -> None:
        """Replay every jump and compare with each key frame and the last state.

        Raises:
            ValueError: the trajectory does not begin at jump 0, or a state is not what the jumps lead to.
        """
        for state, kept in zip(self.states(), self.key_frames.each(), strict=True):
            found = state.replayed
            same = (
                np.array_equal(found.occupancy, kept.occupancy[0])
                and np.array_equal(found.vacancies, kept.vacancies[0])
                and np.array_equal(found.vacancy_displacement, kept.displacement[0])
            )
            if not same:
                raise ValueError(f"the jumps do not lead to the state kept after jump {state.jump}")

    def _check_whole(self) -> None:
        if self.first_jump != 0:
            raise ValueError(f"the jumps begin at number {self.first_jump}: only whole runs can be replayed")

    def save(self, path: Path | str, *, fence: Fence | None = None) -> None:
        """Write to a NetCDF-4 file, atomically; `load` reads it, and so do xarray and OVITO."""
        content = Content(
            header=make_header(self.lattice, self.elements, self.conditions, self.notes),
            first_jump=self.first_jump,
            initial_occupancy=self.initial_occupancy,
            n_frames=len(self.key_frames),
            jumps=lambda: self.read_jumps(0, self.n_jumps),
            key_frames=lambda: [self.key_frames],
            end=self.end,
            ended_by=self.ended_by,
            made_on=tuple(dict(stretch) for stretch in self.made_on) or ({"first_jump": 0, **made_by()},),
        )
        commit(Path(path), lambda temporary: write(temporary, content, whole=True), fence=fence)

    @classmethod
    def load(cls, path: Path | str) -> Trajectory:
        """Read a file of `save`, or the folder of segments of a run under way. Jumps are read when used.

        A folder whose run had ended before and now goes on is read together with the file of that end.

        Raises:
            FileNotFoundError: nothing there.
            ValueError: not a trajectory.
        """
        path = Path(path)
        if not path.is_dir():
            return _of_files([TrajectoryFile(path)])
        files = [TrajectoryFile(segment) for segment in segment_files(path)]
        earlier = path.with_name(f"{path.name}.nc")
        if earlier.is_file() and (not files or files[0].first_jump > 0):
            files.insert(0, TrajectoryFile(earlier))
        return _of_files(files or [TrajectoryFile(path / segment_name(0))])


class _Row:
    """Jumps that follow each other in blocks, taken in stretches of any length; each block is read once."""

    def __init__(self, blocks: Iterable[Jumped]) -> None:
        self._blocks = iter(blocks)
        self._rest = Jumped(np.empty(0, dtype=np.uint8), None)

    def take(self, count: int) -> Iterator[Jumped]:
        """The next `count` jumps."""
        while count:
            if not len(self._rest.directions):
                self._rest = next(self._blocks)
            length = min(count, len(self._rest.directions))
            head, self._rest = _split(self._rest, length)
            count -= length
            yield head


def _split(row: Jumped, length: int) -> tuple[Jumped, Jumped]:
    if row.movers is None:
        return Jumped(row.directions[:length], None), Jumped(row.directions[length:], None)
    head = Jumped(row.directions[:length], row.movers[:length])
    return head, Jumped(row.directions[length:], row.movers[length:])


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


def _of_files(files: list[TrajectoryFile]) -> Trajectory:
    """The trajectory that files following each other make up."""
    header = files[0].header
    for before, file in itertools.pairwise(files):
        if file.header != header or file.first_jump != before.last_jump:
            raise DamagedFile(f"{file.path}: does not go on from the segment before it")
    end = files[-1].end
    frames = [file.frames() for file in files]
    if not any(len(part) and part.jump[-1] == end.jump[0] for part in frames):
        frames.append(end)
    return Trajectory(
        lattice=lattice_of(header),
        elements=tuple(header["elements"]),
        conditions=RunConditions(**{name: header[name] for name in _CONDITIONS}),
        initial_occupancy=files[0].initial_occupancy,
        first_jump=files[0].first_jump,
        end=end,
        key_frames=join_frames(frames),
        read_jumps=lambda first, last: _jumps_of(files, first, last),
        ended_by=files[-1].ended_by,
        made_on=tuple(stretch for file in files for stretch in file.made_on),
        notes={name: value for name, value in header.items() if name not in _HEADER_OF_RUN},
    )


def _jumps_of(files: list[TrajectoryFile], first: int, last: int) -> Iterator[Jumped]:
    """Jumps `first` up to `last` of files that follow each other."""
    start = files[0].first_jump
    for file in files:
        offset = file.first_jump - start
        a, b = max(first - offset, 0), min(last - offset, file.n_jumps)
        if a < b:
            yield from file.jumps(a, b)
