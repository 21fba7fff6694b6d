"""What the shell does on a node before the workers start there."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path

from site_configs.layout import Pool
from site_configs.site import Site
from site_configs.words import seconds_of

GPU_VARIABLE = "NNK_GPU_VARIABLE"  # which of the variables that Parsl sets binds a worker to its GPU


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


def worker_script(site: Site, environment: Mapping[str, str], pool: Pool) -> str:
    """Shell lines that set up the workers of a pool."""
    folder, queue = Path(sys.executable).parent, site.queue(pool.queue)
    lines = [
        _block_end(site, pool),
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


def _block_end(site: Site, pool: Pool) -> str:
    """When the scheduler takes the nodes back, counted from the start of the job.

    Within a job the driver knows it, and its children by its environment.
    """
    if pool.walltime is None or site.in_job:
        return ""
    return f"export NNK_BLOCK_END_UNIX_S=$(($(date +%s) + {seconds_of(pool.walltime)}))"
