"""Section ``train``: the networks and how they are trained."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field

from launch.schema.base import PositiveFloat, Section, refuse
from launch.schema.folds import HELD_OUT_OTHERWISE, FoldChoice
from launch.schema.models import Model, Training
from launch.schema.schedule import Schedule
from nnk.networks.kinds import KINDS
from nnk.training.parameters import BackendName, Device, Loss, Optimiser, Precision, TrainParameters


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

    optimiser: Optimiser = TrainParameters.optimiser
    """How the weights follow from the gradients."""

    learning_rate: PositiveFloat = TrainParameters.learning_rate
    """Highest learning rate."""

    schedule: Schedule = "one-cycle"
    """one-cycle: the learning rate rises over the first twentieth of the epochs, then falls as a cosine to 0.
    Or a mapping plateau: it falls when the validation error does not."""

    weight_decay: Annotated[float, Field(ge=0)] = TrainParameters.weight_decay
    """Weight decay of AdamW; adam and rmsprop have none."""

    loss: Loss = TrainParameters.loss
    """Loss of the forward and backward barriers."""

    split_weight: Annotated[float, Field(ge=0)] = TrainParameters.split_weight
    """Weight in the loss of labels whose path has intermediate minima (flag SPLIT); others have 1."""

    fallback_weight: Annotated[float, Field(ge=0)] = TrainParameters.fallback_weight
    """Weight in the loss of labels by the nudged elastic band where the search failed (flag FALLBACK)."""

    symmetry: bool = TrainParameters.symmetry
    """Show each label in a random one of the equivalent frames of its jump, another in every epoch."""

    rotation: bool = TrainParameters.rotation
    """Turn each label by a random angle about its jump's axis in every epoch, for networks that read
    positions."""

    precision: Precision = TrainParameters.precision
    """Of the products while training: bfloat16 is faster on GPUs. Weights and sums are float32."""

    patience: Annotated[int, Field(ge=1)] = TrainParameters.patience
    """Epochs without a better validation error after which training stops."""

    backend: BackendName = "single"
    """single: one process. ddp: data-parallel training by torch.distributed, on `ranks` processes of a node.
    horovod: the same by Horovod (make horovod), started by the site's MPI, on `ranks` processes of one or
    more nodes (resources.train). The results are the same, to rounding."""

    ranks: Annotated[int, Field(ge=1)] = 1
    """Processes that train a network together; on GPUs each has one of its own."""

    device: Device = "auto"
    """Where networks are trained. auto: on GPUs if the site has any. cuda: an error if it has none."""

    def parameters(self, model: Model, seed: int, held_out: tuple[str, ...] = ()) -> TrainParameters:
        """How to train a model, as the library names it; with the names that a fold tests."""
        said = self.model_dump(exclude={"models", "folds", "backend", "ranks", "device"})
        if self.folds is not None:
            said |= {**dict.fromkeys(HELD_OUT_OTHERWISE, 0), "held_out": held_out}
        said |= self.recipe(model) | model.training.said()
        if isinstance(said["schedule"], dict):
            said["schedule"] = said["schedule"]["plateau"]
        return TrainParameters(seed=seed, **said)

    def recipe(self, model: Model) -> dict[str, Any]:
        """How the authors of a model's kind trained it, as far as this section does not say otherwise."""
        known = dict(KINDS[model.kind].training)
        if "schedule" in known:
            known["schedule"] = {"plateau": known["schedule"]}
        said = Training.model_validate(known).said()
        return {name: value for name, value in said.items() if name not in self.model_fields_set}
