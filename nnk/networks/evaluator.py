"""A trained network, ready to be asked."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.networks.kinds import network_class
from nnk.networks.options import Options
from nnk.networks.setting import Setting


class Evaluator:
    """Forward barriers by a network in evaluation mode, in float32.

    Args:
        kind, setting, options: the network.
        weights: its state dictionary, as arrays.
        device: where it runs.

    Raises:
        ValueError: weights of another architecture.
    """

    def __init__(
        self, kind: str, setting: Setting, options: Options, weights: Mapping[str, NDArray], device: str
    ) -> None:
        network = network_class(kind)(setting, options)
        tensors = {name: torch.tensor(array) for name, array in weights.items()}
        try:
            network.load_state_dict(tensors)
        except RuntimeError as error:
            raise ValueError(f"weights that do not belong to this {kind!r} network: {error}") from error
        self._network, self._device = network.to(device).eval(), torch.device(device)

    def __call__(self, species: SpeciesArray, mover: SpeciesArray) -> NDArray[np.float64]:
        """Barriers float64[m], in units of the scale, of `species` uint8[m, n] and `mover` uint8[m]."""
        at_once = self._network.at_once
        barriers = np.empty(len(mover))
        with torch.inference_mode():
            for first in range(0, len(mover), at_once):
                part = slice(first, first + at_once)
                inputs = (torch.from_numpy(np.ascontiguousarray(a[part])) for a in (species, mover))
                barriers[part] = self._network.barrier(*(t.to(self._device) for t in inputs)).cpu().numpy()
        return barriers
