"""Whether molecular dynamics with a model keeps its energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from ase import units
from ase.data import atomic_masses, atomic_numbers

from nnk.files import rng
from nnk.forces.atoms import Atoms, Float64Array
from nnk.forces.model import ForceModel

_PS = 1e3 * units.fs  # in ASE's unit of time


@dataclass(frozen=True)
class Drift:
    """Energy of a run at constant energy.

    Attributes:
        drift_eV_per_atom_ps: slope of the total energy, by least squares.
        fluctuation_eV_per_atom: root mean square about that line.
        temperature_K: mean of the second half.
        time_ps: length of the run.
    """

    drift_eV_per_atom_ps: float
    fluctuation_eV_per_atom: float
    temperature_K: float
    time_ps: float


def energy_drift(
    model: ForceModel,
    atoms: Atoms,
    positions_A: Float64Array,
    *,
    temperature_K: float = 600.0,
    steps: int = 500,
    step_fs: float = 2.0,
    seed: int = 0,
) -> Drift:
    """Run velocity Verlet from `positions_A` float64[n_atoms, 3] with velocities of a temperature.

    Raises:
        ValueError: a model without an energy, or atoms that it does not take.
    """
    if not model.has_energy:
        raise ValueError(f"a model of kind {model.kind} has no energy that could drift")
    masses = np.array([atomic_masses[atomic_numbers[name]] for name in atoms.symbols])[:, None]
    spread = np.sqrt(units.kB * temperature_K / masses)
    velocity = spread * rng(seed, "drift").normal(size=positions_A.shape)
    velocity -= (masses * velocity).sum(0) / masses.sum()
    at, dt = positions_A.copy(), step_fs * units.fs
    force = model.evaluate(atoms, at[None])[1][0]
    total, kinetic = np.zeros(steps), np.zeros(steps)
    for step in range(steps):
        velocity += 0.5 * dt * force / masses
        at += dt * velocity
        energies, forces = model.evaluate(atoms, at[None])
        force = forces[0]
        velocity += 0.5 * dt * force / masses
        kinetic[step] = 0.5 * (masses * velocity**2).sum()
        total[step] = kinetic[step] + (0.0 if energies is None else float(energies[0]))
    times_ps = dt * np.arange(steps) / _PS
    slope, offset = np.polyfit(times_ps, total / len(atoms), 1)
    beyond = total / len(atoms) - slope * times_ps - offset
    freedom = 3 * len(atoms) - 3
    return Drift(
        float(slope),
        float(np.sqrt((beyond**2).mean())),
        float(2 * kinetic[steps // 2 :].mean() / (freedom * units.kB)),
        steps * step_fs * 1e-3,
    )
