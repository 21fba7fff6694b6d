"""Where workers live: jobs of a scheduler, the job that the driver itself is in, or this machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parsl.launchers import SimpleLauncher
from parsl.launchers.base import Launcher
from parsl.providers import LocalProvider
from parsl.providers.base import ExecutionProvider

from site_configs.launchers import NodeLauncher
from site_configs.layout import Pool
from site_configs.parts import Jobs
from site_configs.schedulers import PolledPbs, PolledSlurm
from site_configs.site import Site
from site_configs.worker_script import worker_script


def provider(site: Site, environment: Mapping[str, str], pool: Pool) -> ExecutionProvider:
    """Where a pool's workers live.

    On a cluster one manager on the first node of a job, which starts MPI, or one on every node. Within a job
    the managers of a stage are started when there is work for them, and ended when there is none.
    """
    shell = worker_script(site, environment, pool)
    if site.jobs is None:
        blocks = {"init_blocks": 1, "min_blocks": 1, "max_blocks": 1}
        return LocalProvider(launcher=SimpleLauncher(), worker_init=shell, **blocks)
    if site.in_job:
        blocks = {"init_blocks": 0, "min_blocks": 0, "max_blocks": 1, "nodes_per_block": pool.nodes}
        return LocalProvider(launcher=_launcher(site, pool), worker_init=shell, **blocks)
    asked = {
        "nodes_per_block": pool.nodes,
        "init_blocks": 0,
        "min_blocks": 0,
        "max_blocks": site.jobs.at_most,
        "walltime": pool.walltime or site.jobs.walltime,
        "worker_init": shell,
        "launcher": _launcher(site, pool),
        "parallelism": _slots_asked(pool),
        "cmd_timeout": site.jobs.command_timeout_s,
        "account": site.jobs.account,
        "scheduler_options": "\n".join(_directives(site, site.jobs, pool)),
    }
    make = _slurm if site.scheduler == "slurm" else _pbs
    return make(site, site.jobs, asked, pool)


def _slots_asked(pool: Pool) -> float:
    """Slots to ask for per unit: Parsl counts those of a job as if workers were on each of its nodes."""
    return 1 if pool.on_every_node else pool.nodes


def _launcher(site: Site, pool: Pool) -> Launcher:
    if not pool.on_every_node or pool.nodes == 1:
        return SimpleLauncher()
    return NodeLauncher(site.mpi.starting_workers(pool.nodes))


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
