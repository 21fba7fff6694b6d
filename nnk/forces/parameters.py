"""Which force model is trained and how: records only, nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from nnk.forces.options import FORCE_KINDS, ForceOptions, force_options
from nnk.networks.options import check
from nnk.snapshots.splits import SplitKind
from nnk.training.parameters import Optimiser, Plateau, Schedule


@dataclass(frozen=True)
class ForceSpec:
    """A force model.

    Attributes:
        name: its name in its campaign.
        kind: see `nnk.forces.options.FORCE_KINDS`.
        options: what the kind can be told; a mapping is made into the kind's record.
    """

    name: str
    kind: str = "local-density"
    options: ForceOptions = None  # type: ignore[assignment]  # __post_init__ puts the kind's defaults there

    def __post_init__(self) -> None:
        if self.options is None or isinstance(self.options, Mapping):
            object.__setattr__(self, "options", force_options(self.kind, self.options or {}))
        check(self.kind in FORCE_KINDS, "kind", self.kind, " or ".join(FORCE_KINDS))
        check(isinstance(self.options, FORCE_KINDS[self.kind].options), "options", self.options, self.kind)


@dataclass(frozen=True)
class ForceTraining:
    """How a force model is trained.

    The loss is the mean squared error of the forces in units of the largest one of the training snapshots (as
    the voxel force fields have it); of a model with an energy, that of the energy is added.

    Attributes:
        epochs, batch_size, optimiser, learning_rate, schedule, weight_decay, patience, checkpoint_epochs: as
            in `nnk.training.TrainParameters`; rows are snapshots.
        energy_weight: of the squared error of the energy per atom, in the unit of the forces times 1 Å.
        seed: of the split, the first weights, the order of the snapshots and dropout.
        split: "blocks" or "random", see `nnk.snapshots.splits`.
        fractions: shares of training, validation and test.
    """

    epochs: int = 100
    batch_size: int = 32
    optimiser: Optimiser = "adam"
    learning_rate: float = 1e-3
    schedule: Schedule = "one-cycle"
    weight_decay: float = 0.0
    energy_weight: float = 1.0
    seed: int = 0
    split: SplitKind = "blocks"
    fractions: tuple[float, float, float] = (5 / 7, 1 / 7, 1 / 7)
    patience: int = 100
    checkpoint_epochs: int = 10

    def __post_init__(self) -> None:
        if isinstance(self.schedule, Mapping):
            object.__setattr__(self, "schedule", Plateau(**self.schedule))
        object.__setattr__(self, "fractions", tuple(self.fractions))
        for name in ("epochs", "batch_size", "patience", "checkpoint_epochs"):
            check(getattr(self, name) >= 1, name, getattr(self, name), "a whole number >= 1")
        check(self.learning_rate > 0, "learning_rate", self.learning_rate, "a number > 0")
        for name in ("weight_decay", "energy_weight"):
            check(getattr(self, name) >= 0, name, getattr(self, name), "a number >= 0")
        for name, allowed in (("optimiser", Optimiser), ("split", SplitKind)):
            words = get_args(allowed)
            check(getattr(self, name) in words, name, getattr(self, name), " or ".join(words))
        known = self.schedule == "one-cycle" or isinstance(self.schedule, Plateau)
        check(known, "schedule", self.schedule, "one-cycle or a Plateau")
        check(min(self.fractions) > 0, "fractions", self.fractions, "three shares > 0")

    @property
    def own_seed(self) -> int:
        """Seed of all but the split."""
        return self.seed
