"""Snapshots of molecular dynamics: positions, forces and energies of one arrangement of atoms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

PER_SNAPSHOT: dict[str, tuple[str, tuple[str, ...]]] = {
    "positions_A": ("f8", ("atom", "spatial")),
    "forces_eV_A": ("f8", ("atom", "spatial")),
    "energy_eV": ("f8", ()),
    "temperature_K": ("f8", ()),
    "kinetic_K": ("f8", ()),
    "trajectory": ("i4", ()),
    "step": ("i8", ()),
    "time_ps": ("f8", ()),
    "correlation_ps": ("f8", ()),
}
"""Type and further dimensions of what every snapshot has."""


@dataclass(frozen=True, eq=False)
class SnapshotSet:
    """Snapshots of n_atoms atoms in one periodic, orthorhombic cell.

    Attributes:
        elements: species i of an atom is ``elements[i - 1]``.
        species: uint8[n_atoms], the same for all snapshots.
        cell_A: float64[3], edges of the cell in Å.
        a_A: lattice parameter in Å.
        positions_A: float64[n, n_atoms, 3]: atom i near its lattice site i, not folded back into the cell;
            the centre of mass at rest.
        forces_eV_A: float64[n, n_atoms, 3], the force field's at these positions.
        energy_eV: float64[n], potential energy of the cell.
        temperature_K: float64[n], of the thermostat.
        kinetic_K: float64[n], of the velocities at this moment (3 n_atoms - 3 degrees of freedom).
        trajectory: int32[n], number of the trajectory that a snapshot is of.
        step: int64[n], time steps since the trajectory's start.
        time_ps: float64[n], the same in ps.
        correlation_ps: float64[n], correlation time measured in its trajectory (see
            `nnk.snapshots.correlation`); 0 if snapshots are independent, which is the default.
        attrs: what they were made with; values that JSON holds.

    Raises:
        ValueError: shapes that do not fit, unknown species, numbers that are not finite.
    """

    elements: tuple[str, ...]
    species: NDArray[np.uint8]
    cell_A: FloatArray
    a_A: float
    positions_A: FloatArray
    forces_eV_A: FloatArray
    energy_eV: FloatArray
    temperature_K: FloatArray
    kinetic_K: FloatArray
    trajectory: NDArray[np.int32]
    step: NDArray[np.int64]
    time_ps: FloatArray
    correlation_ps: FloatArray = field(default_factory=lambda: np.zeros(0))
    attrs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not len(self.correlation_ps):
            object.__setattr__(self, "correlation_ps", np.zeros(len(self.energy_eV)))
        object.__setattr__(self, "elements", tuple(self.elements))
        object.__setattr__(self, "species", np.asarray(self.species, dtype=np.uint8))
        object.__setattr__(self, "cell_A", np.asarray(self.cell_A, dtype=np.float64))
        for name, (dtype, _) in PER_SNAPSHOT.items():
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=dtype))
        self._check()

    def _check(self) -> None:
        n, n_atoms = len(self.energy_eV), len(self.species)
        if self.species.ndim != 1 or not n_atoms or not self.species.min() >= 1:
            raise ValueError(f"species: expected one per atom, 1 to {len(self.elements)}")
        if self.species.max() > len(self.elements):
            names = ", ".join(self.elements)
            raise ValueError(
                f"species: got {self.species.max()}; allowed: 1 to {len(self.elements)} ({names})"
            )
        if self.cell_A.shape != (3,) or not (self.cell_A > 0).all():
            raise ValueError(f"cell_A={self.cell_A.tolist()}: expected three positive lengths in Å")
        for name, (_, dims) in PER_SNAPSHOT.items():
            values = getattr(self, name)
            shape = (n, *((n_atoms, 3) if dims else ()))
            if values.shape != shape:
                raise ValueError(f"{name}: expected shape {shape}, got {values.shape}")
            if not np.isfinite(values).all():
                bad = np.flatnonzero(~np.isfinite(values.reshape(n, -1)).all(axis=1))
                raise ValueError(f"{name}: not finite in {len(bad)} of {n} snapshots, the first is {bad[0]}")

    def __len__(self) -> int:
        return len(self.energy_eV)

    @property
    def n_atoms(self) -> int:
        """Atoms of the cell."""
        return len(self.species)

    @property
    def symbols(self) -> list[str]:
        """Element of each atom."""
        return [self.elements[i - 1] for i in self.species.tolist()]

    def select(self, indices: ArrayLike) -> SnapshotSet:
        """Some of the snapshots: a mask, or numbers in the order wanted."""
        rows = np.asarray(indices)
        rows = rows if rows.size else rows.astype(np.int64)  # an empty list is one of floats to NumPy
        return replace(self, **{name: getattr(self, name)[rows] for name in PER_SNAPSHOT})

    @classmethod
    def load(cls, path: Path | str) -> SnapshotSet:
        """Read a file.

        Raises:
            OSError: there is none, or it cannot be read.
            ValueError: not a file of snapshots, or one of another format version.
            DamagedSnapshots: no longer what was written.
        """
        from nnk.snapshots.files import read

        return read(Path(path))

    def save(self, path: Path | str) -> None:
        """Write a NetCDF-4 file; it appears whole or not at all.

        Raises:
            OSError: it cannot be written, because the disk is full, say.
        """
        from nnk.snapshots.files import write

        write(Path(path), self)


def joined(sets: Sequence[SnapshotSet], attrs: Mapping[str, Any]) -> SnapshotSet:
    """The snapshots of several sets, one after the other; trajectories keep their numbers.

    Raises:
        ValueError: no sets, other atoms or another cell.
    """
    if not sets:
        raise ValueError("no snapshots to join")
    first = sets[0]
    for other in sets[1:]:
        same = first.elements == other.elements and np.array_equal(first.species, other.species)
        if not same or not np.array_equal(first.cell_A, other.cell_A):
            raise ValueError("snapshots of other atoms, or in another cell, cannot be joined")
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(one, name) for one in sets]) for name in PER_SNAPSHOT
    }
    return replace(first, attrs=dict(attrs), **columns)
