"""Failures: what one is owed to, how often an item that has failed is tried again, and what there is to do.

========== ======================================================= ==========================================
class      an item is tried again                                  after that
========== ======================================================= ==========================================
walltime   without end while it comes on; else in five blocks      quarantined: it needs a longer walltime
node       in up to five units                                     quarantined
memory     twice, alone in a unit                                  quarantined
disk       twice, unless the workdir itself is full: then the run  quarantined
           ends
crash      twice, alone in a unit                                  quarantined
unknown    twice                                                   quarantined
numerical  not with the same inputs                                failed, until `launch retry`
user       not before somebody has mended it                       failed, until `launch retry`
program    by the next run                                         failed
========== ======================================================= ==========================================

Failures of all classes but walltime and node together are three at most. A quarantined item is left alone by
later runs until ``launch retry``; a label that is given up is recorded as one that failed, with the reason.
"""

from __future__ import annotations

import signal
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from enum import Enum

from jobs.apps import JobFailed, signal_of
from jobs.block import Block
from jobs.failure_class import FailureClass, class_of_error, class_of_log
from jobs.unit import describe
from launch.history import DONE, FAILED, QUARANTINED, Event

MOST_FAILURES = 3  # of an item, of whatever class, walltime and node aside
_NEVER = 1_000_000


@dataclass(frozen=True)
class Policy:
    """What becomes of an item after a failure of one class.

    Attributes:
        most: failures after which it is given up, for as long as it does not come on.
        alone_from: the failure from which on it is tried in a unit of its own.
        is_counted: whether the failure is one of the `MOST_FAILURES`.
        is_held: whether later runs leave a failed item alone until ``launch retry``.
        label_says_so: whether a label that is given up is recorded as one that has failed, and the campaign
            goes on without it; not where other labels would fail alike.
        cure: what the user can do.
    """

    most: int = MOST_FAILURES
    alone_from: int = 2
    is_counted: bool = True
    is_held: bool = False
    label_says_so: bool = True
    cure: str = ""


_OF_ALL = Policy(most=1, label_says_so=False)
POLICIES = {
    FailureClass.WALLTIME: Policy(
        most=5, is_counted=False, cure="a longer walltime (resources.<stage>.walltime)"
    ),
    FailureClass.NODE: Policy(
        most=5, is_counted=False, cure="nothing once the nodes are sound; see the job's output in run/"
    ),
    FailureClass.MEMORY: Policy(
        alone_from=1, cure="fewer ranks (resources.<stage>.ranks_per_node), or a queue with more memory"
    ),
    FailureClass.DISK: Policy(alone_from=_NEVER, label_says_so=False, cure="free space, or a larger quota"),
    FailureClass.CRASH: Policy(cure="see where in the log; another version of what crashes"),
    FailureClass.NUMERICAL: replace(_OF_ALL, is_held=True, cure="other inputs: the same ones fail again"),
    FailureClass.USER: replace(_OF_ALL, is_held=True, cure="mend what the message names"),
    FailureClass.PROGRAM: replace(_OF_ALL, cure="see where in the log; report it if it is this program"),
    FailureClass.UNKNOWN: Policy(cure="see the log"),
}


class Verdict(Enum):
    """What becomes of an item that has failed."""

    AGAIN = "again"
    ALONE = "alone"
    GIVE_UP = "give up"


class Tally:
    """Counts the failures of items and says what becomes of each."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[FailureClass]] = defaultdict(Counter)
        self._blocks: dict[str, str] = {}

    def come_on(self, key: str) -> None:
        """More is saved of an item than before: its failures so far are forgotten."""
        self._counts.pop(key, None)

    def after(
        self, key: str, cause: FailureClass, *, is_lost: bool, is_traced: bool = False, block: str = ""
    ) -> Verdict:
        """What becomes of an item after one more failure.

        Args:
            key: the item.
            cause: class of the failure.
            is_lost: the unit was lost while the item was in work: other items of the unit may be to blame,
                so that even what needs no second trial gets one.
            is_traced: the process has left word that this item is to blame.
            block: where it was; the end of one and the same block is counted once.
        """
        if cause is FailureClass.WALLTIME and block:
            before, self._blocks[key] = self._blocks.get(key), block
            if before == block:
                return Verdict.AGAIN
        policy, counts = POLICIES[cause], self._counts[key]
        if is_lost:
            policy = replace(policy, most=max(policy.most, MOST_FAILURES))
        counts[cause] += 1
        n_counted = sum(count for kind, count in counts.items() if POLICIES[kind].is_counted)
        if counts[cause] >= policy.most or n_counted >= MOST_FAILURES:
            return Verdict.GIVE_UP
        return Verdict.ALONE if is_traced or counts[cause] >= policy.alone_from else Verdict.AGAIN


def cause_of_loss(
    error: BaseException | None,
    block: Block | None,
    *,
    now_unix_s: float | None = None,
    is_oom: bool = False,
) -> FailureClass:
    """Why a unit has ended before all its items were done.

    Args:
        error: how it ended; None: by itself.
        block: where it was, if that is known.
        now_unix_s: when it was found to have ended.
        is_oom: the system has killed processes of the unit's node meanwhile, for want of memory.
    """
    is_over = block is not None and block.has_ended(time.time() if now_unix_s is None else now_unix_s)
    if error is None:
        # with an end in sight, a job stops when there is no time for another item
        is_timed = block is not None and block.end_unix_s is not None
        return FailureClass.WALLTIME if is_timed else FailureClass.UNKNOWN
    told = class_of_log(error.log) if isinstance(error, JobFailed) else class_of_error(describe(error))
    if is_oom or told in (FailureClass.MEMORY, FailureClass.DISK):
        return told if told is FailureClass.DISK else FailureClass.MEMORY
    if is_over:
        return FailureClass.WALLTIME
    if told is None and isinstance(error, JobFailed):
        return _cause_of_code(error.code)
    return told or FailureClass.UNKNOWN


def _cause_of_code(code: int) -> FailureClass:
    number = signal_of(code)
    if number == signal.SIGXFSZ:
        return FailureClass.DISK
    return FailureClass.CRASH if number else FailureClass.UNKNOWN


def is_held(event: Event | None) -> bool:
    """Whether runs leave an item alone after its last event, as long as its inputs are the same."""
    if event is None or event.failure is None:
        return False
    return event.state == QUARANTINED or (event.state == FAILED and POLICIES[event.failure].is_held)


def is_given_up(event: Event) -> bool:
    """Whether an item was tried as often as its failures allow; also a label that says so itself."""
    return event.state == QUARANTINED or (event.state == DONE and event.failure is not None)
