"""Any ASE calculator as a force engine: density-functional codes, foundation models, ASE's own potentials."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from numpy.typing import ArrayLike

from nnk.potentials.base import FloatArray, ForceFieldError, check_positions, check_results, checked_cell

Evaluated = TypeVar("Evaluated")
_STRAIN = 1e-4  # of stresses by finite differences, for calculators that give none
_FOLD = 0.137  # cells are cut here rather than at 0, where lattice sites would change sides all the time
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def load_class(path: str) -> Callable[..., Any]:
    """What stands at the import path ``package.module.Class``; this runs the package's own code.

    Raises:
        ImportError: no such module, or nothing of that name in it.
    """
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module), name)
    except AttributeError:
        raise ImportError(f"the module {module} has no {name}") from None


class AseForceField:
    """A `nnk.potentials.ForceField` evaluated by an ASE calculator.

    Energies are those that the forces are the slope of (the free energy where the calculator gives one).
    After an error the calculator is constructed again.

    Attributes:
        calculator: import path of its class.
        options: its keyword arguments.

    Raises:
        ImportError: no such class.
        ValueError: it cannot be constructed with these options.
    """

    def __init__(self, calculator: str, options: Mapping[str, Any]) -> None:
        self._path, self._options = calculator, dict(options)
        self._class = load_class(calculator)
        self._calculator = self._construct()
        self._atoms = Atoms()
        self.calls = 0

    def _construct(self) -> Any:
        try:
            return self._class(**self._options)
        except Exception as error:
            given = ", ".join(f"{name}={value!r}" for name, value in self._options.items())
            text = f"{self._path}({given}) fails: {type(error).__name__}: {error}"
            raise ValueError(text) from error

    def set(self, species: Sequence[str], cell_A: ArrayLike) -> None:
        """Fix the atoms' elements (n names) and the cell's edges float64[3] in Å.

        Raises:
            ValueError: no atoms, or edges that are not three positive lengths.
        """
        if not len(species):
            raise ValueError("species []: expected at least one atom")
        self._atoms = Atoms(list(species), cell=checked_cell(cell_A), pbc=True)
        self._forget()

    def energy_forces(self, positions_A: FloatArray) -> tuple[float, FloatArray]:
        """Energy in eV and forces float64[n, 3] in eV/Å of positions float64[n, 3] in Å (any images).

        Raises:
            ForceFieldError: not finite, or an error in the calculator.
        """
        return self._guarded(positions_A, self._energy_forces)

    def energy_forces_stress(self, positions_A: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """The same and the stress float64[6] in eV/Å^3 (xx, yy, zz, yz, xz, xy; positive under tension)."""
        return self._guarded(positions_A, lambda: (*self._energy_forces(), self._stress()))

    def close(self) -> None:
        """Let go of the calculator."""
        self._atoms.calc = None
        self._calculator = None

    def _forget(self) -> None:
        """Attach the calculator to the present atoms, without what it remembers of earlier ones."""
        if self._calculator is None:
            self._calculator = self._construct()
        reset = getattr(self._calculator, "reset", None)
        if reset is not None:
            reset()
        self._atoms.calc = self._calculator

    def _guarded(self, positions_A: FloatArray, evaluate: Callable[[], Evaluated]) -> Evaluated:
        """`evaluate` at these positions; an error of it is a `ForceFieldError`."""
        check_positions(positions_A, len(self._atoms))
        self.calls += 1
        try:
            if self._atoms.calc is None:
                self._forget()
            fraction = positions_A / self._atoms.cell.lengths() + _FOLD
            self._atoms.positions[:] = positions_A - np.floor(fraction) * self._atoms.cell.lengths()
            return evaluate()
        except (Exception, SystemExit) as error:  # a calculator may raise anything
            self.close()
            if isinstance(error, ForceFieldError):
                raise
            raise ForceFieldError(f"{self._path}: {type(error).__name__}: {error}") from error

    def _energy(self) -> float:
        consistent = "free_energy" in getattr(self._calculator, "implemented_properties", ())
        return float(self._atoms.get_potential_energy(force_consistent=consistent))

    def _energy_forces(self) -> tuple[float, FloatArray]:
        energy_eV = self._energy()
        forces = np.array(self._atoms.get_forces(), dtype=np.float64)
        check_results(energy_eV, forces)
        return energy_eV, forces

    def _stress(self) -> FloatArray:
        try:
            return np.array(self._atoms.get_stress(), dtype=np.float64)
        except PropertyNotImplementedError:
            return self._stress_by_differences()

    def _stress_by_differences(self) -> FloatArray:
        """Twelve energies of strained cells."""
        cell, volume_A3 = self._atoms.cell.array.copy(), self._atoms.get_volume()
        stress = np.zeros(6)
        for k, (i, j) in enumerate(_VOIGT):
            for sign in (1, -1):
                strain = np.eye(3)
                strain[i, j] += sign * _STRAIN / 2
                strain[j, i] += sign * _STRAIN / 2
                self._atoms.set_cell(cell @ strain, scale_atoms=True)
                stress[k] += sign * self._energy() / (2 * _STRAIN * volume_A3)
        self._atoms.set_cell(cell, scale_atoms=True)
        self.calls += 12
        return stress
