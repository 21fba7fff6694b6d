"""Reading files of barriers part by part: a data set need not fit into memory.

Version 2 (before samples with short-range order) is read as well.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

import netCDF4
import numpy as np
from numpy.typing import NDArray

from nnk.barrier_columns import COLUMNS, SAMPLE_COLUMNS
from nnk.barrier_rows import BarrierRows, Bytes, Header, SampleRows
from nnk.barrier_writer import CHUNK_BYTES, CONTENT, FORMAT_VERSION

READABLE = (2, FORMAT_VERSION)


class DamagedBarriers(ValueError):
    """A file of barriers that is no longer what was written.

    Attributes:
        path: the file.
    """

    def __init__(self, path: Path, error: Exception) -> None:
        super().__init__(f"{path} is damaged ({error}); remove it and run again: its labels are made anew")
        self.path = path


class BarrierFile:
    """Reads a file part by part; all that reads it may raise `DamagedBarriers`.

    Raises:
        ValueError: not a file of barriers, or one of another format version.
        DamagedBarriers: it cannot be opened as NetCDF.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = _opened(path)
        self._file.set_auto_mask(False)
        found = getattr(self._file, "format_version", None)
        if found not in READABLE or getattr(self._file, "content", None) != CONTENT:
            self._file.close()
            versions = " or ".join(map(str, READABLE))
            raise ValueError(f"{path}: expected barriers of format_version {versions}, got {found}")
        for name, variable in self._file.variables.items():
            if name not in self._file.dimensions:  # which NetCDF takes for coordinates, and stumbles
                variable.set_var_chunk_cache(size=CHUNK_BYTES)  # by default, 16 MB for each of them

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; nothing can be read from it any more."""
        if self._file.isopen():
            self._file.close()

    @property
    def n_samples(self) -> int:
        """Number of samples."""
        return len(self._file.dimensions["n_samples"])

    @property
    def n_barriers(self) -> int:
        """Number of barriers."""
        return len(self._file.dimensions["barrier"])

    @property
    def header(self) -> Header:
        """What all barriers share."""
        file = self._file
        named = {name: file.getncattr(name) for name in file.ncattrs() if name.startswith("run_")}
        attrs = {name.removeprefix("run_"): _plain(value) for name, value in named.items()}
        return Header(tuple(file.elements.split()), file.structure, tuple(file.cells.tolist()), attrs)

    @property
    def reasons(self) -> list[str]:
        """The distinct reasons."""
        return [text.decode() for text in self.text("reason_text").tolist()]

    def column(self, name: str, part: slice = slice(None)) -> NDArray:
        """Rows of a variable."""
        self._check_open()
        if name in self._file.variables:
            return np.asarray(self._rows(name, part))
        return self._default(name)[part]

    def text(self, name: str, part: slice = slice(None)) -> Bytes:
        """Rows of a variable of texts, as fixed-length bytes."""
        self._check_open()
        characters = self._rows(name, part)
        rows, width = characters.shape
        return np.ascontiguousarray(characters).view(f"S{width}").reshape(rows)

    def samples(self, part: slice) -> SampleRows:
        """Some samples."""
        columns = {name: self.column(name, part) for name in SAMPLE_COLUMNS}
        names = ("occupancy", "a_A", "composition")
        arrays = {name: self.column(name, part) for name in names}
        return SampleRows(sample_key=self.text("sample_key", part), columns=columns, **arrays)

    def barriers(self, part: slice) -> BarrierRows:
        """Some barriers."""
        columns = {name: self.column(name, part) for name in COLUMNS}
        return BarrierRows(
            columns, self.text("item_hash", part), self.column("reason", part).astype(np.int64)
        )

    def _rows(self, name: str, part: slice) -> NDArray:
        try:
            rows: NDArray = self._file[name][part]
        except (RuntimeError, LookupError) as error:  # a checksum does not fit, a variable is gone
            raise DamagedBarriers(self.path, error) from error
        return rows

    def _default(self, name: str) -> NDArray:
        """A column of the samples that version 2 did not have."""
        column, n_elements = SAMPLE_COLUMNS[name], len(self._file.elements.split())
        shape = (self.n_samples, n_elements, n_elements) if column.per_pair else (self.n_samples,)
        return np.full(shape, np.nan if column.per_pair else 0, dtype=column.dtype)

    def _check_open(self) -> None:
        if not self._file.isopen():
            raise ValueError(f"{self.path} has been closed")


def _opened(path: Path) -> netCDF4.Dataset:
    try:
        return netCDF4.Dataset(path)
    except OSError as error:
        if error.errno is not None and error.errno > 0:
            raise  # the system's trouble, not the file's; NetCDF's own numbers are negative
        raise DamagedBarriers(path, error) from error


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
