"""One stage: its units submitted, watched, cut anew when one is lost; what became of each item."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass

from parsl.executors.errors import BadStateException
from parsl.jobs.errors import TooManyJobFailuresError

from jobs.apps import JobFailed
from jobs.mpi_job import EXIT_STALE, EXIT_WRONG_WORLD
from jobs.unit import describe
from launch.dispatch import Dispatcher
from launch.interrupt import Interruption
from launch.items import Item
from launch.progress import Progress
from launch.runs_on_disk import JumpCount
from launch.tail import RecordTail
from launch.units import Order, UnitMaker
from nnk.files import Fence, StaleEpoch, Workdir, append_records
from site_configs import SiteError

POLL_S = 0.3
MOST_LOSSES = 2  # times that an item's unit may be lost before the item counts as failed


@dataclass(frozen=True)
class StageTools:
    """What running a stage takes.

    Attributes:
        workdir, fence: where results go, and the right to write there.
        maker, dispatcher: cut units and start them.
        interruption: whether to stop.
        progress: what the user sees.
    """

    workdir: Workdir
    fence: Fence
    maker: UnitMaker
    dispatcher: Dispatcher
    interruption: Interruption
    progress: Progress


class StageRunner:
    """Runs the items of one stage.

    Args:
        stage: its name.
        items: what is to be made.
        n_done: items of the stage that are there already, for the display.
        at_once: units in the workers' hands at a time.
    """

    def __init__(
        self, stage: str, items: Sequence[Item], n_done: int, at_once: int, tools: StageTools
    ) -> None:
        self._stage = stage
        self._items = {item.key: item for item in items}
        self._n_before = n_done
        self._at_once = at_once
        self._tools = tools
        self._tail = RecordTail(tools.workdir, stage, tools.fence.epoch)
        self._losses = dict.fromkeys(self._items, 0)
        self._queue: deque[Order] = deque()
        self._running: dict[Future[int], Order] = {}
        runs = [item for item in items if item.until is not None]
        self._jumps = JumpCount(tools.workdir, runs) if runs else None

    def run(self) -> None:
        """Run until every item is done or has failed, or the user asks to stop."""
        self._queue.extend(self._tools.maker.orders(self._stage, list(self._items.values())))
        while self._running or (self._queue and not self._tools.interruption.asked):
            self._submit()
            self._tools.fence.check()  # also when the whole workdir has been removed
            self._tools.dispatcher.check()
            finished, _ = wait(self._running, timeout=POLL_S, return_when=FIRST_COMPLETED)
            self._show()
            for future in finished:
                self._finish(self._running.pop(future), future)
        self._show()

    def _submit(self) -> None:
        while self._queue and len(self._running) < self._at_once and not self._tools.interruption.asked:
            order = self._queue.popleft()
            self._running[self._tools.dispatcher.submit(order)] = order

    def _show(self) -> None:
        self._tail.update()
        note = self._jumps.note(self.done) if self._jumps else ""
        self._tools.progress.advance(self._stage, self._n_before + len(self.done), len(self.failed), note)

    @property
    def done(self) -> set[str]:
        """Keys of the items that were made."""
        return self._tail.keys("done") & self._items.keys()

    @property
    def failed(self) -> dict[str, str]:
        """Error of each item that failed, by its key."""
        return {
            key: str(self._tail.last[key]["error"]) for key in self._tail.keys("failed") & self._items.keys()
        }

    def _finish(self, order: Order, future: Future[int]) -> None:
        """After the end of a unit: what it has left undone is tried again, or has failed."""
        error = future.exception()
        _raise_if_hopeless(error)
        over = self.done | self.failed.keys()
        left = [self._items[item.key] for item in order.unit.items if item.key not in over]
        if not left or self._tools.interruption.asked:
            return
        for item in left:
            self._losses[item.key] += 1
        lost = [item for item in left if self._losses[item.key] >= MOST_LOSSES]
        self._fail(lost, order, error)
        again = [item for item in left if item not in lost]
        if again:
            self._tools.progress.message(f"{self._stage}: {len(again)} items begin again: {_first(error)}")
            self._queue.extend(self._tools.maker.orders(self._stage, again))

    def _fail(self, items: Sequence[Item], order: Order, error: BaseException | None) -> None:
        text = describe(error) if error else "the job ended without a result"
        records = [
            {"key": item.key, "hash": item.hash, "group": item.group.hash, "state": "failed"}
            | {"error": text, "log": str(order.unit.log_file), "unit": order.unit.name}
            for item in items
        ]
        writer = f"{self._tools.fence.epoch:06d}-{self._stage}-driver"
        append_records(self._tools.workdir, self._stage, writer, records, self._tools.fence)
        self._tail.update()


def _first(error: BaseException | None) -> str:
    return (describe(error) if error else "the job ended without a result").splitlines()[0]


def _raise_if_hopeless(error: BaseException | None) -> None:
    """Errors that every other unit would meet too."""
    if isinstance(error, BadStateException | TooManyJobFailuresError):
        raise SiteError(f"the workers cannot be started, or die at once:\n{error}")
    if isinstance(error, JobFailed) and error.code == EXIT_STALE:
        raise StaleEpoch(f"a newer run has taken over: {error}")
    if isinstance(error, JobFailed) and error.code == EXIT_WRONG_WORLD:
        raise SiteError(str(error))
