"""The labels where the network computes: all of them, for the whole of a training run, species as bytes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nnk.barrier_columns import Flag
from nnk.files import rng
from nnk.networks.base import BarrierNetwork
from nnk.networks.setting import Start
from nnk.training.data import JumpData
from nnk.training.parameters import TrainParameters


@dataclass(frozen=True)
class Turns:
    """How every label is turned in one epoch: it follows from seed, epoch and the label's place in the data.

    Attributes:
        operation: int64[m], symmetry operation of the jump, or None for none.
        angle: float32[m], radians about the jump's axis, or None for none.
    """

    operation: Tensor | None = None
    angle: Tensor | None = None

    @classmethod
    def of(
        cls, labels: LabelTensors, network: BarrierNetwork, parameters: TrainParameters, epoch: int
    ) -> Turns:
        """The turns of an epoch, as far as they make a difference to the network."""
        m, device = len(labels.mover), labels.mover.device
        operation = angle = None
        if parameters.symmetry and not network.invariant:
            drawn = rng(parameters.own_seed, "turns", epoch).integers(len(labels.symmetry), size=m)
            operation = torch.tensor(drawn, device=device)
        if parameters.rotation and network.rotates:
            drawn = rng(parameters.own_seed, "angles", epoch).uniform(0, 2 * np.pi, m).astype(np.float32)
            angle = torch.tensor(drawn, device=device)
        return cls(operation, angle)


@dataclass(frozen=True)
class LabelTensors:
    """Labels on a device.

    Attributes:
        species: uint8[m, n_union].
        mover: uint8[m].
        target: float32[2, m], forward and backward barriers beyond the start's, in units of its scale.
        known: float32[2, m], 1 where the label has the barrier and 0 elsewhere.
        weight: float32[2, m], weight in the loss; 0 where nothing is known.
        symmetry: int64[n_operations, n_union], columns after each operation that keeps the jump.
    """

    species: Tensor
    mover: Tensor
    target: Tensor
    known: Tensor
    weight: Tensor
    symmetry: Tensor

    @classmethod
    def of(
        cls, data: JumpData, start: Start, parameters: TrainParameters, device: torch.device
    ) -> LabelTensors:
        """The labels of `data` beyond their `start`."""
        missing = np.stack([data.E_fwd_eV - start.E_fwd_eV, data.E_bwd_eV - start.E_bwd_eV])
        target = torch.tensor((missing / start.scale_eV).astype(np.float32), device=device)
        weight = np.ones(len(data), dtype=np.float32)
        weight[data.flag == Flag.SPLIT] = parameters.split_weight
        weight[data.flag == Flag.FALLBACK] = parameters.fallback_weight
        known = torch.isfinite(target).float()
        return cls(
            species=torch.tensor(data.species, device=device),
            mover=torch.tensor(data.mover, device=device),
            target=torch.nan_to_num(target),
            known=known,
            weight=known * torch.tensor(weight, device=device),
            symmetry=torch.tensor(data.environment.symmetry, device=device),
        )

    def inputs(self, rows: Tensor, turns: Turns) -> tuple[Tensor, Tensor, Tensor | None]:
        """Species uint8[b, n_union], movers uint8[b] and angles [b] or None of the labels `rows` int64[b]."""
        species = self.species[rows]
        if turns.operation is not None:
            species = torch.gather(species, 1, self.symmetry[turns.operation[rows]])
        return species, self.mover[rows], None if turns.angle is None else turns.angle[rows]

    def errors(self, predicted: Tensor, rows: Tensor) -> Tensor:
        """Errors [2, b] of `predicted` [2, b]; 0 where nothing is known."""
        return self.known[:, rows] * (predicted.float() - self.target[:, rows])

    def difference_errors(self, predicted: Tensor, rows: Tensor) -> Tensor:
        """Errors [2, b] of the `predicted` [2, b] energy differences of jumps and of their reverse.

        They are 0 where not both barriers are known.
        """
        forward, backward = self.target[:, rows]
        true = torch.stack([forward - backward, backward - forward])
        return self.known[:, rows].prod(0) * (predicted.float() - true)
