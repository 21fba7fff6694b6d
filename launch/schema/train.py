"""Section ``train``: the networks and how they are trained."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from launch.schema.base import Name, PositiveFloat, Section, refuse

Width = Annotated[int, Field(ge=1, le=4096)]


class Model(Section):
    """One network."""

    name: Name
    """Name of the model: its folder in models/ and what kmc.model refers to."""

    kind: Literal["mlp", "detailed-balance"]
    """mlp: barriers from the surroundings of a jump. detailed-balance: forward and backward barriers
    consistent by construction, which an ordering simulation needs."""

    shells: Annotated[int, Field(ge=1, le=8)] = 8
    """Neighbour shells around the vacancy that the network sees (bcc, 8: 112 sites)."""

    hidden: Annotated[tuple[Width, ...], Field(strict=False, min_length=1, max_length=8)] | None = None
    """Units of each hidden layer. Default: by the kind of the model."""


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

    test_compositions: Annotated[int, Field(ge=0)] = 1
    """Compositions held out whole, to test on what the network has never seen."""

    validation_fraction: Annotated[float, Field(gt=0, lt=0.5)] = 0.1
    """Fraction of the remaining vacancies kept for validation."""

    epochs: Annotated[int, Field(ge=1)] = 60
    """Passes over the training labels."""

    batch: Annotated[int, Field(ge=1)] = 64
    """Labels per step."""

    learning_rate: PositiveFloat = 1e-3
    """Initial learning rate."""

    backend: Literal["single", "ddp"] = "single"
    """single: one process. ddp: data-parallel training by torch.distributed, on `ranks` processes."""

    ranks: Annotated[int, Field(ge=1)] = 1
    """Processes of the ddp backend."""
