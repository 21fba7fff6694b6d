"""What a network is told of the labels before it learns: records only, nothing heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.environment import EnvironmentSpec
from nnk.lattice import Structure, shell_offsets


@dataclass(frozen=True)
class Setting:
    """Where a network is used.

    Attributes:
        elements: species i is ``elements[i - 1]``.
        structure: "bcc" or "fcc".
        shells: neighbour shells read around the vacancy.
        a_A: lattice parameter in Å, for networks that read distances.
    """

    elements: tuple[str, ...]
    structure: Structure
    shells: int
    a_A: float

    @property
    def n_species(self) -> int:
        """Number of elements."""
        return len(self.elements)

    @property
    def union(self) -> EnvironmentSpec:
        """The sites around either end of a jump, as the training data have them."""
        return EnvironmentSpec(self.structure, self.shells, "union")

    @property
    def reach_A(self) -> float:
        """Distance (Å) at which the first shell that is not read begins: the longest cutoff there may be."""
        return 0.5 * self.a_A * float(np.linalg.norm(shell_offsets(self.structure, self.shells + 1)[0]))


@dataclass(frozen=True)
class Start:
    """What is known before a network learns.

    Attributes:
        E_fwd_eV, E_bwd_eV: float64[m], first guess of every label's barriers.
        scale_eV: typical size of what is missing; the network's unit.
        parts: what the guess is made of, for kinds whose models keep it; None for a mean barrier.
    """

    E_fwd_eV: NDArray
    E_bwd_eV: NDArray
    scale_eV: float
    parts: Any = None
