"""Barrier models: networks that give the barriers of a vacancy's jumps.

Only NumPy is needed to use `BalancedModel` and `MlpModel`; a `NetworkModel` brings in torch when it is first
asked. `load` reads a model back, whatever its kind.
"""

from pathlib import Path

from nnk.models.balanced import BalancedModel
from nnk.models.base import BarrierModel, read_saved
from nnk.models.mlp import MlpModel
from nnk.models.network_model import NetworkModel
from nnk.models.symmetry import frame_spread_eV
from nnk.networks.kinds import KINDS as NETWORKS

__all__ = ["KINDS", "BalancedModel", "BarrierModel", "MlpModel", "NetworkModel", "frame_spread_eV", "load"]

KINDS: dict[str, type[BarrierModel]] = dict.fromkeys(NETWORKS, NetworkModel) | {
    "detailed-balance": BalancedModel,
    "mlp": MlpModel,
}


def load(path: Path | str) -> BarrierModel:
    """Read the model saved in folder `path`.

    Raises:
        FileNotFoundError: no model there.
        ValueError: a kind or format that this version does not know, or damaged arrays.
    """
    saved = read_saved(Path(path))
    if saved.kind not in KINDS:
        raise ValueError(f"{path}: unknown kind of model {saved.kind!r}: known are {', '.join(KINDS)}")
    try:
        return KINDS[saved.kind].from_saved(saved)
    except KeyError as error:
        raise ValueError(f"{path}: a model of kind {saved.kind!r} needs the array {error}") from error
