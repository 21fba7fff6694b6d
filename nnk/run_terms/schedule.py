"""Temperatures along a run: plateaus that begin at given jumps or times."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Of = Literal["jumps", "time_s"]
MOST_PLATEAUS = 10_000  # of the ramps of a campaign: they stand in every file of a run


@dataclass(frozen=True)
class Schedule:
    """A temperature for every stretch of a run; the last one holds to the end.

    A schedule in jumps is followed exactly: jump number n (from 0) is made at the temperature of the last
    plateau that begins at n or before. One in time changes the rates while the vacancy waits: what is left of
    its waiting time is then spent at the new rates, which is the exact process for piecewise constant rates.

    Attributes:
        of: "jumps" or "time_s".
        at: where each plateau begins: ascending, the first at 0.
        temperatures_K: temperature of each plateau.
    """

    of: Of
    at: tuple[float, ...]
    temperatures_K: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.at or len(self.at) != len(self.temperatures_K):
            raise ValueError(f"schedule: {len(self.at)} places for {len(self.temperatures_K)} temperatures")
        if self.at[0] != 0 or any(b <= a for a, b in zip(self.at, self.at[1:], strict=False)):
            raise ValueError(f"schedule: expected ascending {self.of} from 0 on, got {list(self.at)}")
        if not all(math.isfinite(t) and t > 0 for t in self.temperatures_K):
            raise ValueError(
                f"schedule: temperatures_K={list(self.temperatures_K)}: expected positive numbers"
            )
        if self.of == "jumps" and any(n != int(n) for n in self.at):
            raise ValueError(f"schedule: jumps={list(self.at)}: expected whole numbers")

    @classmethod
    def constant(cls, temperature_K: float) -> Schedule:
        """One temperature all along."""
        return cls("jumps", (0,), (float(temperature_K),))

    @classmethod
    def ramps(cls, of: Of, at: Sequence[float], temperatures_K: Sequence[float], step_K: float) -> Schedule:
        """Linear ramps between the given points, as plateaus of at most `step_K` difference.

        Each ramp is cut into equal lengths; a plateau has the ramp's temperature at its beginning, so both
        ends of a ramp are exact.

        Raises:
            ValueError: as `Schedule`, or a `step_K` that is not positive.
        """
        if not step_K > 0:
            raise ValueError(f"schedule: step_K={step_K!r}: expected a positive number")
        places: list[float] = []
        temperatures: list[float] = []
        points = list(zip(at, temperatures_K, strict=True))
        for (begin, t0), (end, t1) in itertools.pairwise(points):
            n = max(1, math.ceil(abs(t1 - t0) / step_K))
            for i in range(n):
                place = begin + (end - begin) * i / n
                place = math.floor(place) if of == "jumps" else place
                if not places or place > places[-1]:
                    places.append(place)
                    temperatures.append(t0 + (t1 - t0) * i / n)
        return cls(of, (*places, points[-1][0]), (*temperatures, points[-1][1]))

    def plateau(self, jumps: int, time_s: float) -> int:
        """Number of the plateau of the next jump after `jumps` jumps and `time_s`."""
        here = jumps if self.of == "jumps" else time_s
        return bisect.bisect_right(self.at, here) - 1

    def temperature_K(self, jumps: int, time_s: float) -> float:
        """Temperature of the next jump after `jumps` jumps and `time_s`."""
        return self.temperatures_K[self.plateau(jumps, time_s)]

    def next_jump(self, jumps: int) -> int | None:
        """Number of jumps at which the temperature changes next; None if time or nothing changes it."""
        later = self._next(jumps) if self.of == "jumps" else None
        return None if later is None else int(later)

    def next_time_s(self, time_s: float) -> float | None:
        """Time at which the temperature changes next; None if jumps or nothing change it."""
        return self._next(time_s) if self.of == "time_s" else None

    def _next(self, here: float) -> float | None:
        """Where the first plateau after `here` begins."""
        i = bisect.bisect_right(self.at, here)
        return self.at[i] if i < len(self.at) else None

    @property
    def is_constant(self) -> bool:
        """Whether there is one temperature only."""
        return len(set(self.temperatures_K)) == 1

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"of": self.of, "at": list(self.at), "temperatures_K": list(self.temperatures_K)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Schedule:
        """The inverse of `as_json`."""
        return cls(values["of"], tuple(values["at"]), tuple(values["temperatures_K"]))
