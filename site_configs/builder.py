"""From a site's data to a Parsl configuration."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from parsl.addresses import address_by_interface
from parsl.config import Config
from parsl.monitoring import MonitoringHub

from site_configs.executors import executor
from site_configs.layout import Pool
from site_configs.site import Site, SiteError
from site_configs.worker_script import worker_environment

__all__ = ["build", "driver_address", "executor", "worker_environment"]

IDLE_S = 20.0  # after which a job that nobody has work for is given back
MONITORING_NEEDS = "sqlalchemy"
MONITOR_S = 30.0  # between two looks at what a task uses


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

    Raises:
        SiteError: monitoring is asked for and cannot be done.
    """
    return Config(
        executors=[executor(site, environment, pool, address) for pool in pools],
        run_dir=str(run_dir),
        # As many blocks as there is work for, all given back when there is none. Parsl's htex_auto_scale
        # would give back single idle ones, but cancels waiting jobs, too, whenever a unit has just ended.
        strategy="simple",
        strategy_period=1,
        max_idletime=IDLE_S,
        monitoring=_monitoring(run_dir) if site.monitoring else None,
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


def _monitoring(run_dir: Path) -> MonitoringHub:
    """Parsl's record of its tasks, blocks and workers, in a database of the run."""
    if importlib.util.find_spec(MONITORING_NEEDS) is None:
        raise SiteError(
            f"monitoring: true needs {MONITORING_NEEDS}, which is not installed: "
            "pip install 'parsl[monitoring]', or leave monitoring out of the site's file"
        )
    database = f"sqlite:///{run_dir}/monitoring.db"
    return MonitoringHub(logging_endpoint=database, resource_monitoring_interval=MONITOR_S)
