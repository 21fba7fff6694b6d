"""A moment tensor potential as a force engine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from nnk.potentials.base import FloatArray, check_positions, check_results, checked_cell
from nnk.potentials.mtp import kernel
from nnk.potentials.mtp.neighbours import allocate, widened
from nnk.potentials.mtp.program import program_of
from nnk.potentials.mtp.reader import read_mtp

SKIN_A = 0.6


class MtpForceField:
    """A `nnk.potentials.ForceField` of a moment tensor potential, compiled.

    Nothing is allocated per evaluation but what it returns. Results depend on the positions alone, to the
    last bit, not on what was evaluated before; moving atoms to other images changes their rounding.

    Attributes:
        path: the ``.mtp`` file.
        elements: species i of the file is elements[i].

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not understood (see `read_mtp`), or has another number of species.
    """

    def __init__(self, path: Path | str, elements: Sequence[str]) -> None:
        self._parameters = read_mtp(path)
        self._elements = tuple(elements)
        if len(self._elements) != self._parameters.n_species or len(set(elements)) != len(self._elements):
            given = ", ".join(self._elements)
            text = f"{path}: expected {self._parameters.n_species} different elements, got {given}"
            raise ValueError(text)
        self._tables = kernel.tables(self._parameters)
        self._evaluate = kernel.kernel(program_of(self._parameters))
        self.calls = 0
        self.set(self._elements[:1], (10.0, 10.0, 10.0))

    @property
    def elements(self) -> tuple[str, ...]:
        """Species i of the file is elements[i]."""
        return self._elements

    def set(self, species: Sequence[str], cell_A: ArrayLike) -> None:
        """Fix the atoms' elements (n names) and the cell's edges float64[3] in Å.

        Raises:
            ValueError: no atoms, an element that the potential lacks, or edges that are not three lengths.
        """
        unknown = sorted(set(species) - set(self._elements))
        if unknown or not len(species):
            have = ", ".join(self._elements)
            raise ValueError(f"species {', '.join(unknown) or '[]'}: the potential describes {have}")
        number = {name: i for i, name in enumerate(self._elements)}
        self._species = np.array([number[name] for name in species], dtype=np.int64)
        self._cell_A = checked_cell(cell_A)
        cutoff_A = self._parameters.max_dist_A
        self._neighbours = allocate(len(species), self._cell_A, cutoff_A, SKIN_A)
        self._atoms = kernel.atoms(self._parameters, self._species, len(self._neighbours.wrapped_A))
        self._work = kernel.work(self._parameters, self._neighbours.lists.shape[1])

    def energy_forces(self, positions_A: FloatArray) -> tuple[float, FloatArray]:
        """Energy in eV and forces float64[n, 3] in eV/Å of positions float64[n, 3] in Å (any images).

        Raises:
            ForceFieldError: positions, energy or forces are not finite.
        """
        energy_eV, forces, _ = self.energy_forces_stress(positions_A)
        return energy_eV, forces

    def energy_forces_stress(self, positions_A: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """The same and the stress float64[6] in eV/Å^3 (xx, yy, zz, yz, xz, xy; positive under tension)."""
        positions_A = np.ascontiguousarray(positions_A, dtype=np.float64)
        check_positions(positions_A, len(self._species))
        self.calls += 1
        forces, virial = np.empty_like(positions_A), np.empty(6)
        energy_eV = self._evaluated(positions_A, forces, virial)
        check_results(energy_eV, forces)
        return energy_eV, forces, virial / self._cell_A.prod()

    def _evaluated(self, positions_A: FloatArray, forces: FloatArray, virial: FloatArray) -> float:
        arguments = self._atoms, self._tables
        energy_eV = self._evaluate(positions_A, self._neighbours, *arguments, self._work, forces, virial)
        if self._neighbours.counts.max() > self._neighbours.lists.shape[1]:
            self._neighbours = widened(self._neighbours)
            self._work = kernel.work(self._parameters, self._neighbours.lists.shape[1])
            return self._evaluated(positions_A, forces, virial)
        return float(energy_eV)

    def close(self) -> None:
        """Nothing is held that the interpreter does not free by itself."""
