"""What was found of one thing, on one line."""

from __future__ import annotations

from dataclasses import dataclass

MARKS = {True: "ok ", False: "BAD", None: "-- "}


@dataclass(frozen=True)
class Check:
    """What was found of one thing.

    Attributes:
        name: the thing.
        fit: whether it will do; None: nothing to judge.
        found: what there is, or why it was left out.
        cure: what to do about it, if it is not fit.
    """

    name: str
    fit: bool | None
    found: str
    cure: str = ""

    def __str__(self) -> str:
        line = f"{MARKS[self.fit]}  {self.name}: {self.found}"
        return f"{line}; {self.cure}" if self.fit is False else line

    @classmethod
    def left_out(cls, name: str, why: str) -> Check:
        """One that is not made."""
        return cls(name, None, f"left out: {why}")
