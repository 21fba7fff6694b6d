"""Items shared out among MPI ranks as these come free.

Rank 0 hands out the items, collects the results and works itself. So that nobody waits while it is at work
on an item of its own, `Farm.poll` is called between force calls, and each other rank has its next item in
hand already while there are plenty.
"""

from __future__ import annotations

import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")

_WORK, _RESULT = 1, 2
_IDLE_S = 0.001


class WrongWorld(RuntimeError):
    """The number of MPI processes is not what was asked for."""


@dataclass(frozen=True)
class Result(Generic[Item]):
    """What has become of an item.

    Attributes:
        item: the item.
        value: what the work has given; None if it has failed.
        error: class and message of the failure; empty if there was none.
        seconds: wall time.
        ended_unix_s: when the work ended, which may be long before the result is recorded.
    """

    item: Item
    value: Any
    error: str
    seconds: float
    ended_unix_s: float


def attempt(work: Callable[[Item], Any], item: Item) -> Result[Item]:
    """Work on one item; an exception fails this item alone, its traceback goes to the log."""
    began = time.perf_counter()
    try:
        value, error = work(item), ""
    except Exception as failure:
        traceback.print_exc()
        value, error = None, f"{type(failure).__name__}: {failure}"
    return Result(item, value, error, time.perf_counter() - began, time.time())


class Farm(Generic[Item]):
    """Work on items one after another, in this process alone.

    Args:
        deliver: called on rank 0 with each result, in the order in which they come.
        stop: when true, no further item is begun.
    """

    def __init__(self, deliver: Callable[[Result[Item]], None], stop: Callable[[], bool]) -> None:
        self._deliver = deliver
        self._stop = stop

    def poll(self) -> None:
        """Serve the other ranks; to be called often while at work on an item."""

    def run(self, items: Sequence[Item], work: Callable[[Item], Any]) -> None:
        """Work until all items are done, or `stop` says so."""
        for item in items:
            if self._stop():
                return
            self._deliver(attempt(work, item))


class MpiFarm(Farm[Item]):
    """The same on all ranks of MPI's world; every rank calls `run` with the same items."""

    def __init__(self, deliver: Callable[[Result[Item]], None], stop: Callable[[], bool], comm: Any) -> None:
        super().__init__(deliver, stop)
        self._comm = comm
        self._queue: deque[int] = deque()
        self._in_hand = dict.fromkeys(range(1, comm.size), 0)
        self._items: Sequence[Item] = ()
        self._arrived: deque[Result[Item]] = deque()

    def run(self, items: Sequence[Item], work: Callable[[Item], Any]) -> None:
        """See `Farm.run`; results are delivered on rank 0 alone."""
        self._items = items
        if self._comm.rank:
            self._obey(work)
        else:
            self._rule(work)

    def poll(self) -> None:
        """Take results and hand out items, without waiting; delivery is later, between items."""
        while any(self._in_hand.values()) and self._comm.iprobe(tag=_RESULT):
            rank, result = self._comm.recv(tag=_RESULT)
            self._in_hand[rank] -= 1
            self._hand_out(rank)
            self._arrived.append(result)

    def _rule(self, work: Callable[[Item], Any]) -> None:
        self._queue.extend(range(len(self._items)))
        for rank in self._in_hand:
            self._hand_out(rank)
        while self._queue and not self._stop():
            self._arrived.append(attempt(work, self._items[self._queue.popleft()]))
            self._deliver_arrived()
        while any(self._in_hand.values()):
            time.sleep(_IDLE_S)
            self._deliver_arrived()
        for rank in self._in_hand:
            self._comm.send(None, rank, tag=_WORK)

    def _deliver_arrived(self) -> None:
        self.poll()
        while self._arrived:
            self._deliver(self._arrived.popleft())

    def _hand_out(self, rank: int) -> None:
        """One item to a rank with none, and one in advance unless the end is near."""
        while self._queue and not self._stop():
            many = len(self._queue) > 2 * self._comm.size
            if self._in_hand[rank] >= (2 if many else 1):
                return
            self._comm.send(self._queue.popleft(), rank, tag=_WORK)
            self._in_hand[rank] += 1

    def _obey(self, work: Callable[[Item], Any]) -> None:
        while (index := self._comm.recv(source=0, tag=_WORK)) is not None:
            result = attempt(work, self._items[index])
            self._comm.send((self._comm.rank, result), 0, tag=_RESULT)


def world(ranks: int) -> Any:
    """MPI's world communicator, of exactly `ranks` processes; None for a single one, which needs no MPI.

    Raises:
        WrongWorld: no mpi4py, or another number. With a launcher that does not know this MPI (``srun
            --mpi=none``) every process finds itself alone, and each would do all the work.
    """
    if ranks == 1:
        return None
    try:
        from mpi4py import MPI
    except ImportError as error:
        raise WrongWorld(
            f"{ranks} ranks need mpi4py, which does not work here ({error}): pip install "
            "'neural-network-kinetics[local]', or on a cluster mpi4py built for the site's MPI"
        ) from error
    if MPI.COMM_WORLD.size != ranks:
        raise WrongWorld(
            f"launched with {ranks} ranks but the MPI world has {MPI.COMM_WORLD.size}: the launcher and the "
            "MPI library that mpi4py was built for do not fit (mpi.command of the site file)"
        )
    return MPI.COMM_WORLD
