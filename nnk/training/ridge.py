"""Linear parts of a balanced model in closed form.

KRA and dE are linear in their parameters, so ridge regression gives them at once; the networks then
learn only what is left. Few labels suffice: bcc with 8 shells and 3 species has 72 pair
energies and 174 of KRA.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from nnk.lattice import IntArray
from nnk.models.linear import end_shells, half_pair_difference
from nnk.models.program import linear_energy
from nnk.training.data import Float64Array, JumpData
from nnk.training.metrics import species_means

_ROWS_AT_ONCE = 8192  # labels whose design matrix is in memory together

Design = Callable[[JumpData, IntArray], Float64Array]


@dataclass(frozen=True)
class LinearParts:
    """Linear parts of `nnk.models.BalancedModel`, eV; see there."""

    pair_eV: Float64Array
    kra_mover_eV: Float64Array
    kra_linear_eV: Float64Array

    def predict(self, data: JumpData) -> tuple[Float64Array, Float64Array]:
        """KRA and dE of the linear parts alone, each float64[m] in eV."""
        kra = linear_energy(self.kra_linear_eV[:, data.environment.orbits], data.mover, data.species)
        half = half_pair_difference(data.structure, data.shells, self.pair_eV)
        dE = 2 * linear_energy(half, data.mover, data.species)
        return self.kra_mover_eV[data.mover - 1] + kra, dE


def fit_linear_parts(data: JumpData, rows: IntArray, ridge: float) -> LinearParts:
    """Least squares with a penalty `ridge` on the squares of all parameters but KRA's constants.

    Labels with both barriers tell KRA and dE one by one. Where only forward barriers are known, both are
    fitted at once to E_fwd = KRA + dE / 2: KRA is the part that the reverse jump shares.

    Args:
        data: the labels.
        rows: int64[...], the labels to fit.
        ridge: in squared numbers of atoms.
    """
    n, known = len(data.elements), data.connected[rows]
    n_kra = n + n * (int(data.environment.orbits.max()) + 1) * n
    penalty = np.full(n_kra + data.shells * len(_pairs(n)[0]), ridge)
    penalty[:n] = 1e-6 * ridge  # the constants are free, but for species that never move
    if known.all():
        means = species_means(data.KRA_eV[rows], data.mover[rows], n)
        kra = _solve(data, rows, kra_design, data.KRA_eV - means[data.mover], penalty[:n_kra])
        pairs = _solve(data, rows, pair_design, data.dE_eV, penalty[n_kra:])
    else:
        means = species_means(data.E_fwd_eV[rows], data.mover[rows], n)
        sums = _sums(data, rows, forward_design, data.E_fwd_eV - means[data.mover])
        back = _sums(data, rows[known], backward_design, data.E_bwd_eV - means[data.mover])
        normal, right = sums[0] + back[0], sums[1] + back[1]
        kra, pairs = np.split(np.linalg.solve(normal + np.diag(penalty), right), [n_kra])
    return LinearParts(_pair_table(pairs, data.shells, n), means[1:] + kra[:n], kra[n:].reshape(n, -1, n))


def forward_design(data: JumpData, rows: IntArray) -> Float64Array:
    """Design matrix of forward barriers: KRA's, then half of dE's."""
    return np.concatenate([kra_design(data, rows), 0.5 * pair_design(data, rows)], axis=1)


def backward_design(data: JumpData, rows: IntArray) -> Float64Array:
    """Design matrix of backward barriers."""
    return np.concatenate([kra_design(data, rows), -0.5 * pair_design(data, rows)], axis=1)


def kra_design(data: JumpData, rows: IntArray) -> Float64Array:
    """Design matrix of KRA: the mover one-hot, then mover x atoms of each species on each set of sites."""
    n, orbits = len(data.elements), data.environment.orbits
    counts = _one_hot(data, rows)
    per_orbit = np.zeros((len(rows), int(orbits.max()) + 1, n))
    for site, orbit in enumerate(orbits):
        per_orbit[:, orbit] += counts[:, site]
    mover = np.eye(n)[data.mover[rows] - 1]
    features = (mover[:, :, None, None] * per_orbit[:, None]).reshape(len(rows), n * n * per_orbit.shape[1])
    return np.concatenate([mover, features], axis=1)


def _pairs(n: int) -> tuple[IntArray, IntArray]:
    """Pairs s <= t of species 0 (vacancy) to n; a pair of vacancies has no energy here."""
    first, second = np.triu_indices(n + 1)
    return first[1:], second[1:]


def _pair_table(coefficients: Float64Array, shells: int, n: int) -> Float64Array:
    """V_k(s, t), float64[shells, n + 1, n + 1]."""
    first, second = _pairs(n)
    pair_eV = np.zeros((shells, n + 1, n + 1))
    pair_eV[:, first, second] = coefficients.reshape(shells, -1)
    pair_eV[:, second, first] = coefficients.reshape(shells, -1)
    return pair_eV


def pair_design(data: JumpData, rows: IntArray) -> Float64Array:
    """Design matrix of dE: how many pairs of each kind the jump makes, shell by shell."""
    n = len(data.elements)
    first, second = _pairs(n)
    number = np.zeros((n + 1, n + 1), dtype=np.int64)
    number[first, second] = number[second, first] = np.arange(len(first))
    counts = _one_hot(data, rows)
    # how many more atoms of each species stand in each shell of the old vacancy than of the new one
    gained = np.zeros((len(rows), data.shells + 1, n))
    for site, (start, end) in enumerate(zip(*end_shells(data.structure, data.shells), strict=True)):
        gained[:, start] += counts[:, site]
        gained[:, end] -= counts[:, site]
    design = np.zeros((len(rows), data.shells, len(first)))
    every = np.arange(len(rows))
    for species in range(1, n + 1):
        # W_k(m, s) = V_k(m, s) - V_k(0, s)
        design[every, :, number[data.mover[rows], species]] += gained[:, :-1, species - 1]
        design[every, :, number[0, species]] -= gained[:, :-1, species - 1]
    return design.reshape(len(rows), data.shells * len(first))


def _one_hot(data: JumpData, rows: IntArray) -> Float64Array:
    """Species of the union environment as float64[m, n_union, n_species]."""
    species = np.arange(1, len(data.elements) + 1)
    return (data.species[rows][:, :, None] == species).astype(np.float64)


def _sums(
    data: JumpData, rows: IntArray, design: Design, target: Float64Array
) -> tuple[Float64Array, Float64Array]:
    """design^T design and design^T target over `rows`."""
    n = design(data, rows[:1]).shape[1]
    normal, right = np.zeros((n, n)), np.zeros(n)
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[first : first + _ROWS_AT_ONCE]
        matrix = design(data, part)
        normal += matrix.T @ matrix
        right += matrix.T @ target[part]
    return normal, right


def _solve(
    data: JumpData, rows: IntArray, design: Design, target: Float64Array, penalty: Float64Array
) -> Float64Array:
    """Coefficients float64[p] that minimise |design x - target|^2 + sum of penalty x^2 over `rows`."""
    normal, right = _sums(data, rows, design, target)
    return np.linalg.solve(normal + np.diag(penalty), right).astype(np.float64)
