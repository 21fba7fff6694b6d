"""Section ``train``: the networks and how they are trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from launch.schema.base import Name, PositiveFloat, Section, refuse
from nnk.training.parameters import ModelSpec, TrainParameters

Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(strict=False, min_length=1, max_length=8)
]


class Model(Section):
    """One network."""

    name: Name
    """Name of the model: its folder in models/ and what kmc.model refers to."""

    kind: Literal["mlp", "detailed-balance"]
    """mlp: barriers from the surroundings of a jump. detailed-balance: forward and backward barriers
    consistent by construction, which an ordering simulation needs."""

    shells: Annotated[int, Field(ge=1, le=8)] = ModelSpec.shells
    """Neighbour shells around the vacancy that the network sees (bcc, 8: 112 sites)."""

    hidden: Widths = ModelSpec.hidden
    """Units of each hidden layer (detailed-balance: of the network of the symmetric part)."""

    state_hidden: Widths | None = None
    """Units of each hidden layer of the vacancy's energy; detailed-balance only."""

    share: Annotated[float, Field(gt=0, le=1)] = ModelSpec.share
    """Share of the training vacancies that the network learns from, of each composition; a smaller share is
    part of a larger one. Models that differ in it alone make a learning curve in the analysis models."""

    def spec(self) -> ModelSpec:
        """The architecture as the library names it."""
        return ModelSpec(**self.model_dump())


def _named_once(models: tuple[Model, ...]) -> tuple[Model, ...]:
    names = [model.name for model in models]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise refuse(f"model name {', '.join(twice)} given twice; each is allowed once")
    return models


class Train(Section):
    """Training on the labels."""

    models: Annotated[tuple[Model, ...], Field(strict=False, min_length=1), AfterValidator(_named_once)]
    """The networks to train."""

    test_compositions: Annotated[int, Field(ge=0)] = TrainParameters.test_compositions
    """Compositions held out whole, to test on what the network has never seen."""

    test_fraction: Annotated[float, Field(ge=0, lt=0.5)] = TrainParameters.test_fraction
    """Fraction of the other compositions' vacancies held out as well."""

    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = TrainParameters.validation_fraction
    """Fraction of the other compositions' vacancies that chooses the best epoch."""

    epochs: Annotated[int, Field(ge=1)] = TrainParameters.epochs
    """At most so many passes over the training labels."""

    batch_size: Annotated[int, Field(ge=1)] = TrainParameters.batch_size
    """Labels per step, over all ranks together."""

    learning_rate: PositiveFloat = TrainParameters.learning_rate
    """Highest learning rate."""

    weight_decay: Annotated[float, Field(ge=0)] = TrainParameters.weight_decay
    """Weight decay of AdamW."""

    loss: Literal["mse", "mae", "huber"] = TrainParameters.loss
    """Loss of the forward and backward barriers."""

    patience: Annotated[int, Field(ge=1)] = TrainParameters.patience
    """Epochs without a better validation error after which training stops."""

    backend: Literal["single", "ddp"] = "single"
    """single: one process. ddp: data-parallel training by torch.distributed, on `ranks` processes."""

    ranks: Annotated[int, Field(ge=1)] = 1
    """Processes of the ddp backend."""

    def parameters(self, seed: int) -> TrainParameters:
        """How to train, as the library names it."""
        return TrainParameters(seed=seed, **self.model_dump(exclude={"models", "backend", "ranks"}))
