"""One stage: its units cut, submitted, watched; what a lost one has left undone is cut anew.

The items that a lost unit had in work are suspects: one whose process has left the traceback of a deadly
signal, or that was in work in two lost units, is tried alone; after `MOST_LOSSES` losses it has failed. A
label lost so is recorded with the reason, and the campaign goes on. A unit that has brought its run or its
training on is not lost: that may take many walltimes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path

from parsl.executors.errors import BadStateException
from parsl.jobs.errors import TooManyJobFailuresError

from jobs.apps import JobFailed
from jobs.in_work import left_in_work
from jobs.merge import pack_journals
from jobs.mpi_job import EXIT_STALE, EXIT_WRONG_WORLD
from jobs.unit import describe
from launch.dispatch import Dispatcher
from launch.history import History
from launch.interrupt import Interruption
from launch.items import Item
from launch.progress import Progress
from launch.runs_on_disk import JumpCount
from launch.tail import RecordTail
from launch.unit_size import mean_seconds
from launch.units import Order, UnitMaker
from launch.way_made import way_made
from nnk.barrier_journal import journal_hashes
from nnk.files import Fence, StaleEpoch, Workdir, append_records
from site_configs import SiteError

POLL_S = 0.3
MOST_LOSSES = 3  # times that an item's unit may be lost before the item counts as failed
PACK_AT = 256  # journals of labels, so that a plan never has many files to open


@dataclass(frozen=True)
class StageTools:
    """What running a stage takes.

    Attributes:
        workdir, fence: where results go, and the right to write there.
        maker, dispatcher: cut units and start them.
        interruption: whether to stop.
        progress: what the user sees.
        history: what was run before.
    """

    workdir: Workdir
    fence: Fence
    maker: UnitMaker
    dispatcher: Dispatcher
    interruption: Interruption
    progress: Progress
    history: History


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
        self._way = dict.fromkeys(self._items, 0)
        self._left = deque(items)  # in no unit
        self._alone: deque[Item] = deque()  # to be tried each in a unit of its own
        self._crashed: dict[str, str] = {}
        self._costs = tools.history.seconds(stage) if stage == "label" else []
        self._journals: list[Path] = []
        self._running: dict[Future[int], Order] = {}
        runs = [item for item in items if item.until is not None]
        self._jumps = JumpCount(tools.workdir, runs) if runs else None

    def run(self) -> None:
        """Run until every item is done or has failed, or the user asks to stop."""
        while self._running or (self._to_do and not self._tools.interruption.asked):
            self._submit()
            self._tools.fence.check()  # also when the whole workdir has been removed
            self._tools.dispatcher.check()
            finished, _ = wait(self._running, timeout=POLL_S, return_when=FIRST_COMPLETED)
            self._show()
            for future in finished:
                self._finish(self._running.pop(future), future)
        self._show()

    @property
    def _to_do(self) -> bool:
        return bool(self._left or self._alone)

    def _submit(self) -> None:
        while self._to_do and len(self._running) < self._at_once and not self._tools.interruption.asked:
            order = self._next()
            self._running[self._tools.dispatcher.submit(order)] = order

    def _next(self) -> Order:
        """The next unit: an item that is to be tried alone, or as many as are worth a job."""
        maker, cost = self._tools.maker, mean_seconds([*self._costs, *self._tail.seconds])
        if self._alone:
            return maker.order(self._stage, [self._alone.popleft()], crashed=self._crashed)
        size = maker.size(self._stage, len(self._left), cost)
        items = [self._left.popleft() for _ in range(min(size, len(self._left)))]
        return maker.order(self._stage, items, seconds_per_item=cost)

    def _show(self) -> None:
        self._tail.update()
        note = self._jumps.note(self.done) if self._jumps else ""
        self._tools.progress.advance(self._stage, self._n_before + len(self.done), len(self.failed), note)

    @property
    def done(self) -> set[str]:
        """Keys of the items that were made."""
        return self._tail.keys["done"] & self._items.keys()

    @property
    def failed(self) -> dict[str, str]:
        """Error of each item that failed, by its key."""
        return {
            key: str(self._tail.last[key]["error"]) for key in self._tail.keys["failed"] & self._items.keys()
        }

    def _finish(self, order: Order, future: Future[int]) -> None:
        """After the end of a unit: what it has left undone is tried again, or has failed."""
        error = future.exception()
        _raise_if_hopeless(error)
        self._tail.update()
        if self._stage == "label":
            self._take_journals(order)
        over = self.done | self.failed.keys()
        left = [self._items[item.key] for item in order.unit.items if item.key not in over]
        if not left or self._tools.interruption.asked:
            return
        self._tools.progress.message(f"{self._stage}: {len(left)} items begin again: {_first(error)}")
        suspects = left_in_work(order.unit) if error else {}
        if not suspects.keys() & {item.key for item in left} and len(left) == len(order.unit.items):
            suspects = {item.key: "" for item in left}  # nothing was done: as if all were to blame
        for item in left:
            if item.key in suspects:
                self._suspect(item, suspects[item.key], order, error)
            else:
                self._left.append(item)

    def _suspect(self, item: Item, crash: str, order: Order, error: BaseException | None) -> None:
        """Try an item again whose unit was lost while it was in work, or give it up."""
        if self._has_come_on(item):
            self._left.append(item)
            return
        self._losses[item.key] += 1
        if self._losses[item.key] < MOST_LOSSES:
            is_likely = crash or self._losses[item.key] > 1
            (self._alone if is_likely else self._left).append(item)
        elif self._stage == "label" and item.key not in self._crashed:
            self._crashed[item.key] = f"crashed: {crash or _words(error)}, unit {order.unit.name}"
            text = f"label: {item.key} {self._crashed[item.key]}: recorded as a failed label"
            self._tools.progress.message(text)
            self._alone.append(item)
        else:
            self._fail([item], order, error)

    def _has_come_on(self, item: Item) -> bool:
        """Whether more of an item is saved than when this was last asked."""
        before, self._way[item.key] = self._way[item.key], way_made(self._tools.workdir, item)
        return self._way[item.key] > before

    def _take_journals(self, order: Order) -> None:
        """Record labels that a dead unit could not report any more; pack journals when there are many."""
        found = order.unit.journals()
        on_disk = {digest for path in found for digest in journal_hashes(path)}
        done = self.done
        late = [item for item in order.unit.items if item.hash in on_disk and item.key not in done]
        writer = f"{self._tools.fence.epoch:06d}-{self._stage}-driver"
        records = [order.unit.outcome(item, "done") for item in late]
        append_records(self._tools.workdir, self._stage, writer, records, self._tools.fence)
        self._tail.update()
        self._journals += found
        if len(self._journals) >= PACK_AT:
            pack_journals(self._tools.workdir, self._journals, self._tools.fence)
            self._journals.clear()

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


def _words(error: BaseException | None) -> str:
    """Of a job that has failed, how it ended; of what befell a worker, also the kind of error."""
    return str(error).splitlines()[0] if isinstance(error, JobFailed) else _first(error)


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
