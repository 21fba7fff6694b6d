"""What a force engine offers to the rest of the suite."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
_FARTHEST_A = 1e7  # farther out, images cannot be told from each other to 1e-8 Å


class ForceFieldError(Exception):
    """The forces of these atoms cannot be had: they are not finite, or the engine has failed on them.

    It concerns this evaluation alone: after the next `ForceField.set` the engine is as good as new.
    """


class ForceField(Protocol):
    """Energy and forces of atoms in an orthorhombic periodic cell.

    ``set`` is called once per set of atoms, the evaluations many times. After ``set`` the results depend on
    the arguments alone, not on what was evaluated before (up to rounding, about 1e-12 relative, where
    an engine keeps neighbour lists between evaluations).
    """

    @property
    def calls(self) -> int:
        """Evaluations so far."""

    def set(self, species: Sequence[str], cell_A: ArrayLike) -> None:
        """Fix the atoms' elements (n names) and the cell's edges float64[3] in Å."""

    def energy_forces(self, positions_A: FloatArray) -> tuple[float, FloatArray]:
        """Energy in eV and forces float64[n, 3] in eV/Å of positions float64[n, 3] in Å (any images).

        Raises:
            ForceFieldError: not finite, or the engine has failed.
        """

    def energy_forces_stress(self, positions_A: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """The same and the stress float64[6] in eV/Å^3 (xx, yy, zz, yz, xz, xy; positive under tension)."""

    def close(self) -> None:
        """Free what the engine holds."""


def checked_cell(cell_A: ArrayLike) -> FloatArray:
    """The edges of a cell as float64[3].

    Raises:
        ValueError: they are not three positive lengths.
    """
    cell = np.asarray(cell_A, dtype=np.float64)
    if cell.shape != (3,) or not (np.isfinite(cell) & (cell > 0)).all():
        raise ValueError(f"cell_A={cell.tolist()}: expected three positive lengths in Å")
    return cell


def check_positions(positions_A: FloatArray, n_atoms: int) -> None:
    """Refuse positions of another number of atoms, or that are not numbers.

    Raises:
        ValueError: another shape than [n_atoms, 3].
        ForceFieldError: not finite, or so far out that their digits are lost.
    """
    if positions_A.shape != (n_atoms, 3):
        raise ValueError(f"positions_A: expected shape ({n_atoms}, 3), got {positions_A.shape}")
    if not float(np.abs(positions_A).max()) < _FARTHEST_A:
        raise ForceFieldError(f"positions_A: expected finite numbers below {_FARTHEST_A:g} Å")


def check_results(energy_eV: float, forces_eV_A: FloatArray) -> None:
    """Refuse energies and forces that are not numbers.

    Raises:
        ForceFieldError: they are not.
    """
    if not math.isfinite(energy_eV):
        raise ForceFieldError(f"the energy is not finite: {energy_eV}")
    if not math.isfinite(float(forces_eV_A.sum())):
        atom = int(np.argmin(np.isfinite(forces_eV_A).all(axis=1)))
        raise ForceFieldError(f"the force on atom {atom} is not finite: {forces_eV_A[atom].tolist()} eV/Å")
