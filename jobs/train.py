"""``python -m jobs.train UNIT``: train one network; on several ranks under torchrun or MPI's launcher."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from jobs.mpi_job import EXIT_BROKEN, EXIT_WRONG_WORLD
from jobs.stop import Stop, stop_on_signals
from jobs.unit import Unit, describe
from nnk.files import StaleEpoch
from nnk.open_barriers import open_barriers
from nnk.training import ModelSpec, TrainingStopped, TrainParameters, train
from nnk.training.backends import Backend, RankLost, WrongRanks, open_backend


def before_the_walltime(stop: Stop) -> Callable[[], bool]:
    """Asked after every epoch: whether to stop, or whether another one like the longest might not fit."""
    last_s, longest_s = time.monotonic(), 0.0

    def ask() -> bool:
        nonlocal last_s, longest_s
        now = time.monotonic()
        last_s, longest_s = now, max(longest_s, now - last_s)
        return stop() or not stop.has_time_for(2 * longest_s)

    return ask


def train_network(unit: Unit, ranks: Backend, stop: Stop) -> None:
    """Train the network of the unit's only item; goes on from its last checkpoint."""
    (item,) = unit.items
    with open_barriers(unit.workdir.labels_file) as barriers:
        train(
            barriers,
            ModelSpec(**unit.settings["model"]),
            TrainParameters(**unit.settings["train"]),
            unit.workdir.model_dir(item.key),
            ranks=ranks,
            fence=unit.fence,
            stop=before_the_walltime(stop),
        )


Training = Callable[[Unit, Backend, Stop], None]


def run_and_record(unit: Unit, ranks: Backend, training: Training = train_network) -> int:
    """Train, and record on the first rank what has become of it; the exit code."""
    (item,), began = unit.items, time.perf_counter()

    def record(state: str, error: str = "") -> None:
        if ranks.rank == 0:
            unit.record(unit.outcome(item, state, seconds=time.perf_counter() - began, error=error))

    record("started")
    try:
        with stop_on_signals(unit.stop_file) as stop:
            training(unit, ranks, stop)
    except TrainingStopped as stopped:
        print(stopped, flush=True)
        return 0
    except (StaleEpoch, RankLost):  # of a lost rank nothing is recorded: the training goes on in another job
        raise
    except Exception as error:
        traceback.print_exc()
        record("failed", describe(error))
        return EXIT_BROKEN
    record("done")
    return 0


def main(arguments: list[str], training: Training = train_network) -> int:
    """Train on the ranks that the unit asks for; the exit code."""
    unit = Unit.load(Path(arguments[0]))
    try:
        with open_backend(
            unit.settings["backend"], ranks=unit.ranks, device=unit.settings["device"]
        ) as ranks:
            return run_and_record(unit, ranks, training)
    except WrongRanks as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return EXIT_WRONG_WORLD


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
