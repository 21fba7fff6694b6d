"""States kept on the way of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.kmc.engine import Engine, Progress
from nnk.lattice import IntArray

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


@dataclass(frozen=True, eq=False)
class Frames:
    """Key frames.

    Attributes:
        jump: int64[n], jumps made before the frame.
        time_s: float64[n].
        time_rest_s: float64[n], what `time_s` lacks of the exact sum below its last digit.
        occupancy: uint8[n, n_sites].
        vacancy: int64[n], the vacancy's site.
        displacement: int64[n, 3] (a/2), the vacancy's way since the start of the run, not folded back.
        pair_counts: int64[n, shells, n_species, n_species], see `nnk.observables.pair_order.pair_counts`.
    """

    jump: IntArray
    time_s: NDArray[np.float64]
    time_rest_s: NDArray[np.float64]
    occupancy: SpeciesArray
    vacancy: IntArray
    displacement: IntArray
    pair_counts: IntArray

    def __len__(self) -> int:
        return len(self.jump)

    @classmethod
    def of(cls, engine: Engine) -> Frames:
        """One frame: the present state of an engine."""
        progress = engine.progress
        return cls(
            np.array([progress.jumps]),
            np.array([progress.time_s]),
            np.array([progress.time_rest_s]),
            engine.occupancy[None],
            progress.vacancies,
            progress.displacements,
            engine.pair_counts[None],
        )

    def progress(self, number: int) -> Progress:
        """Where frame `number` stands, for an engine to go on from."""
        return Progress(
            int(self.jump[number]),
            float(self.time_s[number]),
            float(self.time_rest_s[number]),
            self.vacancy[number : number + 1],
            self.displacement[number : number + 1],
        )

    def select(self, which: NDArray | slice) -> Frames:
        """Some of the frames."""
        return Frames(*(getattr(self, name)[which] for name in FRAME_FIELDS))


FRAME_FIELDS = ("jump", "time_s", "time_rest_s", "occupancy", "vacancy", "displacement", "pair_counts")


def join_frames(parts: list[Frames]) -> Frames:
    """Frames one after the other."""
    return Frames(*(np.concatenate([getattr(part, name) for part in parts]) for name in FRAME_FIELDS))
