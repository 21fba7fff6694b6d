"""Barriers in a file, read as far as they are asked for."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from nnk.barrier_columns import COLUMNS, SAMPLE_COLUMNS
from nnk.barrier_files import BarrierFile
from nnk.barrier_rows import texts_of
from nnk.barriers import BarrierSet
from nnk.occupancy_rows import OccupancyRows

_NUMBERS = (*COLUMNS, *SAMPLE_COLUMNS, "a_A", "composition")


class OpenBarriers(BarrierSet):
    """A `BarrierSet` whose columns are read when first used and whose atoms are read row by row.

    Selections of it read their atoms from the same file, which therefore stays open as long as they are used.
    """

    def __init__(self, file: BarrierFile) -> None:
        header = file.header
        state: dict[str, Any] = {"_file": file, "occupancy": OccupancyRows(file), "attrs": header.attrs}
        state |= {name: getattr(header, name) for name in ("elements", "structure", "cells")}
        self.__dict__.update(state)

    def __getattr__(self, name: str) -> Any:
        if name not in _NUMBERS:
            raise AttributeError(name)
        self.__dict__[name] = self._file.column(name)
        return self.__dict__[name]

    def __len__(self) -> int:
        return self._file.n_barriers

    @cached_property
    def sample_key(self) -> tuple[str, ...]:
        """Names of the samples."""
        return texts_of(self._file.text("sample_key"))

    @cached_property
    def item_hash(self) -> tuple[str, ...]:
        """Hash of the inputs of each label."""
        return texts_of(self._file.text("item_hash"))

    @cached_property
    def reason(self) -> tuple[str, ...]:
        """Why each label is not usable."""
        reasons = self._file.reasons
        return tuple(reasons[i] for i in self._file.column("reason").tolist())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what has been read stays."""
        self._file.close()

    def in_memory(self) -> BarrierSet:
        """All of it, independent of the file."""
        return self.replaced(occupancy=self.occupancy[:])


def open_barriers(path: Path) -> OpenBarriers:
    """The barriers of a file, to be used as a context.

    Raises:
        ValueError: not a file of barriers, or one of another format version.
    """
    return OpenBarriers(BarrierFile(path))
