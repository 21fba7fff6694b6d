"""From a site's data to a Parsl configuration. The only module that knows Parsl's executors and providers."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from parsl.config import Config
from parsl.executors import HighThroughputExecutor
from parsl.jobs.error_handlers import windowed_error_handler
from parsl.launchers import SimpleLauncher
from parsl.providers import LocalProvider

from site_configs.site import Site

LABEL, GPUS = "nodes", "gpus"
HEARTBEAT_S, LOST_AFTER_S = 2, 20


def build(
    site: Site, run_dir: Path, *, workers: int, environment: Mapping[str, str], gpus: int = 0
) -> Config:
    """Parsl's configuration of one run on `site`; nothing is started.

    One executor serves all stages: stages follow one another, and no more units are given out at a time than
    `StageLayout.at_once` allows, so that MPI units and units of one core never share a core. A second one
    serves the units that take a GPU, if there are any.

    Args:
        site: the machine.
        run_dir: folder of Parsl's own files.
        workers: units that may run at the same time, in any stage.
        environment: variables of the workers, besides the site's.
        gpus: workers with a GPU of their own, which Parsl names in CUDA_VISIBLE_DEVICES.
    """
    executors = [_executor(site, environment, LABEL, workers)]
    if gpus:
        executors.append(_executor(site, environment, GPUS, gpus, accelerators=gpus))
    return Config(
        executors=executors,
        run_dir=str(run_dir),
        strategy="simple",  # replaces a block that was lost; min_blocks keeps the one there is
        strategy_period=1,
        retries=0,  # a unit that was lost is cut anew, from what is still missing
    )


def _executor(
    site: Site, environment: Mapping[str, str], label: str, workers: int, *, accelerators: int = 0
) -> HighThroughputExecutor:
    provider = LocalProvider(
        init_blocks=1,
        min_blocks=1,
        max_blocks=1,
        launcher=SimpleLauncher(),
        worker_init=_worker_init(site, environment),
    )
    return HighThroughputExecutor(
        label=label,
        address=site.address,
        loopback_address="127.0.0.1",
        provider=provider,
        max_workers_per_node=workers,
        available_accelerators=accelerators,
        cores_per_worker=1e-6,  # `workers` alone decides, whatever the number of cores
        interchange_launch_cmd=[sys.executable, "-P", "-m", "site_configs.interchange"],
        heartbeat_period=HEARTBEAT_S,
        heartbeat_threshold=LOST_AFTER_S,
        encrypted=True,
        block_error_handler=windowed_error_handler,  # gives up when three blocks in a row have failed
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


def _worker_init(site: Site, environment: Mapping[str, str]) -> str:
    """Shell lines that set up the workers."""
    folder = Path(sys.executable).parent
    lines = [
        site.worker_init.rstrip(),
        "unset PYTHONPATH PYTHONHOME",
        f'export PATH={shlex.quote(str(folder))}:"$PATH"',
    ]
    variables = {**environment, **site.environment}
    lines += [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
    return "\n".join(line for line in lines if line)
