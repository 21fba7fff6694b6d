"""Section ``forces``: models of the forces of the snapshots, and how they are trained."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from launch.schema.base import Name, PositiveFloat, Section, refuse, unique
from launch.schema.models import Widths
from launch.schema.schedule import Schedule
from nnk.forces.options import (
    FORCE_KINDS,
    DenseOptions,
    LinearForceOptions,
    LocalDensityOptions,
    VoxelCnnOptions,
)
from nnk.forces.parameters import ForceSpec, ForceTraining
from nnk.snapshots.splits import SplitKind
from nnk.training.parameters import BackendName, Device, Optimiser
from nnk.voxels.boxes import BoxKind
from nnk.voxels.grid import LARGEST, Channels, VoxelGrid


class ForceFit(Section):
    """How this one model is trained, where it differs from the section forces."""

    epochs: Annotated[int, Field(ge=1)] | None = None
    """At most so many passes over the training snapshots."""

    batch_size: Annotated[int, Field(ge=1)] | None = None
    """Snapshots per step, over all ranks together."""

    learning_rate: PositiveFloat | None = None
    """Highest learning rate."""

    split: SplitKind | None = None
    """blocks or random; see forces.split."""


class _ForceModel(Section):
    """What all kinds of force model have."""

    name: Name
    """Name of the model: its folder in forces/<composition>/."""

    kind: str
    """Kind of model."""

    training: ForceFit = ForceFit()
    """How this model alone is trained."""

    @model_validator(mode="after")
    def _options_go_together(self) -> Self:
        try:
            self.spec()
        except (ValueError, TypeError) as error:
            raise refuse(str(error)) from error
        return self

    def spec(self) -> ForceSpec:
        """The model as the library names it."""
        said = self.model_dump(include=set(FORCE_KINDS[self.kind].options.__dataclass_fields__))
        return ForceSpec(self.name, self.kind, said)  # type: ignore[arg-type]  # a mapping is made into options


class Grid(Section):
    """Voxel images of the whole cell."""

    edge: Annotated[int, Field(ge=2, le=LARGEST)] = VoxelGrid.edge
    """Voxels along each axis."""

    box: BoxKind = VoxelGrid.box
    """Box that is cut into voxels. ibb: inner, that of each snapshot's atoms; obb: outer, that of all the
    training snapshots."""

    gamma: PositiveFloat = VoxelGrid.gamma
    """Width of an atom's Gaussian, in coordinates divided by the largest one (0.1: about 1 Å in 54 atoms; the
    paper names 2.0)."""

    channels: Channels = VoxelGrid.channels
    """atomic-number: one image, atoms weighted by it. elements: an image of each element."""


class VoxelCnnForces(_ForceModel):
    """The voxel force field: a convolutional network from the image of the cell to all forces."""

    kind: Literal["voxel-cnn"]
    """voxel-cnn: a convolutional network on voxel images of the whole cell. No energy; for one arrangement of
    atoms."""

    grid: Grid = Grid()
    """The images."""

    filters: Annotated[int, Field(ge=1, le=4096)] = VoxelCnnOptions.filters
    """Filters of the first convolution; each further one has half as many."""

    layers: Annotated[int, Field(ge=1, le=8)] = VoxelCnnOptions.layers
    """Convolutions."""

    hidden: Annotated[int, Field(ge=1, le=4096)] = VoxelCnnOptions.hidden
    """Width of the dense layers."""

    dropout: Annotated[float, Field(ge=0, lt=1)] = VoxelCnnOptions.dropout
    """Share of values left out after every second convolution while training."""


class DenseForces(_ForceModel):
    """A dense network on the displacements of all atoms."""

    kind: Literal["dense"]
    """dense: a fully connected network on the displacements of all atoms. No energy; for one arrangement of
    atoms."""

    hidden: Widths = DenseOptions.hidden
    """Units of each hidden layer."""


class LinearForces(_ForceModel):
    """Force constants by least squares."""

    kind: Literal["linear"]
    """linear: forces linear in the displacements, by least squares. No energy; for one arrangement of
    atoms."""

    ridge: PositiveFloat = LinearForceOptions.ridge
    """Penalty of force constants, as a share of the mean squared displacement."""


class LocalDensityForces(_ForceModel):
    """Energies of atoms from the density of each element around them."""

    kind: Literal["local-density"]
    """local-density: an energy of each atom from the densities of the elements in a patch around it, the same
    in all orientations; forces are its negative gradient. For any atoms of the elements."""

    cutoff_A: Annotated[float, Field(gt=0, le=20)] = LocalDensityOptions.cutoff_A
    """Radius of a patch."""

    radial: Annotated[int, Field(ge=2, le=64)] = LocalDensityOptions.radial
    """Functions of the distance that the densities are projected on."""

    degree: Annotated[int, Field(ge=0, le=3)] = LocalDensityOptions.degree
    """Highest degree of the spherical harmonics that they are projected on."""

    channels: Annotated[int, Field(ge=1, le=256)] = LocalDensityOptions.channels
    """Mixtures of elements and distances, for each central element and degree."""

    hidden: Widths = LocalDensityOptions.hidden
    """Units of each hidden layer of the atoms' energies."""


ForceModel = Annotated[
    Annotated[VoxelCnnForces, Tag("voxel-cnn")]
    | Annotated[DenseForces, Tag("dense")]
    | Annotated[LinearForces, Tag("linear")]
    | Annotated[LocalDensityForces, Tag("local-density")],
    Discriminator("kind"),
]


def _named_once(models: tuple[Any, ...]) -> tuple[Any, ...]:
    unique(tuple(model.name for model in models), "force model")
    return models


class Forces(Section):
    """Models of the forces, trained on the snapshots of each composition."""

    models: Annotated[tuple[ForceModel, ...], Field(strict=False, min_length=1), AfterValidator(_named_once)]
    """The models to train."""

    epochs: Annotated[int, Field(ge=1)] = ForceTraining.epochs
    """At most so many passes over the training snapshots."""

    batch_size: Annotated[int, Field(ge=1)] = ForceTraining.batch_size
    """Snapshots per step, over all ranks together."""

    optimiser: Optimiser = ForceTraining.optimiser
    """How the weights follow from the gradients."""

    learning_rate: PositiveFloat = ForceTraining.learning_rate
    """Highest learning rate."""

    schedule: Schedule = "one-cycle"
    """one-cycle, or a mapping plateau; see train.schedule."""

    energy_weight: Annotated[float, Field(ge=0)] = ForceTraining.energy_weight
    """Weight of the energy per atom in the loss, of models that have one; the forces' is 1."""

    split: SplitKind = ForceTraining.split
    """Which 5/7, 1/7 and 1/7 of the snapshots are for training, validation and test. blocks: stretches of
    trajectories with gaps between them. random: any, so that neighbours in time of what was learnt from are
    among the tests."""

    patience: Annotated[int, Field(ge=1)] = ForceTraining.patience
    """Epochs without a better validation error after which training stops."""

    backend: BackendName = "single"
    """single, ddp or horovod; see train.backend."""

    ranks: Annotated[int, Field(ge=1)] = 1
    """Processes that train a model together; on GPUs each has one of its own."""

    device: Device = "auto"
    """Where models are trained; see train.device."""

    def parameters(self, model: Any, seed: int) -> ForceTraining:
        """How a model is trained, as the library names it."""
        said = self.model_dump(exclude={"models", "backend", "ranks", "device"})
        said |= model.training.model_dump(exclude_none=True)
        if isinstance(said["schedule"], dict):
            said["schedule"] = said["schedule"]["plateau"]
        return ForceTraining(seed=seed, **said)
