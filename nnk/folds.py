"""Folds of a cross-validation: names of the samples or compositions that are tested together.

A name stands for the labels of a composition, of a sample, or of all samples whose key begins with it
(``Nb34Mo33Ta33`` for ``Nb34Mo33Ta33/s0007``, the folder of a published set).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnk.files import rng

Folds = tuple[tuple[str, ...], ...]


def read_fold_file(path: Path | str) -> Folds:
    """The folds of a JSON file ``{"folds": [[name, ...], ...]}``.

    Raises:
        ValueError: another content, or fewer than two folds.
    """
    try:
        folds = json.loads(Path(path).read_text(encoding="utf-8"))["folds"]
        good = all(isinstance(fold, list) and all(isinstance(name, str) for name in fold) for fold in folds)
    except (LookupError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: expected {{'folds': [[name, ...], ...]}}: {error!r}") from error
    if not good or len(folds) < 2 or not all(folds):
        raise ValueError(f"{path}: expected {{'folds': [[name, ...], ...]}} with two or more lists of names")
    return tuple(tuple(fold) for fold in folds)


def composition_folds(compositions: Sequence[str], count: int, seed: int) -> Folds:
    """Compositions dealt into `count` folds by the seed, as evenly as it goes.

    Raises:
        ValueError: fewer compositions than folds, or fewer than two folds.
    """
    names = sorted(set(compositions))
    if not 2 <= count <= len(names):
        raise ValueError(f"folds={count}: expected 2 to {len(names)}, the number of compositions")
    shuffled = [names[i] for i in rng(seed, "folds").permutation(len(names)).tolist()]
    return tuple(tuple(sorted(shuffled[fold::count])) for fold in range(count))


def sample_group(sample_key: str) -> str:
    """The part of a sample's key that its group shares: the composition, or a published set's folder."""
    return sample_key.partition("/")[0]


def named(
    names: Sequence[str], samples: NDArray[np.str_], compositions: NDArray[np.str_]
) -> NDArray[np.bool_]:
    """Which labels `names` stand for, bool[m].

    Args:
        names: of samples, groups of samples or compositions.
        samples, compositions: str[m], of each label.
    """
    keys, inverse = np.unique(samples, return_inverse=True)
    groups = np.array([sample_group(key) for key in keys.tolist()], dtype=np.str_)
    by_sample = np.isin(keys, names) | np.isin(groups, names)
    return np.asarray(by_sample[inverse.reshape(-1)] | np.isin(compositions, names), dtype=np.bool_)


def wrong_names(folds: Folds, samples: Sequence[str], compositions: Sequence[str]) -> list[str]:
    """What is wrong with folds, for samples and the composition of each: unknown names, none or two folds."""
    keys = np.array(samples or compositions, dtype=np.str_)
    of = np.array(compositions, dtype=np.str_)
    known = {*keys.tolist(), *map(sample_group, keys.tolist()), *of.tolist()}
    said = [f'no sample or composition "{name}"' for fold in folds for name in fold if name not in known]
    times = np.sum([named(fold, keys, of) for fold in folds], axis=0)
    groups = np.array([sample_group(key) for key in keys.tolist()], dtype=np.str_)
    said += [f'"{name}" is in no fold' for name in np.unique(groups[times == 0]).tolist()]
    return said + [f'"{name}" is in {times.max()} folds' for name in np.unique(groups[times > 1]).tolist()]
