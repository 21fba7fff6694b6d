"""Labels of all jumps of one vacancy."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from nnk.barrier_columns import TINY_EV, Flag, Method
from nnk.lattice import Lattice
from nnk.potentials import ForceField
from nnk.potentials.base import ForceFieldError
from nnk.saddle.ase_neb import elastic_saddle
from nnk.saddle.hessian import LatticeHessian
from nnk.saddle.minimise import Point
from nnk.saddle.network import FINAL, INITIAL, Network, Saddle
from nnk.saddle.parameters import SearchParameters
from nnk.saddle.path import PathSearch
from nnk.saddle.problem import NoLabel, VacancyProblem
from nnk.saddle.several import several_forces
from nnk.saddle.system import SystemProduct
from nnk.saddle.zero_pressure import without_pressure

FloatArray = NDArray[np.float64]
Result = TypeVar("Result")

NAN = float("nan")
_REASON_LENGTH = 160


@dataclass(frozen=True)
class JumpLabel:
    """The label of one jump, as in `nnk.barriers.BarrierSet`."""

    E_fwd_eV: float = NAN
    E_bwd_eV: float = NAN
    curvature_eV_A2: float = NAN
    residual_force_eV_A: float = NAN
    flag: Flag = Flag.FAILED
    method: Method = Method.SINGLE_IMAGE
    n_saddles: int = 0
    a_initial_A: float = NAN
    a_saddle_A: float = NAN
    a_final_A: float = NAN
    reason: str = ""


class KeptJumps(Protocol):
    """Labels of single jumps of one vacancy, kept until all are there."""

    def get(self, jump: int) -> tuple[JumpLabel, int] | None:
        """The label of a jump and the force calls that it has taken; None if it has yet to be made."""

    def put(self, jump: int, label: JumpLabel, calls: int) -> None:
        """Keep the label of a jump."""


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
    a_initial_A: FloatArray
    a_saddle_A: FloatArray
    a_final_A: FloatArray
    reason: tuple[str, ...]
    initial_calls: int
    wall_s: float


@dataclass(frozen=True)
class _Found:
    """A verified saddle of a jump, with the states beside it, all in the box of the initial state.

    Attributes:
        final: None if only the forward barrier was asked for.
        kind: flag, method and number of saddles of the label.
    """

    final: Point | None
    saddle: Saddle
    kind: tuple[Flag, Method, int]

    def above(self, initial: Point) -> bool:
        """Whether the saddle lies higher than the states it is to separate."""
        states = [initial] if self.final is None else [initial, self.final]
        return self.saddle.point.energy_eV > max(state.energy_eV for state in states)


class _Labeller:
    """Labels the jumps of one vacancy, whose initial state is relaxed once."""

    def __init__(self, problem: VacancyProblem, parameters: SearchParameters) -> None:
        self._problem = problem
        self._parameters = parameters
        self._initial = problem.initial(parameters)
        if parameters.relax_boxes:
            self._initial = without_pressure(
                problem, self._initial, problem.settler(parameters, "initial"), "initial state"
            )
        self._lattice = problem.lattice

    def attempt(self, jump: int) -> JumpLabel:
        """The label of a jump, whatever becomes of it."""
        # a force field without history: neighbour lists left by other jumps would change the last bits
        self._problem.put_into(self._lattice)
        return _attempt(lambda: self._label(jump))

    def _label(self, jump: int) -> JumpLabel:
        found = self._find(jump)
        if self._parameters.relax_boxes:
            return self._in_own_boxes(found, self._problem.direction(jump))
        a_A = self._lattice.a_A
        return self._concluded(
            found, found.saddle.point, found.final, (a_A, NAN if found.final is None else a_A)
        )

    def _back(self) -> None:
        if self._problem.lattice is not self._lattice:
            self._problem.put_into(self._lattice)

    def _find(self, jump: int) -> _Found:
        search = self._search(jump)
        if self._parameters.method == "search" and not self._parameters.connect:
            saddle = search.forward(self._initial)
            if saddle is not None and saddle.point.energy_eV > self._initial.energy_eV:
                return _Found(None, saddle, (Flag.OK, Method.SINGLE_IMAGE, 1))
        final = self._problem.final(jump, self._parameters)
        found = self._by_search(search, final) if self._parameters.method == "search" else None
        if found is None:
            found = self._by_band(search, final)
        if found is None:
            raise NoLabel(Flag.FAILED, "no verified saddle found", Method.NEB)
        return found

    def _search(self, jump: int) -> PathSearch:
        problem = self._problem
        several = several_forces(problem.force_field)
        forces, direction = problem.force_field.energy_forces, problem.direction(jump)
        return PathSearch(forces, problem.hessian, direction, self._parameters, several)

    def _by_search(self, search: PathSearch, final: Point) -> _Found | None:
        network = search.connect(self._initial, final)
        if network is None:
            return None
        saddle, n_saddles = network.limiting()
        flag = Flag.OK if n_saddles == 1 else Flag.SPLIT
        found = _Found(final, saddle, (flag, Method.SINGLE_IMAGE, n_saddles))
        return found if found.above(self._initial) else None

    def _by_band(self, search: PathSearch, final: Point) -> _Found | None:
        """The elastic band: its top must be a saddle to the same tolerances, a minimum on either side."""
        ends = [self._problem.atoms(state.positions_A) for state in (self._initial, final)]
        band = elastic_saddle(
            self._problem.force_field, (ends[0], ends[1]), self._problem.hessian, self._parameters
        )
        if band is None:
            return None
        top, modes = band
        if self._parameters.connect:
            network = Network(search.direction, [self._initial, final])
            sides = search.ends(network, top, modes.vectors[0])
            if sides is None or sides[0] == sides[1]:
                return None
        flag = Flag.OK if self._parameters.method == "neb" else Flag.FALLBACK
        saddle = Saddle(top, float(modes.curvatures_eV_A2[0]), (INITIAL, FINAL))
        found = _Found(final, saddle, (flag, Method.NEB, 1))
        return found if found.above(self._initial) else None

    def _in_own_boxes(self, found: _Found, direction: FloatArray) -> JumpLabel:
        saddle = without_pressure(
            self._problem,
            found.saddle.point,
            self._problem.climber(direction, self._parameters),
            "saddle",
        )
        a_saddle_A = self._problem.lattice.a_A
        if found.final is None:
            return self._concluded(found, saddle, None, (a_saddle_A, NAN))
        self._back()
        final = without_pressure(
            self._problem, found.final, self._problem.settler(self._parameters, "final"), "final state"
        )
        return self._concluded(found, saddle, final, (a_saddle_A, self._problem.lattice.a_A))

    def _concluded(
        self, found: _Found, saddle: Point, final: Point | None, boxes_A: tuple[float, float]
    ) -> JumpLabel:
        E_fwd = saddle.energy_eV - self._initial.energy_eV
        E_bwd = NAN if final is None else saddle.energy_eV - final.energy_eV
        flag, method, n_saddles = found.kind
        tiny = any(energy < TINY_EV for energy in (E_fwd, E_bwd))
        return JumpLabel(
            E_fwd_eV=E_fwd,
            E_bwd_eV=E_bwd,
            curvature_eV_A2=found.saddle.curvature_eV_A2,
            residual_force_eV_A=saddle.max_force_eV_A,
            flag=Flag.TINY if tiny else flag,
            method=method,
            n_saddles=n_saddles,
            a_initial_A=self._lattice.a_A,
            a_saddle_A=boxes_A[0],
            a_final_A=boxes_A[1],
            reason=f"a barrier below {TINY_EV} eV" if tiny else "",
        )


def label_vacancy(
    force_field: ForceField,
    lattice: Lattice,
    occupancy_with_vacancy: NDArray[np.uint8],
    elements: Sequence[str],
    system: SystemProduct | LatticeHessian,
    parameters: SearchParameters,
    *,
    kept: KeptJumps | None = None,
) -> VacancyLabels:
    """Barriers of all jumps of the vacancy of a configuration.

    The initial state is relaxed once. Every energy is a difference between stationary points that were
    checked: forces, curvature, and with ``parameters.connect`` the minima on both sides. A jump that cannot
    be labelled so is flagged, with the reason. The result is a function of the arguments alone.

    Args:
        force_field: energies and forces; its atoms are set here. One with a method ``energies_forces``
            (`nnk.saddle.team`) is given several configurations at a time where there are several.
        lattice: sites and box.
        occupancy_with_vacancy: uint8[n_sites] with exactly one 0.
        elements: species i is ``elements[i - 1]``.
        system: the stored model Hessian, or one made of it for this lattice.
        parameters: tolerances.
        kept: gives the labels of jumps that were made before, and is given each that is made here.

    Raises:
        ValueError: not exactly one vacancy, or arguments that do not fit each other.
    """
    began, before = time.perf_counter(), force_field.calls
    problem = VacancyProblem(force_field, lattice, occupancy_with_vacancy, elements, system)
    labeller = _attempt(lambda: _Labeller(problem, parameters))
    initial_calls = force_field.calls - before
    labels, calls = [], []
    for jump in range(lattice.z):
        if isinstance(labeller, JumpLabel):
            label, n_calls = labeller, 0
        else:
            label, n_calls = _kept_or_made(labeller, jump, force_field, kept)
        labels.append(label)
        calls.append(n_calls + initial_calls / lattice.z)
    return _collected(labels, np.array(calls), initial_calls, time.perf_counter() - began)


def _kept_or_made(
    labeller: _Labeller, jump: int, force_field: ForceField, kept: KeptJumps | None
) -> tuple[JumpLabel, int]:
    """The label of a jump and the force calls that it has taken."""
    known = kept.get(jump) if kept is not None else None
    if known is None:
        before = force_field.calls
        known = labeller.attempt(jump), force_field.calls - before
        if kept is not None:
            kept.put(jump, *known)
    return known


def unlabelled(z: int, flag: Flag, reason: str, *, kept: KeptJumps | None = None) -> VacancyLabels:
    """Labels of a vacancy of which nothing is known but why: of one that has crashed its process, say.

    Jumps that `kept` knows, labelled before the crash, have their labels.
    """
    nothing = JumpLabel(flag=flag, reason=reason[:_REASON_LENGTH]), 0
    found = [(kept.get(jump) if kept is not None else None) or nothing for jump in range(z)]
    return _collected([label for label, _ in found], np.array([calls for _, calls in found]), 0, 0.0)


def _attempt(work: Callable[[], Result]) -> Result | JumpLabel:
    """What `work` gives, or the label that says why it gives nothing."""
    try:
        return work()
    except NoLabel as none:
        return JumpLabel(flag=none.flag, method=none.method, reason=none.reason)
    except ForceFieldError as error:
        return JumpLabel(flag=Flag.ERROR, reason=f"force field: {error}"[:_REASON_LENGTH])


def _collected(
    labels: Sequence[JumpLabel], calls: NDArray, initial_calls: int, wall_s: float
) -> VacancyLabels:
    columns: dict[str, Any] = {
        entry.name: np.array([getattr(label, entry.name) for label in labels])
        for entry in fields(JumpLabel)
        if entry.name != "reason"
    }
    for name in ("flag", "method", "n_saddles"):
        columns[name] = columns[name].astype(np.uint8)
    return VacancyLabels(
        **columns,
        calls=np.asarray(calls, dtype=np.float64),
        reason=tuple(label.reason for label in labels),
        initial_calls=initial_calls,
        wall_s=wall_s,
    )
