"""What a run on disk is, and how a call that works on it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nnk.environment import SpeciesArray
from nnk.kmc.engine import RunConditions
from nnk.kmc.frames import KeyFrames
from nnk.kmc.trajectory import make_header
from nnk.lattice import Lattice
from nnk.run_terms import Schedule, StopWhen


@dataclass(frozen=True, eq=False)
class RunSetup:
    """One run and everything its result depends on, the model apart.

    Attributes:
        lattice: the lattice.
        elements: species i is ``elements[i - 1]``.
        occupancy: uint8[n_sites], the start, with a 0 for each vacancy.
        temperature_K: temperature; of a schedule the first one. It is part of the random numbers' key.
        seed: seed of the campaign.
        replica: number of the run among those that differ in nothing else.
        stop: when the run ends. It can be put off later: the run then goes on.
        schedule: temperatures along the run; None: `temperature_K` all along.
        attempt_frequency_Hz: k0 of the rates.
        key_frames: which states to keep.
        flicker: advance a flickering vacancy at once (`nnk.kmc.flicker`).
        inputs_hash: kept in the files; files with another one are not continued.
        model_description: kept in the files; JSON values.
    """

    lattice: Lattice
    elements: tuple[str, ...]
    occupancy: SpeciesArray
    temperature_K: float
    seed: int
    replica: int
    stop: StopWhen
    schedule: Schedule | None = None
    attempt_frequency_Hz: float = 1e13
    key_frames: KeyFrames = field(default_factory=KeyFrames)
    flicker: bool = False
    inputs_hash: str = ""
    model_description: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.schedule is not None and self.schedule.temperatures_K[0] != self.temperature_K:
            raise ValueError(
                f"temperature_K={self.temperature_K}, but the schedule begins at "
                f"{self.schedule.temperatures_K[0]} K"
            )
        if self.flicker and (self.temperatures.of == "time_s" or self.stop.time_s is not None):
            raise ValueError("flicker: temperature and end may follow the jumps, not the time")
        if self.stop.order is not None:
            unknown = [name for name in self.stop.order.pair if name not in self.elements]
            if unknown:
                raise ValueError(f"stop: order of {unknown[0]}: the elements are {', '.join(self.elements)}")

    @property
    def conditions(self) -> RunConditions:
        """Temperature (the first), seed, replica, attempt frequency."""
        return RunConditions(self.temperature_K, self.seed, self.replica, self.attempt_frequency_Hz)

    @property
    def temperatures(self) -> Schedule:
        """The schedule; of a run at one temperature a constant one."""
        return self.schedule or Schedule.constant(self.temperature_K)

    def header(self) -> dict[str, Any]:
        """What every file of the run says about it; where it ends is not among it."""
        frames = self.key_frames
        number = frames.per_decade if frames.spacing == "log" else frames.every
        notes: dict[str, Any] = {
            "inputs_hash": self.inputs_hash,
            "model": dict(self.model_description),
            "key_frames": {"spacing": frames.spacing, "number": number},
            "schedule": self.schedule.as_json() if self.schedule else None,
        }
        if self.flicker:
            notes["flicker"] = True
        return make_header(self.lattice, self.elements, self.conditions, notes)


@dataclass(frozen=True)
class RunSummary:
    """How a call of `run_to_files` ended.

    Attributes:
        state: "done", or "interrupted" (it can be called again to go on).
        jumps: jumps made and on disk.
        time_s: time reached.
        ended_by: "jumps", "time" or the order that was reached; empty if interrupted.
        resumed_at: jumps that were on disk before.
        hit_rate: share of this call's jumps whose record came from the cache; NaN if it made none.
        wall_s: seconds that this call took.
        messages: files that were set aside, and why; that the run goes on with other software or hardware.
    """

    state: Literal["done", "interrupted"]
    jumps: int
    time_s: float
    ended_by: str
    resumed_at: int
    hit_rate: float
    wall_s: float
    messages: tuple[str, ...]
