"""The lattice parameter at which an alloy bears no pressure."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq, root_scalar

from nnk.alloy import exact_counts, random_solution
from nnk.files import rng
from nnk.lattice import Lattice, Structure
from nnk.potentials import ForceField, ForceFieldError, PotentialSpec, make_force_field
from nnk.saddle.hessian import LatticeHessian
from nnk.saddle.minimise import evaluate, relax
from nnk.saddle.springs import fit_springs

CELLS = {"bcc": (5, 5, 5), "fcc": (4, 4, 4)}
N_SAMPLES = 4
_NEIGHBOUR_A = np.linspace(1.8, 4.0, 45)  # nearest-neighbour distances among which the search starts
_EDGE_PER_NEIGHBOUR = {"bcc": 2 / np.sqrt(3), "fcc": np.sqrt(2)}
_MAX_FORCE_EV_A = 0.005
_TOLERANCE_A = 1e-5
_DIGITS = 5


class NotConverged(ValueError):
    """There is no such lattice parameter, or it was not found: the potential is not meant for these atoms."""


def ideal_lattice_parameter(
    force_field: ForceField, structure: Structure, cells: tuple[int, int, int], species: Sequence[str]
) -> float:
    """Lattice parameter (Å) at which unrelaxed atoms on their sites bear no pressure.

    Many potentials are wrong for atoms far too close, some down to energies below that of the crystal: of the
    minima of the energy the lowest counts, not the ends of the range.

    Raises:
        NotConverged: the energy has no minimum between nearest-neighbour distances of 1.8 and 4.0 Å.
    """

    def pressure(a_A: float) -> float:
        lattice = Lattice(structure, cells, a_A)
        force_field.set(species, lattice.box_A)
        return -float(force_field.energy_forces_stress(lattice.positions_A)[2][:3].mean())

    def energy(a_A: float) -> float:
        lattice = Lattice(structure, cells, a_A)
        force_field.set(species, lattice.box_A)
        try:
            return force_field.energy_forces(lattice.positions_A)[0]
        except ForceFieldError:  # not defined for atoms so close
            return np.inf

    edges = _EDGE_PER_NEIGHBOUR[structure] * _NEIGHBOUR_A
    energies = np.array([energy(a_A) for a_A in edges])
    minima = 1 + np.flatnonzero((energies[1:-1] < energies[:-2]) & (energies[1:-1] <= energies[2:]))
    if not len(minima):
        raise NotConverged(
            f"the {structure} lattice has no energy minimum for a from {edges[0]:.2f} to {edges[-1]:.2f} Å"
        )
    lowest = int(minima[np.argmin(energies[minima])])
    return float(brentq(pressure, edges[lowest - 1], edges[lowest + 1], xtol=_TOLERANCE_A))


def _relaxed_lattice_parameter(
    force_field: ForceField, structure: Structure, species: Sequence[str], seed: int
) -> float:
    """Lattice parameter (Å) at which one sample, its atoms relaxed, bears no pressure."""
    cells = CELLS[structure]
    start_A = ideal_lattice_parameter(force_field, structure, cells, species)
    lattice = Lattice(structure, cells, start_A)
    hessian = LatticeHessian(lattice, fit_springs(force_field, lattice, species, seed))
    displacements = np.zeros((lattice.n_sites, 3))

    def pressure(a_A: float) -> float:
        nonlocal displacements
        box = Lattice(structure, cells, a_A)
        force_field.set(species, box.box_A)
        start = evaluate(force_field.energy_forces, box.positions_A + displacements)
        relaxed, converged = relax(force_field.energy_forces, start, hessian, max_force_eV_A=_MAX_FORCE_EV_A)
        if not converged:
            raise NotConverged(f"the atoms do not settle in a {structure} box of a = {a_A:.4f} Å")
        displacements = relaxed.positions_A - box.positions_A
        return -float(force_field.energy_forces_stress(relaxed.positions_A)[2][:3].mean())

    root = root_scalar(pressure, method="secant", x0=start_A, x1=1.002 * start_A, xtol=_TOLERANCE_A)
    if not root.converged:
        raise NotConverged(f"no lattice parameter without pressure found near {start_A:.3f} Å ({root.flag})")
    return float(root.root)


def zero_pressure_lattice_parameter(
    spec: PotentialSpec, elements: Sequence[str], fractions: ArrayLike, structure: Structure, seed: int
) -> float:
    """The alloy's own lattice parameter in Å: the box of its barriers.

    Mean over four random samples of 250 (fcc 256) sites of the edge at which the pressure vanishes *with
    the atoms relaxed*: with atoms on their ideal sites it comes out 0.002 Å too small in Nb-Mo-Ta, an error
    of 1-2 meV in a barrier. One edge per composition, not per sample, keeps samples comparable; between
    samples it scatters by only 0.0002 Å. Rounded to 1e-5 Å, so that it is the same on every machine.

    Raises:
        ValueError: bad fractions, or a lattice that is not stable at any edge.
    """
    n_sites = Lattice(structure, CELLS[structure], 1.0).n_sites
    counts = exact_counts(fractions, n_sites)
    force_field = make_force_field(spec)
    try:
        edges = []
        for sample in range(N_SAMPLES):
            occupancy = random_solution(counts, rng(seed, "box", sample))
            species = [elements[i - 1] for i in occupancy]
            edges.append(_relaxed_lattice_parameter(force_field, structure, species, seed))
    finally:
        force_field.close()
    return round(float(np.mean(edges)), _DIGITS)
