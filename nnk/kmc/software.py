"""What a stretch of a run was made by: bit-equality is promised for one processor type and one version."""

from __future__ import annotations

import platform
from functools import cache
from importlib import metadata
from typing import Any

import numba
import numpy as np
from llvmlite import binding


@cache
def made_by() -> dict[str, Any]:
    """Processor type, as code is compiled for it, and versions."""
    return {
        "cpu": binding.get_host_cpu_name(),
        "machine": platform.machine(),
        "numba": numba.__version__,
        "llvm": ".".join(map(str, binding.llvm_version_info)),
        "numpy": np.__version__,
        "neural-network-kinetics": metadata.version("neural-network-kinetics"),
    }


def differences(before: dict[str, Any]) -> list[str]:
    """What has changed since `before` (a `made_by`, with other keys or without): ``numba 0.64 -> 0.65``."""
    now = made_by()
    return [f"{name} {before.get(name)} -> {now[name]}" for name in now if before.get(name) != now[name]]
