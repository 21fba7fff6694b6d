"""The kinds of network there are. Torch is imported only when one of them is built."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from nnk.networks.options import BalancedOptions, MlpOptions, Options

if TYPE_CHECKING:
    from nnk.networks.base import BarrierNetwork


@dataclass(frozen=True)
class Kind:
    """A kind of network.

    Attributes:
        options: what can be chosen about it.
        network: where its class is, "module:Class".
        start: where the function is that makes the first guess from the training labels, "module:function";
            see
            `nnk.training.start`.
    """

    options: type[Options]
    network: str
    start: str = "nnk.training.start:mean_start"


KINDS: dict[str, Kind] = {
    "mlp": Kind(MlpOptions, "nnk.networks.mlp:MlpNetwork"),
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
