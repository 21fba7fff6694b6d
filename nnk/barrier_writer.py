"""Writing files of barriers (NetCDF-4) part by part.

Everything is compressed and cut into chunks of about a megabyte, so that a few rows are read without the
rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import netCDF4
import numpy as np

from nnk.barrier_columns import COLUMNS, FLAG_MEANINGS, METHOD_MEANINGS, SAMPLE_COLUMNS, Flag, Method
from nnk.barrier_rows import ROWS_AT_ONCE, BarrierRows, Bytes, Header, SampleRows, Sizes, encoded

FORMAT_VERSION = 3
CONTENT = "vacancy jump barriers"
CHUNK_BYTES = 1 << 20


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
