"""Perfect-crystal configurations in LAMMPS text dumps."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nnk.environment import SpeciesArray
from nnk.lattice import Lattice, Structure
from nnk.models.program import Float64Array

_TOLERANCE_A = 0.05  # an atom farther than this from its site is not on the lattice


def read_lammps_dump(path: Path | str, structure: Structure, a_A: float) -> tuple[Lattice, SpeciesArray]:
    """Lattice and occupancy of the first snapshot of a dump with columns id, type, x, y, z.

    Args:
        path: the dump; its box is orthogonal and its atoms stand on lattice sites.
        structure: "bcc" or "fcc".
        a_A: lattice parameter, Å.

    Returns:
        The lattice, and its occupancy uint8[n_sites]: the type of each site's atom, 0 where there is none.

    Raises:
        ValueError: missing columns, a box that is no whole number of cells, an atom off the lattice or two on
            one site.
    """
    lines = Path(path).read_text().splitlines()
    origin, edges = _box(path, lines)
    atoms = _atoms(path, lines)
    return occupancy_of(path, structure, a_A, edges, atoms[:, 1:] - origin, atoms[:, 0].astype(np.uint8))


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


def _atoms(path: Path | str, lines: list[str]) -> Float64Array:
    """Rows (type, x, y, z)."""
    start = next((i for i, line in enumerate(lines) if line.startswith("ITEM: ATOMS")), None)
    names = lines[start].split()[2:] if start is not None else []
    wanted = ("type", "x", "y", "z")
    if start is None or not set(wanted) <= set(names):
        raise ValueError(f"{path}: expected 'ITEM: ATOMS' with the columns {' '.join(wanted)}")
    count = int(lines[lines.index("ITEM: NUMBER OF ATOMS") + 1])
    columns = [names.index(name) for name in wanted]
    rows = [line.split() for line in lines[start + 1 : start + 1 + count]]
    return np.array([[row[column] for column in columns] for row in rows], dtype=np.float64)
