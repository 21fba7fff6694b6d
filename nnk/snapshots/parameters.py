"""How snapshots are made: plain numbers, checked."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Langevin:
    """How atoms are moved.

    Attributes:
        temperature_K: of the first velocities, and of the thermostat.
        time_step_fs: time step.
        friction_per_ps: rate at which velocities forget; 0: constant energy.

    Raises:
        ValueError: numbers that are not positive.
    """

    temperature_K: float
    time_step_fs: float = 2.0
    friction_per_ps: float = 10.0

    def __post_init__(self) -> None:
        for name in ("temperature_K", "time_step_fs"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected a positive number")
        if not self.friction_per_ps >= 0:
            raise ValueError(f"friction_per_ps={self.friction_per_ps!r}: expected a number >= 0")


@dataclass(frozen=True)
class Sampling:
    """Which moments of a trajectory are kept.

    Attributes:
        count: snapshots.
        equilibration: steps before the first one.
        interval: steps between two; None: some correlation times of the slower of energy and forces.

    Raises:
        ValueError: numbers that are too small.
    """

    count: int
    equilibration: int
    interval: int | None = None

    def __post_init__(self) -> None:
        for name, least in (("count", 1), ("equilibration", 20), ("interval", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise ValueError(f"{name}={value!r}: expected a whole number of at least {least}")

    def next_mark(self, step: int, interval: int) -> int:
        """The next step that something depends on: half or all of the equilibration, or a snapshot."""
        if step < self.equilibration:
            half = self.equilibration // 2
            return half if step < half else self.equilibration
        return step + interval - (step - self.equilibration) % interval
