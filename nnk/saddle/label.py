"""Labels of all jumps of one vacancy."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from nnk.barriers import Flag, Method
from nnk.lattice import Lattice
from nnk.potentials import ForceField
from nnk.saddle.ase_neb import atoms_with, elastic_saddle
from nnk.saddle.hessian import LatticeHessian, VacancyHessian
from nnk.saddle.minimise import Point, evaluate, largest, relax
from nnk.saddle.parameters import SearchParameters
from nnk.saddle.path import PathSearch
from nnk.saddle.system import SystemProduct

FloatArray = NDArray[np.float64]

_ON_SITE = 0.35  # a state is the wanted one when atoms are within this fraction of the neighbour distance


@dataclass(frozen=True)
class JumpLabel:
    """The label of one jump; energies are NaN when there is no verified barrier."""

    E_fwd_eV: float
    E_bwd_eV: float
    curvature_eV_A2: float
    residual_force_eV_A: float
    flag: Flag
    method: Method
    n_saddles: int
    calls: float = 0.0


@dataclass(frozen=True)
class VacancyLabels:
    """Labels of the z jumps of a vacancy, in the order of `Lattice.jumps`; see `nnk.barriers.BarrierSet`.

    Attributes:
        calls: float64[z], force calls, with the initial state's shared among the jumps.
        initial_calls: calls spent on the initial state.
        wall_s: seconds it took.
    """

    E_fwd_eV: FloatArray
    E_bwd_eV: FloatArray
    curvature_eV_A2: FloatArray
    residual_force_eV_A: FloatArray
    calls: FloatArray
    flag: NDArray[np.uint8]
    method: NDArray[np.uint8]
    n_saddles: NDArray[np.uint8]
    initial_calls: int
    wall_s: float


def _failed(flag: Flag, method: Method = Method.SINGLE_IMAGE) -> JumpLabel:
    nan = float("nan")
    return JumpLabel(nan, nan, nan, nan, flag, method, 0)


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
        self.lattice = lattice
        self.vacancy_site = int(vacant[0])
        self.species = [elements[i - 1] for i in occupancy if i]
        self.force_field = force_field
        perfect = system if isinstance(system, LatticeHessian) else system.lattice_hessian(lattice)
        self.hessian = VacancyHessian(perfect, self.vacancy_site)
        force_field.set(self.species, lattice.box_A)

    @property
    def sites_A(self) -> FloatArray:
        """Ideal positions float64[n_sites - 1, 3]."""
        return np.delete(self.lattice.positions_A, self.vacancy_site, axis=0)

    def direction(self, jump: int) -> FloatArray:
        """Displacement float64[n_sites - 1, 3] by a jump: the moving atom's alone, into the vacancy."""
        vector = self.lattice.jumps[jump]
        mover = int(self.lattice.sites_around(self.vacancy_site, vector))
        atom = mover - (mover > self.vacancy_site)
        displacement = np.zeros((self.lattice.n_sites - 1, 3))
        displacement[atom] = -0.5 * self.lattice.a_A * vector
        return displacement

    def atoms(self, positions_A: FloatArray) -> Atoms:
        """The atoms for ASE."""
        return atoms_with(self.force_field, self.species, self.lattice.box_A, positions_A)

    def minimum(self, sites_A: FloatArray, parameters: SearchParameters) -> Point | Flag:
        """The minimum reached from ideal positions; a flag if atoms leave their sites or do not settle."""
        forces = self.force_field.energy_forces
        point, converged = relax(
            forces,
            evaluate(forces, sites_A),
            self.hessian,
            max_force_eV_A=parameters.max_force_eV_A,
            max_step_A=parameters.max_step_A,
        )
        neighbour_A = 0.5 * self.lattice.a_A * float(np.linalg.norm(self.lattice.jumps[0]))
        if largest(point.positions_A - sites_A) >= _ON_SITE * neighbour_A:
            return Flag.UNSTABLE
        return point if converged else Flag.FAILED


def _by_search(
    problem: VacancyProblem, initial: Point, final: Point, direction: FloatArray, parameters: SearchParameters
) -> JumpLabel | None:
    search = PathSearch(problem.force_field.energy_forces, problem.hessian, direction, parameters)
    network = search.connect(initial, final)
    if network is None:
        return None
    saddle, n_saddles = network.limiting()
    flag = Flag.OK if n_saddles == 1 else Flag.SPLIT
    return _label(
        initial, final, saddle.point, saddle.curvature_eV_A2, (flag, Method.SINGLE_IMAGE, n_saddles)
    )


def _label(
    initial: Point, final: Point, saddle: Point, curvature: float, kind: tuple[Flag, Method, int]
) -> JumpLabel | None:
    """The label, unless the saddle lies no higher than the states it is to separate."""
    E_fwd, E_bwd = saddle.energy_eV - initial.energy_eV, saddle.energy_eV - final.energy_eV
    if min(E_fwd, E_bwd) <= 0:
        return None
    return JumpLabel(E_fwd, E_bwd, curvature, saddle.max_force_eV_A, *kind)


def _by_neb(
    problem: VacancyProblem, initial: Point, final: Point, parameters: SearchParameters
) -> JumpLabel | None:
    """The fallback: an elastic band, whose top must be a saddle to the same tolerances."""
    ends = problem.atoms(initial.positions_A), problem.atoms(final.positions_A)
    found = elastic_saddle(problem.force_field, ends, problem.hessian, parameters)
    if found is None:
        return None
    top, modes = found
    return _label(initial, final, top, float(modes.curvatures_eV_A2[0]), (Flag.FALLBACK, Method.NEB, 1))


def _label_jump(
    problem: VacancyProblem, initial: Point, jump: int, parameters: SearchParameters
) -> JumpLabel:
    direction = problem.direction(jump)
    final = problem.minimum(problem.sites_A + direction, parameters)
    if isinstance(final, Flag):
        return _failed(final)
    found = _by_search(problem, initial, final, direction, parameters)
    if found is None:
        found = _by_neb(problem, initial, final, parameters)
    return _failed(Flag.FAILED, Method.NEB) if found is None else found


def label_vacancy(
    force_field: ForceField,
    lattice: Lattice,
    occupancy_with_vacancy: NDArray[np.uint8],
    elements: Sequence[str],
    system: SystemProduct | LatticeHessian,
    parameters: SearchParameters,
) -> VacancyLabels:
    """Barriers of all jumps of the vacancy of a configuration.

    The initial state is relaxed once. Every energy is a difference between stationary points that were
    checked: forces, curvature, and with ``parameters.connect`` the minima on both sides. A jump that cannot
    be labelled so is flagged and has NaN energies. The result is a function of the arguments alone.

    Args:
        force_field: energies and forces; its atoms are set here.
        lattice: sites and box.
        occupancy_with_vacancy: uint8[n_sites] with exactly one 0.
        elements: species i is ``elements[i - 1]``.
        system: the stored model Hessian, or one made of it for this lattice.
        parameters: tolerances.

    Raises:
        ValueError: not exactly one vacancy, or arguments that do not fit each other.
    """
    began, calls_before = time.perf_counter(), force_field.calls
    problem = VacancyProblem(force_field, lattice, occupancy_with_vacancy, elements, system)
    initial = problem.minimum(problem.sites_A, parameters)
    initial_calls = force_field.calls - calls_before
    labels, calls = [], []
    for jump in range(lattice.z):
        before = force_field.calls
        if isinstance(initial, Flag):
            labels.append(_failed(initial))
        else:
            labels.append(_label_jump(problem, initial, jump, parameters))
        calls.append(force_field.calls - before + initial_calls / lattice.z)
    return _collected(labels, calls, initial_calls, time.perf_counter() - began)


def _collected(
    labels: Sequence[JumpLabel], calls: Sequence[float], initial_calls: int, wall_s: float
) -> VacancyLabels:
    return VacancyLabels(
        E_fwd_eV=np.array([label.E_fwd_eV for label in labels]),
        E_bwd_eV=np.array([label.E_bwd_eV for label in labels]),
        curvature_eV_A2=np.array([label.curvature_eV_A2 for label in labels]),
        residual_force_eV_A=np.array([label.residual_force_eV_A for label in labels]),
        calls=np.array(calls, dtype=np.float64),
        flag=np.array([label.flag for label in labels], dtype=np.uint8),
        method=np.array([label.method for label in labels], dtype=np.uint8),
        n_saddles=np.array([label.n_saddles for label in labels], dtype=np.uint8),
        initial_calls=initial_calls,
        wall_s=wall_s,
    )
