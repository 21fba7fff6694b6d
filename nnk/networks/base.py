"""What every trainable network offers.

A network reads the surroundings of a jump and gives its forward barrier; the training loop asks for both
barriers of a connected label. Its outputs are what is missing from a known first guess, in units of its scale
(`Start`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, NamedTuple, cast

import torch
from torch import Tensor, nn

from nnk.environment import initial_columns
from nnk.models.base import BarrierModel
from nnk.models.network_model import NetworkModel
from nnk.networks.kinds import kind_of
from nnk.networks.options import Options
from nnk.networks.setting import Setting, Start


class Output(NamedTuple):
    """What a network says of a batch of jumps.

    Attributes:
        forward, backward: [b], barriers beyond the start's, in units of its scale.
        penalty: [b] or None, added to the loss.
        differences: [2, b] or None, energies of the final minus the initial state of the jumps and of their
            reverse, where the network is taught them besides.
    """

    forward: Tensor
    backward: Tensor
    penalty: Tensor | None = None
    differences: Tensor | None = None


class BarrierNetwork(nn.Module, ABC):
    """A network that gives the barriers of jumps, in units of its start's scale, beyond the start.

    Attributes:
        reads: which environment `barrier` reads.
        rotates: whether it takes an angle about the jump's axis, to be taught at random ones.
        invariant: whether the barrier is the same in all equivalent frames of a jump, by construction.
        at_once: jumps of which an evaluation takes the barriers together, for the memory that they need.
    """

    reads: ClassVar[Literal["initial", "union"]] = "union"
    rotates: ClassVar[bool] = False
    invariant: ClassVar[bool] = False
    at_once: ClassVar[int] = 4096

    inversion: Tensor
    before: Tensor
    after: Tensor

    def __init__(self, setting: Setting, options: Options) -> None:
        super().__init__()
        self.setting, self.options = setting, options
        before, after = initial_columns(setting.structure, setting.shells)
        self.register_buffer("inversion", torch.tensor(setting.union.inversion), persistent=False)
        self.register_buffer("before", torch.tensor(before), persistent=False)
        self.register_buffer("after", torch.tensor(after), persistent=False)

    @property
    def detailed_balance(self) -> bool:
        """Whether E_fwd - E_bwd is the difference of one function of the state, by construction."""
        return False

    @abstractmethod
    def barrier(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Tensor:
        """Forward barriers [b].

        Args:
            species: uint8[b, n], the environment that the network `reads`, in the jump's frame.
            mover: uint8[b], moving species.
            angle: [b], turn about the jump's axis in radians, for networks that rotate.
        """

    def forward(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Output:
        """Both barriers of jumps given by their union environments uint8[b, n_union]."""
        if self.reads == "initial":
            pair = self._read(species, mover, self.before), self._read(species, mover, self.after)
        else:
            pair = species, species[:, self.inversion]
        both_angles = None if angle is None else torch.cat([angle, angle])
        both = self.barrier(torch.cat(pair), torch.cat([mover, mover]), both_angles)
        return Output(*cast(tuple[Tensor, Tensor], both.chunk(2)))

    def one_way(self, species: Tensor, mover: Tensor, angle: Tensor | None = None) -> Output:
        """As `forward` where no backward barrier is known: the reverse jumps are not looked at, theirs are 0.

        The surroundings of a reverse jump need not be known then; they are kept out of batch statistics.
        """
        reads = species if self.reads == "union" else self._read(species, mover, self.before)
        barriers = self.barrier(reads, mover, angle)
        return Output(barriers, torch.zeros_like(barriers))

    def energy_differences(self, species: Tensor, mover: Tensor) -> Tensor | None:
        """Energies [2, b] of the final minus the initial state of jumps and of their reverse, each by itself.

        None of a network that has no such output, or that is not taught what it shall be.
        """
        return None

    @staticmethod
    def _read(species: Tensor, mover: Tensor, columns: Tensor) -> Tensor:
        return torch.cat([species, mover[:, None]], dim=1)[:, columns]

    def export(self, start: Start, description: Mapping[str, Any]) -> BarrierModel:
        """The finished model; by default one that asks this network, beyond a start that is one number."""
        setting = self.setting
        return NetworkModel(
            setting.elements,
            setting.structure,
            setting.shells,
            network=kind_of(type(self)),
            options=self.options,
            reads=self.reads,
            balanced=self.detailed_balance,
            a_A=setting.a_A,
            numbering=setting.elements,
            shift_eV=float(start.E_fwd_eV[0]),
            scale_eV=start.scale_eV,
            weights={name: value.cpu().numpy().copy() for name, value in self.state_dict().items()},
            description=description,
        )


def one_hot(species: Tensor, n_species: int) -> Tensor:
    """One-hot float32[..., n_species] of species numbers from 1; a vacancy (0) is all zero."""
    return nn.functional.one_hot(species.long(), n_species + 1)[..., 1:].float()
