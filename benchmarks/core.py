"""What this core can do: the yardsticks beside every rate."""

from __future__ import annotations

import time
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_SIZE = 512
_SECONDS = 0.5
_LANES = 16  # float32 in a vector
_CHAINS = 16  # independent accumulators: enough to hide the latency of the units
_ROUNDS = 100_000


def sgemm_gflop_per_s() -> float:
    """Best measured rate of float32 matrix products on the threads that BLAS uses, in Gflop/s."""
    a, b = np.random.default_rng(0).random((2, _SIZE, _SIZE), dtype=np.float32)
    best, end = np.inf, time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - began)
    return 2e-9 * _SIZE**3 / best


@intrinsic
def _fma_chains(typingctx: Any, rounds: Any, factor: Any) -> Any:
    """`rounds` fused multiply-adds in each of the chains, all in registers; the sum of the first chain."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        single = ir.FloatType()
        vector = ir.VectorType(single, _LANES)
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), _LANES), [0] * _LANES)
        undefined = ir.Constant(vector, ir.Undefined)
        first = builder.insert_element(undefined, args[1], ir.Constant(ir.IntType(32), 0))
        spread = builder.shuffle_vector(first, undefined, zeros)
        fma = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{_LANES}f32"
        )
        slots = [cgutils.alloca_once_value(builder, spread) for _ in range(_CHAINS)]
        with cgutils.for_range(builder, args[0]):
            for slot in slots:
                builder.store(builder.call(fma, [builder.load(slot), spread, spread]), slot)
        total = builder.load(slots[0])
        for slot in slots[1:]:
            total = builder.fadd(total, builder.load(slot))
        reduce = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(single, [single, vector]), f"llvm.vector.reduce.fadd.v{_LANES}f32"
        )
        return builder.call(reduce, [ir.Constant(single, 0.0), total])

    return types.float32(types.int64, types.float32), codegen


@numba.njit
def _chains(rounds: int, factor: float) -> float:
    return _fma_chains(rounds, np.float32(factor))


def peak_gflop_per_s() -> float:
    """Best measured rate of float32 fused multiply-adds on registers, in Gflop/s: the core's peak."""
    _chains(1, 0.5)
    best, end = np.inf, time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        began = time.perf_counter()
        _chains(_ROUNDS, 0.5)
        best = min(best, time.perf_counter() - began)
    return 2e-9 * _ROUNDS * _CHAINS * _LANES / best
