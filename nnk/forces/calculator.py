"""A trained force model as an ASE calculator, and through it as a force field of the suite.

In a campaign: ``potential: {ase: {calculator: nnk.forces.calculator.ForceCalculator, options: {model: {file:
models/ours/model.json}}}}``. The potential's hash covers model.json, and with it the hash of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms as AseAtoms
from ase.calculators.calculator import Calculator, PropertyNotImplementedError, all_changes

from nnk.forces.model import ForceModel

LARGEST_ERROR_EV_A = 0.1


class NoEnergy(PropertyNotImplementedError):
    """A model that gives forces alone was asked for an energy."""


class ForceCalculator(Calculator):
    """Forces, and of models that have one the energy, of a periodic cell with right angles.

    Args:
        model: the model's folder, or its model.json.
        largest_error_eV_A: a model whose forces were farther off than this (root mean square on its own test
            split) is refused.

    Raises:
        FileNotFoundError: no model there.
        ValueError: not a force model, damaged, or too inaccurate.
    """

    implemented_properties = ["energy", "free_energy", "forces"]  # noqa: RUF012  # as ASE has it

    def __init__(
        self, model: str | Path, largest_error_eV_A: float = LARGEST_ERROR_EV_A, **others: Any
    ) -> None:
        super().__init__(**others)
        self.model = ForceModel.load(model)
        error = float(self.model.description["errors"]["test"]["RMSE_eV_A"])
        if error > largest_error_eV_A:
            raise ValueError(
                f"{model}: its forces are off by {error:.3g} eV/Å on its own tests, more than "
                f"largest_error_eV_A={largest_error_eV_A:g}; allowed: a better model, or a larger limit"
            )
        if not self.model.has_energy:
            self.implemented_properties = ["forces"]

    def get_property(self, name: str, atoms: AseAtoms | None = None, allow_calculation: bool = True) -> Any:
        """See ASE.

        Raises:
            NoEnergy: of a model that gives forces alone.
        """
        if name in ("energy", "free_energy") and not self.model.has_energy:
            raise NoEnergy(
                f"a model of kind {self.model.kind} gives forces that belong to no energy; allowed where "
                "energies are needed: one of kind local-density"
            )
        return super().get_property(name, atoms, allow_calculation)

    def calculate(
        self,
        atoms: AseAtoms | None = None,
        properties: Sequence[str] = ("forces",),
        system_changes: Sequence[str] = tuple(all_changes),
    ) -> None:
        """See ASE.

        Raises:
            ValueError: elements, a number of atoms or a cell that the model does not take.
        """
        super().calculate(atoms, list(properties), list(system_changes))
        cell = self.atoms.cell
        if not self.atoms.pbc.all() or not np.allclose(cell.array, np.diag(cell.lengths()), atol=1e-9):
            raise ValueError("expected a periodic cell whose edges lie along x, y and z")
        own = self.model.take(self.atoms.get_chemical_symbols(), cell.lengths())
        energies, forces = self.model.evaluate(own, self.atoms.positions[None])
        self.results = {"forces": forces[0]}
        if energies is not None:
            self.results |= {"energy": float(energies[0]), "free_energy": float(energies[0])}
