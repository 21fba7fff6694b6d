"""What every force network offers to the training and to the finished model."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, NamedTuple

from torch import Tensor, nn

from nnk.forces.atoms import Atoms, Float64Array
from nnk.forces.options import ForceOptions


class Answer(NamedTuple):
    """What a network says of a batch of snapshots.

    Attributes:
        forces: [b, n_atoms, 3], in units of the model's force scale.
        energy: [b], in that unit times 1 Å, beyond the model's mean energy; None of a network without one.
    """

    forces: Tensor
    energy: Tensor | None = None


class ForceNetwork(nn.Module, ABC):
    """Forces on all atoms of a cell from their positions.

    Args:
        atoms: what it is trained on.
        options: its architecture.

    Attributes:
        has_energy: whether its forces are the negative gradient of an energy, which it gives.
        any_atoms: whether it can be asked for other atoms in another cell than it was trained on.
        learns: whether it has weights to be trained; otherwise `see` fits it.
    """

    has_energy: ClassVar[bool] = False
    any_atoms: ClassVar[bool] = False
    learns: ClassVar[bool] = True

    def __init__(self, atoms: Atoms, options: ForceOptions) -> None:
        super().__init__()
        self.atoms, self.options = atoms, options

    def see(self, positions_A: Float64Array, forces: Float64Array) -> None:
        """Take from the training snapshots what is not learnt: boxes, means, widths.

        Args:
            positions_A: float64[n, n_atoms, 3].
            forces: float64[n, n_atoms, 3], in units of the force scale.
        """

    def surroundings(self, atoms: Atoms, positions_A: Sequence[Float64Array] | Float64Array) -> Any:
        """What `forward` has to know of the atoms besides positions; it holds for all `positions_A` given."""

    @abstractmethod
    def forward(self, positions_A: Tensor, surroundings: Any = None) -> Answer:
        """Forces (and energy) of float32[b, n_atoms, 3]; atoms not folded back into the cell."""
