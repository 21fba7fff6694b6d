"""States kept on the way of a run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.kmc.engine import MOST_DECIDED, Progress
from nnk.lattice import IntArray
from nnk.models.program import Float64Array

Spacing = Literal["linear", "log"]
_NOTHING = 255
SPACINGS: tuple[Spacing, ...] = ("linear", "log")


@dataclass(frozen=True)
class KeyFrames:
    """After which jumps the whole state is kept, besides the first and the last.

    The jump numbers do not depend on where the run ends, so that a longer run keeps those of a shorter one.

    Attributes:
        spacing: "log": 1, ..., 10, ..., 100, ... jumps; "linear": every so many jumps.
        per_decade: with "log": so many key frames per decade (fewer where two would coincide).
        every: with "linear": jumps between two key frames; 0 for none but the first and the last.
    """

    spacing: Spacing = "linear"
    per_decade: int = 10
    every: int = 0

    def __post_init__(self) -> None:
        if self.spacing not in SPACINGS:
            raise ValueError(f"key frames: spacing={self.spacing!r}, allowed are {', '.join(SPACINGS)}")
        if self.per_decade < 1:
            raise ValueError(f"key frames: per_decade={self.per_decade}, allowed are 1 or more")
        if self.every < 0:
            raise ValueError(f"key frames: every={self.every}, allowed are 0 (none) or more")

    def after(self, jumps: int) -> int | None:
        """Number of the first key frame after `jumps` jumps; None if there is none."""
        if self.spacing == "linear":
            return (jumps // self.every + 1) * self.every if self.every else None
        i = max(0, math.floor(self.per_decade * math.log10(max(jumps, 1))) - 1)
        while (number := round(10 ** (i / self.per_decade))) <= jumps:
            i += 1
        return number

    def holds(self, jumps: int) -> bool:
        """Whether the state after `jumps` jumps is a key frame."""
        return jumps == 0 or self.after(jumps - 1) == jumps

    def numbers(self, jumps: int) -> IntArray:
        """Jump numbers int64[n] of the key frames of a run of `jumps` jumps: 0, ..., `jumps`."""
        found = [0]
        while (number := self.after(found[-1])) is not None and number < jumps:
            found.append(number)
        return np.unique([*found, jumps])


class Snapshot(Protocol):
    """The present state of an engine."""

    @property
    def progress(self) -> Progress:
        """How far the run has come."""

    @property
    def occupancy(self) -> SpeciesArray:
        """uint8[n_sites]."""

    @property
    def pair_counts(self) -> IntArray:
        """int64[shells, n_species, n_species]."""


@dataclass(frozen=True, eq=False)
class Frames:
    """Key frames.

    Attributes:
        jump: int64[n], jumps made before the frame.
        time_s: float64[n].
        time_rest_s: float64[n], what `time_s` lacks of the time below its last digit.
        temperature_K: float64[n], temperature of the jump after the frame.
        energy_eV: float64[n], energy of the state by the model, up to a constant; NaN if it has none.
        occupancy: uint8[n, n_sites].
        vacancies: int64[n, n_vacancies], site of each vacancy.
        displacement: int64[n, n_vacancies, 3] (a/2), way of each vacancy since the start of the run, not
            folded back.
        pair_counts: int64[n, shells, n_species, n_species], see `nnk.observables.pair_order.pair_counts`.
        decided: uint8[n, MOST_DECIDED], the rest of a way out of a trap, filled up with 255
            (`nnk.kmc.flicker`).
        skipped: float64[n], jumps made within traps beyond those counted in `jump`.
    """

    jump: IntArray
    time_s: Float64Array
    time_rest_s: Float64Array
    temperature_K: Float64Array
    energy_eV: Float64Array
    occupancy: SpeciesArray
    vacancies: IntArray
    displacement: IntArray
    pair_counts: IntArray
    decided: SpeciesArray
    skipped: Float64Array

    def __len__(self) -> int:
        return len(self.jump)

    @classmethod
    def of(cls, engine: Snapshot, temperature_K: float, energy_eV: float = math.nan) -> Frames:
        """One frame: the present state of an engine."""
        now = engine.progress
        return cls(
            np.array([now.jumps]),
            np.array([now.time_s]),
            np.array([now.time_rest_s]),
            np.array([float(temperature_K)]),
            np.array([float(energy_eV)]),
            engine.occupancy[None],
            now.vacancies[None],
            now.displacements[None],
            engine.pair_counts[None],
            np.append(now.decided, np.full(MOST_DECIDED - len(now.decided), _NOTHING, dtype=np.uint8))[None],
            np.array([now.skipped]),
        )

    def progress(self, i: int) -> Progress:
        """What frame `i` says of how far the run had come."""
        return Progress(
            int(self.jump[i]),
            float(self.time_s[i]),
            float(self.time_rest_s[i]),
            self.vacancies[i],
            self.displacement[i],
            self.decided[i][self.decided[i] != _NOTHING],
            float(self.skipped[i]),
        )

    def select(self, which: NDArray | slice) -> Frames:
        """Some of the frames."""
        return Frames(*(getattr(self, name)[which] for name in FRAME_FIELDS))

    def each(self) -> Iterator[Frames]:
        """The frames one by one."""
        return (self.select(slice(i, i + 1)) for i in range(len(self)))


FRAME_FIELDS = (
    *("jump", "time_s", "time_rest_s", "temperature_K", "energy_eV"),
    *("occupancy", "vacancies", "displacement", "pair_counts", "decided", "skipped"),
)


def join_frames(parts: list[Frames]) -> Frames:
    """Frames one after the other."""
    return Frames(*(np.concatenate([getattr(part, name) for part in parts]) for name in FRAME_FIELDS))
