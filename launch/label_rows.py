"""The items of many labels as rows of a table: a million of them take megabytes and a second.

An `Item` is made of a row when somebody asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import chain
from typing import Self, overload

import numpy as np

from launch.items import Group, Item
from nnk.files.hashing import LENGTH, canonical_json


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

    def key(self, row: int) -> str:
        """Key of the item `row` of the block."""
        sample, vacancy = divmod(self.first + row, self.per_sample)
        return f"{self.name}/s{sample:04d}/v{vacancy:05d}"

    def item(self, row: int, digest: bytes) -> Item:
        """The item `row` of the block, which has that hash."""
        sample, vacancy = divmod(self.first + row, self.per_sample)
        own = {"sample": sample, "vacancy": vacancy}
        return Item("label", f"{self.name}/s{sample:04d}/v{vacancy:05d}", own, self.group, digest.hex())

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
    """Some labels of a table.

    Args:
        blocks: the whole table.
        digests: hash of each of its rows.
        rows: numbers of the rows that are meant.
    """

    def __init__(self, blocks: Sequence[Block], digests: Sequence[bytes], rows: Sequence[int]) -> None:
        self._blocks = blocks
        self._digests = digests
        self._rows = rows

    @classmethod
    def of(cls, blocks: Iterable[Block]) -> Self:
        """All labels of some blocks."""
        table = [block for block in blocks if block.count]
        digests = list(chain.from_iterable(block.digests() for block in table))
        return cls(table, digests, range(len(digests)))

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Item]:
        for block, row, digest in self._places(self._rows):
            yield block.item(row, digest)

    @overload
    def __getitem__(self, place: int) -> Item: ...
    @overload
    def __getitem__(self, place: slice) -> LabelRows: ...
    def __getitem__(self, place: int | slice) -> Item | LabelRows:
        if isinstance(place, slice):
            return LabelRows(self._blocks, self._digests, self._rows[place])
        ((block, row, digest),) = self._places([self._rows[place]])
        return block.item(row, digest)

    def chosen(self, places: Iterable[int]) -> LabelRows:
        """Those at some places."""
        return LabelRows(self._blocks, self._digests, [self._rows[place] for place in places])

    def keys(self) -> Iterator[str]:
        """Key of each."""
        return (block.key(row) for block, row, _ in self._places(self._rows))

    def hashes(self) -> Iterator[str]:
        """Hash of each."""
        return (self._digests[row].hex() for row in self._rows)

    @cached_property
    def hash_of_all(self) -> str:
        """The same as `launch.items.hash_of_all` of the items."""
        digests = b"".join(sorted(self._digests[row] for row in self._rows))
        quoted = digests.hex(",", LENGTH // 2).replace(",", '","')
        return sha256(f'["{quoted}"]'.encode()).hexdigest()[:LENGTH]

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *np.cumsum([block.count for block in self._blocks]).tolist()]

    def _places(self, rows: Sequence[int]) -> Iterator[tuple[Block, int, bytes]]:
        """Block, number within it, and hash of rows of the table."""
        numbers = np.asarray(rows, dtype=np.int64)
        blocks = np.searchsorted(self._starts, numbers, side="right") - 1
        within = numbers - np.asarray(self._starts)[blocks]
        for row, block, number in zip(rows, blocks.tolist(), within.tolist(), strict=True):
            yield self._blocks[block], number, self._digests[row]
