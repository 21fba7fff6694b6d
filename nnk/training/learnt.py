"""Which of the training labels a model learns from: part of the compositions, part of the vacancies.

What a model is told to leave out does not depend on how much of it is left out: fewer compositions are among
more, and the vacancies of a smaller share among those of a larger one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nnk.alloy import fractions_named
from nnk.environment import initial_columns
from nnk.files import rng
from nnk.lattice import IntArray, shell_offsets
from nnk.samples.sites import order_by_environment
from nnk.training.data import Float64Array, JumpData
from nnk.training.parameters import ModelSpec, TrainParameters

CLUSTERS = 32  # of the environments of one composition, for the choice by k-means
_DIGITS = 9  # of distances, so that ties are ties on every machine


def learnt(
    data: JumpData, split: NDArray[np.str_], spec: ModelSpec, parameters: TrainParameters
) -> NDArray[np.bool_]:
    """Which labels a model uses, bool[m].

    Labels of compositions that it does not learn from are used in no split, but for compositions held out
    whole, which test every model. Of the others a share of the training labels is used (of each composition
    at least one vacancy), and all that validate or test.

    Args:
        data: the labels.
        split: str[m], the split of every label.
        spec: how many compositions, which share of the vacancies, and how these are chosen.
        parameters: the seed.

    Raises:
        ValueError: more compositions than there are to train on.
    """
    known = np.unique(data.composition[split == "train"]).tolist()
    names = known if spec.compositions is None else _spread(known, spec.compositions, data.elements)
    used = np.isin(data.composition, names) | (split == "test-composition")
    if spec.share == 1:
        return used
    for name in names:
        here = np.flatnonzero((data.composition == name) & (split == "train"))
        groups, first = np.unique(data.group[here], return_index=True)
        if spec.choice == "k-means":
            generator = rng(parameters.seed, "share by k-means", str(name))
            points = shell_shares(data, here[first])
            order = order_by_environment(points, min(CLUSTERS, len(points)), generator)
        else:
            order = rng(parameters.seed, "share", str(name)).permutation(len(groups))
        left_out = groups[order[max(1, round(spec.share * len(groups))) :]]
        used &= ~np.isin(data.group, left_out)
    return used


def _spread(names: list[str], count: int, elements: tuple[str, ...]) -> list[str]:
    if count > len(names):
        raise ValueError(f"compositions={count}: there are {len(names)} to train on")
    return spread_compositions(names, elements)[:count]


def spread_compositions(names: list[str], elements: tuple[str, ...]) -> list[str]:
    """Compositions so that the first ones cover the range of all.

    The first is the one nearest to their mean; each further one is the farthest from those before it, by the
    share of atoms that differ. Ties go by name.
    """
    names = sorted(names)
    fractions = np.array([fractions_named(name, elements) for name in names])
    apart = np.abs(fractions[:, None] - fractions).sum(axis=2).round(_DIGITS)
    order = [int(np.abs(fractions - fractions.mean(axis=0)).sum(axis=1).round(_DIGITS).argmin())]
    while len(order) < len(names):
        nearest = apart[:, order].min(axis=1)
        nearest[order] = -1.0
        order.append(int(nearest.argmax()))
    return [names[i] for i in order]


def shell_shares(data: JumpData, rows: IntArray) -> Float64Array:
    """Share of each element in each neighbour shell of the vacancy, float64[n, shells x elements].

    The same for all jumps of a vacancy.
    """
    with_mover = np.concatenate([data.species[rows], data.mover[rows, None]], axis=1)
    around = with_mover[:, initial_columns(data.structure, data.shells)[0]]
    one_hot = around[:, :, None] == np.arange(1, len(data.elements) + 1)
    ends = np.cumsum([len(shell_offsets(data.structure, k + 1)) for k in range(data.shells)])
    return np.concatenate([part.mean(axis=1) for part in np.split(one_hot, ends[:-1], axis=1)], axis=1)
