"""``python -m jobs.train UNIT``: train one network; under torch.distributed.run on several ranks."""

from __future__ import annotations

import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from jobs.mpi_job import EXIT_BROKEN
from jobs.stop import Interrupted, Stop, stop_on_signals
from jobs.unit import Unit, describe
from nnk.files import StaleEpoch
from nnk.open_barriers import open_barriers
from nnk.training import ModelSpec, TrainParameters, train


def is_first_rank() -> bool:
    """Whether this process is the one that writes."""
    return os.environ.get("RANK", "0") == "0"


def run_unit(unit: Unit, stop: Stop) -> None:
    """Train the network of the unit's only item; goes on from its last checkpoint."""
    (item,) = unit.items

    def progress(row: Any) -> None:
        if stop():
            raise Interrupted(f"training of {item.key} was asked to end; its last checkpoint is kept")

    with open_barriers(unit.workdir.labels_file) as barriers:
        train(
            barriers,
            ModelSpec(**unit.settings["model"]),
            TrainParameters(**unit.settings["train"]),
            unit.workdir.model_dir(item.key),
            backend=unit.settings["backend"],
            fence=unit.fence,
            progress=progress,
        )


def main(arguments: list[str]) -> int:
    """Train and record what has become of it; the exit code."""
    unit = Unit.load(Path(arguments[0]))
    (item,), began = unit.items, time.perf_counter()
    writes = is_first_rank()
    if writes:
        unit.record(unit.outcome(item, "started"))
    try:
        with stop_on_signals(unit.stop_file) as stop:
            run_unit(unit, stop)
    except Interrupted as interruption:
        print(interruption, flush=True)
        os._exit(0)  # the other ranks wait for this one in a collective operation, which torchrun then ends
    except StaleEpoch:
        raise
    except Exception as error:
        traceback.print_exc()
        if writes:
            seconds = time.perf_counter() - began
            unit.record(unit.outcome(item, "failed", seconds=seconds, error=describe(error)))
        return EXIT_BROKEN
    if writes:
        unit.record(unit.outcome(item, "done", seconds=time.perf_counter() - began))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
