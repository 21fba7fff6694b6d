"""Randomness of a vacancy's jumps and its spread over sites (Xing et al. 2024, figure 4).

With the z barriers E_i of a vacancy,

    p_i = exp(-E_i / k_B T) / sum_j exp(-E_j / k_B T)                      `jump_probabilities`
    R   = 1 - sigma(p) / max sigma
        = 1 - sqrt((z sum_i p_i^2 - 1) / (z - 1))                          `jump_randomness`

R = 0: one jump is taken every time (directional); R = 1: all jumps are equally likely (random). The variance
of R over the sites of a state is the *diffusion multiplicity*. (The printed denominator of p_i lacks the
minus sign.) The paper does not say on which state R is evaluated: whoever uses these functions records it.
The barriers are those of `nnk.observables.site_barriers`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.constants import K_B_eV_K

FloatArray = NDArray[np.float64]

BIN_EDGES = np.linspace(0.0, 1.0, 26)
BIN_EDGES.setflags(write=False)


def jump_probabilities(barriers_eV: ArrayLike, temperature_K: float) -> FloatArray:
    """Probability float64[..., z] of each jump; an infinite barrier gives 0.

    Args:
        barriers_eV: [..., z], at least one of the last axis finite.
        temperature_K: temperature, > 0.

    Raises:
        ValueError: a temperature that is not positive, NaN barriers, or no possible jump.
    """
    if not temperature_K > 0:
        raise ValueError(f"temperature_K={temperature_K!r}: expected a positive number")
    barriers = np.asarray(barriers_eV, dtype=np.float64)
    lowest = barriers.min(axis=-1, keepdims=True)
    if not np.isfinite(lowest).all():
        raise ValueError("barriers_eV: expected no NaN and at least one finite barrier per vacancy")
    # relative to the lowest, or all rates underflow at low temperature
    weights = np.exp((lowest - barriers) / (K_B_eV_K * temperature_K))
    return weights / weights.sum(axis=-1, keepdims=True)


def jump_randomness(barriers_eV: ArrayLike, temperature_K: float) -> FloatArray:
    """R, float64[...], between 0 (directional) and 1 (random), of barriers [..., z]."""
    p = jump_probabilities(barriers_eV, temperature_K)
    z = p.shape[-1]
    spread = ((p - 1.0 / z) ** 2).sum(axis=-1)  # equals sum p^2 - 1/z, without the cancellation
    return np.clip(1.0 - np.sqrt(z * spread / (z - 1)), 0.0, 1.0)


@dataclass(frozen=True)
class RandomnessCurve:
    """R over the sites of one state, at several temperatures.

    Attributes:
        temperature_K: float64[n].
        mean: float64[n], mean of R over the sites.
        variance: float64[n], its variance over the sites (diffusion multiplicity).
        counts: int64[n, bins], sites whose R lies between two of `BIN_EDGES`.
    """

    temperature_K: FloatArray
    mean: FloatArray
    variance: FloatArray
    counts: NDArray[np.int64]

    def at(self, temperature_K: float) -> int:
        """Place of a temperature.

        Raises:
            ValueError: none of the curve's.
        """
        found = np.flatnonzero(self.temperature_K == temperature_K)
        if not len(found):
            raise ValueError(f"temperature_K={temperature_K!r}: none of those of the curve")
        return int(found[0])


def randomness_curve(barriers_eV: ArrayLike, temperatures_K: ArrayLike) -> RandomnessCurve:
    """R over the sites, for barriers [n_sites, z] at temperatures [n]."""
    temperatures = np.asarray(temperatures_K, dtype=np.float64)
    moments, counts = [], []
    for temperature_K in temperatures.tolist():
        values = jump_randomness(barriers_eV, temperature_K)
        moments.append((values.mean(), values.var()))
        counts.append(np.histogram(values, BIN_EDGES)[0])
    mean, variance = np.array(moments).reshape(-1, 2).T
    return RandomnessCurve(temperatures, mean, variance, np.array(counts, dtype=np.int64))
