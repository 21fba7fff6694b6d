"""Published forward barriers as training data: environments in the jump's frame, the mover, an energy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nnk.environment import EnvironmentSpec, SpeciesArray
from nnk.lattice import IntArray


@dataclass(frozen=True)
class ForwardBarriers:
    """Forward barriers of m jumps; nothing is known of the way back.

    Attributes:
        elements: species i is ``elements[i - 1]``.
        environment: which sites were read; columns are in the frame of the jump.
        species: uint8[m, n_env].
        mover: uint8[m], the species that jumps.
        E_fwd_eV: float64[m].
        part: str[m], the folder or file a barrier is from.
        group: int64[m], barriers of one number belong together in a split: they are jumps of one vacancy.
    """

    elements: tuple[str, ...]
    environment: EnvironmentSpec
    species: SpeciesArray
    mover: SpeciesArray
    E_fwd_eV: NDArray[np.float64]
    part: NDArray[np.str_]
    group: IntArray

    def __post_init__(self) -> None:
        m = len(self.E_fwd_eV)
        expected: dict[str, tuple[int, ...]] = {"species": (m, self.environment.n_env)}
        expected |= dict.fromkeys(("mover", "E_fwd_eV", "part", "group"), (m,))
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {getattr(self, name).shape}")

    def __len__(self) -> int:
        return len(self.E_fwd_eV)

    def select(self, which: ArrayLike) -> ForwardBarriers:
        """The barriers of a mask bool[m] or of indices int[...]."""
        return ForwardBarriers(
            self.elements,
            self.environment,
            *(getattr(self, name)[which] for name in ("species", "mover", "E_fwd_eV", "part", "group")),
        )
