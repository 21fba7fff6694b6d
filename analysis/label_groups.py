"""How labels are grouped and named in figures and tables."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnk.alloy import composition_name
from nnk.barriers import BarrierSet, Flag

FLAG_NAMES = {
    Flag.OK: "one saddle",
    Flag.SPLIT: "split path",
    Flag.FALLBACK: "NEB fallback",
    Flag.FAILED: "failed",
    Flag.UNSTABLE: "no end state",
    Flag.TINY: "barrier below 0.01 eV",
    Flag.MERGED: "final state merged",
    Flag.MOVED: "vacancy elsewhere",
    Flag.ERROR: "force field failed",
}


@dataclass(frozen=True)
class Compositions:
    """Which composition each of m labels belongs to.

    Attributes:
        names: of the compositions, in the order of the samples.
        number: int64[m], index of each label's composition.
    """

    names: tuple[str, ...]
    number: NDArray[np.int64]

    @classmethod
    def of(cls, barriers: BarrierSet) -> Compositions:
        """The compositions of a set of labels; those without labels are left out."""
        rows = (dict(zip(barriers.elements, row, strict=True)) for row in barriers.composition)
        per_sample = [composition_name(row) for row in rows]
        place = {name: i for i, name in enumerate(dict.fromkeys(per_sample))}
        number = np.array([place[name] for name in per_sample], dtype=np.int64)[barriers.sample]
        present, number = np.unique(number, return_inverse=True)
        names = list(place)
        return cls(tuple(names[i] for i in present), number.astype(np.int64))

    def __len__(self) -> int:
        return len(self.names)

    def count(self, mask: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Labels of a mask bool[m] (or all) in each composition."""
        chosen = self.number if mask is None else self.number[mask]
        return np.bincount(chosen, minlength=len(self))

    def share(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Share of the labels of each composition that are in a mask bool[m], %."""
        return np.asarray(100.0 * self.count(mask) / self.count(), dtype=np.float64)


def share(mask: NDArray[np.bool_]) -> float:
    """Share of a mask that is set, %; NaN for an empty one."""
    return 100.0 * float(mask.mean()) if len(mask) else float("nan")


def finite(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values that are numbers."""
    return values[np.isfinite(values)]


def median(values: NDArray[np.float64]) -> float:
    """Median of the values that are numbers; NaN for none."""
    numbers = finite(values)
    return float(np.median(numbers)) if len(numbers) else float("nan")


def present_flags(barriers: BarrierSet) -> list[Flag]:
    """Outcomes that occur."""
    return [Flag(flag) for flag in np.unique(barriers.flag).tolist()]
