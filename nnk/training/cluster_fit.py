"""Coefficients of a cluster expansion: ridge regression, its strength judged by part of the labels."""

from __future__ import annotations

import numpy as np
import torch

from nnk.lattice import IntArray
from nnk.networks.cluster_expansion import ClusterExpansionNetwork
from nnk.networks.options import ClusterExpansionOptions
from nnk.networks.setting import Start
from nnk.training.data import Float64Array, JumpData
from nnk.training.metrics import species_means

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)  # tried, in units of the ridge asked for
_JUDGE = 5  # every fifth vacancy judges them
_FREE = 1e-6  # of the strength, on the constants
_ROWS_AT_ONCE = 1024


def cluster_start(data: JumpData, train: IntArray, ridge: float) -> Start:
    """The cluster expansion of the training labels `train` int64[...]; labels of one direction count too.

    Of several strengths of the penalty the one is taken that errs least on every fifth vacancy, when fitted
    to the others; then it is fitted to all.
    """
    network = ClusterExpansionNetwork(data.setting, ClusterExpansionOptions()).double()
    E_eV = np.concatenate([data.E_fwd_eV[train], data.E_bwd_eV[train]])
    mover = np.tile(data.mover[train], 2)
    known = np.isfinite(E_eV)
    means = species_means(E_eV[known], mover[known], len(data.elements))[1:]
    groups = np.unique(data.group[train])
    judges = np.isin(data.group[train], groups[_JUDGE - 1 :: _JUDGE])
    fitted, judging = (_Sums.of(network, data, train[rows], means) for rows in (~judges, judges))
    penalty = np.ones(len(fitted.right))
    penalty[: network.n_constants] = _FREE
    tried = [ridge * strength for strength in STRENGTHS]
    best = min(tried, key=lambda strength: judging.error(fitted.solve(strength * penalty)))
    coefficients = (fitted + judging).solve(best * penalty)
    coefficients[: network.n_constants] += means
    predicted = _predict(network, data, coefficients)
    missing = (np.stack([data.E_fwd_eV, data.E_bwd_eV]) - predicted)[:, train]
    scale_eV = max(float(np.sqrt(np.nanmean(missing**2))), 1e-6)
    return Start(predicted[0], predicted[1], scale_eV, coefficients)


class _Sums:
    """Sums over labels that determine a least-squares fit: X^T X, X^T y, y^T y."""

    def __init__(self, normal: Float64Array, right: Float64Array, square: float) -> None:
        self.normal, self.right, self.square = normal, right, square

    @classmethod
    def of(
        cls, network: ClusterExpansionNetwork, data: JumpData, rows: IntArray, means: Float64Array
    ) -> _Sums:
        """Of both directions of labels `rows`, as far as they are known, beyond the means of each mover."""
        n = len(network.coefficients)
        sums = cls(np.zeros((n, n)), np.zeros(n), 0.0)
        for first in range(0, len(rows), _ROWS_AT_ONCE):
            part = rows[first : first + _ROWS_AT_ONCE]
            for E_eV, features in zip(
                (data.E_fwd_eV, data.E_bwd_eV), _features(network, data, part), strict=True
            ):
                known = np.isfinite(E_eV[part])
                matrix = features[known]
                target = E_eV[part][known] - means[data.mover[part][known] - 1]
                sums += cls(matrix.T @ matrix, matrix.T @ target, float(target @ target))
        return sums

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(self.normal + other.normal, self.right + other.right, self.square + other.square)

    def solve(self, penalty: Float64Array) -> Float64Array:
        """The coefficients that minimise the sum of squares and of penalty times squared coefficients."""
        return np.asarray(np.linalg.solve(self.normal + np.diag(penalty), self.right))

    def error(self, coefficients: Float64Array) -> float:
        """The sum of squares."""
        return self.square - float(2 * self.right @ coefficients - coefficients @ self.normal @ coefficients)


def _features(
    network: ClusterExpansionNetwork, data: JumpData, rows: IntArray
) -> tuple[Float64Array, Float64Array]:
    """Correlation functions of jumps and of their reverse."""
    species, mover = torch.tensor(data.species[rows]), torch.tensor(data.mover[rows])
    both = (species, species[:, network.inversion])
    forward, backward = (network.features(each, mover).numpy() for each in both)
    return forward, backward


def _predict(network: ClusterExpansionNetwork, data: JumpData, coefficients: Float64Array) -> Float64Array:
    """Forward and backward barriers float64[2, m], eV."""
    parts = [
        [features @ coefficients for features in _features(network, data, rows)]
        for rows in np.array_split(np.arange(len(data)), -(-len(data) // _ROWS_AT_ONCE))
    ]
    return np.concatenate(parts, axis=1)
