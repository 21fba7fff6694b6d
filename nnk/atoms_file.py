"""Atoms from files of other programs, put on the sites of a lattice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from nnk.environment import SpeciesArray
from nnk.lattice import Lattice, Structure
from nnk.published.lammps_dump import occupancy_of, read_lammps_dump

if TYPE_CHECKING:
    from ase import Atoms

_VACANCY = "X"  # ASE's symbol of no element
XYZ = (".xyz", ".extxyz")


def read_atoms(
    path: Path | str, structure: Structure, a_A: float, elements: Sequence[str]
) -> tuple[Lattice, SpeciesArray]:
    """Lattice and occupancy of a file, whose format its suffix tells.

    Args:
        path: extended XYZ (``.xyz``, ``.extxyz``; its last state, read by ASE, elements by their symbols) or
            a LAMMPS text dump (any other name; its last snapshot, elements by the column ``element`` if it
            has one, else types numbered as `elements`).
        structure: "bcc" or "fcc".
        a_A: lattice parameter, Å.
        elements: species i is ``elements[i - 1]``.

    Returns:
        The lattice, and its occupancy uint8[n_sites]: 0 where there is no atom, or one of the symbol X.

    Raises:
        ValueError: a box that is not orthogonal, or no whole number of cells; an atom off the lattice, two on
            one site, or one of another element.
    """
    path = Path(path)
    if path.suffix not in XYZ:
        return read_lammps_dump(path, structure, a_A, elements)
    return _read_xyz(path, structure, a_A, elements)


def _read_xyz(
    path: Path, structure: Structure, a_A: float, elements: Sequence[str]
) -> tuple[Lattice, SpeciesArray]:
    from ase.io import read  # slow to import, and seldom needed

    atoms = cast("Atoms", read(path, index=-1, format="extxyz"))
    edges = np.diag(atoms.cell.array).copy()
    if not np.allclose(atoms.cell.array, np.diag(edges)):
        raise ValueError(f"{path}: expected an orthogonal box along x, y and z")
    known = {name: i + 1 for i, name in enumerate(elements)} | {_VACANCY: 0}
    unknown = sorted(set(atoms.get_chemical_symbols()) - set(known))
    if unknown:
        raise ValueError(f"{path}: atoms of {', '.join(unknown)}; the elements are {', '.join(elements)}")
    species = np.array([known[symbol] for symbol in atoms.get_chemical_symbols()], dtype=np.uint8)
    return occupancy_of(path, structure, a_A, edges, atoms.positions, species)
