"""The networks of a campaign: those it has trained, and the published one that drives its runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.inputs import Inputs, MissingInput

if TYPE_CHECKING:
    from nnk.models import BarrierModel

PUBLISHED = "published"
"""Name of the published network, in options, tables and figures."""


@dataclass(frozen=True)
class Network:
    """A network of the campaign.

    Attributes:
        name: in options, figures and tables.
        model: its barriers.
        trained: by this campaign; otherwise published.
    """

    name: str
    model: BarrierModel
    trained: bool

    @property
    def description(self) -> dict[str, Any]:
        """What is known of it."""
        return self.model.describe()


def network_names(inputs: Inputs) -> list[str]:
    """Names of the networks at hand, the one that drives the kMC runs first; there may be none."""
    driving = driving_network(inputs)
    try:
        trained = inputs.model_names()
    except MissingInput:  # a campaign of runs alone trains none
        trained = []
    names = [PUBLISHED, *trained] if driving == PUBLISHED else trained
    return sorted(names, key=lambda name: name != driving)


def network(inputs: Inputs, name: str, elements: Sequence[str]) -> Network:
    """A network by its name, for species numbered as in `elements`."""
    if name == PUBLISHED:
        return Network(name, inputs.kmc_model(elements), trained=False)
    return Network(name, inputs.model(name, elements), trained=True)


def chosen_network(inputs: Inputs, name: str | None, elements: Sequence[str]) -> Network | None:
    """The network of an option with its name; by default the one of `network_names` that is first.

    Returns:
        None where the campaign has no network.

    Raises:
        MissingInput: `name` is none of the campaign's networks, or is not trained yet.
    """
    names = network_names(inputs)
    if name is not None and name not in names:
        raise MissingInput(f"no network {name}: there are {', '.join(names) or 'none'}")
    wanted = name or next(iter(names), None)
    return None if wanted is None else network(inputs, wanted, elements)


def driving_network(inputs: Inputs) -> str | None:
    """Name of the network that drives the kMC runs; None where there is none."""
    if not inputs.workdir.campaign_file.is_file():
        return None
    choice = (inputs.campaign().get("kmc") or {}).get("model")
    return PUBLISHED if isinstance(choice, dict) else choice


def alloy_elements(inputs: Inputs) -> tuple[str, ...]:
    """Elements of the campaign's alloy, in its order."""
    return tuple(inputs.campaign()["alloy"]["elements"])
