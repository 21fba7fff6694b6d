"""Barrier models: networks that give the barriers of a vacancy's jumps.

Only NumPy is needed to use `BalancedModel`, `MlpModel` and ensembles of them; a `NetworkModel` brings in
torch when it is first asked. `load` reads a model back, whatever its kind.
"""

from pathlib import Path

from nnk.models.balanced import BalancedModel
from nnk.models.base import BarrierModel, read_saved
from nnk.models.ensemble import EnsembleModel
from nnk.models.mlp import MlpModel
from nnk.models.network_model import NetworkModel
from nnk.models.single import model_of
from nnk.models.symmetry import frame_spread_eV

__all__ = [
    "BalancedModel",
    "BarrierModel",
    "EnsembleModel",
    "MlpModel",
    "NetworkModel",
    "frame_spread_eV",
    "load",
]


def load(path: Path | str) -> BarrierModel:
    """Read the model saved in folder `path`.

    Raises:
        FileNotFoundError: no model there.
        ValueError: a kind or format that this version does not know, or damaged arrays.
    """
    saved = read_saved(Path(path))
    try:
        return EnsembleModel.from_saved(saved) if saved.kind == EnsembleModel.kind else model_of(saved)
    except KeyError as error:
        raise ValueError(f"{path}: a model of kind {saved.kind!r} needs the array {error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
