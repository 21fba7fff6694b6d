"""Barrier models: networks that give the barriers of a vacancy's jumps. Only NumPy is needed to use them.

`load` reads a model back, whatever its kind; `KINDS` lists the kinds.
"""

from pathlib import Path

from nnk.models.balanced import BalancedModel
from nnk.models.base import BarrierModel, read_saved
from nnk.models.mlp import MlpModel
from nnk.models.symmetry import frame_spread_eV

__all__ = ["KINDS", "BalancedModel", "BarrierModel", "MlpModel", "frame_spread_eV", "load"]

KINDS: dict[str, type[BarrierModel]] = {model.kind: model for model in (BalancedModel, MlpModel)}


def load(path: Path | str) -> BarrierModel:
    """Read the model saved in folder `path`.

    Raises:
        FileNotFoundError: no model there.
        ValueError: a kind or format that this version does not know, or damaged arrays.
    """
    header, tensors = read_saved(Path(path))
    if header["kind"] not in KINDS:
        raise ValueError(f"{path}: unknown kind of model {header['kind']!r}: known are {', '.join(KINDS)}")
    model = KINDS[header["kind"]]
    read = (tuple(header["elements"]), header["structure"], header["shells"])
    try:
        return model.from_tensors(*read, tensors, header["description"])
    except KeyError as error:
        raise ValueError(f"{path}: a model of kind {header['kind']!r} needs the array {error}") from error
