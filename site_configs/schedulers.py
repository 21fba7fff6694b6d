"""Slurm and PBS Pro as a run asks them: their commands may hang, fail or answer nonsense for a while.

Parsl alone takes a job that an answer leaves out for one that has ended, and asks for another; never hears
of the end of any job once PBS has forgotten one of those asked for; and leaves commands that hang behind.
Here an answer that cannot be read changes nothing, a job has ended when two answers in a row leave it out,
and what is wrong is kept in `trouble`, for the run to tell, and to end if it lasts.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from parsl.executors.status_handling import BlockProviderExecutor
from parsl.jobs.error_handlers import windowed_error_handler
from parsl.jobs.states import JobState, JobStatus
from parsl.providers import PBSProProvider, SlurmProvider
from parsl.providers.cluster_provider import ClusterProvider
from parsl.providers.errors import SubmitException
from parsl.providers.torque.torque import translate_table

NO_ANSWER = 124  # exit code of a command that was given up
SHOWN = 300  # characters of a message
AGAIN_S = 10.0  # at most, between two tries of a submission
_PASSING = re.compile(
    "timed? ?out|no answer within|unable to contact|cannot connect|connection (refused|reset)|"
    "temporarily|zero bytes were transmitted|end of file|try again",
    re.IGNORECASE,
)
_PBS_ID = re.compile(r"\d+(\[\d*\])?(\.\S+)?")
_UNKNOWN_JOB = re.compile("unknown job id|invalid job id", re.IGNORECASE)


class UnreadableAnswer(ValueError):
    """What a scheduler has said cannot be read."""


@dataclass(frozen=True)
class Trouble:
    """A scheduler that does not answer as it should.

    Attributes:
        since_s: `time.monotonic` of the first failure in a row.
        text: the command and what came of it the last time.
    """

    since_s: float
    text: str

    @property
    def lasts_s(self) -> float:
        """How long it has lasted."""
        return time.monotonic() - self.since_s


def run_shell(command: str, timeout_s: float) -> tuple[int, str, str]:
    """Exit code, output and errors of a shell's command line; one that takes too long is ended."""
    with subprocess.Popen(
        command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return NO_ANSWER, "", f"no answer within {timeout_s:g} s"
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def read_squeue(answer: str, table: Mapping[str, JobState]) -> dict[str, JobState]:
    """States of jobs by their ids, from lines ``<id> <state> ...``.

    Raises:
        UnreadableAnswer: a line that is no such line.
    """
    found = {}
    for line in filter(str.strip, answer.splitlines()):
        match = re.match(r"\s*(\d[\w.+\[\]-]*)\s+([A-Z_]+)\b", line)
        if match is None:
            raise UnreadableAnswer(f"got {line[:80]!r}; expected the number of a job and its state")
        found[match[1]] = table.get(match[2], JobState.UNKNOWN)
    return found


def read_qstat_json(answer: str) -> dict[str, JobState]:
    """States of jobs by their numbers, from ``qstat -f -F json``.

    Raises:
        UnreadableAnswer: it is cut short or no such JSON.
    """
    try:
        jobs = json.loads(answer)
        found = jobs.get("Jobs", {})
        return {_number(name): _pbs_state(job["job_state"]) for name, job in found.items()}
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        shown = answer.strip()[:80]
        raise UnreadableAnswer(f"got {shown!r}; expected JSON with the states of jobs ({error})") from error


def read_qstat_table(answer: str) -> dict[str, JobState]:
    """The same from the table of plain ``qstat``, whose last columns are the state and the queue.

    Raises:
        UnreadableAnswer: there is no such table.
    """
    lines = answer.splitlines()
    if len(lines) < 2 or not lines[0].lower().startswith("job id") or not lines[1].startswith("---"):
        raise UnreadableAnswer(f"got {answer.strip()[:80]!r}; expected a table of jobs")
    rows = [line.split() for line in lines[2:] if line.strip()]
    if any(len(row) < 3 for row in rows):
        raise UnreadableAnswer(f"got {lines[-1][:80]!r}; expected a row of the table of jobs")
    return {_number(row[0]): _pbs_state(row[-2]) for row in rows}


def _number(job_id: str) -> str:
    """A job of PBS without its server, which is written in several ways."""
    return job_id.split(".", 1)[0]


def _pbs_state(letter: str) -> JobState:
    state: JobState = translate_table.get(letter, JobState.UNKNOWN)
    return state


def give_up_on_blocks(executor: BlockProviderExecutor, status: dict[str, JobStatus]) -> None:
    """Parsl's rule, that three blocks in a row which could not be used end all, but for refused submissions.

    While other jobs wait or run, more may just not be allowed; the run itself sees to those (`refusals`).
    """
    submitted = {block: state for block, state in status.items() if block in executor.blocks_to_job_id}
    windowed_error_handler(executor, submitted)


class Patient(ClusterProvider):
    """A scheduler whose bad days are outlived; mixed into a provider of Parsl.

    Attributes:
        poll_s: seconds between two looks.
        trouble: what is wrong at present; None: nothing.
        refusals: submissions refused in a row, for a reason that time does not mend.
        cancel_command: what cancels jobs.
    """

    cancel_command = ""

    def __init__(self, poll_s: int, **options: Any) -> None:
        self.poll_s = poll_s
        self.trouble: Trouble | None = None
        self.refusals = 0
        self._missed: set[str] = set()
        super().__init__(**options)

    @property
    def status_polling_interval(self) -> int:
        """Seconds between two looks."""
        return self.poll_s

    @property
    def patience_s(self) -> float:
        """How long trouble may last: ten looks that all hang."""
        return 10.0 * (self.poll_s + self.cmd_timeout)

    def execute_wait(self, cmd: str, timeout: float | None = None) -> tuple[int, str, str]:
        """Exit code, output and errors of a command of the scheduler."""
        return run_shell(cmd, timeout or self.cmd_timeout)

    def submit(self, command: str, tasks_per_node: int, job_name: str = "parsl") -> str:
        """Submit a job; while the scheduler cannot be reached, again and again.

        Raises:
            SubmitException: it was refused, or the scheduler has not been reached for `patience_s`.
        """
        while True:
            try:
                job = str(super().submit(command, tasks_per_node, job_name))  # type: ignore[safe-super]
            except SubmitException as error:
                said = " ".join(f"{error.stderr or ''} {error.stdout or ''}".split())
                trouble = self._note(f"a job could not be submitted: {said[-SHOWN:] or error}")
                time.sleep(min(AGAIN_S, self.poll_s))
                if not _PASSING.search(said) or trouble.lasts_s > self.patience_s:
                    self.refusals += 1
                    raise
            else:
                self.trouble, self.refusals = None, 0
                return job

    def cancel(self, job_ids: Sequence[object]) -> Sequence[bool]:
        """Cancel jobs; whether each was cancelled. One that had ended before could not be."""
        results: Sequence[bool] = super().cancel(job_ids)  # type: ignore[safe-super]
        if not all(results):
            self._status()
        return results

    @property
    def not_cancelled(self) -> list[str]:
        """Jobs that have not ended, as far as is known; after the end of a run there should be none."""
        return sorted(self._active())

    def _active(self) -> list[str]:
        return [str(job) for job, entry in self.resources.items() if not entry["status"].terminal]

    def _status(self) -> None:
        """Bring the states of the jobs up to date, if the scheduler says something that can be read."""
        active = self._active()
        if not active:
            return
        try:
            found = self._ask(active)
        except UnreadableAnswer as error:
            self._note(str(error))
            return
        self.trouble = None
        missing = {job for job in active if job not in found}
        for job, state in found.items():
            if job in self.resources and state is not JobState.UNKNOWN:
                self._set(job, state)
        for job in missing & self._missed:
            self._set(job, JobState.COMPLETED)
        self._missed = missing

    @abstractmethod
    def _ask(self, jobs: list[str]) -> dict[str, JobState]:
        """States of some jobs; one that the scheduler does not know is left out."""

    def _look(self, command: str, read: Callable[[str], dict[str, JobState]]) -> dict[str, JobState]:
        """What a command says of jobs; that it does not know one is an answer, too."""
        name, (code, out, err) = command.split()[0], self.execute_wait(command)
        complaints = [line for line in err.splitlines() if line.strip()]
        no_such_job = bool(complaints) and all(map(_UNKNOWN_JOB.search, complaints))
        if code and not no_such_job:
            shown = " ".join((err or out).split())[-SHOWN:] or "no message"
            raise UnreadableAnswer(f"{name} has failed (exit code {code}): {shown}")
        if no_such_job and not out.strip():
            return {}
        try:
            return read(out)
        except UnreadableAnswer as error:
            raise UnreadableAnswer(f"{name} has answered what cannot be read: {error}") from error

    def _note(self, text: str) -> Trouble:
        since_s = self.trouble.since_s if self.trouble else time.monotonic()
        self.trouble = Trouble(since_s, text)
        return self.trouble

    def _set(self, job: str, state: JobState) -> None:
        """A job that is held or suspended still counts: no other is asked for in its place."""
        entry = self.resources[job]
        shown = JobState.PENDING if state is JobState.HELD else state
        files = {name: entry[f"job_{name}"] for name in ("stdout_path", "stderr_path")}
        entry["status"] = JobStatus(shown, **files)


class PolledSlurm(Patient, SlurmProvider):
    """Slurm."""

    cancel_command = "scancel"

    def _ask(self, jobs: list[str]) -> dict[str, JobState]:
        found: dict[str, JobState] = {}
        for first in range(0, len(jobs), self.status_batch_size):
            command = self._cmd.format(",".join(jobs[first : first + self.status_batch_size]))
            found |= self._look(command, partial(read_squeue, table=self._translate_table))
        return found


class PolledPbs(Patient, PBSProProvider):
    """PBS Pro."""

    cancel_command = "qdel"

    def submit(self, command: str, tasks_per_node: int, job_name: str = "parsl") -> str:
        """See `Patient.submit`; Parsl takes whatever qsub says last for the id of a job."""
        job = super().submit(command, tasks_per_node, job_name)
        if _PBS_ID.fullmatch(job) is None:
            self.resources.pop(job, None)
            raise SubmitException(job_name, f"qsub: got {job[:80]!r}; expected the id of a job")
        return job

    def _ask(self, jobs: list[str]) -> dict[str, JobState]:
        names = " ".join(jobs)
        try:
            found = self._look(f"qstat -x -f -F json {names}", read_qstat_json)
        except UnreadableAnswer as first:
            try:  # some versions do not escape what users put into variables and comments
                found = self._look(f"qstat -x {names}", read_qstat_table)
            except UnreadableAnswer:
                raise first from None
        return {job: found[_number(job)] for job in jobs if _number(job) in found}
