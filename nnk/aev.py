"""Atomic environment vectors of a vacancy on ideal lattice sites, as tables (no torch here).

The radial and angular functions of the ANI form (Talapatra et al., eqs. 17-19), around the vacancy:

    G^R_m(X)    = sum over atoms j of X of exp(-eta (R_j - R_s)^2) f_C(R_j)
    G^A_m(X, Y) = sum over pairs {j, k} of X and Y of 2^(1 - zeta) (1 + cos(theta_jk - theta_s))^zeta
                  exp(-eta ((R_j + R_k)/2 - R_s)^2) f_C(R_j) f_C(R_k)
    f_C(R)      = (1 + cos(pi R / R_C))/2 up to R_C, 0 beyond

Each pair counts once. The factor 2^(1 - zeta) multiplies, as in ANI; eq. 19 as printed divides by it, which
only changes the unit. On ideal sites R_j takes few values and (R_j, R_k, theta_jk) not many more, so a vector
is a table times the numbers of atoms, and of pairs, in each class. Those are whole numbers: the vector is the
same to the last bit whatever the order of the atoms, and in all symmetry-equivalent surroundings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from nnk.density_grid import check_reach
from nnk.environment import EnvironmentSpec, canonical_jump, initial_columns
from nnk.lattice import IntArray, Structure

Float64Array = NDArray[np.float64]
Surroundings = Literal["state", "transition"]
SURROUNDINGS: tuple[Surroundings, ...] = ("state", "transition")


@dataclass(frozen=True)
class AevParameters:
    """Cutoff and grids of the functions; all but the cutoff are ours, since the paper gives none.

    Attributes:
        cutoff_A: r_cut, atoms within this distance of the vacancy (either vacancy: "transition") are read.
        first_shift_A: the smallest R_s; the others follow in equal steps that end one step short of R_C.
        radial_shifts, angular_shifts: numbers of R_s of the two kinds of functions.
        angles: number of theta_s, in the middles of as many equal parts of 0 ... pi.
        radial_eta_per_A2, angular_eta_per_A2: eta of the two kinds.
        zeta: sharpness in the angle.
    """

    cutoff_A: float = 6.0
    first_shift_A: float = 2.0
    radial_shifts: int = 16
    angular_shifts: int = 4
    angles: int = 8
    radial_eta_per_A2: float = 16.0
    angular_eta_per_A2: float = 4.0
    zeta: float = 32.0

    def __post_init__(self) -> None:
        for name in ("radial_shifts", "angular_shifts", "angles"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: expected 1 or more")
        for name in ("cutoff_A", "radial_eta_per_A2", "angular_eta_per_A2", "zeta"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise ValueError(f"{name}={getattr(self, name)}: expected a positive number")
        if not 0 <= self.first_shift_A < self.cutoff_A:
            raise ValueError(f"first_shift_A={self.first_shift_A}: expected 0 to cutoff_A={self.cutoff_A}")


@dataclass(frozen=True)
class AevTables:
    """The vectors of one kind of surroundings, as classes of sites and of pairs.

    Attributes:
        before, after: int64[n], the sites that are read, as columns of the jump's union environment with the
            moving species appended as its last column: for the initial and for the final state.
        site_class: int64[n], which distance each site has.
        first, second: int64[p], the pairs of sites.
        pair_class: int64[p], which distances and angle each pair has.
        radial: float64[site classes, radial_shifts], one atom's contribution.
        angular: float64[pair classes, angles * angular_shifts], one pair's, R_s running fastest.
    """

    before: IntArray
    after: IntArray
    site_class: IntArray
    first: IntArray
    second: IntArray
    pair_class: IntArray
    radial: Float64Array
    angular: Float64Array


def make_tables(
    structure: Structure,
    shells: int,
    a_A: float,
    *,
    surroundings: Surroundings,
    parameters: AevParameters,
) -> AevTables:
    """Tables of the vectors of both states of a jump.

    Args:
        structure: "bcc" or "fcc".
        shells: neighbour shells of the union environment that is at hand; those within the cutoff are used.
        a_A: lattice parameter in Å.
        surroundings: "state": atoms within r_cut of the state's own vacancy, R_C = r_cut (*Kolmogorov*
            fingerprints: a state's vector is blind to the jump). "transition": atoms within r_cut of either
            vacancy, seen from the state's own vacancy, R_C = r_cut + the length of the jump, so that none is
            cut off (*transition-wise* fingerprints; the text of the paper, not its fig. 10, which centres
            them at the saddle point).
        parameters: cutoff and grids.

    Raises:
        ValueError: the cutoff reaches beyond `shells`, or takes in no pair of atoms.
    """
    if surroundings not in SURROUNDINGS:
        raise ValueError(f"surroundings {surroundings!r}: allowed are {', '.join(SURROUNDINGS)}")
    check_reach(structure, shells, a_A, parameters.cutoff_A)
    offsets, before, after = _SITES[surroundings](structure, shells)
    jump = canonical_jump(structure)
    reach = parameters.cutoff_A
    near = np.linalg.norm(offsets, axis=1) * 0.5 * a_A <= reach
    if surroundings == "transition":
        near |= np.linalg.norm(offsets - jump, axis=1) * 0.5 * a_A <= reach
        reach += 0.5 * a_A * float(np.linalg.norm(jump))
    if near.sum() < 2:
        raise ValueError(f"cutoff_A={reach}: no pair of atoms of {structure} with a_A={a_A} lies within it")
    return _classified(offsets[near], before[near], after[near], 0.5 * a_A, reach, parameters)


def _state_sites(structure: Structure, shells: int) -> tuple[IntArray, IntArray, IntArray]:
    before, after = initial_columns(structure, shells)
    return EnvironmentSpec(structure, shells, "initial").canonical, before, after


def _transition_sites(structure: Structure, shells: int) -> tuple[IntArray, IntArray, IntArray]:
    """The union's sites and the mover; the final vacancy sees them in the same places, inverted."""
    union = EnvironmentSpec(structure, shells, "union")
    offsets = np.concatenate([union.canonical, canonical_jump(structure)[None]])
    mover = np.array([union.n_env])
    return offsets, np.arange(union.n_env + 1), np.concatenate([union.inversion, mover])


_SITES = {"state": _state_sites, "transition": _transition_sites}


def _classified(
    offsets: IntArray,
    before: IntArray,
    after: IntArray,
    half_edge_A: float,
    reach_A: float,
    parameters: AevParameters,
) -> AevTables:
    squared = (offsets**2).sum(axis=1)
    distances, site_class = np.unique(squared, return_inverse=True)
    first, second = np.triu_indices(len(offsets), k=1)
    ends = np.sort([squared[first], squared[second]], axis=0)
    dots = (offsets[first] * offsets[second]).sum(axis=1)
    pairs, pair_class = np.unique(np.stack([*ends, dots], axis=1), axis=0, return_inverse=True)
    near, far, dot = pairs.T
    return AevTables(
        before=before,
        after=after,
        site_class=site_class,
        first=first,
        second=second,
        pair_class=pair_class.reshape(-1),
        radial=_radial(half_edge_A * np.sqrt(distances), reach_A, parameters),
        angular=_angular(half_edge_A * np.sqrt([near, far]), dot / np.sqrt(near * far), reach_A, parameters),
    )


def smooth_cutoff(distance_A: Float64Array, reach_A: float) -> Float64Array:
    """f_C (eq. 18)."""
    return np.where(distance_A <= reach_A, 0.5 * np.cos(np.pi * distance_A / reach_A) + 0.5, 0.0)


def shifts_A(count: int, reach_A: float, parameters: AevParameters) -> Float64Array:
    """R_s float64[count] between the first one and R_C = `reach_A`."""
    return np.linspace(parameters.first_shift_A, reach_A, count, endpoint=False)


def angle_shifts(parameters: AevParameters) -> Float64Array:
    """theta_s float64[angles] in radians."""
    return (np.arange(parameters.angles) + 0.5) * np.pi / parameters.angles


def _radial(distance_A: Float64Array, reach_A: float, parameters: AevParameters) -> Float64Array:
    shift = shifts_A(parameters.radial_shifts, reach_A, parameters)
    peak = np.exp(-parameters.radial_eta_per_A2 * (distance_A[:, None] - shift) ** 2)
    return peak * smooth_cutoff(distance_A, reach_A)[:, None]


def _angular(
    ends_A: Float64Array, cosine: Float64Array, reach_A: float, parameters: AevParameters
) -> Float64Array:
    turn = np.arccos(np.clip(cosine, -1.0, 1.0))[:, None] - angle_shifts(parameters)
    lobe = 2.0 * (0.5 * (1.0 + np.cos(turn))) ** parameters.zeta
    shift = shifts_A(parameters.angular_shifts, reach_A, parameters)
    peak = np.exp(-parameters.angular_eta_per_A2 * (ends_A.mean(axis=0)[:, None] - shift) ** 2)
    peak *= smooth_cutoff(ends_A, reach_A).prod(axis=0)[:, None]
    return (lobe[:, :, None] * peak[:, None, :]).reshape(len(cosine), -1)
