"""What can be chosen about each kind of network: records only, nothing heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Widths = tuple[int, ...]


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
    """

    hidden: Widths = (64, 32)
    state_hidden: Widths = (32,)

    def __post_init__(self) -> None:
        _widths(self, "hidden", "state_hidden")


Options = MlpOptions | BalancedOptions
