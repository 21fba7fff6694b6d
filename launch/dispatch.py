"""Units to Parsl: loaded once per run, one executor for all stages."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path

import parsl
from parsl.dataflow.dflow import DataFlowKernel

from jobs.apps import run_command, run_in_worker
from launch.units import Order
from nnk.files import Workdir
from site_configs import Site
from site_configs.builder import build, worker_environment


class Dispatcher:
    """Gives units to workers."""

    def __init__(self, kernel: DataFlowKernel) -> None:
        self._run_command = parsl.python_app(run_command, data_flow_kernel=kernel)
        self._run_in_worker = parsl.python_app(run_in_worker, data_flow_kernel=kernel)

    def submit(self, order: Order) -> Future[int]:
        """Start a unit as soon as a worker is free."""
        unit = order.unit
        if order.module:
            return self._run_in_worker(order.module, str(unit.path))
        return self._run_command(list(order.command), str(unit.log_file), str(unit.stop_file))


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
def dispatcher(site: Site, workdir: Workdir, epoch: int, workers: int) -> Iterator[Dispatcher]:
    """Parsl on `site` with so many workers; everything is ended on leaving.

    Parsl's processes are started with SIGINT ignored: Ctrl-C is for the driver, which asks the jobs to save.
    """
    environment = worker_environment(cache_folder(workdir))
    config = build(site, workdir.run_dir(epoch) / "parsl", workers=workers, environment=environment)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        kernel = parsl.load(config)
    finally:
        signal.signal(signal.SIGINT, before)
    try:
        yield Dispatcher(kernel)
    finally:
        kernel.cleanup()
        parsl.clear()
