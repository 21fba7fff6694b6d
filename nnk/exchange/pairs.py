"""The energy of a state as a sum over pairs of sites: what lattice-only exchanges need to know.

    E = sum over all pairs of sites up to shell K of V_k(s_i, s_j)

with k the pair's shell and V symmetric; s = 0 is a vacancy, whose bonds count too. Exchanges keep the numbers
of atoms, so only the differences V_k(a, b) - [V_k(a, a) + V_k(b, b)] / 2 matter: what depends on the numbers
alone is a constant.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.lattice import Lattice, Structure
from nnk.models.balanced import BalancedModel
from nnk.models.base import BarrierModel
from nnk.models.linear import pair_energy

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PairHamiltonian:
    """Pair energies of one lattice.

    Attributes:
        elements: species i is ``elements[i - 1]``.
        structure: "bcc" or "fcc".
        pair_eV: V_k(s, t), float64[shells, n_species + 1, n_species + 1], symmetric; 0 is a vacancy.
        description: where it comes from and how far it can be trusted; JSON values.
    """

    elements: tuple[str, ...]
    structure: Structure
    pair_eV: FloatArray
    description: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "elements", tuple(self.elements))
        object.__setattr__(self, "pair_eV", np.asarray(self.pair_eV, dtype=np.float64))
        n = len(self.elements) + 1
        if self.pair_eV.ndim != 3 or self.pair_eV.shape[1:] != (n, n) or not len(self.pair_eV):
            raise ValueError(f"pair_eV: expected shape (shells, {n}, {n}), got {self.pair_eV.shape}")
        if not np.isfinite(self.pair_eV).all():
            raise ValueError("pair_eV: expected finite energies")
        if not np.array_equal(self.pair_eV, self.pair_eV.transpose(0, 2, 1)):
            raise ValueError("pair_eV: V_k(s, t) must equal V_k(t, s)")

    @property
    def shells(self) -> int:
        """Neighbour shells that interact."""
        return len(self.pair_eV)

    @property
    def exchange_eV(self) -> FloatArray:
        """V_k(a, b) - [V_k(a, a) + V_k(b, b)] / 2 of the elements, float64[shells, n, n]; < 0: attraction."""
        atoms = self.pair_eV[:, 1:, 1:]
        own = np.diagonal(atoms, axis1=1, axis2=2)
        return atoms - 0.5 * (own[:, :, None] + own[:, None, :])

    def energy_eV(self, lattice: Lattice, occupancy: NDArray[np.uint8]) -> float:
        """Energy of a state, counted from scratch."""
        return pair_energy(lattice, occupancy, self.pair_eV)

    def remap(self, elements: Sequence[str]) -> PairHamiltonian:
        """The same energies for species numbered as in `elements`.

        Raises:
            ValueError: an element that it does not know.
        """
        missing = [name for name in elements if name not in self.elements]
        if missing:
            known = ", ".join(self.elements)
            raise ValueError(f"no pair energies of {', '.join(missing)}: the elements are {known}")
        order = np.array([0, *(self.elements.index(name) + 1 for name in elements)])
        pair_eV = self.pair_eV[:, order[:, None], order]
        return PairHamiltonian(tuple(elements), self.structure, pair_eV, self.description)

    def to_json(self) -> str:
        """JSON text, exact."""
        content = {
            "elements": list(self.elements),
            "structure": self.structure,
            "pair_eV": self.pair_eV.tolist(),
            "description": self.description,
        }
        return json.dumps(content)

    @classmethod
    def from_json(cls, text: str) -> PairHamiltonian:
        """Read `to_json`."""
        content = json.loads(text)
        return cls(**{**content, "elements": tuple(content["elements"])})


def pairs_of_model(model: BarrierModel) -> PairHamiltonian:
    """The pair part of a model that obeys detailed balance: S without the vacancy's surroundings.

    Raises:
        ValueError: a model of another kind, which has no energy of the state.
    """
    if not isinstance(model, BalancedModel):
        raise ValueError(
            f"a model of kind {model.kind} has no pair energies; allowed: one of kind {BalancedModel.kind}"
        )
    origin = {"origin": "pair part of a detailed-balance model"}
    return PairHamiltonian(model.elements, model.structure, model.pair_eV, origin)
