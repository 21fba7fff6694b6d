"""Spring constants of the model Hessian, from forces."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from nnk.files import rng
from nnk.lattice import Lattice, shell_offsets
from nnk.potentials import ForceField
from nnk.saddle.hessian import Shell

FloatArray = NDArray[np.float64]

N_SHELLS = 3
_FIT_ATOMS = 12
_DIFFERENCE_A = 0.01
_DIGITS = 6  # of the stored spring constants: the same product on every machine


def _force_constants(force_field: ForceField, positions_A: FloatArray, atom: int) -> FloatArray:
    """-dF/du float64[3, n, 3] of displacing one atom, by central differences (six calls)."""
    rows = []
    for axis in range(3):
        step = np.zeros_like(positions_A)
        step[atom, axis] = _DIFFERENCE_A
        plus = force_field.energy_forces(positions_A + step)[1]
        minus = force_field.energy_forces(positions_A - step)[1]
        rows.append((minus - plus) / (2 * _DIFFERENCE_A))
    return np.array(rows)


def _shell_springs(constants: FloatArray, lattice: Lattice, atom: int) -> FloatArray:
    """Mean (along, across) float64[n_shells, 2] of the bonds of one atom."""
    means = []
    for shell in range(1, N_SHELLS + 1):
        offsets = shell_offsets(lattice.structure, shell)
        sites = lattice.sites_around(atom, offsets)
        unit = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
        bonds = -constants[:, sites].transpose(1, 0, 2)
        along = np.einsum("mi,mij,mj->m", unit, bonds, unit)
        across = 0.5 * (np.trace(bonds, axis1=1, axis2=2) - along)
        means.append([along.mean(), across.mean()])
    return np.array(means)


def fit_springs(
    force_field: ForceField, lattice: Lattice, species: Sequence[str], seed: int
) -> tuple[Shell, ...]:
    """Spring constants of an alloy at its ideal sites, averaged over bonds of twelve atoms (72 calls)."""
    force_field.set(species, lattice.box_A)
    atoms = rng(seed, "displaced atoms").choice(lattice.n_sites, _FIT_ATOMS, replace=False)
    positions = lattice.positions_A
    springs = [
        _shell_springs(_force_constants(force_field, positions, i), lattice, i) for i in atoms.tolist()
    ]
    return tuple(
        Shell(round(along, _DIGITS), round(across, _DIGITS))
        for along, across in np.mean(springs, axis=0).tolist()
    )
