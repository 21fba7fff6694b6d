"""A harmonic crystal, whose dynamics is known exactly."""

from __future__ import annotations

import numpy as np

from nnk.exchange.motion import ACCELERATION, masses_u
from nnk.lattice import Lattice
from nnk.potentials.base import check_positions, check_results

LATTICE = Lattice.bcc((2, 2, 2), 3.2)
SPECIES = ["Nb", "Ta"] * (LATTICE.n_sites // 2)


class HarmonicCrystal:
    """Springs between nearest neighbours that pull in every direction alike: E = k/2 sum |u_i - u_j|^2."""

    def __init__(self, stiffness_eV_A2: float = 1.0, lattice: Lattice = LATTICE) -> None:
        n = lattice.n_sites
        self._sites = lattice.positions_A
        self.matrix = np.zeros((n, n))  # of each of the three directions
        for i, neighbours in enumerate(lattice.neighbours):
            self.matrix[i, i] += stiffness_eV_A2 * len(neighbours)
            np.add.at(self.matrix[i], neighbours, -stiffness_eV_A2)
        self.calls = 0

    def set(self, species, cell_A):
        self._n = len(species)

    def energy_forces(self, positions_A):
        check_positions(positions_A, self._n)
        self.calls += 1
        u = positions_A - self._sites
        forces = -self.matrix @ u
        energy = -0.5 * float((u * forces).sum())
        check_results(energy, forces)
        return energy, forces

    def frequencies_fs(self, species):
        """Angular frequencies of the n - 1 modes of each direction, rad/fs."""
        root = np.sqrt(masses_u(species))
        squared = np.linalg.eigvalsh(ACCELERATION * self.matrix / np.outer(root, root))
        return np.sqrt(squared[1:])
