"""Training of barrier models.

`ModelSpec` and `TrainParameters` import nothing heavy; `train` and `TrainResult` bring in torch on use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from nnk.training.parameters import ModelSpec, TrainParameters

if TYPE_CHECKING:
    from nnk.training.ensemble import train
    from nnk.training.epochs import TrainingDiverged, TrainingStopped
    from nnk.training.products import TrainResult

__all__ = ["ModelSpec", "TrainParameters", "TrainResult", "TrainingDiverged", "TrainingStopped", "train"]

_LAZY = {
    "train": "ensemble",
    "TrainingDiverged": "epochs",
    "TrainingStopped": "epochs",
    "TrainResult": "products",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"nnk.training.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
