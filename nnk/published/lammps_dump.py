"""Perfect-crystal configurations in LAMMPS text dumps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nnk.environment import SpeciesArray
from nnk.lattice import Lattice, Structure
from nnk.models.program import Float64Array

_TOLERANCE_A = 0.05  # an atom farther than this from its site is not on the lattice


def read_lammps_dump(
    path: Path | str, structure: Structure, a_A: float, elements: Sequence[str] | None = None
) -> tuple[Lattice, SpeciesArray]:
    """Lattice and occupancy of the last snapshot of a dump with columns id, type, x, y, z.

    Args:
        path: the dump; its box is orthogonal and its atoms stand on lattice sites.
        structure: "bcc" or "fcc".
        a_A: lattice parameter, Å.
        elements: names of the species. A dump that has a column ``element`` is read by it then, since its
            types may be numbered otherwise.

    Returns:
        The lattice, and its occupancy uint8[n_sites]: the species of each site's atom (its type, or i for
        ``elements[i - 1]``), 0 where there is none.

    Raises:
        ValueError: missing columns, a box that is no whole number of cells, an atom off the lattice or two on
            one site, a type or an element that is none of `elements`.
    """
    lines = _last_snapshot(Path(path).read_text().splitlines())
    origin, edges = _box(path, lines)
    columns = _columns(path, lines)
    places = np.array([columns[axis] for axis in "xyz"], dtype=np.float64).T
    species = _species(path, columns, elements)
    return occupancy_of(path, structure, a_A, edges, places - origin, species)


def _last_snapshot(lines: list[str]) -> list[str]:
    starts = [i for i, line in enumerate(lines) if line.startswith("ITEM: TIMESTEP")]
    return lines[starts[-1] :] if starts else lines


def _species(
    path: Path | str, columns: dict[str, tuple[str, ...]], elements: Sequence[str] | None
) -> SpeciesArray:
    """uint8[n]: types as they are, or elements by their names where both are known."""
    if elements is None or "element" not in columns:
        types = np.array(columns["type"], dtype=np.int64)
        highest = len(elements) if elements is not None else np.iinfo(np.uint8).max
        if len(types) and not (types.min() >= 1 and types.max() <= highest):
            named = f"; the elements are {', '.join(elements)}" if elements is not None else ""
            bad = types.min() if types.min() < 1 else types.max()
            raise ValueError(f"{path}: type {bad}{named}")
        return types.astype(np.uint8)
    names = columns["element"]
    unknown = sorted(set(names) - set(elements))
    if unknown:
        raise ValueError(f"{path}: atoms of {', '.join(unknown)}; the elements are {', '.join(elements)}")
    return np.array([list(elements).index(name) + 1 for name in names], dtype=np.uint8)


def occupancy_of(
    path: Path | str,
    structure: Structure,
    a_A: float,
    edges_A: Float64Array,
    positions_A: Float64Array,
    species: SpeciesArray,
) -> tuple[Lattice, SpeciesArray]:
    """Lattice and occupancy of atoms in an orthogonal box whose corner is a site; `path` is for messages.

    Raises:
        ValueError: a box that is no whole number of cells, an atom off the lattice or two on one site.
    """
    cells = edges_A / a_A
    if np.abs(cells - np.round(cells)).max() > 1e-3:
        raise ValueError(f"{path}: box {edges_A.tolist()} Å is no whole number of cells of {a_A} Å")
    nx, ny, nz = (int(n) for n in np.round(cells))
    lattice = Lattice(structure, (nx, ny, nz), a_A)
    grid = np.round(positions_A / (a_A / 2)).astype(np.int64)
    away = np.abs(positions_A - grid * (a_A / 2)).max()
    if away > _TOLERANCE_A:
        raise ValueError(f"{path}: an atom is {away:.3f} Å away from its lattice site")
    sites = lattice.site_at(grid)
    if len(np.unique(sites)) != len(sites):
        raise ValueError(f"{path}: two atoms on one site")
    occupancy = np.zeros(lattice.n_sites, dtype=np.uint8)
    occupancy[sites] = species
    return lattice, occupancy


def _box(path: Path | str, lines: list[str]) -> tuple[Float64Array, Float64Array]:
    start = next((i for i, line in enumerate(lines) if line.startswith("ITEM: BOX BOUNDS")), None)
    if start is None or "xy" in lines[start]:
        raise ValueError(f"{path}: expected 'ITEM: BOX BOUNDS' of an orthogonal box")
    bounds = np.array([line.split()[:2] for line in lines[start + 1 : start + 4]], dtype=np.float64)
    return bounds[:, 0], bounds[:, 1] - bounds[:, 0]


def _columns(path: Path | str, lines: list[str]) -> dict[str, tuple[str, ...]]:
    """The atoms' columns by name, as text."""
    start = next((i for i, line in enumerate(lines) if line.startswith("ITEM: ATOMS")), None)
    names = lines[start].split()[2:] if start is not None else []
    needed = ("type", "x", "y", "z")
    if start is None or not set(needed) <= set(names):
        raise ValueError(f"{path}: expected 'ITEM: ATOMS' with the columns {' '.join(needed)}")
    count = int(lines[lines.index("ITEM: NUMBER OF ATOMS") + 1])
    rows = [line.split() for line in lines[start + 1 : start + 1 + count]]
    if not rows or len(rows) != count or any(len(row) != len(names) for row in rows):
        raise ValueError(
            f"{path}: expected {count} atoms with {len(names)} columns each; the file ends early"
        )
    return dict(zip(names, zip(*rows, strict=True), strict=True))
