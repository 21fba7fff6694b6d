"""A full crystal under a potential: its energy for any arrangement of the atoms, at rest or relaxed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nnk.lattice import Lattice
from nnk.potentials import ForceField
from nnk.saddle.hessian import Hessian
from nnk.saddle.minimise import Point, evaluate, largest, relax

FloatArray = NDArray[np.float64]
UInt8Array = NDArray[np.uint8]

ON_SITE = 0.35  # an atom belongs to its site while within this fraction of the neighbour distance


class AtomLeft(RuntimeError):
    """An atom has left its site: the arrangement is no crystal on this lattice any more."""


@dataclass(frozen=True, eq=False)
class Crystal:
    """Atoms on all sites of a lattice; atom i belongs to site i.

    Attributes:
        force_field: energies and forces.
        lattice: sites and box.
        elements: species i of an occupancy is ``elements[i - 1]``.
        hessian: model of the second derivatives, for relaxation.
        max_force_eV_A: largest force left by a relaxation.
    """

    force_field: ForceField
    lattice: Lattice
    elements: tuple[str, ...]
    hessian: Hessian
    max_force_eV_A: float = 0.02

    def set(self, occupancy: UInt8Array) -> None:
        """Let the potential know the species uint8[n_sites], none of them 0.

        Raises:
            ValueError: a vacancy, another number of sites, or unknown species.
        """
        n_sites, n_species = self.lattice.n_sites, len(self.elements)
        fits = occupancy.shape == (n_sites,)
        if not fits or not 1 <= occupancy.min() <= occupancy.max() <= n_species:
            raise ValueError(f"occupancy: expected {n_sites} sites, each with a species 1 to {n_species}")
        self.force_field.set(species_of(occupancy, self.elements), self.lattice.box_A)

    def energy_eV(self, occupancy: UInt8Array, positions_A: FloatArray) -> float:
        """Energy of an arrangement with the atoms where they are (one call)."""
        self.set(occupancy)
        return self.force_field.energy_forces(positions_A)[0]

    def relaxed(self, occupancy: UInt8Array, start_A: FloatArray | None = None) -> Point:
        """The minimum reached from `start_A` (the sites, if None).

        Raises:
            AtomLeft: there is no minimum with the atoms on these sites.
        """
        self.set(occupancy)
        forces = self.force_field.energy_forces
        start = evaluate(forces, self.lattice.positions_A if start_A is None else start_A)
        point, converged = relax(forces, start, self.hessian, max_force_eV_A=self.max_force_eV_A)
        if not converged:
            raise AtomLeft(f"the atoms did not settle below {self.max_force_eV_A} eV/Å")
        self.check_on_sites(point.positions_A)
        return point

    def check_on_sites(self, positions_A: FloatArray) -> None:
        """Refuse positions in which an atom has left its site; a drift of all together does not count.

        Raises:
            AtomLeft: one has.
        """
        displacement = positions_A - self.lattice.positions_A
        displacement = displacement - displacement.mean(axis=0)
        neighbour_A = 0.5 * self.lattice.a_A * float(np.linalg.norm(self.lattice.jumps[0]))
        if (farthest := largest(displacement)) >= ON_SITE * neighbour_A:
            raise AtomLeft(
                f"an atom is {farthest:.2f} Å from its site, more than {ON_SITE * neighbour_A:.2f} Å: "
                f"the {self.lattice.structure} lattice is not stable here, or the temperature is too high"
            )


def species_of(occupancy: UInt8Array, elements: Sequence[str]) -> list[str]:
    """Element of each atom."""
    return [elements[i - 1] for i in occupancy.tolist()]
