"""Audit of labels: the same barriers by an independent method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from nnk.barriers import BarrierSet, Flag
from nnk.files import rng
from nnk.lattice import Lattice
from nnk.potentials import ForceField
from nnk.saddle.ase_neb import elastic_saddle, relaxed
from nnk.saddle.parameters import SearchParameters
from nnk.saddle.problem import VacancyProblem
from nnk.saddle.system import SystemProduct

# Without a preconditioner long waves relax last: at the labels' force tolerance they leave up to 3 meV.
_TIGHTER = 0.25
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
) -> AuditResult:
    """Label one jump again by ASE alone: both ends relaxed from ideal sites, then a climbing-image band.

    Forward minus reverse barrier equals dE by construction and proves nothing; another method does. Only
    the count of negative modes uses the model Hessian.

    Raises:
        ValueError: not exactly one vacancy.
    """
    problem = VacancyProblem(force_field, lattice, occupancy_with_vacancy, elements, system)
    before = force_field.calls
    tight = replace(parameters, max_force_eV_A=_TIGHTER * parameters.max_force_eV_A)
    final_sites_A = problem.sites_A + problem.direction(jump)
    ends = problem.atoms(problem.sites_A), problem.atoms(final_sites_A)
    settled = [relaxed(atoms, max_force_eV_A=tight.max_force_eV_A) for atoms in ends]
    found = elastic_saddle(force_field, ends, problem.hessian, tight) if all(settled) else None
    calls = force_field.calls - before
    if found is None:
        return AuditResult(math.nan, math.nan, calls, -1, False)
    top, modes = found
    negative = int((modes.curvatures_eV_A2 < parameters.saddle_curvature_eV_A2).sum())
    E_fwd, E_bwd = (top.energy_eV - float(atoms.get_potential_energy()) for atoms in ends)
    return AuditResult(E_fwd, E_bwd, calls, negative, True)


def choose_audit(barriers: BarrierSet, fraction: float, at_least: int, seed: int) -> NDArray[np.int64]:
    """Labels to audit, ascending: a random `fraction` of the usable ones, `at_least` so many, if there are.

    At least a fifth of them are split labels, or all split ones if there are fewer.
    """
    if not 0 <= fraction <= 1 or at_least < 0:
        raise ValueError(f"fraction={fraction}, at_least={at_least}: expected 0 to 1, and not negative")
    stream = rng(seed, "audit")
    order = stream.permutation(np.flatnonzero(barriers.usable))
    count = min(len(order), max(at_least, math.ceil(fraction * len(order))))
    split = order[barriers.flag[order] == Flag.SPLIT][: math.ceil(_SPLIT_SHARE * count)]
    others = order[~np.isin(order, split)][: count - len(split)]
    return np.sort(np.concatenate([split, others]))
