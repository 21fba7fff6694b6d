"""Climbing-image nudged elastic band through ASE: the fallback of the search, and its independent judge.

G. Henkelman, B. P. Uberuaga, H. Jónsson, J. Chem. Phys. 113, 9901 (2000); improved tangents: ibid. 9978.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.mep import NEB, NEBTools
from ase.optimize import FIRE, LBFGS
from numpy.typing import NDArray

from nnk.potentials import ForceField
from nnk.saddle.curvature import Modes, lowest_modes
from nnk.saddle.hessian import Hessian
from nnk.saddle.minimise import Point
from nnk.saddle.parameters import SearchParameters
from nnk.saddle.several import evaluate_all

FloatArray = NDArray[np.float64]

SPRING_EV_A2 = 5.0
_ROUGH_FORCE_EV_A = 0.1  # until here without a climbing image
_TIGHTER = 0.7  # than asked: the band's forces are projected, those at its top may be larger
_MORE_IMAGES = (0, 2, 4, 6)
_MISSED_EV = 2e-3  # a spline this much above the highest image tells of a hump between images


class ForceFieldCalculator(Calculator):
    """A `ForceField`, whose atoms have been set, as an ASE calculator."""

    implemented_properties = ["energy", "forces"]  # noqa: RUF012 (ASE declares it so)

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

    def take(self, atoms: Atoms, energy: float, forces: FloatArray) -> None:
        """Note what has been evaluated elsewhere."""
        self.atoms = atoms.copy()
        self.results = {"energy": energy, "forces": forces}


def atoms_with(
    force_field: ForceField, species: Sequence[str], cell_A: FloatArray, positions_A: FloatArray
) -> Atoms:
    """ASE atoms evaluated by `force_field`."""
    atoms = Atoms(list(species), positions=positions_A, cell=cell_A, pbc=True)
    atoms.calc = ForceFieldCalculator(force_field)
    return atoms


class _Band(NEB):
    """An elastic band whose images are evaluated at once, if the force field can."""

    def __init__(self, chain: list[Atoms], force_field: ForceField) -> None:
        super().__init__(chain, k=SPRING_EV_A2, method="improvedtangent")
        self._force_field = force_field

    def get_forces(self) -> FloatArray:
        """Forces on the images between the ends; called by ASE's optimisers."""
        new = [image for image in self.images if image.calc.calculation_required(image, ["forces"])]
        evaluations = evaluate_all(self._force_field, [image.get_positions() for image in new])
        for image, (energy, forces) in zip(new, evaluations, strict=True):
            image.calc.take(image, energy, forces)
        return np.asarray(super().get_forces())


@dataclass(frozen=True)
class Band:
    """Outcome of an elastic band.

    Attributes:
        top: the climbing image.
        tangent: float64[n, 3], the path's direction there.
        peak_eV: highest energy of a spline through the images and their forces along the path.
        converged: whether all forces, with the climbing one's inverted along the path, met the tolerance.
    """

    top: Point
    tangent: FloatArray
    peak_eV: float
    converged: bool


def climb(
    initial: Atoms,
    final: Atoms,
    force_field: ForceField,
    *,
    images: int,
    max_force_eV_A: float,
    steps: int,
    optimiser: Any = LBFGS,
) -> Band:
    """Nudged elastic band between two relaxed states, then with its highest image climbing to the saddle.

    The first is done by FIRE, the second by `optimiser`, a class of `ase.optimize`.
    """
    chain = [initial.copy() for _ in range(images + 1)] + [final.copy()]
    for image in chain:
        image.calc = ForceFieldCalculator(force_field)
    band = _Band(chain, force_field)
    band.interpolate()
    _optimise(FIRE, band, _ROUGH_FORCE_EV_A, steps)
    band.climb = True
    converged = _optimise(optimiser, band, max_force_eV_A, steps)
    energies = [image.get_potential_energy() for image in chain]
    top = 1 + int(np.argmax(energies[1:-1]))
    point = Point(chain[top].get_positions(), energies[top], chain[top].get_forces())
    tangent = chain[top + 1].get_positions() - chain[top - 1].get_positions()
    return Band(point, tangent, energies[0] + float(NEBTools(chain).get_barrier()[0]), converged)


def relaxed(atoms: Atoms, *, max_force_eV_A: float, steps: int = 500) -> bool:
    """Relax atoms in place by ASE's L-BFGS; whether it converged."""
    return _optimise(LBFGS, atoms, max_force_eV_A, steps)


def slid_down(atoms: Atoms, *, max_force_eV_A: float, steps: int = 1000) -> bool:
    """Relax atoms in place by FIRE, which stays in the valley that it starts in; whether it converged."""
    return _optimise(FIRE, atoms, max_force_eV_A, steps)


def _optimise(optimiser: Any, target: Any, max_force_eV_A: float, steps: int) -> bool:
    return bool(optimiser(target, logfile=None).run(fmax=max_force_eV_A, steps=steps))


def elastic_saddle(
    force_field: ForceField, ends: tuple[Atoms, Atoms], hessian: Hessian, parameters: SearchParameters
) -> tuple[Point, Modes] | None:
    """Highest saddle between two relaxed states, with its three lowest modes; None if no band gives one.

    With few images on a path of several humps the climbing image can settle in a minimum between them, or
    on a lower one. A top without a negative mode, or well below the spline through the band, is not taken:
    the band is made again with more images.
    """
    for more in _MORE_IMAGES:
        band = climb(
            *ends,
            force_field=force_field,
            images=parameters.neb_images + more,
            max_force_eV_A=_TIGHTER * parameters.max_force_eV_A,
            steps=parameters.neb_steps,
        )
        if band.top.max_force_eV_A > parameters.max_force_eV_A:
            continue
        if not band.converged or band.peak_eV > band.top.energy_eV + _MISSED_EV:
            continue
        modes = lowest_modes(force_field.energy_forces, band.top, band.tangent, hessian)
        if modes.curvatures_eV_A2[0] < parameters.saddle_curvature_eV_A2:
            return band.top, modes
    return None
