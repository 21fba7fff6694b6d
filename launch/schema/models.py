"""One network of ``train.models``: a mapping for each kind, with what can be chosen about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from launch.schema.base import Name, PositiveFloat, Section
from nnk.networks.kinds import KINDS, options_of
from nnk.networks.options import BalancedOptions, MlpOptions
from nnk.training.parameters import Loss, ModelSpec

Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(strict=False, min_length=1, max_length=8)
]


class Training(Section):
    """How this one model is trained, where it differs from the section train."""

    epochs: Annotated[int, Field(ge=1)] | None = None
    """At most so many passes over the training labels."""

    batch_size: Annotated[int, Field(ge=1)] | None = None
    """Labels per step, over all ranks together."""

    learning_rate: PositiveFloat | None = None
    """Highest learning rate."""

    weight_decay: Annotated[float, Field(ge=0)] | None = None
    """Weight decay of AdamW."""

    loss: Loss | None = None
    """Loss of the forward and backward barriers."""

    patience: Annotated[int, Field(ge=1)] | None = None
    """Epochs without a better validation error after which training stops."""

    def said(self) -> dict[str, Any]:
        """What the campaign says."""
        return self.model_dump(exclude_none=True)


class _Model(Section):
    """What all kinds of network have."""

    name: Name
    """Name of the model: its folder in models/ and what kmc.model refers to."""

    kind: str
    """Kind of network."""

    shells: Annotated[int, Field(ge=1, le=10)] = ModelSpec.shells
    """Neighbour shells around the vacancy that the network sees (bcc, 8: 112 sites)."""

    share: Annotated[float, Field(gt=0, le=1)] = ModelSpec.share
    """Share of the training vacancies that the network learns from, of each composition; a smaller share is
    part of a larger one. Models that differ in it alone make a learning curve in the analysis models."""

    training: Training = Training()
    """Overrides of the keys of train that say how to train, for this model alone."""

    def spec(self) -> ModelSpec:
        """The architecture as the library names it."""
        said = self.model_dump(exclude={"training"})
        options = {name: said.pop(name) for name in KINDS[self.kind].options.__dataclass_fields__}
        return ModelSpec(options=options_of(self.kind, options), **said)


class MlpModel(_Model):
    """Barriers from the species around the vacancy, one-hot, by a dense network."""

    kind: Literal["mlp"]
    """mlp: a dense network on the surroundings of a jump."""

    hidden: Widths = MlpOptions.hidden
    """Units of each hidden layer."""


class BalancedModel(_Model):
    """Forward and backward barriers consistent by construction."""

    kind: Literal["detailed-balance"]
    """detailed-balance: forward and backward barriers consistent by construction, which an ordering
    simulation needs."""

    hidden: Widths = BalancedOptions.hidden
    """Units of each hidden layer of the network of the symmetric part."""

    state_hidden: Widths = BalancedOptions.state_hidden
    """Units of each hidden layer of the vacancy's energy."""


def _tag(value: object) -> str:
    """The tag of a mapping's kind; that of the default kind if it has none that is known."""
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"({kind})" if kind in KINDS else "(detailed-balance)"


Model = Annotated[
    Annotated[MlpModel, Tag("(mlp)")] | Annotated[BalancedModel, Tag("(detailed-balance)")],
    Discriminator(_tag),
]
