"""The kinds of single models, by the name that stands in their files."""

from __future__ import annotations

from nnk.models.balanced import BalancedModel
from nnk.models.base import BarrierModel, Saved
from nnk.models.mlp import MlpModel
from nnk.models.network_model import NetworkModel
from nnk.networks.kinds import KINDS as NETWORKS

SINGLE: dict[str, type[BarrierModel]] = dict.fromkeys(NETWORKS, NetworkModel) | {
    "detailed-balance": BalancedModel,
    "mlp": MlpModel,
}


def model_of(saved: Saved) -> BarrierModel:
    """The single model that was saved.

    Raises:
        ValueError: a kind that this version does not know.
        KeyError: an array or a detail is missing.
    """
    if saved.kind not in SINGLE:
        raise ValueError(f"unknown kind of model {saved.kind!r}: known are {', '.join(SINGLE)}")
    return SINGLE[saved.kind].from_saved(saved)
