"""What a run on disk is, and how a call that works on it ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nnk.environment import SpeciesArray
from nnk.kmc.engine import RunConditions, whole_number
from nnk.kmc.frames import KeyFrames
from nnk.kmc.trajectory import make_header
from nnk.lattice import Lattice


@dataclass(frozen=True, eq=False)
class RunSetup:
    """One run and everything its result depends on, the model apart.

    Attributes:
        lattice: the lattice.
        elements: species i is ``elements[i - 1]``.
        occupancy: uint8[n_sites], the start, with one vacancy.
        temperature_K: temperature.
        seed: seed of the campaign.
        replica: number of the run among those that differ in nothing else.
        jumps: how many jumps to make.
        attempt_frequency_Hz: k0 of the rates.
        key_frames: which states to keep.
        inputs_hash: kept in the files; files with another one are not continued.
        model_description: kept in the files; JSON values.
    """

    lattice: Lattice
    elements: tuple[str, ...]
    occupancy: SpeciesArray
    temperature_K: float
    seed: int
    replica: int
    jumps: int
    attempt_frequency_Hz: float = 1e13
    key_frames: KeyFrames = field(default_factory=KeyFrames)
    inputs_hash: str = ""
    model_description: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "jumps", whole_number("jumps", self.jumps))
        if self.jumps < 0:
            raise ValueError(f"jumps={self.jumps}: expected 0 or more")

    @property
    def conditions(self) -> RunConditions:
        """Temperature, seed, replica, attempt frequency."""
        return RunConditions(self.temperature_K, self.seed, self.replica, self.attempt_frequency_Hz)

    def header(self) -> dict[str, Any]:
        """What every file of the run says about it."""
        notes = {
            "inputs_hash": self.inputs_hash,
            "model": dict(self.model_description),
            "jumps": self.jumps,
            "key_frames": {"count": self.key_frames.count, "spacing": self.key_frames.spacing},
        }
        return make_header(self.lattice, self.elements, self.conditions, notes)


@dataclass(frozen=True)
class RunSummary:
    """How a call of `run_to_files` ended.

    Attributes:
        state: "done", or "interrupted" (it can be called again to go on).
        jumps: jumps made and on disk.
        time_s: time reached.
        resumed_at: jumps that were on disk before.
        hit_rate: share of this call's jumps whose record came from the cache; NaN if it made none.
        wall_s: seconds that this call took.
        messages: files that were set aside, and why.
    """

    state: Literal["done", "interrupted"]
    jumps: int
    time_s: float
    resumed_at: int
    hit_rate: float
    wall_s: float
    messages: tuple[str, ...]
