"""What a force engine offers to the rest of the suite."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


class ForceField(Protocol):
    """Energy and forces of atoms in an orthorhombic periodic cell.

    ``set`` is called once per set of atoms, the evaluations many times. After ``set`` the results depend on
    the arguments alone, not on what was evaluated before.
    """

    @property
    def calls(self) -> int:
        """Evaluations so far."""

    def set(self, species: Sequence[str], cell_A: ArrayLike) -> None:
        """Fix the atoms' elements (n names) and the cell's edges float64[3] in Å."""

    def energy_forces(self, positions_A: FloatArray) -> tuple[float, FloatArray]:
        """Energy in eV and forces float64[n, 3] in eV/Å of positions float64[n, 3] in Å (any images)."""

    def energy_forces_stress(self, positions_A: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """The same and the stress float64[6] in eV/Å^3 (xx, yy, zz, yz, xz, xy; positive under tension)."""

    def close(self) -> None:
        """Free what the engine holds."""
