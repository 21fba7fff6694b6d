"""The stored model Hessian and the alloy's box."""

import numpy as np
import pytest

from nnk.alloy import exact_counts, random_solution
from nnk.lattice import Lattice
from nnk.saddle import SystemProduct, fit_system, zero_pressure_lattice_parameter
from nnk.saddle.box import ideal_lattice_parameter
from nnk.saddle.hessian import LatticeHessian
from nnk.saddle.minimise import evaluate, relax
from nnk.saddle.springs import fit_springs


class SpringCrystal:
    """Harmonic bonds of known stiffness to the first two shells."""

    def __init__(self, lattice, shells):
        self.hessian = LatticeHessian(lattice, shells)
        self.lattice = lattice

    def set(self, species, cell_A):
        pass

    def energy_forces(self, positions):
        u = positions - self.lattice.positions_A
        forces = -self.hessian.product(u)
        return -0.5 * float((u * forces).sum()), forces


def test_known_springs_are_found_again(system):
    lattice = Lattice.bcc((4, 4, 4), 3.2)
    found = fit_springs(SpringCrystal(lattice, system.shells), lattice, ["Nb"] * lattice.n_sites, seed=3)
    for one, other in zip(found, system.shells, strict=True):
        assert one.along_eV_A2 == pytest.approx(other.along_eV_A2, abs=1e-5)
        assert one.across_eV_A2 == pytest.approx(other.across_eV_A2, abs=1e-5)


def test_the_product_is_deterministic_and_survives_its_file(spec, elements, system):
    assert fit_system(spec, elements, "bcc", seed=1) == system
    assert SystemProduct.from_json(system.to_json()) == system
    assert fit_system(spec, elements, "bcc", seed=2) != system
    assert system.potential_hash == spec.hash


@pytest.mark.parametrize(("name", "a_A"), [("Mo", 3.150), ("Ta", 3.303), ("Nb", 3.298)])
def test_boxes_of_the_elements(spec, force_field, name, a_A):
    edge = zero_pressure_lattice_parameter(spec, [name], [1.0], "bcc", seed=1)
    assert edge == pytest.approx(a_A, abs=1e-3)
    ideal = ideal_lattice_parameter(force_field, "bcc", (3, 3, 3), [name] * 54)
    assert edge == pytest.approx(ideal, abs=2e-5)


def test_a_relaxed_alloy_bears_no_pressure_in_its_box(spec, force_field, elements, system):
    fractions = [0.34, 0.33, 0.33]
    edge = zero_pressure_lattice_parameter(spec, elements, fractions, "bcc", seed=1)
    assert edge == pytest.approx(3.240, abs=0.005)
    assert edge == zero_pressure_lattice_parameter(spec, elements, fractions, "bcc", seed=1)
    lattice = Lattice.bcc((6, 6, 6), edge)
    occupancy = random_solution(exact_counts(fractions, lattice.n_sites), np.random.default_rng(9))
    force_field.set([elements[i - 1] for i in occupancy], lattice.box_A)
    start = evaluate(force_field.energy_forces, lattice.positions_A)
    point, converged = relax(
        force_field.energy_forces, start, system.lattice_hessian(lattice), max_force_eV_A=0.005
    )
    assert converged
    stress = force_field.energy_forces_stress(point.positions_A)[2]
    # with a bulk modulus above 1 eV/Å^3 this is an edge right to 0.001 Å
    assert abs(stress[:3].mean()) < 1e-3


def test_a_box_whose_atoms_do_not_settle_is_refused(spec, elements, monkeypatch):
    monkeypatch.setattr("nnk.saddle.box._MAX_FORCE_EV_A", 0.0)
    with pytest.raises(ValueError, match="do not settle"):
        zero_pressure_lattice_parameter(spec, elements, [0.4, 0.3, 0.3], "bcc", seed=1)


def test_a_lattice_without_minimum_is_refused():
    class Repulsion:
        def set(self, species, cell_A):
            self.volume = float(np.prod(cell_A))

        def energy_forces(self, positions):
            return 1 / self.volume, np.zeros_like(positions)

    with pytest.raises(ValueError, match="no energy minimum"):
        ideal_lattice_parameter(Repulsion(), "bcc", (2, 2, 2), ["Nb"] * 16)
