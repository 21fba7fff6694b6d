"""What becomes of the items of a unit, noted as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from jobs.farm import Result
from jobs.stop import Stop
from jobs.unit import Unit, UnitItem

RECORD_S = 0.5
ITEMS_IN_HAND = 2  # of a rank: one in work and one in advance


class Recorder:
    """Records items as done or failed, several at a time; used by the rank that hands them out.

    The work on an item gives a mapping of what else is to be recorded of it: of one that was given up, why.
    """

    def __init__(self, unit: Unit) -> None:
        self._unit = unit
        self._waiting: list[Result[UnitItem]] = []
        self._written_s = time.monotonic()
        self._longest_s = float(unit.settings.get("seconds_per_item") or 0.0)

    def deliver(self, result: Result[UnitItem]) -> None:
        """Take what has become of an item."""
        self._waiting.append(result)
        self._longest_s = max(self._longest_s, result.seconds)
        if time.monotonic() - self._written_s > RECORD_S:
            self.flush()

    def last_orders(self, stop: Stop) -> Callable[[], bool]:
        """Says to hand out no more: when asked to stop, or when there is no time left for another item."""
        return lambda: stop() or not stop.has_time_for(ITEMS_IN_HAND * self._longest_s)

    def flush(self) -> None:
        """Write what is waiting."""
        self._unit.record(*map(self._record, self._waiting))
        self._waiting.clear()
        self._written_s = time.monotonic()

    def _record(self, result: Result[UnitItem]) -> dict[str, Any]:
        state = "failed" if result.error else "done"
        more = {"error": result.error, "ended_unix_s": round(result.ended_unix_s, 6), **(result.value or {})}
        return self._unit.outcome(result.item, state, seconds=result.seconds, **more)
