"""Linear parts of a balanced model in closed form.

KRA and dE are linear in their parameters, so two ridge regressions give them at once; the networks then learn
only what is left. Few labels suffice: bcc with 8 shells and 3 species has 72 pair energies and 174 of KRA.
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

    Args:
        data: the labels.
        rows: int64[...], the labels to fit.
        ridge: in squared numbers of atoms.

    Raises:
        ValueError: none of the labels has both barriers.
    """
    rows = rows[data.connected[rows]]
    if not len(rows):
        raise ValueError("no training label has both of its barriers: none to fit energy differences to")
    kra_mover_eV, kra_linear_eV = _fit_kra(data, rows, ridge)
    return LinearParts(_fit_pairs(data, rows, ridge), kra_mover_eV, kra_linear_eV)


def _fit_kra(data: JumpData, rows: IntArray, ridge: float) -> tuple[Float64Array, Float64Array]:
    """Constant per moving species, and a share per mover, set of equivalent sites and species there."""
    n = len(data.elements)
    means = species_means(data.KRA_eV[rows], data.mover[rows], n)
    n_parameters = n + n * (int(data.environment.orbits.max()) + 1) * n
    penalty = np.full(n_parameters, ridge)
    penalty[:n] = 1e-6 * ridge  # the constants are free, but for species that never move
    coefficients = _solve(data, rows, kra_design, data.KRA_eV - means[data.mover], penalty)
    return means[1:] + coefficients[:n], coefficients[n:].reshape(n, -1, n)


def kra_design(data: JumpData, rows: IntArray) -> Float64Array:
    """Design matrix of KRA: the mover one-hot, then mover x atoms of each species on each set of sites."""
    n, orbits = len(data.elements), data.environment.orbits
    counts = _one_hot(data, rows)
    per_orbit = np.zeros((len(rows), int(orbits.max()) + 1, n))
    for site, orbit in enumerate(orbits):
        per_orbit[:, orbit] += counts[:, site]
    mover = np.eye(n)[data.mover[rows] - 1]
    features = (mover[:, :, None, None] * per_orbit[:, None]).reshape(len(rows), -1)
    return np.concatenate([mover, features], axis=1)


def _pairs(n: int) -> tuple[IntArray, IntArray]:
    """Pairs s <= t of species 0 (vacancy) to n; a pair of vacancies has no energy here."""
    first, second = np.triu_indices(n + 1)
    return first[1:], second[1:]


def _fit_pairs(data: JumpData, rows: IntArray, ridge: float) -> Float64Array:
    """V_k(s, t), float64[shells, n + 1, n + 1]."""
    n = len(data.elements)
    first, second = _pairs(n)
    penalty = np.full(data.shells * len(first), ridge)
    coefficients = _solve(data, rows, pair_design, data.dE_eV, penalty).reshape(data.shells, len(first))
    pair_eV = np.zeros((data.shells, n + 1, n + 1))
    pair_eV[:, first, second] = coefficients
    pair_eV[:, second, first] = coefficients
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
    return design.reshape(len(rows), -1)


def _one_hot(data: JumpData, rows: IntArray) -> Float64Array:
    """Species of the union environment as float64[m, n_union, n_species]."""
    species = np.arange(1, len(data.elements) + 1)
    return (data.species[rows][:, :, None] == species).astype(np.float64)


def _solve(
    data: JumpData, rows: IntArray, design: Design, target: Float64Array, penalty: Float64Array
) -> Float64Array:
    """Coefficients float64[p] that minimise |design x - target|^2 + sum of penalty x^2 over `rows`."""
    normal, right = np.diag(penalty), np.zeros(len(penalty))
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[first : first + _ROWS_AT_ONCE]
        matrix = design(data, part)
        normal += matrix.T @ matrix
        right += matrix.T @ target[part]
    return np.linalg.solve(normal, right).astype(np.float64)
