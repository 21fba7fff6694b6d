"""The atoms around one vacancy, and the states they relax to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from nnk.barriers import Flag, Method
from nnk.lattice import Lattice
from nnk.potentials import ForceField
from nnk.saddle.ase_neb import atoms_with
from nnk.saddle.hessian import LatticeHessian, VacancyHessian
from nnk.saddle.minimise import Point, evaluate, largest, relax
from nnk.saddle.parameters import SearchParameters
from nnk.saddle.search import find_stationary
from nnk.saddle.system import SystemProduct

FloatArray = NDArray[np.float64]

_ON_SITE = 0.35  # an atom is on a site within this fraction of the neighbour distance


class NoLabel(Exception):
    """There is no verified barrier: the flag and the reason that the label gets."""

    def __init__(self, flag: Flag, reason: str, method: Method = Method.SINGLE_IMAGE) -> None:
        super().__init__(reason)
        self.flag, self.reason, self.method = flag, reason, method


class VacancyProblem:
    """The atoms around one vacancy, ready for searches; atoms are in the order of the occupied sites."""

    def __init__(
        self,
        force_field: ForceField,
        lattice: Lattice,
        occupancy: NDArray[np.uint8],
        elements: Sequence[str],
        system: SystemProduct | LatticeHessian,
    ) -> None:
        vacant = np.flatnonzero(occupancy == 0)
        if occupancy.shape != (lattice.n_sites,) or len(vacant) != 1:
            raise ValueError(
                f"occupancy: expected {lattice.n_sites} sites with one vacancy, "
                f"got shape {occupancy.shape} with {len(vacant)}"
            )
        if occupancy.max() > len(elements):
            raise ValueError(f"occupancy holds species {occupancy.max()}, elements are {', '.join(elements)}")
        self.vacancy_site = int(vacant[0])
        self.species = [elements[i - 1] for i in occupancy if i]
        self.force_field = force_field
        perfect = system if isinstance(system, LatticeHessian) else system.lattice_hessian(lattice)
        self.hessian = VacancyHessian(perfect, self.vacancy_site)
        self.put_into(lattice)

    def put_into(self, lattice: Lattice) -> None:
        """Set the force field's atoms in the box of `lattice`, which may differ in its parameter alone."""
        self.lattice = lattice
        self.force_field.set(self.species, lattice.box_A)

    @property
    def sites_A(self) -> FloatArray:
        """Ideal positions float64[n_sites - 1, 3]."""
        return np.delete(self.lattice.positions_A, self.vacancy_site, axis=0)

    def target(self, jump: int) -> int:
        """The site that the vacancy jumps to."""
        return int(self.lattice.sites_around(self.vacancy_site, self.lattice.jumps[jump]))

    def direction(self, jump: int) -> FloatArray:
        """Displacement float64[n_sites - 1, 3] by a jump: the moving atom's alone, into the vacancy."""
        mover = self.target(jump)
        atom = mover - (mover > self.vacancy_site)
        displacement = np.zeros((self.lattice.n_sites - 1, 3))
        displacement[atom] = -0.5 * self.lattice.a_A * self.lattice.jumps[jump]
        return displacement

    def atoms(self, positions_A: FloatArray) -> Atoms:
        """The atoms for ASE."""
        return atoms_with(self.force_field, self.species, self.lattice.box_A, positions_A)

    def _relaxed(self, start_A: FloatArray, parameters: SearchParameters) -> tuple[Point, bool]:
        forces = self.force_field.energy_forces
        return relax(
            forces,
            evaluate(forces, start_A),
            self.hessian,
            max_force_eV_A=parameters.max_force_eV_A,
            max_step_A=parameters.max_step_A,
        )

    def settle(self, start_A: FloatArray, parameters: SearchParameters, state: str) -> Point:
        """The minimum near positions.

        Raises:
            NoLabel: the atoms do not come to rest.
        """
        return _at_rest(self._relaxed(start_A, parameters), state)

    def settler(self, parameters: SearchParameters, state: str) -> Callable[[FloatArray], Point]:
        """`settle` as a function of the positions."""
        return lambda start_A: self.settle(start_A, parameters, state)

    def climber(self, direction: FloatArray, parameters: SearchParameters) -> Callable[[FloatArray], Point]:
        """The saddle near positions, as a function of these; it raises `NoLabel` if there is none."""

        def climb(start_A: FloatArray) -> Point:
            point = find_stationary(
                self.force_field.energy_forces,
                start_A,
                direction,
                self.hessian,
                max_force_eV_A=parameters.max_force_eV_A,
                max_step_A=parameters.max_step_A,
                max_calls=parameters.search_calls,
            )
            if point is None:
                raise NoLabel(Flag.FAILED, "the saddle is lost as its box is relaxed")
            return point

        return climb

    def initial(self, parameters: SearchParameters) -> Point:
        """The relaxed initial state.

        Raises:
            NoLabel: UNSTABLE, MOVED or FAILED.
        """
        point, converged = self._relaxed(self.sites_A, parameters)
        if not self._on(self.sites_A, point):
            raise self._lost(point, "initial")
        return _at_rest((point, converged), "initial")

    def final(self, jump: int, parameters: SearchParameters) -> Point:
        """The relaxed state after a jump.

        Raises:
            NoLabel: UNSTABLE, MERGED, MOVED or FAILED.
        """
        wanted_A = self.sites_A + self.direction(jump)
        point, converged = self._relaxed(wanted_A, parameters)
        if self._on(wanted_A, point):
            return _at_rest((point, converged), "final")
        if self._on(self.sites_A, point):
            raise NoLabel(Flag.MERGED, "the final state relaxes back into the initial one")
        raise self._lost(point, "final")

    def _on(self, sites_A: FloatArray, point: Point) -> bool:
        neighbour_A = 0.5 * self.lattice.a_A * float(np.linalg.norm(self.lattice.jumps[0]))
        return largest(point.positions_A - sites_A) < _ON_SITE * neighbour_A

    def _lost(self, point: Point, state: str) -> NoLabel:
        """What has become of a state whose atoms have left their sites."""
        box_A = self.lattice.box_A
        folded = np.mod(np.mod(point.positions_A, box_A), box_A)  # twice: -1e-17 folds to the edge itself
        distance, site = cKDTree(self.lattice.positions_A, boxsize=box_A).query(folded)
        neighbour_A = 0.5 * self.lattice.a_A * float(np.linalg.norm(self.lattice.jumps[0]))
        if distance.max() < _ON_SITE * neighbour_A and len(np.unique(site)) == len(site):
            return NoLabel(Flag.MOVED, f"{state} state: atoms relax to other sites of the lattice")
        return NoLabel(Flag.UNSTABLE, f"{state} state: atoms leave the lattice sites")


def _at_rest(outcome: tuple[Point, bool], state: str) -> Point:
    point, converged = outcome
    if not converged:
        raise NoLabel(Flag.FAILED, f"the {state} state does not come to rest")
    return point
