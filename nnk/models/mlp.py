"""A dense network on the species around the vacancy, read in the jump's frame (forward barriers only)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from nnk.environment import EnvironmentSpec, SpeciesArray
from nnk.lattice import Structure
from nnk.models.base import (
    BarrierModel,
    Saved,
    Tensors,
    reordered_stack,
    stack_from_tensors,
    stack_tensors,
)
from nnk.models.program import DenseStack, Float64Array, ForwardProgram


@dataclass(frozen=True)
class MlpModel(BarrierModel):
    """E_fwd = network(species of the sites within `shells` of the vacancy), one-hot in its first layer.

    It gives each jump's barrier by itself: forward and backward barriers need not agree on one energy of
    the states, so detailed balance holds only as well as it was learnt.

    Attributes:
        network: reads the "initial" environment; the moving atom is one of its sites.
    """

    elements: tuple[str, ...]
    structure: Structure
    shells: int
    network: DenseStack
    description: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "mlp"
    detailed_balance: ClassVar[bool] = False

    def __post_init__(self) -> None:
        expected = (self.environment.n_env, len(self.elements))
        if self.network.table.shape[:2] != expected:
            raise ValueError(
                f"network table: expected {expected} sites and species, got {self.network.table.shape[:2]}"
            )

    @property
    def environment(self) -> EnvironmentSpec:
        """Sites within `shells` of the vacancy."""
        return EnvironmentSpec(self.structure, self.shells, "initial")

    def predict(
        self, species: SpeciesArray, mover: SpeciesArray, jump: NDArray[np.uint8] | None = None
    ) -> Float64Array:
        """Forward barriers float64[m] (eV); see `BarrierModel.predict`. `jump` is not needed."""
        return self.network(species, mover)

    def compiled(self) -> ForwardProgram:
        """The network with the sites of every jump."""
        return ForwardProgram(self.structure, self.environment.offsets, self.network)

    def tensors(self) -> Tensors:
        """Arrays of the network."""
        return stack_tensors("network", self.network)

    @classmethod
    def from_saved(cls, saved: Saved) -> Self:
        """See `BarrierModel.from_saved`."""
        network = stack_from_tensors("network", saved.tensors)
        return cls(saved.elements, saved.structure, saved.shells, network, saved.description)

    def _reordered(self, elements: tuple[str, ...], order: Sequence[int]) -> Self:
        network = reordered_stack(self.network, order)
        return type(self)(elements, self.structure, self.shells, network, self.description)
