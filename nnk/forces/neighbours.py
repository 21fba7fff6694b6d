"""Neighbours of the atoms of a periodic cell, by element, as tables that hold for many snapshots."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from ase.neighborlist import primitive_neighbor_list
from torch import Tensor

from nnk.forces.atoms import Atoms, Float64Array


class Neighbours(NamedTuple):
    """For each atom its neighbours, one element after the other; rows are filled up with distant ghosts.

    Attributes:
        atom: int64[n_atoms, k], which atom a neighbour is an image of.
        shift_A: float64[n_atoms, k, 3], added to that atom's position.
        columns: for each element, how many of the k are its own.
        species: int64[n_atoms], of the central atoms.
    """

    atom: Tensor
    shift_A: Tensor
    columns: tuple[int, ...]
    species: Tensor

    def to(self, device: torch.device) -> Neighbours:
        """The same on another device."""
        return Neighbours(
            self.atom.to(device), self.shift_A.to(device), self.columns, self.species.to(device)
        )


def neighbours(atoms: Atoms, positions_A: Float64Array, cutoff_A: float) -> Neighbours:
    """All atoms and images within `cutoff_A` of each atom in any of the snapshots.

    Args:
        atoms: the atoms.
        positions_A: float64[n, n_atoms, 3]; the table is exact for these, however far the atoms move.
        cutoff_A: distance of the farthest neighbour.
    """
    mean = positions_A.mean(0)
    reach = 2 * float(np.linalg.norm(positions_A - mean, axis=-1).max())
    cell = np.diag(atoms.cell_A)
    i, j, images = primitive_neighbor_list("ijS", [True] * 3, cell, mean, cutoff_A + reach)
    shifts = images * atoms.cell_A
    if reach > 0:
        near = _ever_near(positions_A, i, j, shifts, cutoff_A)
        i, j, shifts = i[near], j[near], shifts[near]
    return _table(atoms, i, j, shifts, cutoff_A)


def _ever_near(
    positions_A: Float64Array, i: np.ndarray, j: np.ndarray, shifts: Float64Array, cutoff_A: float
) -> np.ndarray:
    near = np.zeros(len(i), dtype=bool)
    for snapshot in positions_A:
        rest = np.flatnonzero(~near)
        apart = snapshot[j[rest]] + shifts[rest] - snapshot[i[rest]]
        near[rest[(apart**2).sum(1) < cutoff_A**2]] = True
    return near


def _table(atoms: Atoms, i: np.ndarray, j: np.ndarray, shifts: Float64Array, cutoff_A: float) -> Neighbours:
    n, columns = len(atoms), []
    parts_atom, parts_shift = [], []
    for species in range(1, len(atoms.elements) + 1):
        own = np.flatnonzero(atoms.species[j] == species)
        own = own[np.argsort(i[own], kind="stable")]
        counts = np.bincount(i[own], minlength=n)
        width = int(counts.max(initial=0))
        place = np.arange(len(own)) - np.repeat(np.cumsum(counts) - counts, counts)
        atom = np.repeat(np.arange(n)[:, None], width, axis=1)
        shift = np.zeros((n, width, 3))
        shift[..., 0] = 2 * cutoff_A  # a ghost: the atom itself, out of reach
        atom[i[own], place], shift[i[own], place] = j[own], shifts[own]
        columns.append(width)
        parts_atom.append(atom)
        parts_shift.append(shift)
    return Neighbours(
        torch.from_numpy(np.concatenate(parts_atom, axis=1)),
        torch.from_numpy(np.concatenate(parts_shift, axis=1)),
        tuple(columns),
        torch.from_numpy(atoms.species.astype(np.int64)),
    )
