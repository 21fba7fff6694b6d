"""The model Hessian of a system: spring constants fitted once and kept as a product.

A label depends on the model Hessian only through where its searches stop, within the force tolerance;
storing it makes reruns give the same labels.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from nnk.alloy import exact_counts, random_solution
from nnk.files import rng
from nnk.lattice import Lattice, Structure
from nnk.potentials import PotentialSpec, make_force_field
from nnk.saddle.box import ideal_lattice_parameter
from nnk.saddle.hessian import LatticeHessian, Shell
from nnk.saddle.springs import fit_springs

_FIT_CELLS = {"bcc": (4, 4, 4), "fcc": (3, 3, 3)}
_DIGITS = 6  # of the stored lattice parameter


@dataclass(frozen=True)
class SystemProduct:
    """Spring constants of the model Hessian of one potential, set of elements and lattice.

    Attributes:
        structure: "bcc" or "fcc".
        elements: elements of the equimolar alloy they were fitted to.
        potential_hash: hash of the potential.
        seed: seed of the random alloy and of the atoms displaced.
        a_A: lattice parameter of the fit.
        shells: stiffness of the bonds to the nearest shells.
    """

    structure: Structure
    elements: tuple[str, ...]
    potential_hash: str
    seed: int
    a_A: float
    shells: tuple[Shell, ...]

    def lattice_hessian(self, lattice: Lattice) -> LatticeHessian:
        """The model Hessian of `lattice`.

        Raises:
            ValueError: fitted for another structure.
        """
        if lattice.structure != self.structure:
            raise ValueError(f"the model Hessian is of {self.structure}, the lattice is {lattice.structure}")
        return LatticeHessian(lattice, self.shells)

    def to_json(self) -> str:
        """JSON text, exact."""
        return json.dumps(asdict(self), indent=1, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> SystemProduct:
        """Read `to_json`."""
        content = json.loads(text)
        shells = tuple(Shell(**shell) for shell in content.pop("shells"))
        return cls(elements=tuple(content.pop("elements")), shells=shells, **content)


def equimolar_sample(elements: Sequence[str], lattice: Lattice, seed: int) -> list[str]:
    """Elements of the sites of a random equimolar alloy."""
    counts = exact_counts(np.full(len(elements), 1 / len(elements)), lattice.n_sites)
    occupancy = random_solution(counts, rng(seed, "model Hessian"))
    return [elements[i - 1] for i in occupancy]


def fit_system(
    spec: PotentialSpec, elements: Sequence[str], structure: Structure, seed: int
) -> SystemProduct:
    """Fit the model Hessian of a potential to the random equimolar alloy of `elements`.

    Raises:
        ValueError: elements that the potential does not describe.
    """
    force_field = make_force_field(spec)
    try:
        cells = _FIT_CELLS[structure]
        species = equimolar_sample(elements, Lattice(structure, cells, 1.0), seed)
        a_A = round(ideal_lattice_parameter(force_field, structure, cells, species), _DIGITS)
        shells = fit_springs(force_field, Lattice(structure, cells, a_A), species, seed)
    finally:
        force_field.close()
    return SystemProduct(structure, tuple(elements), spec.hash, seed, a_A, shells)
