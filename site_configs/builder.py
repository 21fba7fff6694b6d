"""From a site's data to a Parsl configuration. The only module that knows Parsl's executors and providers."""

from __future__ import annotations

import shlex
import socket
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from parsl.addresses import address_by_interface
from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.jobs.error_handlers import windowed_error_handler
from parsl.launchers import SimpleLauncher
from parsl.providers import LocalProvider
from parsl.providers.base import ExecutionProvider

from site_configs.layout import Pool
from site_configs.parts import Jobs
from site_configs.schedulers import PolledPbs, PolledSlurm
from site_configs.site import Site, SiteError
from site_configs.words import seconds_of

HEARTBEAT_S, LOST_AFTER_S = 2, 20
GPU_VARIABLE = "NNK_GPU_VARIABLE"  # which of the variables that Parsl sets binds a worker to its GPU
IDLE_S = 20.0  # after which a job that nobody has work for is given back


def build(
    site: Site,
    run_dir: Path,
    *,
    pools: Iterable[Pool],
    environment: Mapping[str, str],
    address: str | None = None,
) -> Config:
    """Parsl's configuration of one run on `site`; nothing is started or submitted.

    An executor for each pool. Stages follow one another, and no more units are given out at a time than
    `StageLayout.at_once` allows, so that MPI units and units of one core never share a core.

    Args:
        site: the machine.
        run_dir: folder of Parsl's own files.
        pools: the workers that are wanted.
        environment: variables of the workers, besides the site's.
        address: of the driver as the workers see it (`driver_address`); None: all that it has are tried.
    """
    return Config(
        executors=[executor(site, environment, pool, address) for pool in pools],
        run_dir=str(run_dir),
        strategy="simple",  # replaces a block that was lost, and makes as many as there is work for
        strategy_period=1,
        max_idletime=IDLE_S,
        retries=0,  # a unit that was lost is cut anew, from what is still missing
    )


def driver_address(site: Site) -> str | None:
    """Where the workers reach this process; None: they try all addresses of this machine.

    Raises:
        SiteError: this machine has no such network interface.
    """
    if site.interface is None:
        return site.address
    try:
        return address_by_interface(site.interface)
    except OSError as error:
        there = ", ".join(sorted(name for _, name in socket.if_nameindex()))
        raise SiteError(
            f"this machine has no network interface {site.interface} with an address ({error}); run on a "
            f"login node of {site.name}, or set interface of the site; allowed here: {there}"
        ) from error


def executor(
    site: Site, environment: Mapping[str, str], pool: Pool, address: str | None
) -> HighThroughputExecutor:
    """The executor of one pool."""
    return HighThroughputExecutor(
        label=pool.name,
        address=address,
        loopback_address="127.0.0.1",
        provider=_provider(site, environment, pool),
        max_workers_per_node=pool.workers,
        available_accelerators=list(site.gpu_ids(pool.queue)) if pool.on_gpus else [],
        cores_per_worker=1e-6,  # the pool alone decides, whatever the number of cores
        interchange_launch_cmd=[sys.executable, "-P", "-m", "site_configs.interchange"],
        heartbeat_period=HEARTBEAT_S,
        heartbeat_threshold=LOST_AFTER_S,
        encrypted=True,
        block_error_handler=windowed_error_handler,  # gives up when three blocks in a row have failed
    )


def _provider(site: Site, environment: Mapping[str, str], pool: Pool) -> ExecutionProvider:
    """Where a pool's workers live. On a cluster one manager on the first node of a job, which starts MPI."""
    shell = _worker_init(site, environment, pool)
    if site.jobs is None:
        blocks = {"init_blocks": 1, "min_blocks": 1, "max_blocks": 1}
        return LocalProvider(launcher=SimpleLauncher(), worker_init=shell, **blocks)
    asked = {
        "nodes_per_block": pool.nodes,
        "init_blocks": 0,
        "min_blocks": 0,
        "max_blocks": site.jobs.at_most,
        "walltime": pool.walltime or site.jobs.walltime,
        "worker_init": shell,
        "launcher": SimpleLauncher(),
        "cmd_timeout": site.jobs.command_timeout_s,
        "account": site.jobs.account,
        "scheduler_options": "\n".join(_directives(site, site.jobs, pool)),
    }
    make = _slurm if site.scheduler == "slurm" else _pbs
    return make(site, site.jobs, asked, pool)


def _directives(site: Site, jobs: Jobs, pool: Pool) -> tuple[str, ...]:
    queue = site.queue(pool.queue)
    return jobs.directives + (queue.directives if queue else ())


def _gpus(site: Site, jobs: Jobs, pool: Pool) -> int | None:
    """GPUs of a node to ask for by number; None: they are not asked for."""
    wanted = {"gpu stages": pool.on_gpus, "always": True, "never": False}[jobs.ask_gpus]
    return (site.gpus_in(pool.queue) or None) if wanted else None


def _slurm(site: Site, jobs: Jobs, asked: dict[str, Any], pool: Pool) -> ExecutionProvider:
    queue = site.queue(pool.queue)
    partition, qos = pool.queue, jobs.qos
    if queue is not None and (queue.partition or queue.qos):
        partition, qos = queue.partition, queue.qos or jobs.qos
    return PolledSlurm(
        jobs.poll_s,
        partition=partition,
        qos=qos,
        constraint=(queue.constraint if queue else None) or jobs.constraint,
        exclusive=jobs.whole_nodes,
        cores_per_node=None if jobs.whole_nodes else site.cores_in(pool.queue),
        gpus_per_node=_gpus(site, jobs, pool),
        **asked,
    )


def _pbs(site: Site, jobs: Jobs, asked: dict[str, Any], pool: Pool) -> ExecutionProvider:
    gpus = _gpus(site, jobs, pool)
    select = ":".join(filter(None, [jobs.select, f"ngpus={gpus}" if gpus else None]))
    return PolledPbs(
        jobs.poll_s,
        queue=pool.queue,
        cpus_per_node=site.cores_in(pool.queue),
        select_options=select,
        **asked,
    )


def worker_environment(caches: Path) -> dict[str, str]:
    """Variables of every job.

    They keep the user's own modules out (names such as ``analysis`` are not rare), give one thread to a
    process, and put the caches of numba and matplotlib where they can be written.
    """
    return {
        "PYTHONSAFEPATH": "1",
        "PYTHONNOUSERSITE": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
        "NUMBA_CACHE_DIR": str(caches / "numba"),
        "MPLCONFIGDIR": str(caches / "matplotlib"),
        "MPLBACKEND": "Agg",
        "HDF5_USE_FILE_LOCKING": "FALSE",
    }


def _worker_init(site: Site, environment: Mapping[str, str], pool: Pool) -> str:
    """Shell lines that set up the workers."""
    folder, queue = Path(sys.executable).parent, site.queue(pool.queue)
    lines = [
        _block_end(pool),
        site.worker_init.rstrip(),
        queue.worker_init.rstrip() if queue else "",
        "unset PYTHONPATH PYTHONHOME",
        f'export PATH={shlex.quote(str(folder))}:"$PATH"',
    ]
    variables = {**environment, **site.environment}
    if pool.on_gpus:
        variables[GPU_VARIABLE] = site.gpu_variable
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(line for line in lines if line)


def _block_end(pool: Pool) -> str:
    """When the scheduler takes the nodes back, counted from the start of the job."""
    if pool.walltime is None:
        return ""
    return f"export NNK_BLOCK_END_UNIX_S=$(($(date +%s) + {seconds_of(pool.walltime)}))"
