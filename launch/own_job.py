"""A driver within a job: it ends before its nodes are taken back, so that what was made is kept in order."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from jobs.stop import BLOCK_END
from launch.interrupt import Interruption
from site_configs.in_job import Allocation

BEFORE_END_S = 40.0  # jobs save what they have in the first part of it, the driver merges in the rest


@contextmanager
def ended_in_time(
    allocation: Allocation | None, interruption: Interruption, say: Callable[[str], None]
) -> Iterator[None]:
    """While in here, jobs know when the nodes are taken back, and the run is asked to stop before."""
    if allocation is None or allocation.end_unix_s is None:
        yield
        return
    before = os.environ.get(BLOCK_END)
    os.environ[BLOCK_END] = f"{allocation.end_unix_s:.0f}"
    left_s = max(0.0, allocation.end_unix_s - BEFORE_END_S - time.time())

    def stop() -> None:
        if not interruption.asked:
            say(f"the nodes of job {allocation.job} are taken back in {BEFORE_END_S:.0f} s")
            interruption.ask()

    timer = threading.Timer(left_s, stop)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if before is None:
            del os.environ[BLOCK_END]
        else:
            os.environ[BLOCK_END] = before
