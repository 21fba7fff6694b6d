"""Reading ``.mtp`` files, as MLIP-2 and MLIP-3 write them and their predecessors did.

All forms have the same fields, of which some are optional: ``potential_name``, ``potential_tag``, and
``scaling``, which older files give under ``radial_basis_type``. MLIP-3 may call the radial fields
``min_val``, ``max_val`` and ``basis_size``. What follows ``#MVS``, the selection state of active learning,
is not needed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nnk.potentials.mtp.parameters import MtpParameters

RADIAL_BASES = ("RBChebyshev",)
"""Radial bases that are understood."""
_VERSION = "1.1.0"
_MOST_POWER = 32
_SYNONYMS = {"min_val": "min_dist", "max_val": "max_dist", "basis_size": "radial_basis_size"}
_IGNORED = ("version", "potential_name", "potential_tag")
_NEEDED = (
    "species_count",
    "radial_basis_type",
    "min_dist",
    "max_dist",
    "radial_basis_size",
    "radial_funcs_count",
    "radial_coeffs",
    "alpha_moments_count",
    "alpha_index_basic_count",
    "alpha_index_basic",
    "alpha_index_times_count",
    "alpha_index_times",
    "alpha_scalar_moments",
    "alpha_moment_mapping",
    "species_coeffs",
    "moment_coeffs",
)
_KNOWN = (*_NEEDED, *_IGNORED, "scaling")


@dataclass(frozen=True)
class _Field:
    """A field of the file: its line and what stands behind the equals sign, or below the name."""

    line: int
    text: str


class _Fields:
    """The fields of a file, with readers that know where they stand."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fields: dict[str, _Field] = {}
        self._scalings: list[_Field] = []
        self._read()
        for name in _NEEDED:
            if name not in self._fields:
                hint = "the potential untrained" if name.endswith("_coeffs") else "the file cut off"
                raise ValueError(f"{self.path}: no field {name}; is {hint}?")

    def error(self, line: int, expected: str, came: str) -> ValueError:
        came = came if len(came) <= 60 else f"{came[:57]}..."
        return ValueError(f"{self.path}, line {line}: expected {expected}, got {came!r}")

    def _lines(self) -> Iterator[tuple[int, str]]:
        """Numbers and texts of the lines that are not empty, up to the selection state, which is binary."""
        content = self.path.read_bytes().split(b"#MVS", 1)[0].decode("utf-8", errors="replace")
        for number, line in enumerate(content.splitlines(), 1):
            if line.strip():
                yield number, line.strip()

    def _read(self) -> None:
        lines = self._lines()
        number, first = next(lines, (1, ""))
        if first != "MTP":
            raise self.error(number, "MTP, with which moment tensor potentials begin", first)
        last = ""
        for number, line in lines:
            name, equals, text = (part.strip() for part in line.partition("="))
            if equals or line == "radial_coeffs":
                last = _SYNONYMS.get(name, name)
                self._start(last, _Field(number, text))
            elif last == "radial_coeffs" or self._is_open(last):
                before = self._fields[last]
                skipped = "\n" * (number - before.line - before.text.count("\n"))  # keeps count of lines
                self._fields[last] = _Field(before.line, before.text + skipped + line)
            else:
                raise self.error(number, "a field, name = value", line)

    def _start(self, name: str, field: _Field) -> None:
        if name not in _KNOWN:
            raise self.error(field.line, f"one of {', '.join(_KNOWN)}", name)
        if name == "scaling":
            self._scalings.append(field)
        elif name in self._fields:
            raise self.error(field.line, f"{name} only once (line {self._fields[name].line})", name)
        else:
            self._fields[name] = field
        if name == "version" and field.text != _VERSION:
            raise self.error(field.line, f"version = {_VERSION}", field.text)

    def _is_open(self, name: str) -> bool:
        text = self._fields[name].text if name in self._fields else ""
        return text.count("{") > text.count("}")

    def scaling(self) -> float:
        """Product of the factors given; 1 if there are none."""
        return float(np.prod([self._number(field, float) for field in self._scalings]))

    def _number(self, field: _Field, kind: type) -> float:
        try:
            return kind(field.text)
        except ValueError:
            what = "a whole number" if kind is int else "a number"
            raise self.error(field.line, what, field.text) from None

    def count(self, name: str, least: int = 1) -> int:
        field = self._fields[name]
        value = int(self._number(field, int))
        if value < least:
            raise self.error(field.line, f"at least {least} for {name}", field.text)
        return value

    def length(self, name: str) -> float:
        field = self._fields[name]
        value = self._number(field, float)
        if not (np.isfinite(value) and value >= 0):
            raise self.error(field.line, f"a length for {name}", field.text)
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        field = self._fields[name]
        if field.text not in allowed:
            raise self.error(field.line, f"{name} to be one of {', '.join(allowed)}", field.text)
        return field.text

    def numbers(self, name: str, count: int, kind: type) -> NDArray:
        """`count` numbers in braces, of which there may be several levels."""
        field = self._fields[name]
        values = self._values(field.line, field.text, kind)
        if len(values) != count or self._is_open(name):
            raise self.error(field.line, f"{count} numbers for {name}", f"{len(values)} numbers")
        return np.array(values, dtype=np.int64 if kind is int else np.float64)

    def _values(self, line: int, text: str, kind: type) -> list[float]:
        words = text.replace("{", " ").replace("}", " ").replace(",", " ").split()
        values = [self._number(_Field(line, word), kind) for word in words]
        if not np.isfinite(values).all():
            raise self.error(line, "finite numbers", text)
        return values

    def indices(self, name: str, rows: int, limits: tuple[int | None, ...]) -> NDArray[np.int64]:
        """A table of whole numbers from 0 up to below the limit of their column."""
        table = self.numbers(name, rows * len(limits), int).reshape(rows, len(limits))
        for column, limit in enumerate(limits):
            wrong = (table[:, column] < 0) | (table[:, column] >= (limit or 0))
            if limit is not None and wrong.any():
                row = table[int(np.argmax(wrong))].tolist()
                raise self.error(self._fields[name].line, f"indices below {limit} in {name}", str(row))
        return table

    def radial(self, species: int, functions: int, size: int) -> NDArray[np.float64]:
        """The blocks under ``radial_coeffs``: ``i-j`` and a row in braces for each function."""
        shape = (species, species, functions, size)
        coefficients, first = np.full(shape, np.nan), self._fields["radial_coeffs"].line
        for line, pair, values in self._blocks():
            if max(pair) >= species:
                raise self.error(line, f"species below {species} in radial_coeffs", f"{pair[0]}-{pair[1]}")
            if len(values) != functions * size:
                expected = f"{functions} x {size} radial coefficients of {pair[0]}-{pair[1]}"
                raise self.error(line, expected, f"{len(values)} numbers")
            coefficients[pair] = np.reshape(values, (functions, size))
        absent = np.argwhere(np.isnan(coefficients[:, :, 0, 0]))
        if len(absent):
            raise self.error(first, f"radial coefficients of {absent[0, 0]}-{absent[0, 1]}", "none")
        return coefficients

    def _blocks(self) -> list[tuple[int, tuple[int, int], list[float]]]:
        """First line, pair of species and numbers of the blocks of ``radial_coeffs``."""
        field = self._fields["radial_coeffs"]
        blocks: list[tuple[int, tuple[int, int], list[float]]] = []
        for line, text in enumerate(field.text.split("\n"), field.line):
            heading = re.fullmatch(r"(\d+)\s*-\s*(\d+)", text)
            if heading:
                blocks.append((line, (int(heading[1]), int(heading[2])), []))
            elif text and not blocks:
                raise self.error(line, "a pair of species, i-j", text)
            elif text:
                blocks[-1][2].extend(self._values(line, text, float))
        return blocks

    def products(self, count: int, n_moments: int, n_basic: int) -> NDArray[np.int64]:
        """The table ``alpha_index_times``, whose factors have to be complete where they are used."""
        name = "alpha_index_times"
        times = self.indices(name, count, (n_moments, n_moments, None, n_moments))
        last = np.where(np.arange(n_moments) < n_basic, -1, len(times))  # row that completes a moment
        last[times[:, 3]] = np.arange(len(times))
        for row, (first, second, _, product) in enumerate(times.tolist()):
            if product < n_basic or max(last[first], last[second]) >= row:
                expected = f"moments that are complete before row {row} of {name}"
                raise self.error(self._fields[name].line, expected, str(times[row].tolist()))
        return times

    def scalars(self, count: int, n_basic: int, times: NDArray[np.int64]) -> NDArray[np.int64]:
        """The table ``alpha_moment_mapping``: moments that there are."""
        name = "alpha_moment_mapping"
        mapping = self.numbers(name, count, int)
        absent = sorted(set(mapping.tolist()) - set(range(n_basic)) - set(times[:, 3].tolist()))
        if absent:
            raise self.error(self._fields[name].line, "basic moments or products", str(absent[0]))
        return mapping


def read_mtp(path: Path | str) -> MtpParameters:
    """Read a trained moment tensor potential.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such file, cut off, inconsistent, or uses what is not supported; with its name,
            the line where the field begins and what stands there.
    """
    fields = _Fields(Path(path))
    fields.choice("radial_basis_type", RADIAL_BASES)
    species, functions = fields.count("species_count"), fields.count("radial_funcs_count")
    moments, n_basic = fields.count("alpha_moments_count"), fields.count("alpha_index_basic_count")
    n_times, scalars = fields.count("alpha_index_times_count", 0), fields.count("alpha_scalar_moments")
    min_dist_A, max_dist_A = fields.length("min_dist"), fields.length("max_dist")
    if min_dist_A >= max_dist_A:
        raise ValueError(f"{path}: min_dist {min_dist_A} is not below max_dist {max_dist_A}")
    if n_basic > moments:
        raise ValueError(f"{path}: alpha_index_basic_count {n_basic} exceeds alpha_moments_count {moments}")
    basic = fields.indices("alpha_index_basic", n_basic, (functions, *[_MOST_POWER] * 3))
    times = fields.products(n_times, moments, n_basic)
    return MtpParameters(
        scaling=fields.scaling(),
        min_dist_A=min_dist_A,
        max_dist_A=max_dist_A,
        radial_coeffs=fields.radial(species, functions, fields.count("radial_basis_size")),
        basic=basic,
        times=times,
        n_moments=moments,
        mapping=fields.scalars(scalars, n_basic, times),
        species_coeffs=fields.numbers("species_coeffs", species, float),
        moment_coeffs=fields.numbers("moment_coeffs", scalars, float),
    )
