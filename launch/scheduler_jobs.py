"""The scheduler's jobs of the runs of a campaign: which there are, whether they live, and their end.

A run notes the id of each job in ``run/<epoch>/jobs.jsonl`` as soon as the scheduler has given it, so that
its jobs, and no others, can be ended from any login node, whether or not their driver lives. Ids are given
out again, if rarely, so the name of a job has to agree, too.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from nnk.files import Workdir
from site_configs import SiteError

TIMEOUT_S = 60.0
QUEUES = {"slurm": ("squeue", "--noheader", "--format=%i %j %T"), "pbs": ("qstat",)}
CANCEL = {"slurm": "scancel", "pbs": "qdel"}


@dataclass(frozen=True)
class SchedulerJob:
    """A job that a run has submitted.

    Attributes:
        id: of the scheduler.
        scheduler: "slurm" or "pbs".
        pool: name of its workers.
        submitted_unix_s: when it was submitted.
    """

    id: str
    scheduler: str
    pool: str
    submitted_unix_s: float


def jobs_file(workdir: Workdir, epoch: int) -> Path:
    """Where a run notes its jobs."""
    return workdir.run_dir(epoch) / "jobs.jsonl"


def note_jobs(executors: Iterable[Any], scheduler: str, path: Path) -> None:
    """From now on have Parsl's executors note in `path` each job that they submit to a scheduler."""
    for executor in executors if scheduler in CANCEL else ():
        provider = executor.provider
        provider.submit = partial(_submit, provider.submit, scheduler, executor.label, path)


def _submit(
    submit: Callable[..., Any], scheduler: str, pool: str, path: Path, *given: Any, **named: Any
) -> Any:
    job = submit(*given, **named)
    if job:
        _note(path, SchedulerJob(str(job), scheduler, pool, round(time.time(), 3)))
    return job


def _note(path: Path, job: SchedulerJob) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab") as file:
        file.write(json.dumps(asdict(job)).encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def noted_jobs(workdir: Workdir) -> list[SchedulerJob]:
    """All jobs that the runs of a workdir have submitted, the earliest first.

    Raises:
        SiteError: a line is not what a run notes.
    """
    return [job for path in sorted(workdir.root.glob("run/*/jobs.jsonl")) for job in _jobs_in(path)]


def _jobs_in(path: Path) -> Iterator[SchedulerJob]:
    *lines, _torn = path.read_text(errors="replace").split("\n")
    for number, line in enumerate(lines, start=1):
        try:
            yield SchedulerJob(**json.loads(line))
        except (ValueError, TypeError) as error:
            cure = "see whether that job is in the queue, then remove the line"
            raise SiteError(f"{path}:{number}: expected a job of this program ({error}); {cure}") from error


def living(jobs: Iterable[SchedulerJob]) -> list[SchedulerJob]:
    """Those that their scheduler still has, queued or running.

    Raises:
        SiteError: the scheduler cannot be asked here.
    """
    jobs = list(jobs)
    there = {name: _queued(name) for name in {job.scheduler for job in jobs}}
    return [job for job in jobs if _is_named(job, there[job.scheduler].get(_number(job.id)))]


def _queued(scheduler: str) -> dict[str, str]:
    """Names of the jobs that have not ended, of whomever, by their numbers."""
    answer = _ask(QUEUES[scheduler])
    rows = [line.split() for line in answer.splitlines() if line.lstrip()[:1].isdigit()]
    if scheduler == "pbs":  # the last columns are the state and the queue
        rows = [row for row in rows if row[-2] not in ("C", "F", "X")]
    return {_number(row[0]): row[1] for row in rows}


def _is_named(job: SchedulerJob, shown: str | None) -> bool:
    """Whether a job is there under a name that Parsl gives to jobs of its pool; PBS shows its beginning."""
    given = f"parsl.{job.pool}.block-"
    return shown is not None and (shown.startswith(given) or given.startswith(shown.rstrip("*")))


def _number(job_id: str) -> str:
    """The id without the name of a server, which PBS writes in several ways."""
    return job_id.split(".", 1)[0]


def cancel_jobs(jobs: Sequence[SchedulerJob]) -> None:
    """End jobs, by their ids.

    Raises:
        SiteError: the scheduler has refused or does not answer.
    """
    for scheduler in sorted({job.scheduler for job in jobs}):
        _ask([CANCEL[scheduler], *(job.id for job in jobs if job.scheduler == scheduler)])


def cancel_earlier_jobs(workdir: Workdir, scheduler: str, say: Callable[[str], None]) -> None:
    """End what earlier runs have left in the queue: its work cannot be committed, only waste node-hours.

    Args:
        workdir: of the campaign, whose next run has noted no job yet.
        scheduler: of the site. Others are asked only where their commands are.
        say: told of the jobs that were cancelled, and of a scheduler that cannot be asked: then they go on
            until they see that their driver is gone.
    """
    try:
        noted = noted_jobs(workdir)
        noted = [job for job in noted if job.scheduler == scheduler or shutil.which(CANCEL[job.scheduler])]
        left = living(noted)
        if left:
            cancel_jobs(left)
    except SiteError as error:
        say(f"warning: jobs of an earlier run may be in the queue still: {error}")
    else:
        if left:
            say(f"cancelled jobs of an earlier run: {' '.join(job.id for job in left)}")


def _ask(command: Sequence[str]) -> str:
    """What a command of the scheduler prints.

    Raises:
        SiteError: it is not here, fails or does not answer.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except FileNotFoundError as error:
        raise SiteError(f"{command[0]} is not on this machine; try again on a login node") from error
    except subprocess.TimeoutExpired as error:
        raise SiteError(f"{command[0]} has not answered for {TIMEOUT_S:.0f} s; try again") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise SiteError(f"{' '.join(command)} has failed (exit code {done.returncode}): {said}")
    return done.stdout
