"""One training problem of a force model: the snapshots, their split, and what is asked for."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

import numpy as np

from nnk.files import ALGORITHM_VERSIONS, stable_hash
from nnk.forces.atoms import Atoms
from nnk.forces.parameters import ForceSpec, ForceTraining
from nnk.snapshots import SnapshotSet, Split, split

_LEAST_FORCE_EV_A = 1e-6


@dataclass(frozen=True, eq=False)
class ForceProblem:
    """What a training run is given.

    Attributes:
        snapshots: the data.
        rows: which of them are for training, validation and test.
        spec, training: what to train and how.
        scale_eV_A: the largest force component of the training snapshots, the unit of the losses.
        mean_energy_eV: mean energy of the training snapshots.
        data_hash: hash of the snapshots.
    """

    snapshots: SnapshotSet
    rows: Split
    spec: ForceSpec
    training: ForceTraining
    scale_eV_A: float
    mean_energy_eV: float
    data_hash: str

    @classmethod
    def of(cls, snapshots: SnapshotSet, spec: ForceSpec, training: ForceTraining) -> ForceProblem:
        """The problem of training `spec` on `snapshots`.

        Raises:
            ValueError: too few snapshots for the split, or no forces at all.
        """
        rows = split(snapshots, training.fractions, training.split, training.seed)
        scale = float(np.abs(snapshots.forces_eV_A[rows.train]).max())
        if scale < _LEAST_FORCE_EV_A:
            raise ValueError(
                f"the largest of all forces is {scale:g} eV/Å: there is nothing to learn; expected snapshots "
                "of atoms that have left their sites"
            )
        mean = float(snapshots.energy_eV[rows.train].mean())
        return cls(snapshots, rows, spec, training, scale, mean, _hash(snapshots))

    @property
    def atoms(self) -> Atoms:
        """The atoms of all snapshots."""
        return Atoms(self.snapshots.elements, self.snapshots.species, self.snapshots.cell_A)

    @property
    def key(self) -> str:
        """Hash of data, architecture, parameters and the version of the method."""
        version = ALGORITHM_VERSIONS["forces"]
        return stable_hash((asdict(self.spec), asdict(self.training), self.data_hash, version))


def _hash(snapshots: SnapshotSet) -> str:
    digest = hashlib.sha256(" ".join(snapshots.elements).encode())
    for name in ("species", "cell_A", "positions_A", "forces_eV_A", "energy_eV", "trajectory", "step"):
        digest.update(np.ascontiguousarray(getattr(snapshots, name)).tobytes())
    return digest.hexdigest()[:32]
