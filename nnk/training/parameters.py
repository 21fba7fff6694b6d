"""What to train and how: records only, nothing heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LOSSES = ("huber", "mse", "mae")
KINDS = ("detailed-balance", "mlp")

Loss = Literal["huber", "mse", "mae"]


def _check(condition: bool, name: str, value: object, allowed: str) -> None:
    if not condition:
        raise ValueError(f"{name}={value!r}: expected {allowed}")


@dataclass(frozen=True)
class ModelSpec:
    """Architecture of a model, and on how much of the labels it is trained.

    Attributes:
        name: the model's name in its campaign.
        kind: "detailed-balance" or "mlp".
        shells: neighbour shells read around the vacancy.
        hidden: widths of the hidden layers (detailed-balance: of the KRA network).
        state_hidden: widths of the hidden layers of S_vac ("detailed-balance" only; None: (32,)).
        share: of the training vacancies of each composition, at least one; shares are nested.
    """

    name: str
    kind: str = "detailed-balance"
    shells: int = 8
    hidden: tuple[int, ...] = (64, 32)
    state_hidden: tuple[int, ...] | None = None
    share: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        if self.state_hidden is not None:
            object.__setattr__(self, "state_hidden", tuple(self.state_hidden))
        elif self.kind == "detailed-balance":
            object.__setattr__(self, "state_hidden", (32,))
        _check(self.kind in KINDS, "kind", self.kind, " or ".join(KINDS))
        _check(0 < self.share <= 1, "share", self.share, "0 < x <= 1")
        for name, widths in (("hidden", self.hidden), ("state_hidden", self.state_hidden or (1,))):
            _check(bool(widths) and min(widths) >= 1, name, widths, "one or more widths >= 1")
        if self.kind == "mlp":
            _check(self.state_hidden is None, "state_hidden", self.state_hidden, "nothing for kind 'mlp'")


@dataclass(frozen=True)
class TrainParameters:
    """How to train.

    Attributes:
        epochs: at most so many passes over the training labels.
        batch_size: labels per optimiser step, over all ranks together. A label counts for both directions.
        learning_rate: peak of AdamW's rate: a linear rise over the first twentieth, then a cosine to zero.
        weight_decay: of AdamW; large values suit few labels.
        ridge: strength of the ridge regression of the linear parts, in squared numbers of atoms.
        loss: "huber", "mse" or "mae", on forward and backward barriers.
        seed: of the splits, the first weights, the order of the labels and their turning.
        test_compositions: so many whole compositions are held out, chosen by the seed.
        test_fraction: share of the remaining vacancies held out, at random.
        validation_fraction: share of the remaining vacancies that choose the best epoch.
        patience: epochs without a better validation error after which training stops.
        checkpoint_epochs: epochs between checkpoints.
    """

    epochs: int = 200
    batch_size: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1.0
    ridge: float = 3.0
    loss: Loss = "huber"
    seed: int = 0
    test_compositions: int = 1
    test_fraction: float = 0.1
    validation_fraction: float = 0.1
    patience: int = 100
    checkpoint_epochs: int = 10

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "patience", "checkpoint_epochs"):
            _check(getattr(self, name) >= 1, name, getattr(self, name), "a whole number >= 1")
        for name in ("learning_rate", "ridge"):
            _check(getattr(self, name) > 0, name, getattr(self, name), "a number > 0")
        _check(self.weight_decay >= 0, "weight_decay", self.weight_decay, "a number >= 0")
        _check(self.loss in LOSSES, "loss", self.loss, " or ".join(LOSSES))
        _check(self.test_compositions >= 0, "test_compositions", self.test_compositions, "0 or more")
        fractions = (self.test_fraction, self.validation_fraction)
        _check(0 <= self.test_fraction < 1, "test_fraction", self.test_fraction, "0 <= x < 1")
        _check(0 < self.validation_fraction < 1, "validation_fraction", self.validation_fraction, "0 < x < 1")
        _check(sum(fractions) < 1, "test_fraction + validation_fraction", sum(fractions), "less than 1")
