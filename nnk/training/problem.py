"""One training problem: the data, their split, and what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.barriers import BarrierSet
from nnk.files import ALGORITHM_VERSIONS, stable_hash
from nnk.lattice import IntArray
from nnk.training.data import JumpData, jump_data
from nnk.training.learnt import learnt
from nnk.training.parameters import ModelSpec, TrainParameters
from nnk.training.splits import Split, split_labels


@dataclass(frozen=True)
class Problem:
    """What a training run is given.

    Attributes:
        data: the labels, as environments and energies.
        split: str[m], the split of every label.
        spec, parameters: what to train and how.
        labels: where the labels come from: the attributes of their `nnk.barriers.BarrierSet`.
        left_out: how many labels of that set are not in the data, as they have no verified barrier.
    """

    data: JumpData
    split: NDArray[np.str_]
    spec: ModelSpec
    parameters: TrainParameters
    labels: Mapping[str, Any]
    left_out: int

    @classmethod
    def of(cls, barriers: BarrierSet, spec: ModelSpec, parameters: TrainParameters) -> Problem:
        """The problem of training `spec` on `barriers`; see `jump_data` and `split_labels` for errors."""
        data = jump_data(barriers, spec.shells)
        split, left_out = split_labels(data, parameters), len(barriers) - len(data)
        used = learnt(data, split, spec, parameters)
        return cls(data.select(used), split[used], spec, parameters, dict(barriers.attrs), left_out)

    def rows(self, split: Split) -> IntArray:
        """Labels int64[...] of a split."""
        return np.flatnonzero(self.split == split)

    @property
    def movers_unseen(self) -> list[str]:
        """Elements that no training label moves: the model's barriers of these are a guess."""
        seen = set(self.data.mover[self.rows("train")].tolist())
        return [name for i, name in enumerate(self.data.elements, start=1) if i not in seen]

    @property
    def key(self) -> str:
        """Hash of data, architecture, parameters and the version of the method."""
        version = ALGORITHM_VERSIONS["train"]
        return stable_hash((asdict(self.spec), asdict(self.parameters), self.data.hash, version))
