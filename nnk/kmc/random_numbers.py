"""Counter-based random numbers: a jump's two uniforms depend on the run's key and the jump's number alone.

So a run that is split, killed and continued, or replayed draws the same numbers. Philox4x32-10 of
Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (SC11, 2011).
"""

from __future__ import annotations

import numpy as np

from nnk.kmc.compiled import inlined

_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_DROPPED_BITS = np.uint64(11)
_RESOLUTION = 2.0**-53


@inlined
def philox4x32(c0, c1, c2, c3, key):  # type: ignore[no-untyped-def]
    """Four 32-bit words (in uint64) from counter words c0..c3 (uint64, below 2^32) and a 64-bit key."""
    k0 = key & _LOW
    k1 = key >> _HALF
    for _ in range(10):
        product_0 = _MULTIPLIER_0 * c0
        product_1 = _MULTIPLIER_1 * c2
        c0 = (product_1 >> _HALF) ^ c1 ^ k0
        c1 = product_1 & _LOW
        c2 = (product_0 >> _HALF) ^ c3 ^ k1
        c3 = product_0 & _LOW
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@inlined
def unit_interval(high, low):  # type: ignore[no-untyped-def]
    """A uniform in (0, 1] from two 32-bit words."""
    bits = ((high << _HALF) | low) >> _DROPPED_BITS
    return np.float64(bits + _ONE) * _RESOLUTION


@inlined
def two_uniforms(key, number):  # type: ignore[no-untyped-def]
    """Two independent uniforms in (0, 1] of jump `number` (uint64) of the run with `key` (uint64)."""
    zero = np.uint64(0)
    w0, w1, w2, w3 = philox4x32(number & _LOW, number >> _HALF, zero, zero, key)
    return unit_interval(w0, w1), unit_interval(w2, w3)


@inlined
def third_uniform(key, number):  # type: ignore[no-untyped-def]
    """A uniform in (0, 1] of jump `number`, independent of its `two_uniforms`."""
    w0, w1, _, _ = philox4x32(number & _LOW, number >> _HALF, _ONE, np.uint64(0), key)
    return unit_interval(w0, w1)
