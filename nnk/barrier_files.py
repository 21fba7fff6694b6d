"""Files of barriers (NetCDF-4), written and read in parts: a data set need not fit into memory.

Everything is compressed and cut into chunks of about a megabyte, so that a few rows are read without the
rest. Version 2 (before samples with short-range order) is read as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import netCDF4
import numpy as np
from numpy.typing import NDArray

from nnk.barrier_columns import COLUMNS, FLAG_MEANINGS, METHOD_MEANINGS, SAMPLE_COLUMNS, Flag, Method
from nnk.lattice import Lattice, Structure

FORMAT_VERSION = 3
READABLE = (2, 3)
CONTENT = "vacancy jump barriers"
ROWS_AT_ONCE = 65_536
CHUNK_BYTES = 1 << 20
BLOCK_BYTES = 8 << 20  # of atoms in memory at a time

Bytes = NDArray[np.bytes_]


@dataclass(frozen=True)
class Header:
    """What all barriers of a file share.

    Attributes:
        elements, structure, cells, attrs: as in `nnk.barriers.BarrierSet`.
    """

    elements: tuple[str, ...]
    structure: Structure
    cells: tuple[int, int, int]
    attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def n_sites(self) -> int:
        """Sites of a sample."""
        return Lattice(self.structure, self.cells, 1.0).n_sites

    def check_like(self, other: Header) -> None:
        """Return if barriers of the two may stand in one file.

        Raises:
            ValueError: other elements or another lattice.
        """
        for name in ("elements", "structure", "cells"):
            if getattr(self, name) != getattr(other, name):
                raise ValueError(f"{name} differ: {getattr(self, name)} and {getattr(other, name)}")


@dataclass(frozen=True)
class Sizes:
    """How much a file is to hold.

    Attributes:
        samples, barriers: numbers of them.
        key_bytes, hash_bytes: length of the longest sample key and hash of an item.
    """

    samples: int
    barriers: int
    key_bytes: int
    hash_bytes: int


@dataclass(frozen=True)
class SampleRows:
    """Some samples; see `nnk.barriers.BarrierSet`.

    Attributes:
        columns: the arrays of `SAMPLE_COLUMNS`.
    """

    occupancy: NDArray[np.uint8]
    a_A: NDArray[np.float64]
    sample_key: Bytes
    composition: NDArray[np.float64]
    columns: Mapping[str, NDArray]


@dataclass(frozen=True)
class BarrierRows:
    """Some barriers; see `nnk.barriers.BarrierSet`.

    Attributes:
        columns: the arrays of `COLUMNS`.
        item_hash: S[m].
        reason: int64[m], numbers of the file's reasons.
    """

    columns: Mapping[str, NDArray]
    item_hash: Bytes
    reason: NDArray[np.int64]


def encoded(texts: Sequence[str]) -> Bytes:
    """Texts as fixed-length bytes."""
    return np.array([text.encode() for text in texts], dtype=np.bytes_).reshape(len(texts))


def starts_of_equals(texts: Bytes) -> NDArray[np.int64]:
    """Where each row of equal texts begins."""
    if not len(texts):
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(np.concatenate([[True], texts[1:] != texts[:-1]]))


def first_of_equals(texts: Bytes) -> Bytes:
    """The first of each row of equal texts."""
    return texts[starts_of_equals(texts)]


def texts_of(rows: Bytes) -> tuple[str, ...]:
    """The texts of fixed-length bytes; equal neighbours are one object."""
    found: list[str] = []
    last = None
    for row in rows.tolist():
        found.append(found[-1] if row == last else row.decode())
        last = row
    return tuple(found)


class BarrierWriter:
    """Writes a file part by part, each sample and barrier once, in any order of the parts.

    Args:
        path: the file.
        header: what all barriers share.
        sizes: what will be written in all.
        reasons: the distinct reasons.
    """

    def __init__(self, path: Path, header: Header, sizes: Sizes, reasons: Sequence[str]) -> None:
        self._file = netCDF4.Dataset(path, "w", format="NETCDF4")
        self._sizes = sizes
        self._write_header(header)
        self._define_samples(header)
        self._define_barriers(reasons)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put_samples(self, first: int, rows: SampleRows) -> None:
        """Write samples `first`, `first` + 1, ..."""
        part = slice(first, first + len(rows.occupancy))
        for name in ("occupancy", "a_A", "composition"):
            self._file[name][part] = getattr(rows, name)
        for name in SAMPLE_COLUMNS:
            self._file[name][part] = rows.columns[name]
        self._put_text("sample_key", part, rows.sample_key)

    def put_barriers(self, first: int, rows: BarrierRows) -> None:
        """Write barriers `first`, `first` + 1, ..."""
        part = slice(first, first + len(rows.item_hash))
        for name in COLUMNS:
            self._file[name][part] = rows.columns[name]
        self._file["reason"][part] = rows.reason
        self._put_text("item_hash", part, rows.item_hash)

    def _write_header(self, header: Header) -> None:
        file = self._file
        file.Conventions = "CF-1.10"
        file.content = CONTENT
        file.format_version = FORMAT_VERSION
        file.elements = " ".join(header.elements)
        file.structure = header.structure
        file.cells = np.array(header.cells, dtype=np.int32)
        for name, value in header.attrs.items():
            file.setncattr(f"run_{name}", value)

    def _define_samples(self, header: Header) -> None:
        n_elements = len(header.elements)
        sizes = {"n_samples": self._sizes.samples, "site": header.n_sites}
        for name, size in (sizes | {"element": n_elements, "neighbour": n_elements}).items():
            self._file.createDimension(name, size)
        self._define_text("sample_key", "n_samples", self._sizes.key_bytes, "name of the sample")
        occupied = "species of each site: i is the i-th of the attribute elements"
        self._define("occupancy", "u1", ("n_samples", "site"), "1", occupied)
        self._define("a_A", "f8", ("n_samples",), "angstrom", "lattice parameter")
        self._define("composition", "f8", ("n_samples", "element"), "1", "atomic fractions")
        for name, column in SAMPLE_COLUMNS.items():
            dims = ("n_samples", "element", "neighbour") if column.per_pair else ("n_samples",)
            self._define(name, column.dtype, dims, column.units, column.long_name)

    def _define_barriers(self, reasons: Sequence[str]) -> None:
        self._file.createDimension("barrier", self._sizes.barriers)
        for name, column in COLUMNS.items():
            self._define(name, column.dtype, ("barrier",), column.units, column.long_name)
        for name, values, meanings in (("flag", Flag, FLAG_MEANINGS), ("method", Method, METHOD_MEANINGS)):
            self._file[name].flag_values = np.array([int(value) for value in values], dtype=np.uint8)
            self._file[name].flag_meanings = meanings
        self._define_text("item_hash", "barrier", self._sizes.hash_bytes, "hash of the label's inputs")
        texts = encoded(reasons)
        self._file.createDimension("distinct_reason", len(texts))
        self._define_text("reason_text", "distinct_reason", texts.dtype.itemsize, "why a label is not usable")
        self._put_text("reason_text", slice(0, len(texts)), texts)
        self._define("reason", "u4", ("barrier",), "1", "index of the reason_text")

    def _define(self, name: str, dtype: str, dims: tuple[str, ...], units: str, text: str) -> None:
        variable = self._create(name, dtype, dims)
        variable.units = units
        variable.long_name = text

    def _define_text(self, name: str, dim: str, width: int, text: str) -> None:
        """Strings as an array of characters: variable-length strings are neither compressed nor portable."""
        self._file.createDimension(f"{name}_length", max(width, 1))
        self._create(name, "S1", (dim, f"{name}_length")).long_name = text

    def _create(self, name: str, dtype: str, dims: tuple[str, ...]) -> netCDF4.Variable:
        shape = [len(self._file.dimensions[dim]) for dim in dims]
        row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * np.dtype(dtype).itemsize
        rows = max(1, min(shape[0], ROWS_AT_ONCE, CHUNK_BYTES // max(row_bytes, 1)))
        chunks = (rows, *(max(size, 1) for size in shape[1:]))
        return self._file.createVariable(
            name, dtype, dims, compression="zlib", complevel=4, chunksizes=chunks, chunk_cache=2 * CHUNK_BYTES
        )

    def _put_text(self, name: str, part: slice, values: Bytes) -> None:
        width = len(self._file.dimensions[f"{name}_length"])
        if len(values):
            characters = values.astype(f"S{width}").view("S1").reshape(len(values), width)
            self._file[name][part] = characters


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


def numbered(texts: Iterable[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The distinct texts in the order in which they come, and the number of each."""
    numbers: dict[str, int] = {}
    number = np.array([numbers.setdefault(text, len(numbers)) for text in texts], dtype=np.int64)
    return list(numbers), number


class OccupancyRows:
    """The atoms of all samples, uint8[n_samples, n_sites], read from a file where they are asked for.

    It is indexed as an array is by one or two integers, slices or arrays of integers of which the first
    counts samples; what is asked for, and nothing else, is then in memory.
    """

    dtype = np.dtype(np.uint8)
    ndim = 2

    def __init__(self, file: BarrierFile) -> None:
        self._file = file
        self.shape = (file.n_samples, file.header.n_sites)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def size(self) -> int:
        """Number of sites of all samples."""
        return self.shape[0] * self.shape[1]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray:
        return self[:].astype(dtype or np.uint8)

    def __getitem__(self, index: Any) -> NDArray:
        rows, others = (index[0], index[1:]) if isinstance(index, tuple) else (index, ())
        if isinstance(rows, slice):
            rows = np.arange(*rows.indices(len(self)))
            if others:
                return self[rows][:, *others]
        rows = np.asarray(rows)
        if rows.dtype == bool:
            rows = np.flatnonzero(rows)
        return self._gather(rows, others)

    def _gather(self, rows: NDArray, others: tuple[Any, ...]) -> NDArray:
        """Values at broadcast rows and sites, some samples in memory at a time."""
        if not others:
            return self._by_row(rows)
        (sites,) = others
        if isinstance(sites, slice):
            return self._by_row(rows)[..., sites]
        rows, sites = np.broadcast_arrays(rows, sites)
        flat_rows, flat_sites = rows.reshape(-1), sites.reshape(-1)
        values = np.empty(len(flat_rows), dtype=np.uint8)
        order = np.argsort(flat_rows, kind="stable")
        for part, block, in_block in self._blocks(flat_rows[order]):
            chosen = order[part]
            values[chosen] = block[in_block, flat_sites[chosen]]
        return values.reshape(rows.shape) if rows.ndim else values[0]

    def _by_row(self, rows: NDArray) -> NDArray:
        flat = rows.reshape(-1)
        values = np.empty((len(flat), self.shape[1]), dtype=np.uint8)
        order = np.argsort(flat, kind="stable")
        for part, block, in_block in self._blocks(flat[order]):
            values[order[part]] = block[in_block]
        return values.reshape(*rows.shape, self.shape[1])

    def _blocks(self, ascending: NDArray) -> Iterator[tuple[slice, NDArray, NDArray]]:
        """Blocks of consecutive samples with those of `ascending` that lie in them."""
        if len(ascending) and not 0 <= ascending[0] <= ascending[-1] < len(self):
            raise IndexError(f"samples {ascending[0]} to {ascending[-1]} of {len(self)}")
        size = max(1, BLOCK_BYTES // self.shape[1])
        first = 0
        while first < len(ascending):
            low = int(ascending[first])
            last = int(np.searchsorted(ascending, low + size))
            block = self._file.column("occupancy", slice(low, int(ascending[last - 1]) + 1))
            yield slice(first, last), block, ascending[first:last] - low
            first = last


def parts(n: int, size: int = ROWS_AT_ONCE) -> list[slice]:
    """Consecutive slices of at most `size` that cover n rows."""
    return [slice(first, min(first + size, n)) for first in range(0, n, size)]


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value
