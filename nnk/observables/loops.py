"""Energies of states from differences along jumps, and which differences contradict the others.

Along a closed loop of jumps the energy differences sum to zero. Where they do not, one of them is wrong:
a search has ended in another state or at another saddle. Least absolute deviations, rather than squares,
leave the contradiction on the few wrong jumps and do not spread it over the loop.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def loop_errors_eV(start: ArrayLike, end: ArrayLike, difference_eV: ArrayLike) -> NDArray[np.float64]:
    """By how much each jump contradicts the loops it is part of, float64[m], eV; 0 in the absence of loops.

    Minimises sum_k abs(dE_k - (E_end(k) - E_start(k))) over energies E of the states, and returns what is
    left of each jump. Where the loops do not tell which of several jumps is wrong, one of them is named.

    Args:
        start, end: int[m], numbers (from 0) of the states before and after each jump.
        difference_eV: float64[m], energy of the end state minus that of the start, by the jump itself.

    Raises:
        ValueError: arrays of different lengths.
        RuntimeError: the linear program has not been solved.
    """
    from scipy.optimize import linprog  # slow to import, and readers of published labels need it seldom
    from scipy.sparse import coo_array, hstack, identity, vstack

    first, last = np.asarray(start, dtype=np.int64), np.asarray(end, dtype=np.int64)
    dE = np.asarray(difference_eV, dtype=np.float64)
    if not len(first) == len(last) == len(dE):
        raise ValueError(f"expected arrays of one length, got {len(first)}, {len(last)}, {len(dE)}")
    m = len(dE)
    if m == 0:
        return np.empty(0)
    n = int(max(first.max(), last.max())) + 1
    rows = np.tile(np.arange(m), 2)
    signs = np.repeat([1.0, -1.0], m)
    incidence = coo_array((signs, (rows, np.concatenate([last, first]))), shape=(m, n))
    # unknowns: n energies, then m bounds t_k >= abs(dE_k - (incidence E)_k), whose sum is minimised
    slack = identity(m)
    found = linprog(
        np.concatenate([np.zeros(n), np.ones(m)]),
        A_ub=vstack([hstack([incidence, -slack]), hstack([-incidence, -slack])]),
        b_ub=np.concatenate([dE, -dE]),
        bounds=[(None, None)] * n + [(0, None)] * m,
    )
    if not found.success:
        raise RuntimeError(f"energies of {n} states along {m} jumps: {found.message}")
    return np.asarray(dE - incidence @ found.x[:n], dtype=np.float64)
