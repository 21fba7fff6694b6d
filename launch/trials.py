"""The items of a stage that are in no unit: which come next, and which again after a failure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from launch.failures import Verdict
from launch.items import Item

GIVE_BACK_S = 45.0  # Parsl gives a job back that has had nothing to do for almost as long


class Trials:
    """What is still to be tried.

    Args:
        items: all items, none tried yet.
    """

    def __init__(self, items: Iterable[Item]) -> None:
        self._left = deque(items)
        self._alone: deque[Item] = deque()
        self._put_off: list[tuple[float, Item]] = []
        self._idle_since_s: float | None = None

    def __len__(self) -> int:
        return len(self._left) + len(self._alone) + len(self._put_off)

    @property
    def n_left(self) -> int:
        """Items that can be tried together with others, now."""
        return len(self._left)

    @property
    def is_ready(self) -> bool:
        """Whether there is an item to be tried now."""
        return bool(self._left or self._alone)

    def take_alone(self) -> Item | None:
        """The next item that is to be tried in a unit of its own."""
        return self._alone.popleft() if self._alone else None

    def take(self, most: int) -> list[Item]:
        """The next items that can be tried together."""
        return [self._left.popleft() for _ in range(min(most, len(self._left)))]

    def again(self, item: Item, verdict: Verdict = Verdict.AGAIN) -> None:
        """Try an item again, with others or alone."""
        (self._alone if verdict is Verdict.ALONE else self._left).append(item)

    def put_off(self, item: Item, until_unix_s: float) -> None:
        """Try an item again once the block is over in which there is no time for it."""
        self._put_off.append((until_unix_s, item))

    def wake(self, now_unix_s: float, *, is_idle: bool) -> None:
        """Make items ready that were put off until now, or for a block that has been idle and given back."""
        self._idle_since_s = (self._idle_since_s or now_unix_s) if is_idle else None
        is_given_back = self._idle_since_s is not None and now_unix_s - self._idle_since_s > GIVE_BACK_S
        waiting = self._put_off
        self._put_off = [(until, item) for until, item in waiting if until > now_unix_s and not is_given_back]
        self._left.extend(item for until, item in waiting if until <= now_unix_s or is_given_back)
