"""How far a model is from the symmetry that barriers have."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnk.environment import SpeciesArray
from nnk.models.base import BarrierModel


def frame_spread_eV(
    model: BarrierModel,
    species: SpeciesArray,
    mover: SpeciesArray,
    jump: NDArray[np.uint8] | None = None,
) -> float:
    """Spread (eV) of the barriers over the equivalent frames of a jump (bcc C3v: 6; fcc C2v: 4).

    The barrier does not depend on which of them is read; a network that was only taught so does. For each
    jump the standard deviation over the frames, then the root mean square over the jumps.

    Args:
        model: the model.
        species: uint8[m, n_env], as for `BarrierModel.predict`.
        mover: uint8[m].
        jump: uint8[m], for models that need it.
    """
    frames = [model.predict(species[:, columns], mover, jump) for columns in model.environment.symmetry]
    return float(np.sqrt(np.var(frames, axis=0).mean()))
