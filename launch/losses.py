"""Units that have ended before all their items were done: why, and which items may be to blame."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from parsl.executors.errors import BadStateException
from parsl.jobs.errors import TooManyJobFailuresError

from jobs.apps import JobFailed
from jobs.block import noted_block
from jobs.failure_class import FailureClass
from jobs.in_work import left_in_work
from jobs.mpi_job import EXIT_STALE, EXIT_WRONG_WORLD
from jobs.oom import oom_kills
from jobs.unit import Unit, describe
from launch.failures import cause_of_loss
from nnk.files import StaleEpoch, Workdir, commit
from site_configs import SiteError

TRIAL_BYTES = 1 << 20


@dataclass(frozen=True)
class Loss:
    """What is known of a unit that was lost, or has stopped by itself.

    Attributes:
        unit: the unit.
        cause: class of the failure.
        words: how it has ended, on one line.
        details: the same with the last lines of its log.
        suspects: keys of the items that may be to blame, each with the signal of its process if that has left
            word.
        block: name of the scheduler's job, or of Parsl's block; empty if it is not known.
        until_unix_s: when the block ends in which there was no time for more; 0: there was.
    """

    unit: Unit
    cause: FailureClass
    words: str
    details: str
    suspects: Mapping[str, str]
    block: str = ""
    until_unix_s: float = 0.0

    @property
    def reason(self) -> str:
        """Why an item that was lost so often is given up."""
        what = {
            FailureClass.CRASH: "crashed",
            FailureClass.MEMORY: "out of memory",
            FailureClass.NODE: "lost with its node",
            FailureClass.WALLTIME: "longer than the walltime",
        }.get(self.cause, "lost")
        return f"{what}: {self.words}, unit {self.unit.name}"


def loss_of(unit: Unit, error: BaseException | None, left: Sequence[str], kills: int) -> Loss:
    """Why a unit has left items undone.

    Args:
        unit: the unit.
        error: how it has ended; None: by itself.
        left: keys of its items that are not done.
        kills: processes that this machine had killed for want of memory when the unit was given out.
    """
    block = noted_block(unit.work_dir)
    is_here = getattr(error, "hostname", "") == platform.node()
    is_oom = getattr(error, "is_oom", False) or (is_here and oom_kills() > kills)
    cause = cause_of_loss(error, block, is_oom=is_oom)
    suspects = {key: text for key, text in _in_work(unit, error).items() if key in left}
    if not suspects and len(left) == len(unit.items):
        suspects = dict.fromkeys(left, "")  # nothing was done: as if all were to blame
    has_stopped = cause is FailureClass.WALLTIME and error is None
    return Loss(
        unit=unit,
        cause=cause,
        words=next((text for text in suspects.values() if text), _words(error, cause)),
        details=describe(error) if error else _words(error, cause),
        suspects=suspects,
        block=(block.job or block.id) if block else "",
        until_unix_s=(block.end_unix_s or 0.0) if block and has_stopped else 0.0,
    )


def _in_work(unit: Unit, error: BaseException | None) -> dict[str, str]:
    return left_in_work(unit) if error else {}


def _words(error: BaseException | None, cause: FailureClass) -> str:
    """Of a job that has failed, how it ended; of what befell a worker, also the kind of error."""
    if error is None:
        ended = cause is FailureClass.WALLTIME
        return "no time was left before the walltime" if ended else "the job ended without a result"
    return (str(error) if isinstance(error, JobFailed) else describe(error)).splitlines()[0]


def raise_if_hopeless(error: BaseException | None) -> None:
    """Errors that every other unit would meet too.

    Raises:
        SiteError: no workers, or the site's MPI does not start as many ranks as it is told.
        StaleEpoch: a newer run has taken over.
    """
    if isinstance(error, BadStateException | TooManyJobFailuresError):
        raise SiteError(f"the workers cannot be started, or die at once:\n{error}")
    if isinstance(error, StaleEpoch) or (isinstance(error, JobFailed) and error.code == EXIT_STALE):
        raise StaleEpoch(f"a newer run has taken over: {error}")
    if isinstance(error, JobFailed) and error.code == EXIT_WRONG_WORLD:
        raise SiteError(str(error))


def raise_if_full(workdir: Workdir, epoch: int) -> None:
    """Look whether the workdir takes a file of a megabyte.

    Raises:
        SiteError: it does not: no unit could keep anything.
    """
    trial = workdir.run_dir(epoch) / "trial"
    try:
        commit(trial, _fill)
        trial.unlink()
    except OSError as error:
        raise SiteError(
            f"nothing can be written to {workdir.root}: {error.strerror or error}; free space there or get a "
            "larger quota, then run again: what is done is kept"
        ) from error


def _fill(path: Path) -> None:
    path.write_bytes(bytes(TRIAL_BYTES))
