"""One stage: its units cut, submitted, watched; what a lost one has left undone is cut anew.

The items that a lost unit had in work are suspects; what becomes of each says `launch.failures`. A unit that
has brought its run or its training on is not lost: that may take many walltimes. An item that is given up is
quarantined, and the others go on; of a label the reason is recorded in its place, and the campaign goes on.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.failure_class import FailureClass
from jobs.merge import pack_journals
from jobs.oom import oom_kills
from jobs.unit import Unit, UnitItem
from launch.campaign_items import PROBE
from launch.dispatch import Dispatcher
from launch.failures import POLICIES, Tally, Verdict
from launch.history import DONE, FAILED, QUARANTINED, History
from launch.interrupt import Interruption
from launch.items import Item
from launch.label_items import IMPORT
from launch.losses import Loss, loss_of, raise_if_full, raise_if_hopeless
from launch.progress import Progress
from launch.runs_on_disk import JumpCount
from launch.tail import RecordTail
from launch.trials import Trials
from launch.unit_size import mean_seconds
from launch.units import IN_WORKER, Order, UnitMaker
from launch.way_made import way_made
from nnk.barrier_journal import journal_hashes
from nnk.files import Fence, Workdir, append_records
from site_configs import SiteError

POLL_S = 0.3
AHEAD_S, MOST_AHEAD = 0.5, 100  # what a worker gets in advance: so much work, at most so many units
PACK_AT = 256  # journals of labels, so that a plan never has many files to open
MOST_IN_VAIN = 20  # units in a row, when nothing at all of a stage has ever been made
SHOWN_FAILURES = 3  # of each class


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


@dataclass(frozen=True)
class _Started:
    """A unit in the workers' hands, and how many processes this machine had killed for want of memory."""

    order: Order
    kills: int


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
        self._tail = RecordTail(tools.workdir, stage, self._items.keys())
        self._writer = f"{tools.fence.epoch:06d}-{stage}-driver"
        self._tail.follow(self._writer)
        self._looked_s = float("-inf")
        self._trials = Trials(items)
        self._tally = Tally()
        self._way = dict.fromkeys(self._items, 0)
        self._failed: dict[str, str] = {}
        self._given_up: dict[str, dict[str, str]] = {}  # labels that are recorded as failed ones
        self._told: Counter[FailureClass] = Counter()
        self._in_vain = 0
        self._costs = tools.history.seconds(stage) if stage in ("label", "snapshots") else []
        self._journals: list[Path] = []
        self._running: dict[Future[int], _Started] = {}
        runs = [item for item in items if item.until is not None]
        self._jumps = JumpCount(tools.workdir, runs) if runs else None

    def run(self) -> None:
        """Run until every item is done or has failed, or the user asks to stop.

        Raises:
            SiteError: no unit could be of use: no workers, a full disk, or all that were tried have failed.
            StaleEpoch: a newer run has taken over.
        """
        while self._running or (self._trials and not self._tools.interruption.asked):
            self._submit()
            self._tools.fence.check()  # also when the whole workdir has been removed
            self._tools.dispatcher.check()
            for future in self._finished():
                self._finish(self._running.pop(future), future)
        self._show()

    def _submit(self) -> None:
        self._trials.wake(time.time(), is_idle=not self._running)
        kills, most = oom_kills(), self._most_in_hand
        while self._trials.is_ready and len(self._running) < most and not self._tools.interruption.asked:
            order = self._next()
            self._tail.follow(order.unit.name)
            self._running[self._tools.dispatcher.submit(order)] = _Started(order, kills)

    @property
    def _most_in_hand(self) -> int:
        """Units in the workers' hands at a time: more than they work on only where those last moments."""
        mean_s = mean_seconds([*self._tail.seconds]) if self._stage in IN_WORKER else None
        ahead = 0 if mean_s is None else min(MOST_AHEAD, int(AHEAD_S / mean_s))
        return self._at_once * (1 + ahead)

    def _next(self) -> Order:
        """The next unit: an item that is to be tried alone, or as many as are worth a job."""
        maker, cost = self._tools.maker, mean_seconds([*self._costs, *self._tail.seconds])
        alone = self._trials.take_alone()
        if alone is not None:
            return maker.order(self._stage, [alone], given_up=self._given_up)
        size = maker.size(self._stage, self._trials.n_left, cost)
        return maker.order(self._stage, self._trials.take(size), seconds_per_item=cost)

    def _finished(self) -> set[Future[int]]:
        """Units that have ended by now, or soon."""
        if not self._running:
            time.sleep(POLL_S)  # all that is left was put off
        finished, _ = wait(self._running, timeout=POLL_S, return_when=FIRST_COMPLETED)
        self._show()
        return finished

    def _show(self) -> None:
        now = time.monotonic()
        if not self._running or now - self._looked_s > POLL_S:
            self._looked_s = now
            self._tail.update()
        note = self._jumps.note(self.done) if self._jumps else ""
        self._tools.progress.advance(self._stage, self._n_before + len(self.done), len(self._failed), note)

    @property
    def done(self) -> set[str]:
        """Keys of the items that were made."""
        return self._tail.keys[DONE]

    @property
    def failed(self) -> dict[str, str]:
        """Error of each item that has failed and is not tried again, by its key."""
        return self._failed

    def _finish(self, started: _Started, future: Future[int]) -> None:
        """After the end of a unit: what it has left undone is tried again, or has failed."""
        unit, error = started.order.unit, future.exception()
        raise_if_hopeless(error)
        self._tail.update(unit.name)
        if error is None:
            self._tail.leave(unit.name)
        if self._stage == "label":
            self._take_journals(unit)
        done = self.done
        failed = [item.key for item in unit.items if self._has_failed(item.key, unit)]
        for key in failed:
            self._after_failure(self._items[key], unit)
        left = [item.key for item in unit.items if item.key not in done and item.key not in failed]
        if not left or self._tools.interruption.asked:
            return
        loss = loss_of(unit, error, left, started.kills)
        self._tools.progress.message(f"{self._stage}: {len(left)} items begin again: {loss.words}")
        self._stop_if_full(loss.cause)
        for key in left:
            self._after_loss(self._items[key], loss)
        self._stop_if_in_vain(loss, is_in_vain=len(left) == len(unit.items))

    def _has_failed(self, key: str, unit: Unit) -> bool:
        """Whether a unit has recorded an error of an item."""
        last = self._tail.last.get(key, {})
        return last.get("state") == FAILED and last.get("unit") == unit.name

    def _after_failure(self, item: Item, unit: Unit) -> None:
        """An item has raised an error: try it again, or leave it at that."""
        record = self._tail.last[item.key]
        cause, text = FailureClass(record.get("class", "")), str(record["error"])
        self._stop_if_full(cause)
        verdict = self._tally.after(item.key, cause, is_lost=False)
        if verdict is not Verdict.GIVE_UP:
            self._trials.again(item, verdict)
        elif POLICIES[cause].most == 1:
            self._note_failed(item, cause, text)
        else:
            self._give_up(item, Loss(unit, cause, text.splitlines()[0], text, {}))

    def _after_loss(self, item: Item, loss: Loss) -> None:
        """An item's unit has ended before the item was done: try it again, or give it up."""
        verdict = Verdict.AGAIN
        if self._has_come_on(item):
            self._tally.come_on(item.key)
            self._in_vain = 0
        elif item.key in loss.suspects:
            is_traced = bool(loss.suspects[item.key])
            verdict = self._tally.after(
                item.key, loss.cause, is_lost=True, is_traced=is_traced, block=loss.block
            )
        if verdict is Verdict.GIVE_UP:
            self._give_up(item, loss)
        elif loss.until_unix_s:
            self._trials.put_off(item, loss.until_unix_s)
        else:
            self._trials.again(item, verdict)

    def _has_come_on(self, item: Item) -> bool:
        """Whether more of an item is saved than when this was last asked."""
        before, self._way[item.key] = self._way[item.key], way_made(self._tools.workdir, item)
        return self._way[item.key] > before

    def _stop_if_in_vain(self, loss: Loss, *, is_in_vain: bool) -> None:
        """Raises a `SiteError` when nothing of the stage was ever made, however often it was tried."""
        self._in_vain = self._in_vain + 1 if is_in_vain and loss.cause is not FailureClass.WALLTIME else 0
        if self._in_vain >= MOST_IN_VAIN and not self._n_before and not self.done:
            raise SiteError(
                f"{self._stage}: {self._in_vain} units in a row have made nothing, the last: {loss.words} "
                f"({loss.cause}); see {loss.unit.log_file}, then run again. "
                f"What helps: {POLICIES[loss.cause].cure}"
            )

    def _stop_if_full(self, cause: FailureClass) -> None:
        if cause is FailureClass.DISK:
            raise_if_full(self._tools.workdir, self._tools.fence.epoch)

    def _take_journals(self, unit: Unit) -> None:
        """Record labels that a dead unit could not report any more; pack journals when there are many."""
        found = unit.journals()
        on_disk = {digest for path in found for digest in journal_hashes(path)}
        done = self.done
        late = [item for item in unit.items if item.hash in on_disk and item.key not in done]
        self._record([_late_outcome(unit, item) for item in late])
        self._journals += found
        if len(self._journals) >= PACK_AT:
            pack_journals(self._tools.workdir, self._journals, self._tools.fence)
            self._journals.clear()

    def _give_up(self, item: Item, loss: Loss) -> None:
        """Quarantine an item that was tried often enough; a label is recorded as one that has failed."""
        says_so = self._stage == "label" and POLICIES[loss.cause].label_says_so and item.key != IMPORT
        if says_so and item.key not in self._given_up:
            self._given_up[item.key] = {"error": loss.reason, "class": loss.cause}
            text = f"{self._stage}: {item.key} {loss.reason}: recorded as a failed label"
            self._tools.progress.message(text)
            self._trials.again(item, Verdict.ALONE)
            return
        (own,) = [own for own in loss.unit.items if own.key == item.key]
        details: dict[str, Any] = {"error": loss.details, "class": loss.cause}
        self._record([loss.unit.outcome(own, QUARANTINED, **details)])
        self._note_failed(item, loss.cause, loss.details)

    def _note_failed(self, item: Item, cause: FailureClass, text: str) -> None:
        self._failed[item.key] = text
        self._told[cause] += 1
        if self._told[cause] <= SHOWN_FAILURES and item.key != PROBE:
            words = text.splitlines()[0] if text else "unknown"
            self._tools.progress.message(f"{self._stage}: {item.key} failed: {words}")

    def _record(self, records: Sequence[dict[str, Any]]) -> None:
        append_records(self._tools.workdir, self._stage, self._writer, records, self._tools.fence)
        self._tail.update(self._writer)


def _late_outcome(unit: Unit, item: UnitItem) -> dict[str, Any]:
    why: dict[str, Any] = item.inputs.get("given_up", {})
    return unit.outcome(item, DONE, **why)
