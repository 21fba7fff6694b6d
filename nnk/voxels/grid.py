"""Voxel images: how a box is cut and what each voxel is told of the atoms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from nnk.voxels.boxes import BoxKind

Channels = Literal["atomic-number", "elements"]
LARGEST = 128  # voxels along an edge


@dataclass(frozen=True)
class VoxelGrid:
    """What a voxel image of a snapshot is.

    Attributes:
        edge: voxels along each axis of the box.
        box: "ibb", the atoms' own bounding box; "obb", that of the whole set.
        gamma: width (standard deviation) of an atom's Gaussian in coordinates divided by the largest size of
            a coordinate. The paper names 2.0, twice the cell: all atoms nearly alike in all voxels.
        channels: "atomic-number": one image, atoms weighted by it (the paper); "elements": one for each
            element, atoms weighted by 1.
    """

    edge: int = 8
    box: BoxKind = "obb"
    gamma: float = 0.1
    channels: Channels = "atomic-number"

    def __post_init__(self) -> None:
        if not 1 <= self.edge <= LARGEST:
            raise ValueError(f"edge={self.edge}: expected 1 to {LARGEST} voxels")
        if not (np.isfinite(self.gamma) and self.gamma > 0):
            raise ValueError(f"gamma={self.gamma}: expected a number > 0")
        for name, allowed in (("box", BoxKind), ("channels", Channels)):
            if getattr(self, name) not in get_args(allowed):
                words = ", ".join(get_args(allowed))
                raise ValueError(f"{name}={getattr(self, name)!r}: allowed are {words}")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along x, y and z."""
        return (self.edge, self.edge, self.edge)

    def n_channels(self, elements: Sequence[str]) -> int:
        """Images of a snapshot of these elements."""
        return 1 if self.channels == "atomic-number" else len(elements)

    def weights(self, elements: Sequence[str], species: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Weight float64[n_atoms, n_channels] of each atom in each image.

        Raises:
            ValueError: a name that is no element's.
        """
        if self.channels == "elements":
            return np.eye(len(elements))[species.astype(np.int64) - 1]
        unknown = [name for name in elements if name not in atomic_numbers]
        if unknown:
            raise ValueError(f"{', '.join(unknown)}: not elements, they have no atomic number")
        return np.array([atomic_numbers[elements[i - 1]] for i in species.tolist()], dtype=np.float64)[
            :, None
        ]
