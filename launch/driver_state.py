"""Who runs a campaign, and whether he lives, as far as files tell."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal

from launch.lock import BEAT_S, LockHolder, beat_age_s, is_dead, lock_holder
from launch.progress import duration
from nnk.files import Workdir

SILENT_S = 6 * BEAT_S


@dataclass(frozen=True)
class DriverState:
    """The driver that holds the lock.

    Attributes:
        host, pid, user, since: of the driver.
        state: "running"; "dead": its process is gone; "silent": on another host, without a heartbeat lately.
        beat_age_s: time since its last heartbeat by this host's clock; None before the first.
    """

    host: str
    pid: int
    user: str
    since: str
    state: Literal["running", "dead", "silent"]
    beat_age_s: float | None

    def __str__(self) -> str:
        who = f"process {self.pid} of {self.user} on {self.host}, since {self.since}"
        if self.state == "running":
            return f"running: {who}"
        if self.state == "dead":
            return f"not running: its driver ({who}) has died; run again to go on"
        ago = "none yet" if self.beat_age_s is None else f"the last {duration(self.beat_age_s)} ago"
        return f"perhaps not running: no heartbeat of its driver ({who}; {ago}); is {self.host} up?"


def driver_state(workdir: Workdir) -> DriverState | None:
    """Who holds the lock of a workdir; None: nobody.

    Raises:
        LockHeld: the file is not a lock.
    """
    holder = lock_holder(workdir.lock)
    if holder is None:
        return None
    age_s = beat_age_s(workdir.lock)
    state = _state(holder, age_s)
    return DriverState(holder.host, holder.pid, holder.user, holder.since, state, age_s)


def _state(holder: LockHolder, age_s: float | None) -> Literal["running", "dead", "silent"]:
    if is_dead(holder):
        return "dead"
    since_s = time.time() - holder.since_unix_s if age_s is None else age_s
    return "silent" if holder.is_elsewhere and since_s > SILENT_S else "running"


def is_driven(workdir: Workdir) -> bool:
    """Whether a driver runs the campaign, or may: one on another host cannot be known to be dead."""
    state = driver_state(workdir)
    return state is not None and state.state != "dead"
