"""A trained network, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

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
        barriers = np.empty(len(mover))
        with torch.inference_mode():
            for part, inputs in self._parts(species, mover):
                barriers[part] = self._network.barrier(*inputs).cpu().numpy()
        return barriers

    def energy_differences(self, species: SpeciesArray, mover: SpeciesArray) -> NDArray[np.float64] | None:
        """As `BarrierNetwork.energy_differences`, float64[2, m], of union environments."""
        differences = np.empty((2, len(mover)))
        with torch.inference_mode():
            for part, inputs in self._parts(species, mover):
                found = self._network.energy_differences(*inputs)
                if found is None:
                    return None
                differences[:, part] = found.cpu().numpy()
        return differences

    def _parts(
        self, species: SpeciesArray, mover: SpeciesArray
    ) -> Iterator[tuple[slice, tuple[Tensor, Tensor]]]:
        """The jumps that are evaluated together, on the device."""
        for first in range(0, len(mover), self._network.at_once):
            part = slice(first, first + self._network.at_once)
            inputs = (torch.from_numpy(np.ascontiguousarray(a[part])) for a in (species, mover))
            here, movers = (t.to(self._device) for t in inputs)
            yield part, (here, movers)
