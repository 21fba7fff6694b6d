"""The kinds of network there are. Torch is imported only when one of them is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from nnk.networks.options import (
    BalancedOptions,
    ClusterExpansionOptions,
    FingerprintOptions,
    KernelOptions,
    LinearOptions,
    MlpOptions,
    NeuronMapCnnOptions,
    NeuronMapMlpOptions,
    Options,
    SdmCnnOptions,
)

if TYPE_CHECKING:
    from nnk.networks.base import BarrierNetwork


@dataclass(frozen=True)
class Kind:
    """A kind of network.

    Attributes:
        options: what can be chosen about it.
        network: where its class is, "module:Class".
        start: where the function is that makes the first guess from the training labels, "module:function";
            see `nnk.training.start`.
        training: how its authors trained it, where that differs from `nnk.training.TrainParameters`.
    """

    options: type[Options]
    network: str
    start: str = "nnk.training.start:mean_start"
    training: Mapping[str, Any] = field(default_factory=dict)


# batches are of labels, of which each is two samples of the papers
_CLOSED_FORM = {"epochs": 1}
_REGRESSION = {"optimiser": "adam", "learning_rate": 1e-2, "loss": "mse"}
_FAN = {
    "optimiser": "rmsprop",
    "learning_rate": 1e-3,
    "schedule": {"factor": 10**-0.5},
    "loss": "mae",
    "batch_size": 40,
}
_XING = {
    "optimiser": "adam",
    "learning_rate": 1e-3,
    "schedule": {"factor": 0.1, "patience": 10, "floor": 1e-5},
    "loss": "mse",
    "batch_size": 16,
    "epochs": 100,
}
_TALAPATRA = {"optimiser": "adam", "learning_rate": 1e-3, "loss": "mse"}

KINDS: dict[str, Kind] = {
    "cluster-expansion": Kind(
        ClusterExpansionOptions,
        "nnk.networks.cluster_expansion:ClusterExpansionNetwork",
        "nnk.training.cluster_fit:cluster_start",
        training=_CLOSED_FORM,
    ),
    "kernel": Kind(
        KernelOptions,
        "nnk.networks.kernel:KernelNetwork",
        "nnk.training.kernel_fit:kernel_start",
        training=_CLOSED_FORM,
    ),
    "linear": Kind(LinearOptions, "nnk.networks.linear:LinearNetwork", training=_REGRESSION),
    "mlp": Kind(MlpOptions, "nnk.networks.mlp:MlpNetwork"),
    "neuron-map-mlp": Kind(
        NeuronMapMlpOptions, "nnk.networks.neuron_map_mlp:NeuronMapMlpNetwork", training=_XING
    ),
    "neuron-map-cnn": Kind(
        NeuronMapCnnOptions, "nnk.networks.neuron_map_cnn:NeuronMapCnnNetwork", training=_XING
    ),
    "sdm-cnn": Kind(SdmCnnOptions, "nnk.networks.sdm_cnn:SdmCnnNetwork", training=_FAN),
    "fingerprint": Kind(
        FingerprintOptions, "nnk.networks.fingerprint:FingerprintNetwork", training=_TALAPATRA
    ),
    "detailed-balance": Kind(
        BalancedOptions, "nnk.networks.balanced:BalancedNetwork", "nnk.training.start:linear_start"
    ),
}


def options_of(kind: str, chosen: Mapping[str, Any]) -> Options:
    """The options of a network of a kind, defaults where `chosen` says nothing.

    Raises:
        ValueError: an unknown kind, an option that it does not have, or a value that is not allowed.
    """
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: expected {' or '.join(KINDS)}")
    options = KINDS[kind].options
    unknown = sorted(set(chosen) - set(options.__dataclass_fields__))
    if unknown:
        allowed = ", ".join(options.__dataclass_fields__)
        raise ValueError(f"{', '.join(unknown)}: no option of kind {kind!r}; allowed are {allowed}")
    return options(**chosen)


def imported(place: str) -> Any:
    """What stands at "module:name"."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


def network_class(kind: str) -> type[BarrierNetwork]:
    """The class of a kind of network."""
    return cast("type[BarrierNetwork]", imported(KINDS[kind].network))


def kind_of(network: type[BarrierNetwork]) -> str:
    """The kind of a network of this class."""
    place = f"{network.__module__}:{network.__qualname__}"
    return next(name for name, kind in KINDS.items() if kind.network == place)
