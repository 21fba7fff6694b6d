"""What the MPI programs among the jobs have in common."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jobs.farm import Farm, Item, MpiFarm, Result, WrongWorld, world
from jobs.stop import Stop, stop_on_signals
from jobs.unit import Unit
from nnk.files import StaleEpoch

# Large numbers: mpiexec ends with the number of the signal that has killed a rank, such as 6 after an abort.
EXIT_STALE = 85
EXIT_WRONG_WORLD = 86
EXIT_BROKEN = 87
FORWARD_S = 1.0  # mpiexec drops what it has not yet read of a rank's output when that rank aborts


def run_mpi_job(arguments: list[str], body: Callable[[Unit, Any, Stop], None]) -> int:
    """Run `body` (unit, communicator or None, stop) on every rank; the exit code.

    An error on one rank ends all, since the others would wait for it for ever.
    """
    unit = Unit.load(Path(arguments[0]))
    try:
        comm = world(unit.ranks)
    except WrongWorld as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return EXIT_WRONG_WORLD
    try:
        with stop_on_signals(unit.stop_file) as stop:
            body(unit, comm, stop)
    except Exception as error:
        traceback.print_exc()
        sys.stderr.flush()
        code = EXIT_STALE if isinstance(error, StaleEpoch) else EXIT_BROKEN
        if comm is not None:
            time.sleep(FORWARD_S)
            comm.Abort(code)
        return code
    return 0


def make_farm(deliver: Callable[[Result[Item]], None], stop: Callable[[], bool], comm: Any) -> Farm[Item]:
    """A farm over the ranks of `comm`, or in this process alone if that is None."""
    return Farm(deliver, stop) if comm is None else MpiFarm(deliver, stop, comm)
