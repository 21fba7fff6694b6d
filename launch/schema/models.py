"""One network of ``train.models``: a mapping for each kind, with what can be chosen about it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from launch.schema.base import Name, PositiveFloat, Section, refuse
from launch.schema.schedule import Schedule
from nnk.networks.kinds import KINDS, options_of
from nnk.networks.options import (
    BalancedOptions,
    Difference,
    FingerprintOptions,
    MlpOptions,
    NeuronMapCnnOptions,
    NeuronMapMlpOptions,
    SdmCnnOptions,
)
from nnk.training.parameters import Choice, Loss, ModelSpec, Optimiser, Precision

Widths = Annotated[
    tuple[Annotated[int, Field(ge=1, le=4096)], ...], Field(strict=False, min_length=1, max_length=8)
]


class Training(Section):
    """How this one model is trained, where it differs from the section train."""

    epochs: Annotated[int, Field(ge=1)] | None = None
    """At most so many passes over the training labels."""

    batch_size: Annotated[int, Field(ge=1)] | None = None
    """Labels per step, over all ranks together."""

    optimiser: Optimiser | None = None
    """How the weights follow from the gradients."""

    learning_rate: PositiveFloat | None = None
    """Highest learning rate."""

    schedule: Schedule | None = None
    """one-cycle, or a mapping plateau; see train.schedule."""

    weight_decay: Annotated[float, Field(ge=0)] | None = None
    """Weight decay of AdamW."""

    loss: Loss | None = None
    """Loss of the forward and backward barriers."""

    symmetry: bool | None = None
    """Show each label in a random one of the equivalent frames of its jump, another in every epoch."""

    rotation: bool | None = None
    """Turn each label by a random angle about its jump's axis in every epoch, for networks that read
    positions."""

    precision: Precision | None = None
    """Of the products while training."""

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
    part of a larger one. Models that differ in this or another key alone make a curve in the analysis
    models."""

    choice: Choice = ModelSpec.choice
    """Which vacancies a share takes. random: any. k-means: environments, the shares of each element in every
    shell, are sorted into clusters, and the most typical of each comes first."""

    compositions: Annotated[int, Field(ge=1)] | None = ModelSpec.compositions
    """So many of the training compositions are learnt from: the one nearest to their mean, then always the
    one farthest from those before it. Labels of the others are not used. Default: all."""

    members: Annotated[int, Field(ge=1, le=100)] = ModelSpec.members
    """Networks that are trained, one after the other, from other first weights; the model is their mean, and
    their spread says how sure it is. It costs as much as they do together."""

    training: Training = Training()
    """How this model alone is trained. What neither this nor train says is as the kind's authors had it."""

    @model_validator(mode="after")
    def _options_go_together(self) -> Self:
        try:
            self.spec()
        except ValueError as error:
            raise refuse(str(error)) from error
        return self

    def spec(self) -> ModelSpec:
        """The architecture as the library names it."""
        said = self.model_dump(exclude={"training"})
        options = {name: said.pop(name) for name in KINDS[self.kind].options.__dataclass_fields__}
        return ModelSpec(options=options_of(self.kind, options), **said)


class MlpModel(_Model):
    """Barriers from the species around the vacancy, one-hot, by a dense network."""

    kind: Literal["mlp"]
    """mlp: a dense network on the surroundings of a jump; with hidden: [10, 10] that of Fan et al. 2022."""

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

    embedding: int = Field(BalancedOptions.embedding, ge=1)
    """Numbers by which the networks know an element."""

    lessons: int = Field(BalancedOptions.lessons, ge=0)
    """Jumps in invented random alloys that the networks learn besides the labels, at the barriers of a model
    of kind kernel of the same labels: helps where labels are few or of few compositions. 1,000 of them take
    some seconds for every 10,000 labels."""


class ClusterExpansionModel(_Model):
    """Barriers from energies of clusters of sites, fitted in closed form: pairs for the states, points, pairs
    and triplets around the jump for the symmetric barrier. Obeys detailed balance."""

    kind: Literal["cluster-expansion"]
    """cluster-expansion: energies of clusters by ridge regression, the baseline before networks."""


class KernelModel(_Model):
    """Barriers from the most similar ones that are known, atom by atom, by a Gaussian process in closed form.
    The best of few labels and of compositions that are not labelled; slow, and without detailed balance."""

    kind: Literal["kernel"]
    """kernel: kernel regression; nothing can be chosen."""


class LinearModel(_Model):
    """Barriers by linear regression on the species around the vacancy (Fan et al. 2022)."""

    kind: Literal["linear"]
    """linear: a number for each species on each site, added up."""


class NeuronMapMlpModel(_Model):
    """Barriers from the neuron map by a dense network (Xing et al. 2024)."""

    kind: Literal["neuron-map-mlp"]
    """neuron-map-mlp: a dense network on the numbers of the species, with batch normalisation."""

    hidden: Widths = NeuronMapMlpOptions.hidden
    """Units of each hidden layer."""


class NeuronMapCnnModel(_Model):
    """Barriers from the neuron map by convolutions (Xing et al. 2024)."""

    kind: Literal["neuron-map-cnn"]
    """neuron-map-cnn: convolutions on the numbers of the species, on a grid of 9 x 9 x 9 voxels."""

    filters: Annotated[Widths, Field(max_length=4)] = NeuronMapCnnOptions.filters
    """Filters of each convolution 3 x 3 x 3; four bring the grid down to one voxel."""


class FingerprintModel(_Model):
    """Barriers from fingerprints of both states as KRA + dE / 2 (Talapatra et al.)."""

    kind: Literal["fingerprint"]
    """fingerprint: a symmetric barrier and an energy difference from radial and angular functions."""

    difference: Difference = FingerprintOptions.difference
    """Energy difference. free, soft, hard: of both states together, not bound to change its sign for the
    reverse jump (M_NC), urged to (M_SAS), or made to (M_HAS). kolmogorov: of each state by itself (M_KOL),
    without drift on closed loops, but blind to order beyond the vacancy's surroundings."""

    hidden: Widths = FingerprintOptions.hidden
    """Units of each hidden layer, of both networks."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = FingerprintOptions.dropout
    """Share of the units that are left out in each step of training."""

    penalty: Annotated[float, Field(ge=0)] = FingerprintOptions.penalty
    """Of the mean |dE(A, B) + dE(B, A)| in the loss, for difference: soft."""

    difference_weight: Annotated[float, Field(ge=0)] = FingerprintOptions.difference_weight
    """Weight of the energy differences in the loss, that of the jump and that of its reverse, besides the
    barriers; 1 draws dE(A, B) + dE(B, A) in the analysis models, which barriers alone do not tell."""


class SdmCnnModel(_Model):
    """Barriers from spatial density maps by convolutions (Fan et al. 2022)."""

    kind: Literal["sdm-cnn"]
    """sdm-cnn: convolutions on a picture of the atoms, turned by random angles about the jump's axis."""

    layers: Annotated[int, Field(ge=4, le=64, multiple_of=4)] = SdmCnnOptions.layers
    """Convolutions 3 x 3 x 3, in four groups with a pooling between them."""

    filters: Annotated[int, Field(ge=1, le=1024)] = SdmCnnOptions.filters
    """Filters of each convolution."""

    half_edge_A: PositiveFloat = SdmCnnOptions.half_edge_A
    """Half the edge of the map in Å (l_c); what shells it shows is chosen by `shells`."""

    voxel_A: PositiveFloat = SdmCnnOptions.voxel_A
    """Distance of voxels and width of an atom in Å (Delta); the edge has 8, 16, 24, ... of them."""


def _tag(value: object) -> str:
    """The tag of a mapping's kind; that of the default kind if it has none that is known."""
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f"({kind})" if kind in KINDS else "(detailed-balance)"


Model = Annotated[
    Annotated[BalancedModel, Tag("(detailed-balance)")]
    | Annotated[ClusterExpansionModel, Tag("(cluster-expansion)")]
    | Annotated[FingerprintModel, Tag("(fingerprint)")]
    | Annotated[KernelModel, Tag("(kernel)")]
    | Annotated[LinearModel, Tag("(linear)")]
    | Annotated[MlpModel, Tag("(mlp)")]
    | Annotated[NeuronMapCnnModel, Tag("(neuron-map-cnn)")]
    | Annotated[NeuronMapMlpModel, Tag("(neuron-map-mlp)")]
    | Annotated[SdmCnnModel, Tag("(sdm-cnn)")],
    Discriminator(_tag),
]
