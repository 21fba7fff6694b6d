"""A model Hessian for atoms on a lattice: springs to three neighbour shells, inverted by Fourier transform.

Each bond of shell s along the unit vector n has the stiffness k_par n n^T + k_perp (1 - n n^T); a weak
spring to the lattice keeps translations invertible. It is stiffer where the bonds alone leave the lattice
unstable, as they do where an alloy holds together by relaxation or by temperature alone (bcc Zr, random bcc
Co-Al): a preconditioner has to be positive definite even there. Without the vacancy the matrix is the same
for every site, so a product with it or with its inverse (the lattice Green's function) is a convolution. A
vacancy's site stays in as a node that bears no force and is free to follow its neighbours:

    inverse     H^-1 = R G R^T             (G: Green's function of the full lattice, R: restriction to atoms)
    product     H    = A_rr - A_rv A_vv^-1 A_vr   (Schur complement; r: atoms, v: vacancy)

which is positive definite and needs no set-up per vacancy.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from nnk.lattice import Lattice, shell_offsets

FloatArray = NDArray[np.float64]

STABILISER_EV_A2 = 0.05


class Hessian(Protocol):
    """A symmetric positive definite model of the second derivatives of the energy, in eV/Å^2."""

    def solve(self, vector: FloatArray) -> FloatArray:
        """H^-1 times `vector`, both float64[n, 3]."""

    def product(self, vector: FloatArray) -> FloatArray:
        """H times `vector`, both float64[n, 3]."""


@dataclass(frozen=True)
class Shell:
    """Mean stiffness of the bonds to one neighbour shell, along and across the bond."""

    along_eV_A2: float
    across_eV_A2: float


def bond_stiffness(structure: str, shell: int, spring: Shell) -> tuple[NDArray[np.int64], FloatArray]:
    """Offsets int64[m, 3] (a/2) of a shell's bonds and the stiffness float64[m, 3, 3] of each."""
    offsets = shell_offsets(structure, shell)  # type: ignore[arg-type]
    unit = offsets / np.linalg.norm(offsets, axis=1, keepdims=True)
    along = unit[:, :, None] * unit[:, None, :]
    return offsets, spring.along_eV_A2 * along + spring.across_eV_A2 * (np.eye(3) - along)


class LatticeHessian:
    """The model Hessian of a lattice without defects, shared by all vacancies of a cell."""

    def __init__(self, lattice: Lattice, shells: Sequence[Shell]) -> None:
        bonds = [bond_stiffness(lattice.structure, i + 1, spring) for i, spring in enumerate(shells)]
        self.lattice = lattice
        self.offsets = np.concatenate([offsets for offsets, _ in bonds])
        self.stiffness = np.concatenate([blocks for _, blocks in bonds])
        self.self_stiffness = self.stiffness.sum(axis=0) + STABILISER_EV_A2 * np.eye(3)
        self._cells = lattice.cells
        self._basis = lattice.n_sites // int(np.prod(lattice.cells))
        self._matrix = self._fourier_matrix()
        self._stiffen()
        self._inverse = np.linalg.inv(self._matrix)

    def _stiffen(self) -> None:
        """A stiffer spring to the lattice where a mode has hardly any stiffness, or a negative one."""
        lowest = float(np.linalg.eigvalsh(self._matrix).min())
        if lowest < STABILISER_EV_A2 / 2:
            lacking = STABILISER_EV_A2 - lowest
            self.self_stiffness = self.self_stiffness + lacking * np.eye(3)
            self._matrix = self._matrix + lacking * np.eye(3 * self._basis)

    def _fourier_matrix(self) -> NDArray[np.complex128]:
        """Matrices [k, 3 basis, 3 basis] of the wave vectors of a real transform."""
        width = 3 * self._basis
        rows = []
        for b in range(self._basis):  # the first cell's sites are the first of all
            row = np.zeros((self.lattice.n_sites, 3, 3))
            row[b] = self.self_stiffness
            np.add.at(row, self.lattice.sites_around(b, self.offsets), -self.stiffness)
            rows.append(row)
        kernel = np.stack(rows).reshape(self._basis, *self._cells, self._basis, 3, 3)
        spectrum = np.conj(scipy.fft.rfftn(kernel, axes=(1, 2, 3)))
        # [row basis, kx, ky, kz, column basis, column xyz, row xyz] -> [k, row, column]
        ordered = np.transpose(spectrum, (1, 2, 3, 0, 6, 4, 5))
        return np.ascontiguousarray(ordered.reshape(-1, width, width))

    def _convolve(self, matrices: NDArray[np.complexfloating], vector: FloatArray) -> FloatArray:
        field = vector.reshape(*self._cells, 3 * self._basis)
        waves = scipy.fft.rfftn(field, axes=(0, 1, 2))
        shape = waves.shape
        waves = (matrices @ waves.reshape(-1, shape[-1], 1)).reshape(shape)
        return scipy.fft.irfftn(waves, s=self._cells, axes=(0, 1, 2)).reshape(-1, 3)

    def solve(self, vector: FloatArray) -> FloatArray:
        """Inverse times `vector` float64[n_sites, 3]."""
        return self._convolve(self._inverse, vector)

    def product(self, vector: FloatArray) -> FloatArray:
        """Matrix times `vector` float64[n_sites, 3]."""
        return self._convolve(self._matrix, vector)


class VacancyHessian:
    """The model Hessian of the atoms around one vacancy; vectors are float64[n_sites - 1, 3], by site."""

    def __init__(self, perfect: LatticeHessian, vacancy_site: int) -> None:
        self._perfect = perfect
        self._site = vacancy_site
        self._neighbours = perfect.lattice.sites_around(vacancy_site, perfect.offsets)
        self._self_inverse = np.linalg.inv(perfect.self_stiffness)

    def _embedded(self, vector: FloatArray) -> FloatArray:
        return np.insert(vector, self._site, 0.0, axis=0)

    def _restricted(self, vector: FloatArray) -> FloatArray:
        return np.delete(vector, self._site, axis=0)

    def solve(self, vector: FloatArray) -> FloatArray:
        """H^-1 times `vector`, both float64[n_sites - 1, 3]."""
        return self._restricted(self._perfect.solve(self._embedded(vector)))

    def product(self, vector: FloatArray) -> FloatArray:
        """H times `vector`, both float64[n_sites - 1, 3]."""
        whole = self._perfect.product(self._embedded(vector))
        followed = -self._self_inverse @ whole[self._site]  # displacement of the free node
        np.add.at(whole, self._neighbours, -(self._perfect.stiffness @ followed))
        return self._restricted(whole)
