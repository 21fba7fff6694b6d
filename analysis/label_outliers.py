"""Barriers far from the rest of their kind: same composition, same moving species."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from analysis.label_groups import Compositions
from analysis.products import Cell, TableProduct
from nnk.barriers import BarrierSet, Flag

TABLE = "labels-outliers"
FAR = 6.0  # robust standard deviations
FEWEST = 20  # barriers of a kind, or nothing is said
NARROWEST_EV = 0.02  # least width of a kind: in a pure metal all barriers are equal
_SIGMA = 1.4826  # of a normal distribution, in median absolute deviations


def outlier_distance(barriers: BarrierSet, compositions: Compositions) -> NDArray[np.float64]:
    """Distance of each label's barriers from the median of their kind, float64[m, 2], forward and backward.

    In robust standard deviations, 1.4826 median absolute deviations; NaN where there is no usable barrier and
    for kinds of fewer than `FEWEST` barriers. Both directions of a kind are taken together.
    """
    distance = np.full((len(barriers), 2), np.nan)
    energies = np.stack([barriers.E_fwd_eV, barriers.E_bwd_eV], axis=1)
    kind = compositions.number * len(barriers.elements) + barriers.moving_species - 1
    usable = np.flatnonzero(barriers.usable)
    order = usable[np.argsort(kind[usable], kind="stable")]
    starts = np.flatnonzero(np.diff(kind[order])) + 1
    for members in np.split(order, starts):
        if np.isfinite(energies[members]).sum() >= FEWEST:
            middle = np.nanmedian(energies[members])
            width = _SIGMA * np.nanmedian(np.abs(energies[members] - middle))
            distance[members] = (energies[members] - middle) / max(float(width), NARROWEST_EV)
    return distance


def outlier_table(
    barriers: BarrierSet, compositions: Compositions, distance: NDArray[np.float64]
) -> TableProduct:
    """The labels with a barrier farther than `FAR`, the farthest first."""
    farthest = np.fmax(*np.abs(distance).T)
    far = np.flatnonzero(farthest > FAR)
    rows: list[list[Cell]] = [
        [
            compositions.names[compositions.number[i]],
            barriers.sample_key[barriers.sample[i]],
            int(barriers.vacancy_site[i]),
            int(barriers.jump[i]),
            barriers.elements[barriers.moving_species[i] - 1],
            Flag(int(barriers.flag[i])).name.lower(),
            float(barriers.E_fwd_eV[i]),
            float(barriers.E_bwd_eV[i]),
            float(farthest[i]),
        ]
        for i in far[np.argsort(-farthest[far], kind="stable")].tolist()
    ]
    columns = {
        "composition": "atomic percent",
        "sample": "composition and number of the sample",
        "vacancy_site": "site of the vacancy",
        "jump": "direction of the jump",
        "moving_species": "element of the atom that jumps",
        "flag": "outcome of the label",
        "E_fwd_eV": "forward barrier, eV",
        "E_bwd_eV": "backward barrier, eV",
        "distance": "of the farther one from the median of its composition and species, robust deviations",
    }
    return TableProduct(TABLE, "Barriers far from the rest of their kind", columns, rows)
