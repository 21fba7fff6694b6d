"""Models without a program for the compiled engine: their own `predict` is asked for what is not known yet.

The engine stops where a record is missing and goes on when it has been told. Slower by the way through
Python, but jumps, cache and random numbers are the same; several runs that wait at the same time are asked
for in one batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import cast

import numpy as np

from nnk.environment import SpeciesArray, find_columns
from nnk.kmc.evaluators import distinct_sites
from nnk.lattice import IntArray, Lattice
from nnk.models.base import BarrierModel
from nnk.models.program import Float64Array


class Predictor:
    """Barriers of all jumps of vacancies, by the model's `predict`.

    Args:
        model: any model.
        lattice: the lattice.

    Raises:
        ValueError: an environment that does not fit into the lattice.
    """

    def __init__(self, model: BarrierModel, lattice: Lattice) -> None:
        model.environment.check(lattice)
        offsets = model.environment.offsets
        self.model = model
        self.read: IntArray = distinct_sites([lattice.jumps, offsets.reshape(-1, 3)])
        self._columns = np.stack([find_columns(self.read, of_jump) for of_jump in offsets])
        self._nearest = find_columns(self.read, lattice.jumps)

    def barriers(self, species: Sequence[SpeciesArray]) -> Float64Array:
        """Barriers float64[n, z] (eV) from n lists of the species on `read`; infinite into a vacancy."""
        around = np.stack(species)
        rows, mover = around[:, self._columns], around[:, self._nearest]
        n, z, n_env = rows.shape
        jump = np.tile(np.arange(z, dtype=np.uint8), n)
        barriers = self.model.predict(rows.reshape(-1, n_env), mover.reshape(-1), jump)
        return cast(Float64Array, np.where(mover == 0, np.inf, barriers.reshape(n, z).astype(np.float64)))

    def hash(self) -> str:
        """SHA-256 of the model's arrays."""
        total = hashlib.sha256(f"{self.model.kind} {self.model.environment}".encode())
        for name, array in sorted(self.model.tensors().items()):
            total.update(f"{name} {array.dtype.str} {array.shape}".encode())
            total.update(np.ascontiguousarray(array).data)
        return total.hexdigest()
