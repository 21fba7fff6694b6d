"""When a run ends: after so many jumps, after a time, when an order is reached; whatever comes first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from nnk.lattice import IntArray, Structure
from nnk.observables.pair_order import coordination, pair_parameter, warren_cowley

MOST_JUMPS = 1_000_000_000  # of a run that is asked to end by time or order alone
ORDER_SHELLS = 3  # neighbour shells whose pairs are counted along the way
Parameter = Literal["delta", "alpha"]


@dataclass(frozen=True)
class OrderReached:
    """Order of one pair of elements beyond a value, looked at after every so many jumps.

    Attributes:
        pair: (a, b): neighbours b of the a atoms.
        shell: neighbour shell, 1 to 3.
        parameter: "delta" (per a atom) or "alpha" (Warren-Cowley); see `nnk.observables.pair_order`.
        at_least, at_most: the value; one of the two is None.
        every: jumps between two looks, so that the end does not depend on how a run is split.
    """

    pair: tuple[str, str]
    shell: int
    parameter: Parameter
    at_least: float | None = None
    at_most: float | None = None
    every: int = 10_000

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("order: expected one of at_least and at_most")
        if not 1 <= self.shell <= ORDER_SHELLS:
            raise ValueError(f"order: shell={self.shell}: allowed are 1 to {ORDER_SHELLS}")
        if self.every < 1:
            raise ValueError(f"order: every={self.every}: expected 1 or more")

    @property
    def text(self) -> str:
        """The condition in words."""
        relation, value = (">=", self.at_least) if self.at_least is not None else ("<=", self.at_most)
        name = f"{self.parameter}({self.pair[0]}-{self.pair[1]}, shell {self.shell})"
        return f"{name} {relation} {value:g}, every {self.every} jumps"

    def value(
        self, pair_counts: IntArray, numbers: IntArray, elements: Sequence[str], structure: Structure
    ) -> float:
        """The parameter of a state.

        Args:
            pair_counts: int64[shells, n, n] of the state.
            numbers: int64[n + 1], sites of each species, vacancies first.
            elements: species i is ``elements[i - 1]``.
            structure: "bcc" or "fcc".
        """
        a, b = (list(elements).index(name) for name in self.pair)
        z = coordination(structure, len(pair_counts))
        parameter = pair_parameter if self.parameter == "delta" else warren_cowley
        found = parameter(pair_counts, numbers[1:], int(numbers.sum()), z)
        return float(found[self.shell - 1, a, b])

    def reached(self, value: float) -> bool:
        """Whether a value ends the run; NaN (an absent element) never does."""
        high = self.at_least is not None and value >= self.at_least
        return high or (self.at_most is not None and value <= self.at_most)


@dataclass(frozen=True)
class StopWhen:
    """The end of a run: the first of these conditions that is met.

    Attributes:
        jumps: jumps made; always a bound.
        time_s: the run ends with the first jump at this time or later; None: never.
        order: order reached; None: never.
    """

    jumps: int = MOST_JUMPS
    time_s: float | None = None
    order: OrderReached | None = None

    def __post_init__(self) -> None:
        if isinstance(self.jumps, bool) or self.jumps != int(self.jumps) or self.jumps < 0:
            raise ValueError(f"jumps={self.jumps!r}: expected a whole number, 0 or more")
        object.__setattr__(self, "jumps", int(self.jumps))
        if self.time_s is not None and not (math.isfinite(self.time_s) and self.time_s > 0):
            raise ValueError(f"time_s={self.time_s!r}: expected a positive number")

    def is_met(self, jumps: int, time_s: float, ended_by: str) -> bool:
        """Whether a run that came so far, and ended for the reason `ended_by`, is long enough."""
        return self.reason(jumps, time_s) != "" or (self.order is not None and ended_by == self.order.text)

    def reason(self, jumps: int, time_s: float) -> str:
        """ "jumps" or "time" if one of these ends a run here, else ""."""
        if jumps >= self.jumps:
            return "jumps"
        return "time" if self.time_s is not None and time_s >= self.time_s else ""

    @property
    def text(self) -> str:
        """The conditions in words."""
        parts = (
            [f"{self.jumps:,} jumps"] if self.jumps != MOST_JUMPS or not (self.time_s or self.order) else []
        )
        parts += [f"{self.time_s:g} s"] if self.time_s is not None else []
        parts += [self.order.text] if self.order is not None else []
        return " or ".join(parts)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "jumps": self.jumps,
            "time_s": self.time_s,
            "order": asdict(self.order) if self.order else None,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StopWhen:
        """The inverse of `as_json`."""
        order = dict(values["order"]) if values.get("order") else None
        if order:
            order["pair"] = tuple(order["pair"])
        return cls(values["jumps"], values.get("time_s"), OrderReached(**order) if order else None)
