"""What to train and how: records only, nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from nnk.files import METHOD_VERSIONS, stream_key
from nnk.networks.kinds import KINDS, options_of
from nnk.networks.options import Options, check

Loss = Literal["huber", "mse", "mae"]
Choice = Literal["random", "k-means"]
Optimiser = Literal["adamw", "adam", "rmsprop"]
Precision = Literal["float32", "bfloat16"]
BackendName = Literal["single", "ddp", "horovod"]
Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True)
class ModelSpec:
    """Architecture of a model, and on how much of the labels it is trained.

    Attributes:
        name: the model's name in its campaign.
        kind: of network, see `nnk.networks.kinds.KINDS`.
        shells: neighbour shells read around the vacancy.
        options: what the kind of network can be told; a mapping is made into the kind's record.
        share: of the training vacancies of each composition, at least one; shares are nested.
        choice: which vacancies a share takes: "random", or "k-means", those with the most different
            environments first.
        compositions: so many of the training compositions are learnt from, those that cover the range of all;
            None: every one. See `nnk.training.learnt`.
        members: networks that are trained, one after the other; the model is their mean.
    """

    name: str
    kind: str = "detailed-balance"
    shells: int = 8
    options: Options = None  # type: ignore[assignment]  # __post_init__ puts the kind's defaults there
    share: float = 1.0
    choice: Choice = "random"
    compositions: int | None = None
    members: int = 1

    def __post_init__(self) -> None:
        if self.options is None or isinstance(self.options, Mapping):
            object.__setattr__(self, "options", options_of(self.kind, self.options or {}))
        check(self.kind in KINDS, "kind", self.kind, " or ".join(KINDS))
        check(isinstance(self.options, KINDS[self.kind].options), "options", self.options, self.kind)
        check(0 < self.share <= 1, "share", self.share, "0 < x <= 1")
        check(self.choice in get_args(Choice), "choice", self.choice, " or ".join(get_args(Choice)))
        n_compositions = 1 if self.compositions is None else self.compositions
        check(n_compositions >= 1, "compositions", self.compositions, "1 or more")
        check(self.members >= 1, "members", self.members, "1 or more")

    @property
    def methods(self) -> dict[str, int]:
        """Versions of the methods that this model is trained by and others are not, for its hash."""
        return {name: version for name, version in METHOD_VERSIONS.items() if getattr(self.options, name, 0)}


@dataclass(frozen=True)
class Plateau:
    """A learning rate that falls when the validation error does not.

    Attributes:
        factor: of the rate, each time.
        patience: epochs without a new best validation error before that.
        floor: lowest rate.
    """

    factor: float = 10**-0.5
    patience: int = 10
    floor: float = 1e-5

    def __post_init__(self) -> None:
        check(0 < self.factor < 1, "factor", self.factor, "0 < x < 1")
        check(self.patience >= 1, "patience", self.patience, "a whole number >= 1")
        check(self.floor >= 0, "floor", self.floor, "a number >= 0")


Schedule = Literal["one-cycle"] | Plateau


class CourseParameters(Protocol):
    """What the course of any training run depends on; see `TrainParameters` for the fields."""

    @property
    def epochs(self) -> int:
        """Passes over the training rows."""

    @property
    def batch_size(self) -> int:
        """Rows of a step, on all ranks together."""

    @property
    def optimiser(self) -> Optimiser:
        """Which optimiser."""

    @property
    def learning_rate(self) -> float:
        """Its highest rate."""

    @property
    def schedule(self) -> Schedule:
        """How the rate changes."""

    @property
    def weight_decay(self) -> float:
        """Of AdamW."""

    @property
    def patience(self) -> int:
        """Epochs without a better validation error before the end."""

    @property
    def checkpoint_epochs(self) -> int:
        """Epochs between checkpoints."""

    @property
    def own_seed(self) -> int:
        """Seed of all but the splits."""


@dataclass(frozen=True)
class TrainParameters:
    """How to train.

    Attributes:
        epochs: at most so many passes over the training labels.
        batch_size: labels per optimiser step, over all ranks together. A label counts for both directions.
        optimiser: "adamw", "adam" or "rmsprop".
        learning_rate: its highest rate.
        schedule: "one-cycle", a linear rise over the first twentieth, then a cosine to zero; or a `Plateau`.
        weight_decay: of AdamW, the others have none; large values suit few labels.
        ridge: strength of the ridge regression of the linear parts, in squared numbers of atoms.
        loss: "huber", "mse" or "mae", on forward and backward barriers.
        split_weight, fallback_weight: in the loss, of labels with these flags (`nnk.barriers.Flag`); of all
            others it is 1.
        symmetry: whether each label is turned by a random symmetry operation of its jump in every epoch.
        rotation: whether it is turned by a random angle about the jump's axis, for networks that can be.
        precision: of the network's products; weights and sums are float32.
        seed: of the splits, the first weights, the order of the labels and their turning.
        member: number of the network in an ensemble; another one has all but the splits from another seed.
        test_compositions: so many whole compositions are held out, chosen by the seed.
        held_out: names of what is held out whole besides: compositions, samples, or groups of samples.
        test_fraction: share of the remaining vacancies held out, at random.
        validation_fraction: share of the remaining vacancies that choose the best epoch.
        patience: epochs without a better validation error after which training stops.
        checkpoint_epochs: epochs between checkpoints.
    """

    epochs: int = 200
    batch_size: int = 64
    optimiser: Optimiser = "adamw"
    learning_rate: float = 2e-3
    schedule: Schedule = "one-cycle"
    weight_decay: float = 1.0
    ridge: float = 3.0
    loss: Loss = "huber"
    split_weight: float = 1.0
    fallback_weight: float = 1.0
    symmetry: bool = True
    rotation: bool = True
    precision: Precision = "float32"
    seed: int = 0
    member: int = 0
    test_compositions: int = 1
    held_out: tuple[str, ...] = ()
    test_fraction: float = 0.1
    validation_fraction: float = 0.1
    patience: int = 100
    checkpoint_epochs: int = 10

    def __post_init__(self) -> None:
        if isinstance(self.schedule, Mapping):
            object.__setattr__(self, "schedule", Plateau(**self.schedule))
        for name in ("epochs", "batch_size", "patience", "checkpoint_epochs"):
            check(getattr(self, name) >= 1, name, getattr(self, name), "a whole number >= 1")
        for name in ("learning_rate", "ridge"):
            check(getattr(self, name) > 0, name, getattr(self, name), "a number > 0")
        for name in ("weight_decay", "split_weight", "fallback_weight"):
            check(getattr(self, name) >= 0, name, getattr(self, name), "a number >= 0")
        for name, allowed in (("loss", Loss), ("optimiser", Optimiser), ("precision", Precision)):
            words = get_args(allowed)
            check(getattr(self, name) in words, name, getattr(self, name), " or ".join(words))
        known = self.schedule == "one-cycle" or isinstance(self.schedule, Plateau)
        check(known, "schedule", self.schedule, "one-cycle or a Plateau")
        object.__setattr__(self, "held_out", tuple(self.held_out))
        check(self.test_compositions >= 0, "test_compositions", self.test_compositions, "0 or more")
        fractions = (self.test_fraction, self.validation_fraction)
        check(0 <= self.test_fraction < 1, "test_fraction", self.test_fraction, "0 <= x < 1")
        check(0 < self.validation_fraction < 1, "validation_fraction", self.validation_fraction, "0 < x < 1")
        check(sum(fractions) < 1, "test_fraction + validation_fraction", sum(fractions), "less than 1")

    @property
    def own_seed(self) -> int:
        """Seed of all but the splits."""
        return self.seed if self.member == 0 else stream_key(self.seed, "member", self.member)
