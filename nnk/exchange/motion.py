"""Molecular dynamics at constant temperature on any force field.

Langevin dynamics in the splitting BAOAB (Leimkuhler and Matthews, J. Chem. Phys. 138, 174102, 2013): half a
kick, half a drift, friction and noise exactly, half a drift, half a kick. One force evaluation per step.
Units: Å, fs, atomic mass units, eV.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase.data import atomic_masses, atomic_numbers
from numpy.typing import NDArray

from nnk.constants import K_B_eV_K
from nnk.exchange.parameters import Thermostat
from nnk.saddle.minimise import Forces

FloatArray = NDArray[np.float64]

ACCELERATION = 9.648533212e-3
"""Å/fs^2 of 1 eV/Å on one atomic mass unit."""


def masses_u(species: Sequence[str]) -> FloatArray:
    """Standard atomic masses float64[n]."""
    return np.array([atomic_masses[atomic_numbers[name]] for name in species])


def thermal_velocities(masses: FloatArray, temperature_K: float, rng: np.random.Generator) -> FloatArray:
    """Velocities float64[n, 3] in Å/fs drawn from Maxwell's distribution."""
    width = np.sqrt(ACCELERATION * K_B_eV_K * temperature_K / masses)
    return width[:, None] * rng.standard_normal((len(masses), 3))


def kinetic_temperature_K(velocities: FloatArray, masses: FloatArray) -> float:
    """Temperature of the velocities, three degrees of freedom per atom."""
    return float((masses[:, None] * velocities**2).sum() / (3 * len(masses) * ACCELERATION * K_B_eV_K))


def move(
    forces: Forces,
    positions_A: FloatArray,
    velocities: FloatArray,
    masses: FloatArray,
    thermostat: Thermostat,
    *,
    steps: int,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray, float]:
    """Positions, velocities and potential energy after `steps` steps (steps + 1 calls)."""
    dt = thermostat.timestep_fs
    keep = np.exp(-1e-3 * thermostat.friction_per_ps * dt)
    noise = np.sqrt((1 - keep**2) * ACCELERATION * K_B_eV_K * thermostat.temperature_K / masses)[:, None]
    kick = (0.5 * dt * ACCELERATION / masses)[:, None]
    x, v = positions_A, velocities
    energy, f = forces(x)
    for _ in range(steps):
        v = v + kick * f
        x = x + 0.5 * dt * v
        v = keep * v + noise * rng.standard_normal(x.shape)
        x = x + 0.5 * dt * v
        energy, f = forces(x)
        v = v + kick * f
    return x, v, energy
