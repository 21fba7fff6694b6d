"""Parsl's executors: one for each pool of workers."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from parsl.executors import HighThroughputExecutor, MPIExecutor
from parsl.monitoring.radios.htex import HTEXRadio

from site_configs.layout import Pool
from site_configs.providers import provider
from site_configs.schedulers import give_up_on_blocks
from site_configs.site import Site
from site_configs.words import seconds_of

INTERCHANGE = [sys.executable, "-P", "-m", "site_configs.interchange"]
HEARTBEAT_S, LOST_AFTER_S = 2, 20
DRAIN_S = 60  # before the end of a job, in which no unit is begun any more


def executor(
    site: Site, environment: Mapping[str, str], pool: Pool, address: str | None
) -> HighThroughputExecutor:
    """The executor of one pool.

    Units that get whole nodes of a larger job are placed by Parsl's MPIExecutor. It fails when a unit comes
    for which no nodes are free, so it must never have a backlog: all units of a pool are of the same size,
    there are as many workers as units fit a job, and none is fetched in advance.
    """
    made = _make(site, pool, _options(site, environment, pool, address))
    made.interchange_launch_cmd = INTERCHANGE  # MPIExecutor's constructor takes no list
    return made


def _options(site: Site, environment: Mapping[str, str], pool: Pool, address: str | None) -> dict[str, Any]:
    return {
        "label": pool.name,
        "address": address,
        "loopback_address": "127.0.0.1",
        "provider": provider(site, environment, pool),
        "heartbeat_period": HEARTBEAT_S,
        "heartbeat_threshold": LOST_AFTER_S,
        "drain_period": _drain_s(site, pool),
        "prefetch_capacity": 0,
        "encrypted": True,
        "block_error_handler": give_up_on_blocks,  # when three in a row have failed
        "remote_monitoring_radio": HTEXRadio() if site.monitoring else None,
    }


def _make(site: Site, pool: Pool, options: dict[str, Any]) -> HighThroughputExecutor:
    if pool.nodes_per_unit:
        launcher = site.mpi.command[0]
        return MPIExecutor(**options, mpi_launcher=launcher, max_workers_per_block=pool.workers)
    return HighThroughputExecutor(
        **options,
        max_workers_per_node=pool.workers,
        available_accelerators=list(site.gpu_ids(pool.queue)) if pool.on_gpus else [],
        cores_per_worker=1e-6,  # the pool alone decides, whatever the number of cores
    )


def _drain_s(site: Site, pool: Pool) -> int | None:
    """When a job's workers begin no further unit (s after their start); None: without a scheduler."""
    if pool.walltime is None or site.in_job:
        return None
    walltime_s = seconds_of(pool.walltime)
    return walltime_s - min(DRAIN_S, walltime_s // 4)
