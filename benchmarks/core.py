"""What this core can do: the yardstick beside every rate."""

from __future__ import annotations

import time

import numpy as np

_SIZE = 512
_SECONDS = 0.5


def sgemm_gflop_per_s() -> float:
    """Best measured rate of float32 matrix products on the threads that BLAS uses, in Gflop/s."""
    a, b = np.random.default_rng(0).random((2, _SIZE, _SIZE), dtype=np.float32)
    best, end = np.inf, time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - began)
    return 2e-9 * _SIZE**3 / best
