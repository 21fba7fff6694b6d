"""Networks made exactly as symmetric as the lattice: read in all equivalent ways, and averaged.

A network whose first layer has a row per site knows directions; its mean over a group of operations is the
same in all frames that the group makes equal. Where the rows of some sites are the same, some operations give
the same output, and one of them is enough: a table that a subgroup H leaves alone is read |G| / |H| times.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnk.environment import EnvironmentSpec
from nnk.lattice import IntArray


def views_of(environment: EnvironmentSpec, rows: NDArray) -> IntArray:
    """The different ways to read a network, columns int64[n_views, n_env], the identity first.

    Their mean is that over the group: of a "state" all 48 operations of O_h; of a "union" those that keep the
    jump or reverse it (bcc D3d, 12; fcc D2h, 8).

    Args:
        environment: a "state" or a "union".
        rows: [n_env, ...], the rows of the network's first layer, or their numbers.
    """
    operations = environment.symmetry
    if environment.kind == "union":
        operations = np.concatenate([operations, environment.inversion[operations]])
    row = np.unique(rows.reshape(len(rows), -1), axis=0, return_inverse=True)[1].reshape(-1)
    # to read site operation[i] by row i is to read site i by row inverse[i]
    read_by = row[np.argsort(operations, axis=1)]
    first = np.unique(read_by, axis=0, return_index=True)[1]
    return operations[np.sort(first)]
