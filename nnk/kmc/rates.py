"""Rates of the residence-time algorithm, relative to the fastest jump so that nothing underflows.

k_i = k0 exp(-E_i / k_B T), Gamma = sum_i k_i; jump i is taken with probability k_i / Gamma after a time
-ln(u) / Gamma (Xing et al. 2024, Methods). With the lowest barrier E_min and the relative rates
w_i = exp(-(E_i - E_min) / k_B T), 1 / Gamma = exp(E_min / k_B T - ln k0 - ln sum_i w_i), finite down to
a few ten kelvin.
"""

from __future__ import annotations

import math

import numpy as np

from nnk.kmc.compiled import compiled, inlined


@compiled
def residence(barriers_eV, kT_eV, log_frequency, record):  # type: ignore[no-untyped-def]
    """Cumulative probabilities of the jumps and the mean residence time.

    Args:
        barriers_eV: float64[z]; infinite where a jump is impossible.
        kT_eV: k_B T.
        log_frequency: ln(k0 in 1/s).
        record: float64[z or more], filled with the cumulative probabilities of jumps 0 .. z - 2 (the last
            one is 1) and then the mean residence time 1 / Gamma in s.
    """
    z = barriers_eV.shape[0]
    lowest = np.inf
    for jump in range(z):
        lowest = min(lowest, barriers_eV[jump])
    total = 0.0
    for jump in range(z):
        total += math.exp((lowest - barriers_eV[jump]) / kT_eV)
        record[jump] = total
    for jump in range(z - 1):
        record[jump] /= total
    record[z - 1] = math.exp(lowest / kT_eV - log_frequency - math.log(total))


@inlined
def chosen_jump(record, z, u):  # type: ignore[no-untyped-def]
    """First of z jumps whose cumulative probability reaches `u` in (0, 1]; never one of probability zero."""
    jump = np.int64(0)  # a plain 0 would have all functions that take it compiled for that number too
    for i in range(z - 1):
        jump += u > record[i]
    return jump
