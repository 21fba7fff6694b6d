"""Section ``train``: the networks and how they are trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from launch.schema.base import PositiveFloat, Section, refuse
from launch.schema.folds import HELD_OUT_OTHERWISE, FoldChoice
from launch.schema.models import Model
from nnk.training.parameters import TrainParameters


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

    folds: FoldChoice | None = None
    """Cross-validation: each network is trained once per fold, tested on what the fold names, and once on
    everything, for use. A number: so many folds of whole compositions, dealt by the seed. A file: JSON,
    {"folds": [[name, ...], ...]}, names of compositions or samples. Or such lists themselves. With folds,
    test_compositions and test_fraction are not given."""

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

    def parameters(self, model: Model, seed: int, held_out: tuple[str, ...] = ()) -> TrainParameters:
        """How to train a model, as the library names it; with the names that a fold tests."""
        said = self.model_dump(exclude={"models", "folds", "backend", "ranks"})
        if self.folds is not None:
            said |= {**dict.fromkeys(HELD_OUT_OTHERWISE, 0), "held_out": held_out}
        return TrainParameters(seed=seed, **said | model.training.said())
