"""Audit of labels: the same barriers by an independent method."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from nnk.barriers import BarrierSet, Flag, Method
from nnk.files import rng
from nnk.lattice import Lattice
from nnk.potentials import ForceField
from nnk.potentials.base import ForceFieldError
from nnk.saddle.ase_neb import elastic_saddle, relaxed, slid_down
from nnk.saddle.curvature import Modes
from nnk.saddle.minimise import FloatArray, Point, largest
from nnk.saddle.network import distance
from nnk.saddle.parameters import SearchParameters
from nnk.saddle.problem import NoLabel, VacancyProblem
from nnk.saddle.system import SystemProduct
from nnk.saddle.zero_pressure import without_pressure

_log = logging.getLogger(__name__)

# Without a preconditioner long waves relax last: at the labels' force tolerance they leave up to 3 meV.
_TIGHTER = 0.25
_OTHER_IMAGES = 2  # more than in the label, where that is from a band
_SPLIT_SHARE = 0.2  # of the audited labels, at least, where there are so many


@dataclass(frozen=True)
class AuditResult:
    """A barrier by the climbing-image nudged elastic band.

    Attributes:
        E_fwd_eV, E_bwd_eV: barriers; NaN if the band or an end state did not converge.
        calls: force calls of the band and the end states.
        negative_modes: curvatures below the tolerance among the three lowest at the saddle (one at a saddle
            of first order); -1 without a saddle.
        converged: whether all forces met the tolerance.
    """

    E_fwd_eV: float
    E_bwd_eV: float
    calls: int
    negative_modes: int
    converged: bool


def audit_label(
    force_field: ForceField,
    lattice: Lattice,
    occupancy_with_vacancy: NDArray[np.uint8],
    elements: Sequence[str],
    jump: int,
    system: SystemProduct,
    parameters: SearchParameters,
    *,
    method: Method = Method.SINGLE_IMAGE,
) -> AuditResult:
    """Label one jump again by ASE alone: both ends relaxed from ideal sites, then a climbing-image band.

    Forward minus reverse barrier equals dE by construction and proves nothing; another method does. Only
    the count of negative modes uses the model Hessian. A label that is itself from a band is audited by one
    with more images, from whose top plain relaxations must lead down to different states, one of the jump's
    two ends among them. What cannot be brought to zero pressure, or fails in the force field, has not
    converged; the log says why.

    Raises:
        ValueError: not exactly one vacancy.
    """
    problem = VacancyProblem(force_field, lattice, occupancy_with_vacancy, elements, system)
    before = force_field.calls
    try:
        found = _audited(problem, jump, parameters, method == Method.NEB)
    except (ForceFieldError, NoLabel) as error:
        _log.warning("audit of a jump of site %d: %s", problem.vacancy_site, error)
        found = None
    calls = force_field.calls - before
    if found is None:
        return AuditResult(math.nan, math.nan, calls, -1, False)
    E_fwd, E_bwd, negative = found
    return AuditResult(E_fwd, E_bwd, calls, negative, True)


def _audited(
    problem: VacancyProblem, jump: int, parameters: SearchParameters, by_band: bool
) -> tuple[float, float, int] | None:
    """Both barriers and the number of negative modes; None without convergence."""
    tight = replace(
        parameters,
        max_force_eV_A=_TIGHTER * parameters.max_force_eV_A,
        neb_images=parameters.neb_images + (_OTHER_IMAGES if by_band else 0),
    )
    final_sites_A = problem.sites_A + problem.direction(jump)
    ends = problem.atoms(problem.sites_A), problem.atoms(final_sites_A)
    settled = [relaxed(atoms, max_force_eV_A=tight.max_force_eV_A) for atoms in ends]
    found = elastic_saddle(problem.force_field, ends, problem.hessian, tight) if all(settled) else None
    if found is not None and by_band and not _separates(problem, found, ends, tight):
        found = None
    if found is None:
        return None
    top, modes = found
    negative = int((modes.curvatures_eV_A2 < parameters.saddle_curvature_eV_A2).sum())
    states = [_point(atoms) for atoms in ends]
    if parameters.relax_boxes:
        top, *states = _in_own_boxes(problem, [top, *states], problem.direction(jump), tight)
    E_fwd, E_bwd = (top.energy_eV - state.energy_eV for state in states)
    return E_fwd, E_bwd, negative


def _point(atoms: Atoms) -> Point:
    return Point(atoms.get_positions(), float(atoms.get_potential_energy()), atoms.get_forces())


def _separates(
    problem: VacancyProblem, found: tuple[Point, Modes], ends: Sequence[Atoms], tight: SearchParameters
) -> bool:
    """Whether relaxations to both sides of a saddle end in different states, one of them of `ends`."""
    top, modes = found
    step_A = modes.vectors[0] * (tight.descent_step_A / largest(modes.vectors[0]))
    reached = [problem.atoms(top.positions_A + side * step_A) for side in (-1, 1)]
    if not all(slid_down(atoms, max_force_eV_A=tight.max_force_eV_A) for atoms in reached):
        return False
    first, second = (atoms.get_positions() for atoms in reached)
    at_an_end = [distance(a, end.get_positions()) < tight.match_A for a in (first, second) for end in ends]
    return any(at_an_end) and distance(first, second) > tight.match_A


def _in_own_boxes(
    problem: VacancyProblem, points: Sequence[Point], direction: FloatArray, tight: SearchParameters
) -> list[Point]:
    """A saddle and states, each at zero pressure."""
    lattice, settled = problem.lattice, []
    for number, point in enumerate(points):
        problem.put_into(lattice)
        settle = problem.settler(tight, "audited") if number else problem.climber(direction, tight)
        settled.append(without_pressure(problem, point, settle, "audit"))
    return settled


def choose_audit(barriers: BarrierSet, fraction: float, at_least: int, seed: int) -> NDArray[np.int64]:
    """Labels to audit, ascending: a random `fraction` of the usable ones, `at_least` so many, if there are.

    At least a fifth of them are split labels, or all split ones if there are fewer. The choice follows from
    what the labels are of, whatever their order: that in a file depends on which rank was first.
    """
    if not 0 <= fraction <= 1 or at_least < 0:
        raise ValueError(f"fraction={fraction}, at_least={at_least}: expected 0 to 1, and not negative")
    stream = rng(seed, "audit")
    sample_key = np.array(barriers.sample_key)[barriers.sample]
    by_name = np.lexsort((barriers.jump, barriers.vacancy_site, sample_key))
    order = stream.permutation(by_name[barriers.usable[by_name]])
    count = min(len(order), max(at_least, math.ceil(fraction * len(order))))
    split = order[barriers.flag[order] == Flag.SPLIT][: math.ceil(_SPLIT_SHARE * count)]
    others = order[~np.isin(order, split)][: count - len(split)]
    return np.sort(np.concatenate([split, others]))
