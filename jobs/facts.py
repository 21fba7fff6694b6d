"""What a process finds where it runs: versions, where packages come from, space, sockets, GPUs."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import socket
import tempfile
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.connection import Listener
from pathlib import Path
from typing import Any

from jobs.apps import GPU_VARIABLES, keep_gpu_variable

OURS = ("nnk", "jobs", "launch", "site_configs", "analysis")
COMPARED = ("neural-network-kinetics", "parsl", "mpi4py", "numpy", "torch")


def facts(workdir: Path) -> dict[str, Any]:
    """What is the same on all machines of a campaign, or must be enough on each.

    Args:
        workdir: folder of the file system that campaigns write to.
    """
    return {
        "host": socket.gethostname(),
        "versions": versions(),
        "origins": {name: _origin(name) for name in OURS},
        "temporary": tempfile.gettempdir(),
        "socket": wrong_socket(),
        "free_GB": {
            str(folder): shutil.disk_usage(folder).free / 1e9 for folder in (workdir, tempfile.gettempdir())
        },
    }


def versions() -> dict[str, str]:
    """Of Python and of the packages that both ends of a campaign use; without those that are not there."""
    found = {"python": platform.python_version()}
    for name in COMPARED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _origin(name: str) -> str:
    spec = importlib.util.find_spec(name)
    return str(spec.origin) if spec is not None else "not found"


def wrong_socket() -> str:
    """Why processes of a worker could not talk by a socket in the temporary folder; empty if they can."""
    try:
        Listener(family="AF_UNIX").close()
    except OSError as error:
        return str(error)
    return ""


def gpus() -> dict[str, Any]:
    """What a worker sees of its GPU: the variables that bind it, and torch's devices."""
    keep_gpu_variable(os.environ)
    import torch

    kind = next((kind for kind in ("cuda", "xpu") if getattr(torch, kind).is_available()), None)
    devices = getattr(torch, kind) if kind else None
    return {
        "host": socket.gethostname(),
        "variables": {name: os.environ[name] for name in GPU_VARIABLES if name in os.environ},
        "devices": [devices.get_device_name(n) for n in range(devices.device_count())] if devices else [],
        "torch": torch.__version__,
    }
