"""One training problem: the data, their split, and what is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nnk.barriers import BarrierSet
from nnk.environment import initial_columns
from nnk.files import ALGORITHM_VERSIONS, stable_hash
from nnk.lattice import IntArray
from nnk.networks.kinds import network_class
from nnk.training.data import JumpData, jump_data
from nnk.training.learnt import learnt
from nnk.training.parameters import ModelSpec, TrainParameters
from nnk.training.splits import Split, split_labels


def _check_known(data: JumpData, spec: ModelSpec) -> None:
    """Return if the species of all sites that the network reads for a forward barrier are known.

    Raises:
        ValueError: a published set does not tell them all.
    """
    if data.species.all():
        return
    reads = data.species
    if network_class(spec.kind).reads == "initial":
        before, _ = initial_columns(data.structure, data.shells)
        reads = np.concatenate([data.species, data.mover[:, None]], axis=1)[:, before]
    if not reads.all():
        raise ValueError(
            f"the labels do not tell all {reads.shape[1]} sites that a network of kind {spec.kind} reads in "
            f"{spec.shells} shells; allowed: fewer shells, or a kind that reads around the vacancy alone"
        )


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
        _check_known(data, spec)
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
        """Hash of data, architecture, parameters and the versions of the methods."""
        versions = [ALGORITHM_VERSIONS["train"], *sorted(self.spec.methods.items())]
        return stable_hash((asdict(self.spec), asdict(self.parameters), self.data.hash, *versions))
