"""How far a composition is from others: the share of the atoms that would have to be of another element.

Between two compositions x and y that share is half the sum over elements of abs(x_i - y_i), from 0 for equal
ones to 1 for two without a common element.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]


def nearest_share(fractions: ArrayLike, others: ArrayLike) -> float:
    """Share of atoms between a composition and the nearest of others.

    Args:
        fractions: float64[n_elements].
        others: float64[n, n_elements], at least one.

    Raises:
        ValueError: arrays of other shapes.
    """
    x, corners = _checked(fractions, others)
    return 0.5 * float(np.abs(corners - x).sum(axis=1).min())


def hull_share(fractions: ArrayLike, others: ArrayLike) -> float:
    """Share of atoms between a composition and the nearest mixture of others; 0 for one between them.

    The least of sum(u) / 2 over weights w >= 0 that sum to 1 and u >= abs(x - sum_k w_k y_k): a linear
    program.

    Args:
        fractions: float64[n_elements].
        others: float64[n, n_elements], at least one.

    Raises:
        ValueError: arrays of other shapes.
    """
    from scipy.optimize import linprog

    x, corners = _checked(fractions, others)
    n, elements = corners.shape
    one = np.eye(elements)
    solution = linprog(
        np.concatenate([np.zeros(n), np.full(elements, 0.5)]),
        A_ub=np.block([[corners.T, -one], [-corners.T, -one]]),
        b_ub=np.concatenate([x, -x]),
        A_eq=np.concatenate([np.ones(n), np.zeros(elements)])[None],
        b_eq=[1.0],
    )
    if not solution.success:
        raise RuntimeError(f"no nearest mixture found: {solution.message}")
    return max(float(solution.fun), 0.0)


def _checked(fractions: ArrayLike, others: ArrayLike) -> tuple[FloatArray, FloatArray]:
    x, corners = np.asarray(fractions, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if x.ndim != 1 or corners.ndim != 2 or corners.shape[1] != len(x) or not len(corners):
        raise ValueError(
            f"expected fractions [n] and others [1 or more, n], got shapes {x.shape} and {corners.shape}"
        )
    return x, corners
