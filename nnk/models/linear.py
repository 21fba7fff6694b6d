"""Linear parts of the barrier: pair energy of the whole state, and a symmetric sum over sites.

S_pair = sum over all pairs of sites up to the last shell of V_k(s_i, s_j), k the pair's shell, s = 0 vacant.
A jump moves atom m from q to the vacancy at p. The bond p-q is the same before and after; of all others only
those of p and q change, so with W_k(m, s) = V_k(m, s) - V_k(0, s)

    S_pair(B) - S_pair(A) = sum over sites r of W_k(p,r)(m, s_r) - W_k(q,r)(m, s_r),

a sum over the jump's union environment (W = 0 beyond the last shell).
"""

from __future__ import annotations

import numpy as np

from nnk.environment import EnvironmentSpec, SpeciesArray, canonical_jump
from nnk.lattice import IntArray, Lattice, Structure, offsets_within, shell_offsets
from nnk.models.program import Float64Array


def shell_numbers(structure: Structure, shells: int, offsets: IntArray) -> IntArray:
    """Shell of each offset int64[n, 3], from 0; `shells` stands for anything beyond the last shell."""
    number = {int((shell_offsets(structure, k + 1)[0] ** 2).sum()): k for k in range(shells)}
    return np.array([number.get(int(squared), shells) for squared in (offsets**2).sum(axis=1)])


def end_shells(structure: Structure, shells: int) -> tuple[IntArray, IntArray]:
    """Shell int64[n_union] of each site of the union environment around the old and the new vacancy."""
    union = EnvironmentSpec(structure, shells, "union").canonical
    around_start = shell_numbers(structure, shells, union)
    around_end = shell_numbers(structure, shells, union - canonical_jump(structure))
    return around_start, around_end


def half_pair_difference(structure: Structure, shells: int, pair_eV: Float64Array) -> Float64Array:
    """Table of [S_pair(B) - S_pair(A)] / 2 on the union environment.

    Args:
        structure: "bcc" or "fcc".
        shells: number of shells.
        pair_eV: V_k(s, t), float64[shells, n_species + 1, n_species + 1], symmetric; species 0 is a vacancy.

    Returns:
        float64[n_species (mover), n_union, n_species], eV.
    """
    return _half_pair_difference(structure, shells, pair_eV)[..., 1:]


def half_pair_difference_vacant(structure: Structure, shells: int, pair_eV: Float64Array) -> Float64Array:
    """As `half_pair_difference` for sites that hold another vacancy: float64[n_species (mover), n_union]."""
    return _half_pair_difference(structure, shells, pair_eV)[..., 0]


def _half_pair_difference(structure: Structure, shells: int, pair_eV: Float64Array) -> Float64Array:
    exchange = pair_eV[:, 1:] - pair_eV[:, :1]  # W_k(m, s)
    exchange = np.pad(exchange, ((0, 1), (0, 0), (0, 0)))
    around_start, around_end = end_shells(structure, shells)
    return 0.5 * (exchange[around_start] - exchange[around_end]).transpose(1, 0, 2)


def pair_energy(lattice: Lattice, occupancy: SpeciesArray, pair_eV: Float64Array) -> float:
    """S_pair (eV): every pair of sites up to the last shell once, periodic images counted as they come."""
    shells = len(pair_eV)
    offsets = offsets_within(lattice.structure, shells)
    shell = shell_numbers(lattice.structure, shells, offsets)
    partners = occupancy[lattice.sites_around(np.arange(lattice.n_sites), offsets)]
    return 0.5 * float(pair_eV[shell[None, :], occupancy[:, None], partners].sum())
