"""The atoms that a force model is of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Atoms:
    """Atoms in a periodic, orthorhombic cell.

    Attributes:
        elements: species i is ``elements[i - 1]``.
        species: uint8[n_atoms].
        cell_A: float64[3], edges.
    """

    elements: tuple[str, ...]
    species: NDArray[np.uint8]
    cell_A: Float64Array

    def __len__(self) -> int:
        return len(self.species)

    @property
    def symbols(self) -> list[str]:
        """Element of each atom."""
        return [self.elements[i - 1] for i in self.species.tolist()]
