"""Trajectories of a vacancy: every jump, and key frames with the whole state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.kmc.engine import Engine, RunConditions
from nnk.kmc.replay import replay
from nnk.lattice import IntArray, Lattice

Spacing = Literal["linear", "log"]
SPACINGS: tuple[Spacing, ...] = ("linear", "log")


@dataclass(frozen=True)
class KeyFrames:
    """After which jumps the whole state is kept.

    Attributes:
        count: number of key frames, the first and the last state among them; fewer where two would coincide.
        spacing: "linear" or "log" in the number of jumps.
    """

    count: int = 2
    spacing: Spacing = "linear"

    def __post_init__(self) -> None:
        if self.count < 2:
            raise ValueError(f"key frames: count={self.count}, allowed are 2 (first and last) or more")
        if self.spacing not in SPACINGS:
            raise ValueError(f"key frames: spacing={self.spacing!r}, allowed are {', '.join(SPACINGS)}")

    def numbers(self, jumps: int) -> IntArray:
        """Jump numbers int64[n] of the key frames of a run of `jumps` jumps: 0, ..., `jumps`."""
        if self.spacing == "linear" or jumps < 1:
            spaced = np.linspace(0, jumps, self.count)
        else:
            spaced = np.concatenate([[0.0], np.geomspace(1, jumps, self.count - 1)])
            spaced[-1] = jumps
        return np.unique(np.rint(spaced).astype(np.int64))


@dataclass(frozen=True)
class Frames:
    """Key frames.

    Attributes:
        jump: int64[n], jumps made before the frame.
        time_s: float64[n].
        occupancy: uint8[n, n_sites].
        vacancy: int64[n], the vacancy's site.
        displacement: int64[n, 3] (a/2), the vacancy's way since the start of the run, not folded back.
        pair_counts: int64[n, shells, n_species, n_species], see `nnk.observables.pair_order.pair_counts`.
    """

    jump: IntArray
    time_s: NDArray[np.float64]
    occupancy: SpeciesArray
    vacancy: IntArray
    displacement: IntArray
    pair_counts: IntArray

    def __len__(self) -> int:
        return len(self.jump)

    @classmethod
    def of(cls, engines: Engine) -> Frames:
        """One frame: the present state of an engine."""
        return cls(
            np.array([engines.jumps]),
            np.array([engines.time_s]),
            engines.occupancy[None],
            np.array([engines.vacancy]),
            engines.displacement[None],
            engines.pair_counts[None],
        )

    def select(self, which: NDArray | slice) -> Frames:
        """Some of the frames."""
        return Frames(*(getattr(self, name)[which] for name in FRAME_FIELDS))


FRAME_FIELDS = ("jump", "time_s", "occupancy", "vacancy", "displacement", "pair_counts")


def join_frames(parts: list[Frames]) -> Frames:
    """Frames one after the other."""
    return Frames(*(np.concatenate([getattr(part, name) for part in parts]) for name in FRAME_FIELDS))


@dataclass(frozen=True)
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
        hit_rate: share of the jumps whose record came from the cache; NaN if unknown (read from a file).
    """

    lattice: Lattice
    elements: tuple[str, ...]
    conditions: RunConditions
    initial_occupancy: SpeciesArray
    first_jump: int
    end: Frames
    key_frames: Frames
    read_directions: Callable[[], SpeciesArray] = field(repr=False)
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
