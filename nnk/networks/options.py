"""What can be chosen about each kind of network: records only, nothing heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

Widths = tuple[int, ...]
Difference = Literal["free", "soft", "hard", "kolmogorov"]


def check(condition: bool, name: str, value: object, allowed: str) -> None:
    """Raise ValueError unless `condition`."""
    if not condition:
        raise ValueError(f"{name}={value!r}: expected {allowed}")


def _widths(options: Any, *names: str) -> None:
    for name in names:
        object.__setattr__(options, name, tuple(getattr(options, name)))
        widths = getattr(options, name)
        check(bool(widths) and min(widths) >= 1, name, widths, "one or more widths >= 1")


@dataclass(frozen=True)
class MlpOptions:
    """A dense network on the one-hot species of the sites.

    Attributes:
        hidden: widths of the hidden layers.
    """

    hidden: Widths = (64, 32)

    def __post_init__(self) -> None:
        _widths(self, "hidden")


@dataclass(frozen=True)
class BalancedOptions:
    """A model that obeys detailed balance by construction.

    Attributes:
        hidden: widths of the hidden layers of the KRA network.
        state_hidden: widths of the hidden layers of the vacancy's energy.
        embedding: numbers by which an element is known to both.
        lessons: jumps in invented random alloys that the networks learn besides the labels, at the barriers
            of a kernel regression of the labels (`nnk.training.lessons`).
    """

    hidden: Widths = (64, 32)
    state_hidden: Widths = (32,)
    embedding: int = 8
    lessons: int = 0

    def __post_init__(self) -> None:
        _widths(self, "hidden", "state_hidden")
        check(self.embedding >= 1, "embedding", self.embedding, "a whole number >= 1")
        check(self.lessons >= 0, "lessons", self.lessons, "0 or more")


@dataclass(frozen=True)
class ClusterExpansionOptions:
    """Energies of clusters of sites; nothing can be chosen."""


@dataclass(frozen=True)
class KernelOptions:
    """Kernel regression on surroundings site by site; nothing can be chosen."""


@dataclass(frozen=True)
class LinearOptions:
    """Linear regression on the one-hot species of the sites; nothing can be chosen."""


@dataclass(frozen=True)
class NeuronMapMlpOptions:
    """A dense network on the neuron map (Xing et al. 2024).

    Attributes:
        hidden: widths of the hidden layers.
    """

    hidden: Widths = (128, 128, 128, 128)

    def __post_init__(self) -> None:
        _widths(self, "hidden")


@dataclass(frozen=True)
class NeuronMapCnnOptions:
    """A convolutional network on the neuron map (Xing et al. 2024).

    Attributes:
        filters: of each convolution; four of them bring the map's edge of 9 voxels down to 1.
    """

    filters: Widths = (32, 64, 128, 128)

    def __post_init__(self) -> None:
        _widths(self, "filters")
        check(len(self.filters) <= 4, "filters", self.filters, "at most 4 convolutions")


@dataclass(frozen=True)
class FingerprintOptions:
    """Networks on fingerprints of the two states of a jump (Talapatra et al.).

    Attributes:
        difference: form of dE: "free" (M_NC), "soft" (M_SAS), "hard" (M_HAS) or "kolmogorov" (M_KOL).
        hidden: widths of the hidden layers, of KRA's network and of dE's.
        dropout: share of the units that are left out in each step of training.
        penalty: of |dE_AB + dE_BA| in the loss, for "soft".
        difference_weight: weight in the loss of what dE_AB and dE_BA each miss, besides the barriers. At 0
            nothing but the barriers says what dE is: with "free", whatever the two have in common can as well
            be part of KRA.
    """

    difference: Difference = "hard"
    hidden: Widths = (128, 128)
    dropout: float = 0.1
    penalty: float = 0.2
    difference_weight: float = 0.0

    def __post_init__(self) -> None:
        _widths(self, "hidden")
        forms = get_args(Difference)
        check(self.difference in forms, "difference", self.difference, " or ".join(forms))
        check(0 <= self.dropout < 1, "dropout", self.dropout, "0 <= x < 1")
        check(self.penalty >= 0, "penalty", self.penalty, "a number >= 0")
        weight = self.difference_weight
        check(weight >= 0, "difference_weight", weight, "a number >= 0")


@dataclass(frozen=True)
class SdmCnnOptions:
    """A convolutional network on spatial density maps (Fan et al. 2022).

    Attributes:
        layers: convolutions, in four groups of equal numbers.
        filters: of each convolution.
        half_edge_A: l_c, half the edge of the map.
        voxel_A: Delta, distance of the voxels and width of the Gaussians; l_c holds a multiple of 4 of them.
    """

    layers: int = 12
    filters: int = 60
    half_edge_A: float = 8.0
    voxel_A: float = 0.5

    def __post_init__(self) -> None:
        check(self.layers >= 4 and self.layers % 4 == 0, "layers", self.layers, "a multiple of 4")
        check(self.filters >= 1, "filters", self.filters, "a whole number >= 1")
        check(self.half_edge_A > 0, "half_edge_A", self.half_edge_A, "a length > 0")
        check(self.voxel_A > 0, "voxel_A", self.voxel_A, "a length > 0")
        edge = 2 * self.half_edge_A / self.voxel_A
        fits = abs(edge - round(edge)) < 1e-6 and round(edge) % 8 == 0 and edge > 1
        check(fits, "voxel_A", self.voxel_A, "an edge of 8, 16, 24 ... voxels (three poolings halve it)")


Options = (
    BalancedOptions
    | ClusterExpansionOptions
    | FingerprintOptions
    | KernelOptions
    | LinearOptions
    | MlpOptions
    | NeuronMapCnnOptions
    | NeuronMapMlpOptions
    | SdmCnnOptions
)
