"""Randomness of a vacancy's jumps and its spread over sites (Xing et al. 2024, figure 4).

With the z barriers E_i of a vacancy,

    p_i = exp(-E_i / k_B T) / sum_j exp(-E_j / k_B T)                      `jump_probabilities`
    R   = 1 - sigma(p) / max sigma
        = 1 - sqrt((z sum_i p_i^2 - 1) / (z - 1))                          `jump_randomness`

R = 0: one jump is taken every time (directional); R = 1: all jumps are equally likely (random). The variance
of R over the sites of a state is the *diffusion multiplicity*. (The printed denominator of p_i lacks the
minus sign.) The paper does not say on which state R is evaluated: whoever uses these functions records it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.constants import K_B_eV_K
from nnk.environment import gather_jumps
from nnk.lattice import Lattice
from nnk.models.base import BarrierModel

FloatArray = NDArray[np.float64]

BATCH_JUMPS = 1024  # rows of one network evaluation: its first layer then stays in the processor's cache


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
    """

    temperature_K: FloatArray
    mean: FloatArray
    variance: FloatArray


def randomness_curve(barriers_eV: ArrayLike, temperatures_K: ArrayLike) -> RandomnessCurve:
    """Mean and variance of R over the sites, for barriers [n_sites, z] at temperatures [n]."""
    temperatures = np.asarray(temperatures_K, dtype=np.float64)
    values = np.array([jump_randomness(barriers_eV, t) for t in temperatures])
    return RandomnessCurve(temperatures, values.mean(axis=1), values.var(axis=1))


def site_barriers(
    model: BarrierModel, lattice: Lattice, occupancy: NDArray[np.uint8], sites: ArrayLike | None = None
) -> FloatArray:
    """Barriers float64[n, z] (eV) of a vacancy put on each of n sites of a frozen state in turn.

    A state with a vacancy keeps one: the atom at the chosen site changes places with it, so that all n states
    hold the same atoms. A state without one loses the atom at the chosen site.

    Args:
        model: the barriers.
        lattice: the lattice.
        occupancy: uint8[n_sites], species numbered as in `model.elements`; at most one vacancy (0).
        sites: int[n]; all sites if None.

    Raises:
        ValueError: an occupancy of another shape or with several vacancies, or a lattice that the model
            refuses.
    """
    if occupancy.shape != (lattice.n_sites,):
        raise ValueError(f"occupancy: expected shape ({lattice.n_sites},), got {occupancy.shape}")
    if (occupancy == 0).sum() > 1:
        raise ValueError(f"occupancy: expected at most one vacancy, got {(occupancy == 0).sum()}")
    chosen = np.arange(lattice.n_sites) if sites is None else np.asarray(sites, dtype=np.int64)
    site = np.repeat(chosen, lattice.z)
    jump = np.tile(np.arange(lattice.z), len(chosen))
    barriers = np.empty(len(site))
    for start in range(0, len(site), BATCH_JUMPS):
        rows = slice(start, start + BATCH_JUMPS)
        barriers[rows] = _barriers(model, lattice, occupancy, site[rows], jump[rows])
    return barriers.reshape(len(chosen), lattice.z)


def _barriers(
    model: BarrierModel,
    lattice: Lattice,
    occupancy: NDArray[np.uint8],
    site: NDArray[np.int64],
    jump: NDArray[np.int64],
) -> FloatArray:
    sample = np.zeros(len(site), dtype=np.int64)
    species, mover = gather_jumps(model.environment, lattice, occupancy[None], sample, site, jump)
    displaced = occupancy[site]  # now stands where the state's own vacancy was
    species = np.where(species == 0, displaced[:, None], species)
    mover = np.where(mover == 0, displaced, mover)
    return model.predict(species, mover, jump.astype(np.uint8))
