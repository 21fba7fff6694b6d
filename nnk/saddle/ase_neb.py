"""Climbing-image nudged elastic band through ASE: the fallback of the search, and its independent judge.

G. Henkelman, B. P. Uberuaga, H. Jónsson, J. Chem. Phys. 113, 9901 (2000); improved tangents: ibid. 9978.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.mep import NEB
from ase.optimize import FIRE, LBFGS
from numpy.typing import NDArray

from nnk.potentials import ForceField
from nnk.saddle.minimise import Point, largest

FloatArray = NDArray[np.float64]

SPRING_EV_A2 = 5.0
_ROUGH_FORCE_EV_A = 0.1  # until here without a climbing image


class ForceFieldCalculator(Calculator):
    """A `ForceField`, whose atoms have been set, as an ASE calculator."""

    implemented_properties: ClassVar[list[str]] = ["energy", "forces"]

    def __init__(self, force_field: ForceField) -> None:
        super().__init__()
        self._force_field = force_field

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: Sequence[str] = ("energy",),
        system_changes: Sequence[str] = all_changes,
    ) -> None:
        """Fill ``results``; called by ASE when the positions have changed."""
        super().calculate(atoms, list(properties), list(system_changes))
        energy, forces = self._force_field.energy_forces(self.atoms.get_positions())
        self.results = {"energy": energy, "forces": forces}


def atoms_with(
    force_field: ForceField, species: Sequence[str], cell_A: FloatArray, positions_A: FloatArray
) -> Atoms:
    """ASE atoms evaluated by `force_field`."""
    atoms = Atoms(list(species), positions=positions_A, cell=cell_A, pbc=True)
    atoms.calc = ForceFieldCalculator(force_field)
    return atoms


@dataclass(frozen=True)
class Band:
    """Outcome of an elastic band.

    Attributes:
        top: the climbing image.
        tangent: float64[n, 3], the path's direction there.
        converged: whether all forces, with the climbing one's inverted along the path, met the tolerance.
    """

    top: Point
    tangent: FloatArray
    converged: bool


def climb(
    initial: Atoms, final: Atoms, force_field: ForceField, *, images: int, max_force_eV_A: float, steps: int
) -> Band:
    """Nudged elastic band between two relaxed states, then with its highest image climbing to the saddle."""
    chain = [initial.copy() for _ in range(images + 1)] + [final.copy()]
    for image in chain:
        image.calc = ForceFieldCalculator(force_field)
    band = NEB(chain, k=SPRING_EV_A2, method="improvedtangent")
    band.interpolate()
    FIRE(band, logfile=None).run(fmax=_ROUGH_FORCE_EV_A, steps=steps)
    band.climb = True
    converged = bool(LBFGS(band, logfile=None).run(fmax=max_force_eV_A, steps=steps))
    energies = [image.get_potential_energy() for image in chain]
    top = 1 + int(np.argmax(energies[1:-1]))
    point = Point(chain[top].get_positions(), energies[top], chain[top].get_forces())
    return Band(point, chain[top + 1].get_positions() - chain[top - 1].get_positions(), converged)


def relaxed(atoms: Atoms, *, max_force_eV_A: float, steps: int = 500) -> bool:
    """Relax atoms in place by ASE's L-BFGS; whether it converged."""
    return bool(LBFGS(atoms, logfile=None).run(fmax=max_force_eV_A, steps=steps))
