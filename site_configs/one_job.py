"""One job, asked for as campaigns ask for theirs: Parsl's executor, but started step by step.

Parsl alone hides which step goes wrong: a refused job, workers that never come and workers that do not reach
the driver all look like a campaign that waits.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from uuid import uuid4

from parsl.providers.errors import SubmitException

from site_configs.builder import executor
from site_configs.layout import Pool
from site_configs.site import Site, SiteError


class Refused(SiteError):
    """The scheduler does not take a job; its words are in the message."""


class OneJob:
    """A job with workers.

    Args:
        site: the machine.
        pool: the workers.
        folder: where Parsl's files go, on a file system of all nodes.
        environment: variables of the workers, besides the site's.
        address: of the driver; None: all that it has are tried.
        first: words of a command that runs on the first node before the workers start; empty: none.
    """

    def __init__(
        self,
        site: Site,
        pool: Pool,
        *,
        folder: Path,
        environment: Mapping[str, str],
        address: str | None,
        first: Sequence[str],
    ) -> None:
        self._site = site
        self._first = shlex.join(first)
        made: Any = executor(site, environment, pool, address)
        made.run_id, made.run_dir = str(uuid4()), str(folder)
        self._executor, self._provider = made, made.provider
        self._provider.script_dir = str(folder / "submit_scripts")
        self.job_id: str | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        """Of the driver, as workers try them."""
        return tuple(self._executor.all_addresses)

    def start(self) -> None:
        """Be ready for workers."""
        Path(self._executor.logdir).mkdir(parents=True)
        Path(self._provider.script_dir).mkdir(parents=True)
        self._executor.start()

    def submit(self) -> str:
        """Ask for the job; its name at the scheduler.

        Raises:
            Refused: it is not taken.
        """
        command = f"{self._first}\n{self._executor._get_launch_command('0')}"
        try:
            self.job_id = self._provider.submit(command, 1, f"parsl.{self._executor.label}.block-0")
        except SubmitException as error:
            raise Refused(" ".join((error.stderr or error.stdout or str(error)).split())) from error
        if self.job_id is None:
            raise Refused("the scheduler has named no job")
        return self.job_id

    def ask(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Have a worker call a function."""
        future: Future[Any] = self._executor.submit(function, {}, *arguments)
        return future

    def has_workers(self) -> bool:
        """Whether a worker has come by the encrypted channel."""
        return bool(self._executor.connected_managers())

    def cancel(self) -> bool:
        """Cancel the job; whether the scheduler agrees."""
        return self.job_id is None or bool(self._provider.cancel([self.job_id])[0])

    def said(self) -> str:
        """Last line that the job has said on standard error, empty if there is none."""
        logs = [
            *Path(self._provider.script_dir).glob("*.stderr"),
            *Path(self._provider.script_dir).glob("*.err"),
        ]
        lines = [
            line for log in logs for line in log.read_text(errors="replace").splitlines() if line.strip()
        ]
        return lines[-1].strip() if lines else ""

    def close(self) -> None:
        """No longer be there for workers."""
        self._executor.shutdown()
