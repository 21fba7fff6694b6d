"""``python -m launch.watchdog PID START TAG``: wait for the driver's end, then end what it has started."""

from __future__ import annotations

import sys
import time

from launch.process_times import process_start
from launch.processes import end_processes

POLL_S = 0.3


def main(arguments: list[str]) -> int:
    """Return when nothing of the driver is left."""
    pid, start, tag = int(arguments[0]), float(arguments[1]), arguments[2]
    while (began := process_start(pid)) is not None and abs(began - start) < 1.0:
        time.sleep(POLL_S)
    count = end_processes(tag)
    if count:
        print(f"driver {pid} is gone; ended {count} processes of its run {tag}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
