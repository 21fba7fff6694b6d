"""Linear parts of a balanced model in closed form.

KRA and dE are linear in their parameters, so two ridge regressions give them at once; the networks then learn
only what is left. Few labels suffice: bcc with 8 shells and 3 species has 72 pair energies and 174 of KRA.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nnk.lattice import IntArray
from nnk.models.linear import end_shells, half_pair_difference
from nnk.models.program import linear_energy
from nnk.training.data import Float64Array, JumpData
from nnk.training.metrics import species_means


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
    """
    n = len(data.elements)
    counts = one_hot(data, rows)
    pair_eV = _fit_pairs(data, rows, counts, ridge)
    means = species_means(data.KRA_eV[rows], data.mover[rows], n)
    orbits = data.environment.orbits
    n_orbits = int(orbits.max()) + 1
    per_orbit = np.zeros((len(rows), n_orbits, n))
    for site, orbit in enumerate(orbits):
        per_orbit[:, orbit] += counts[:, site]
    mover = np.eye(n)[data.mover[rows] - 1]
    features = (mover[:, :, None, None] * per_orbit[:, None]).reshape(len(rows), -1)
    design = np.concatenate([mover, features], axis=1)
    penalty = np.full(design.shape[1], ridge)
    penalty[:n] = 1e-6 * ridge  # the constants are free, but for species that never move
    coefficients = solve_ridge(design, data.KRA_eV[rows] - means[data.mover[rows]], penalty)
    return LinearParts(
        pair_eV=pair_eV,
        kra_mover_eV=means[1:] + coefficients[:n],
        kra_linear_eV=coefficients[n:].reshape(n, n_orbits, n),
    )


def one_hot(data: JumpData, rows: IntArray) -> Float64Array:
    """Species of the union environment as float64[m, n_union, n_species]; vacancies are all zero."""
    species = np.arange(1, len(data.elements) + 1)
    return (data.species[rows][:, :, None] == species).astype(np.float64)


def solve_ridge(design: Float64Array, target: Float64Array, penalty: Float64Array) -> Float64Array:
    """Coefficients float64[p] that minimise |design x - target|^2 + sum of penalty x^2."""
    normal = design.T @ design + np.diag(penalty)
    return np.linalg.solve(normal, design.T @ target).astype(np.float64)


def _fit_pairs(data: JumpData, rows: IntArray, counts: Float64Array, ridge: float) -> Float64Array:
    n = len(data.elements)
    first, second = np.triu_indices(n + 1)
    first, second = first[1:], second[1:]  # a pair of vacancies has no energy here
    number = np.zeros((n + 1, n + 1), dtype=np.int64)
    number[first, second] = number[second, first] = np.arange(len(first))
    # how many more atoms of each species stand in each shell of the old vacancy than of the new one
    gained = np.zeros((len(rows), data.shells, n))
    for site, (start, end) in enumerate(zip(*end_shells(data.structure, data.shells), strict=True)):
        if start < data.shells:
            gained[:, start] += counts[:, site]
        if end < data.shells:
            gained[:, end] -= counts[:, site]
    design = np.zeros((len(rows), data.shells, len(first)))
    every = np.arange(len(rows))
    for species in range(1, n + 1):
        # W_k(m, s) = V_k(m, s) - V_k(0, s)
        design[every, :, number[data.mover[rows], species]] += gained[:, :, species - 1]
        design[every, :, number[0, species]] -= gained[:, :, species - 1]
    flat = design.reshape(len(rows), -1)
    coefficients = solve_ridge(flat, data.dE_eV[rows], np.full(flat.shape[1], ridge))
    pair_eV = coefficients.reshape(data.shells, len(first))[:, number]
    pair_eV[:, 0, 0] = 0
    return pair_eV
