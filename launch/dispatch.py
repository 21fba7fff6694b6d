"""Units to Parsl: loaded once per run, one executor for all stages."""

from __future__ import annotations

import atexit
import logging
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import parsl
from parsl.config import Config
from parsl.dataflow.dflow import DataFlowKernel
from parsl.executors import HighThroughputExecutor

from jobs.apps import run_command, run_in_worker
from launch.private import close_keys, private_folder
from launch.scheduler_jobs import jobs_file, note_jobs
from launch.units import Order
from nnk.files import Workdir
from site_configs import Pool, Site, SiteError
from site_configs.builder import build, driver_address, worker_environment
from site_configs.schedulers import Patient

CLOSE_S = 20.0
MOST_REFUSALS = 3
LOOK_S, NO_WORKERS_S = 20.0, 180.0
PLAIN = re.compile(r"[A-Za-z0-9_@%+=:,./-]+")


class Dispatcher:
    """Gives units to workers.

    Args:
        kernel: Parsl.
        patient: whether workers may take long to come, since a scheduler gives out the nodes.
        say: told of a scheduler that does not answer.
    """

    def __init__(self, kernel: DataFlowKernel, patient: bool, say: Callable[[str], None]) -> None:
        self._kernel = kernel
        self._patient = patient
        self._say = say
        self._apps: dict[tuple[Callable[..., int], str], Callable[..., Future[int]]] = {}
        self._told: set[float] = set()  # troubles, by their beginnings
        self._looked_s = self._seen_s = time.monotonic()

    def submit(self, order: Order) -> Future[int]:
        """Start a unit as soon as a worker is free."""
        unit, work_dir = order.unit, str(order.unit.work_dir)
        if order.module:
            return self._app(run_in_worker, order.pool)(order.module, str(unit.path), work_dir)
        run = partial(self._app(run_command, order.pool), list(order.command), str(unit.log_file))
        placed = {"parsl_resource_specification": dict(order.resources)} if order.resources else {}
        return run(str(unit.stop_file), work_dir, **placed)

    def _app(self, function: Callable[..., int], pool: str) -> Callable[..., Future[int]]:
        if (function, pool) not in self._apps:
            app = parsl.python_app(function, data_flow_kernel=self._kernel, executors=[pool])
            self._apps[function, pool] = app
        return self._apps[function, pool]

    def check(self) -> None:
        """Return if Parsl is alive; without its interchange or any worker no result would ever come.

        Raises:
            SiteError: the interchange has ended, there has been no worker for minutes, or none is left and
                the scheduler has long not answered.
        """
        for executor in self._kernel.executors.values():
            if isinstance(executor, HighThroughputExecutor) and isinstance(executor.provider, Patient):
                self._check_scheduler(executor, executor.provider)
            process = getattr(executor, "interchange_proc", None)
            if process is not None and process.poll() is not None:
                raise SiteError(f"Parsl's interchange has ended (exit code {process.returncode}); run again")
        if not self._patient and time.monotonic() - self._looked_s > LOOK_S:
            self._look_for_workers()

    def _check_scheduler(self, executor: HighThroughputExecutor, provider: Patient) -> None:
        """Tell of trouble with a scheduler once; give up when it lasts and nobody works any more."""
        trouble = provider.trouble
        if trouble is None:
            return
        if trouble.since_s not in self._told:
            self._told.add(trouble.since_s)
            self._say(f"{trouble.text}; it is tried again, and units under way go on")
        if provider.refusals >= MOST_REFUSALS and not provider.not_cancelled:
            raise SiteError(
                f"{trouble.text}. Correct queue, account, walltime or directives under jobs in the site's "
                "file (launch plan FILE --scripts shows what is submitted), then run again"
            )
        if trouble.lasts_s > provider.patience_s and not executor.connected_managers():
            raise SiteError(
                f"{trouble.text}; so for {trouble.lasts_s:.0f} s, and no worker is left. Try the command "
                "yourself; when it answers, run again: what is done is kept"
            )

    def _look_for_workers(self) -> None:
        self._looked_s = time.monotonic()
        executors = self._kernel.executors.values()
        if any(e.connected_managers() for e in executors if isinstance(e, HighThroughputExecutor)):
            self._seen_s = self._looked_s
        elif self._looked_s - self._seen_s > NO_WORKERS_S:
            folder = self._kernel.run_dir
            raise SiteError(
                f"no worker for {NO_WORKERS_S:.0f} s: see {folder}/submit_scripts, {folder}/nodes"
            )


def cache_folder(workdir: Workdir) -> Path:
    """Where compiled code is kept: the user's cache, so that it is compiled once; else the workdir."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = base / "neural-network-kinetics"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that cannot be written, as on some compute nodes
        return workdir.root / "cache"
    return folder if os.access(folder, os.W_OK) else workdir.root / "cache"


@contextmanager
def dispatcher(
    site: Site, workdir: Workdir, epoch: int, pools: Sequence[Pool], say: Callable[[str], None]
) -> Iterator[Dispatcher]:
    """Parsl on `site` with these workers; everything is ended on leaving. `say` tells the user."""
    environment = worker_environment(cache_folder(workdir))
    submits = site.jobs is not None and not site.in_job
    with plain_path(private_folder(workdir.run_dir(epoch) / "parsl")) as run_dir:
        address = driver_address(site)
        config = build(site, run_dir, pools=pools, environment=environment, address=address)
        if submits:
            note_jobs(config.executors, site.scheduler, jobs_file(workdir, epoch))
        kernel = _loaded(config, workdir.run_dir(epoch))
        logging.getLogger("parsl").setLevel(logging.INFO)  # else eight lines for every unit
        logging.raiseExceptions = False  # else a traceback for every line that a full disk does not take
        try:
            close_keys(run_dir)
            yield Dispatcher(kernel, patient=submits, say=say)
        finally:
            _close(kernel)
            _tell_of_jobs_left(kernel, say)


def _loaded(config: Config, run_dir: Path) -> DataFlowKernel:
    """Parsl, loaded.

    Raises:
        SiteError: its interchange has not started.
    """
    try:
        return parsl.load(config)
    except Exception as error:  # of no class of its own
        if "Interchange" not in str(error):
            raise
        parsl.clear()
        raise SiteError(f"Parsl's interchange has not started: see {run_dir}/parsl; run again") from error


@contextmanager
def plain_path(folder: Path) -> Iterator[Path]:
    """A path of `folder` that a shell takes as one word, by a link if need be: Parsl quotes nothing."""
    if PLAIN.fullmatch(str(folder)):
        yield folder
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="nnk-") as links:
        link = Path(links) / "parsl"
        link.symlink_to(folder)
        yield link


def _tell_of_jobs_left(kernel: DataFlowKernel, say: Callable[[str], None]) -> None:
    """Name the scheduler's jobs that could not be cancelled."""
    for executor in kernel.executors.values():
        provider = getattr(executor, "provider", None)
        if isinstance(provider, Patient) and (left := provider.not_cancelled):
            names = " ".join(left)
            say(
                f"warning: {provider.cancel_command} has failed: jobs {names} may be in the queue still; "
                f"end them with: {provider.cancel_command} {names}"
            )


def _close(kernel: DataFlowKernel) -> None:
    """End Parsl, but do not wait for ever: without its interchange, Parsl does."""
    closing = threading.Thread(target=kernel.cleanup, name="parsl-cleanup", daemon=True)
    closing.start()
    closing.join(CLOSE_S)
    if closing.is_alive():
        atexit.unregister(kernel.atexit_cleanup)
    parsl.clear()
