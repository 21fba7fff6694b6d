"""The kinds of force model and what can be chosen about them: records only, nothing heavy is imported."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from nnk.networks.kinds import imported
from nnk.networks.options import check
from nnk.voxels.grid import VoxelGrid

if TYPE_CHECKING:
    from nnk.forces.base import ForceNetwork

HIGHEST_DEGREE = 3


@dataclass(frozen=True)
class VoxelCnnOptions:
    """The convolutional network on voxel images of the whole cell.

    Attributes:
        grid: the images; a mapping is made into a `VoxelGrid`.
        filters: of the first convolution; each further one has half as many.
        layers: convolutions, 2 x 2 x 2 with stride 1; each makes the image a voxel smaller.
        hidden: width of the two dense layers before the one that gives the forces.
        dropout: share of values that are left out after every second convolution while training.
    """

    grid: VoxelGrid = field(default_factory=VoxelGrid)
    filters: int = 256
    layers: int = 3
    hidden: int = 512
    dropout: float = 0.5

    def __post_init__(self) -> None:
        if isinstance(self.grid, Mapping):
            object.__setattr__(self, "grid", VoxelGrid(**self.grid))
        check(self.layers >= 1, "layers", self.layers, "1 or more")
        check(self.grid.edge > self.layers, "grid edge", self.grid.edge, f"more than {self.layers} layers")
        allowed = f"a multiple of {2 ** (self.layers - 1)}, to be halved in every layer"
        check(
            self.filters >= 1 and self.filters % 2 ** (self.layers - 1) == 0, "filters", self.filters, allowed
        )
        check(self.hidden >= 1, "hidden", self.hidden, "1 or more")
        check(0 <= self.dropout < 1, "dropout", self.dropout, "0 <= x < 1")


@dataclass(frozen=True)
class DenseOptions:
    """The fully connected network on the configuration: the displacements of all atoms.

    Attributes:
        hidden: widths of its hidden layers.
    """

    hidden: tuple[int, ...] = (512, 512)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        check(all(width >= 1 for width in self.hidden), "hidden", self.hidden, "widths of 1 or more")


@dataclass(frozen=True)
class LinearForceOptions:
    """Forces linear in the displacements, by least squares: the harmonic crystal.

    Attributes:
        ridge: penalty of force constants, as a share of the mean squared displacement.
    """

    ridge: float = 1e-3

    def __post_init__(self) -> None:
        check(self.ridge > 0, "ridge", self.ridge, "a number > 0")


@dataclass(frozen=True)
class LocalDensityOptions:
    """Energies of atoms from the density of each element in a patch around them.

    Attributes:
        cutoff_A: radius of a patch.
        radial: functions of the distance that the densities are projected on.
        degree: highest degree of the spherical harmonics that they are projected on, 0 to 3.
        channels: mixtures of elements and distances, learnt for each central element and degree.
        hidden: widths of the hidden layers that make an energy of the invariants.
    """

    cutoff_A: float = 6.0
    radial: int = 10
    degree: int = 2
    channels: int = 12
    hidden: tuple[int, ...] = (32, 32)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hidden", tuple(self.hidden))
        check(self.cutoff_A > 0, "cutoff_A", self.cutoff_A, "a length > 0 in Å")
        check(self.radial >= 2, "radial", self.radial, "2 or more")
        check(0 <= self.degree <= HIGHEST_DEGREE, "degree", self.degree, f"0 to {HIGHEST_DEGREE}")
        check(self.channels >= 1, "channels", self.channels, "1 or more")
        check(all(width >= 1 for width in self.hidden), "hidden", self.hidden, "widths of 1 or more")


ForceOptions = VoxelCnnOptions | DenseOptions | LinearForceOptions | LocalDensityOptions


@dataclass(frozen=True)
class ForceKind:
    """A kind of force model.

    Attributes:
        options: what can be chosen about it.
        network: where its class is, "module:Class".
    """

    options: type[ForceOptions]
    network: str


FORCE_KINDS: dict[str, ForceKind] = {
    "voxel-cnn": ForceKind(VoxelCnnOptions, "nnk.forces.voxel_cnn:VoxelCnn"),
    "dense": ForceKind(DenseOptions, "nnk.forces.displacements:DenseForces"),
    "linear": ForceKind(LinearForceOptions, "nnk.forces.displacements:LinearForces"),
    "local-density": ForceKind(LocalDensityOptions, "nnk.forces.local_density:LocalDensity"),
}


def force_options(kind: str, chosen: Mapping[str, Any]) -> ForceOptions:
    """The options of a kind, defaults where `chosen` says nothing.

    Raises:
        ValueError: an unknown kind, an option that it does not have, or a value that is not allowed.
    """
    if kind not in FORCE_KINDS:
        raise ValueError(f"kind={kind!r}: expected {' or '.join(FORCE_KINDS)}")
    options = FORCE_KINDS[kind].options
    unknown = sorted(set(chosen) - set(options.__dataclass_fields__))
    if unknown:
        allowed = ", ".join(options.__dataclass_fields__)
        raise ValueError(f"{', '.join(unknown)}: no option of kind {kind!r}; allowed are {allowed}")
    return options(**chosen)


def force_network(kind: str) -> type[ForceNetwork]:
    """The class of a kind."""
    return cast("type[ForceNetwork]", imported(FORCE_KINDS[kind].network))
