"""Which labels train, which choose the best epoch, and which test.

All labels of one vacancy, forward and backward, stand in one split: they share their surroundings, and a
split by single barriers would test on what was learnt. So do those of two vacancies of one sample that have
labelled the same jump from either side.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from nnk.files import rng
from nnk.folds import named
from nnk.training.data import JumpData
from nnk.training.parameters import TrainParameters

Split = Literal["train", "validation", "test", "test-composition"]
SPLITS: tuple[Split, ...] = get_args(Split)


def split_labels(data: JumpData, parameters: TrainParameters) -> NDArray[np.str_]:
    """The split str[m] of every label.

    "test-composition" are whole compositions, chosen by the seed, and what is held out by name;
    "validation" and "test" are vacancies (`JumpData.group`) of the other compositions, chosen by the seed, at
    least one of each composition (if the fraction is not 0); "train" is the rest.

    Raises:
        ValueError: too few compositions or vacancies to leave anything to train on.
    """
    by_name = _named_labels(data, parameters.held_out)
    chosen_by_seed = held_out_compositions(np.unique(data.composition[~by_name]), parameters)
    held_out = by_name | np.isin(data.composition, chosen_by_seed)
    split = np.where(held_out, "test-composition", "train")
    split = split.astype(f"U{max(map(len, SPLITS))}")
    for name in np.unique(data.composition[split == "train"]):
        groups = np.unique(data.group[(data.composition == name) & ~held_out])
        chosen = _choose(groups, str(name), parameters)
        for part, members in chosen.items():
            split[np.isin(data.group, members)] = part
    return split


def _named_labels(data: JumpData, names: tuple[str, ...]) -> NDArray[np.bool_]:
    """The labels bool[m] that are held out by name.

    Raises:
        ValueError: there are names but no label has one, or all labels do.
    """
    rows = named(names, data.sample, data.composition)
    if names and not rows.any():
        raise ValueError(f"held_out: there is no usable label of {', '.join(names)}")
    if rows.all():
        raise ValueError("held_out: all labels are held out, none is left to train on")
    return rows


def held_out_compositions(names: NDArray[np.str_], parameters: TrainParameters) -> list[str]:
    """The compositions of `names` (sorted) that are held out.

    Raises:
        ValueError: none would be left.
    """
    count = parameters.test_compositions
    if count >= len(names):
        raise ValueError(
            f"test_compositions={count}: there are labels of {len(names)} compositions, so at most "
            f"{len(names) - 1} can be held out"
        )
    order = rng(parameters.seed, "held-out compositions").permutation(len(names))
    return sorted(str(names[i]) for i in order[:count])


def _choose(
    groups: NDArray[np.int64], composition: str, parameters: TrainParameters
) -> dict[Split, NDArray[np.int64]]:
    shuffled = rng(parameters.seed, "split", composition).permutation(groups)
    n_validation = max(1, round(parameters.validation_fraction * len(groups)))
    n_test = max(1, round(parameters.test_fraction * len(groups))) if parameters.test_fraction else 0
    if n_validation + n_test >= len(groups):
        raise ValueError(
            f"{composition}: {len(groups)} labelled vacancies cannot be split into training, "
            f"{n_validation} for validation and {n_test} for the test"
        )
    return {
        "validation": shuffled[:n_validation],
        "test": shuffled[n_validation : n_validation + n_test],
    }
