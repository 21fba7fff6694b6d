"""The items of many labels as rows of a table: a million of them take megabytes and a second.

An `Item` is made of a row when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import chain
from operator import add
from typing import Self, overload

import numpy as np
from numpy.typing import NDArray

from launch.items import Group, Item
from nnk.files.hashing import LENGTH, canonical_json

IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """Labels of one composition whose samples share their inputs.

    Attributes:
        name: of the composition.
        group: their shared inputs.
        first: number of the first vacancy within the composition.
        count: vacancies.
        per_sample: vacancies of a sample.
    """

    name: str
    group: Group
    first: int
    count: int
    per_sample: int

    def keys(self, rows: IntArray) -> Iterator[str]:
        """Key of each of some items of the block."""
        samples, vacancies = self.numbers(rows)
        if not len(rows):
            return iter(())
        first = int(samples[0])
        heads = [f"{self.name}/s{number:04d}" for number in range(first, int(samples[-1]) + 1)]
        ends = [f"/v{number:05d}" for number in range(self.per_sample)]
        of_sample = map(heads.__getitem__, (samples - first).tolist())
        return map(add, of_sample, map(ends.__getitem__, vacancies.tolist()))

    def numbers(self, rows: IntArray) -> tuple[IntArray, IntArray]:
        """Sample of each of some items of the block, in which rows only rise, and vacancy in the sample."""
        samples, vacancies = np.divmod(self.first + rows, self.per_sample)
        return samples, vacancies

    def digests(self) -> Iterator[bytes]:
        """Hash of each item's inputs, as `launch.items.make_item` has it, in bytes."""
        head = canonical_json([self.group.hash, self.name])[:-2]
        ends = [(f'/v{number:05d}",', f'"vacancy":{number}}}]') for number in range(self.per_sample)]
        last = self.first + self.count
        for sample in range(self.first // self.per_sample, -(-last // self.per_sample)):
            before, own = f"{head}/s{sample:04d}", f'{{"sample":{sample},'
            begin = sample * self.per_sample
            for key, vacancy in ends[max(0, self.first - begin) : last - begin]:
                yield sha256((before + key + own + vacancy).encode()).digest()[: LENGTH // 2]


class LabelRows(Sequence[Item]):
    """Some labels of a table, in its order.

    Args:
        blocks: the whole table.
        digests: hash of each of its rows.
        rows: numbers of the rows that are meant, rising.
    """

    def __init__(self, blocks: Sequence[Block], digests: Sequence[bytes], rows: IntArray) -> None:
        self._blocks = blocks
        self._digests = digests
        self._rows = rows

    @classmethod
    def of(cls, blocks: Iterable[Block]) -> Self:
        """All labels of some blocks."""
        table = [block for block in blocks if block.count]
        digests = list(chain.from_iterable(block.digests() for block in table))
        return cls(table, digests, np.arange(len(digests)))

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Item]:
        hashes = self.hashes()
        for block, rows in self._in_blocks():
            samples, vacancies = (numbers.tolist() for numbers in block.numbers(rows))
            for key, sample, vacancy in zip(block.keys(rows), samples, vacancies, strict=True):
                yield Item("label", key, {"sample": sample, "vacancy": vacancy}, block.group, next(hashes))

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Item]: ...
    def __getitem__(self, place: int | slice) -> Item | Sequence[Item]:
        if isinstance(place, slice):
            rows = self._rows[place]
            is_rising = place.step is None or place.step > 0
            return self._part(rows) if is_rising else tuple(self._part(rows[::-1]))[::-1]
        (item,) = self._part(np.asarray([self._rows[place]]))
        return item

    def _part(self, rows: IntArray) -> LabelRows:
        return LabelRows(self._blocks, self._digests, rows)

    def chosen(self, places: Sequence[int]) -> LabelRows:
        """Those at some places, which rise."""
        return self._part(self._rows[np.asarray(places, dtype=np.int64)])

    def keys(self) -> Iterator[str]:
        """Key of each."""
        return chain.from_iterable(block.keys(rows) for block, rows in self._in_blocks())

    def hashes(self) -> Iterator[str]:
        """Hash of each."""
        return map(bytes.hex, self._chosen_digests())

    @cached_property
    def hash_of_all(self) -> str:
        """The same as `launch.items.hash_of_all` of the items."""
        digests = b"".join(sorted(self._chosen_digests()))
        quoted = digests.hex(",", LENGTH // 2).replace(",", '","')
        return sha256(f'["{quoted}"]'.encode()).hexdigest()[:LENGTH]

    def _chosen_digests(self) -> Iterator[bytes]:
        return map(self._digests.__getitem__, self._rows.tolist())

    def _in_blocks(self) -> Iterator[tuple[Block, IntArray]]:
        """Each block, and the rows that are meant as counted within it."""
        begin = 0
        for block in self._blocks:
            first, last = np.searchsorted(self._rows, (begin, begin + block.count))
            if last > first:
                yield block, self._rows[first:last] - begin
            begin += block.count
