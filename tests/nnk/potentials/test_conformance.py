"""What every force engine has to obey, for each kind of potential."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.potentials import make_force_field
from nnk.saddle.box import ideal_lattice_parameter


@dataclass(frozen=True)
class Case:
    structure: str
    elements: tuple[str, ...]
    cells: tuple[int, int, int]
    a_A: float


BCC, FCC = ("Nb", "Mo", "Ta"), ("Cu", "Ni")
CASES = {
    "builtin": Case("bcc", BCC, (3, 4, 5), 3.24),
    "mtp": Case("bcc", BCC, (3, 4, 5), 3.24),
    "snap": Case("bcc", BCC, (3, 4, 3), 3.24),
    "snap-zbl": Case("bcc", BCC, (3, 4, 3), 3.24),
    "cu-ni": Case("fcc", FCC, (2, 3, 4), 3.56),
    "emt": Case("fcc", FCC, (2, 3, 4), 3.56),
}

# lattice parameter (Å) and energy per atom (eV): as published with the potential; mtp: of the
# density-functional calculations (PBE) that such potentials are fitted to; emt: as in ASE's own tests
CRYSTALS = {
    "builtin": {"Mo": (3.150, -6.81), "Ta": (3.303, -8.09), "Nb": (3.298, -7.584)},
    "mtp": {"Nb": (3.32, -10.10), "Mo": (3.17, -10.85), "Ta": (3.32, -11.85), "W": (3.18, -12.96)},
    "snap": {"Nb": (3.32, 0.0), "Mo": (3.17, 0.0), "Ta": (3.32, 0.0)},
    "cu-ni": {"Cu": (3.615, -3.54), "Ni": (3.52, -4.45)},
    "emt": {"Cu": (3.59, -0.007), "Au": (4.056, 0.0)},
}
TOLERANCES = {"builtin": (0.002, 0.005), "cu-ni": (1e-3, 1e-3), "emt": (2e-3, 1e-3)}
LOOSE = (0.015, 0.05)  # of potentials fitted to density-functional data


@pytest.fixture(scope="module", params=list(CASES))
def name(request):
    return request.param


@pytest.fixture(scope="module")
def engine(name, make_spec):
    try:
        force_field = make_force_field(make_spec(name))
    except ImportError as error:
        pytest.skip(f"{name}: {error}")
    yield force_field
    force_field.close()


@pytest.fixture
def alloy(name):
    """Species, edges and positions of a rattled alloy in a box of different edges."""
    case, rng = CASES[name], np.random.default_rng(1)
    lattice = Lattice(case.structure, case.cells, case.a_A)
    positions = lattice.positions_A + 0.08 * rng.standard_normal((lattice.n_sites, 3))
    return rng.choice(np.array(case.elements), lattice.n_sites).tolist(), lattice.box_A, positions


def five_point_slope(energy, h):
    near, far = ((energy(k * h) - energy(-k * h)) / (2 * k * h) for k in (1, 2))
    return (4 * near - far) / 3


def test_forces_are_the_slope_of_the_energy(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    _, forces = engine.energy_forces(positions)
    assert np.abs(forces.sum(axis=0)).max() < 1e-9
    rng = np.random.default_rng(3)
    for atom, axis in zip(rng.integers(0, len(species), 10), [0, 1, 2] * 4, strict=False):
        step = np.zeros_like(positions)
        step[atom, axis] = 1.0
        slope = five_point_slope(lambda x, step=step: engine.energy_forces(positions + x * step)[0], 2e-5)
        assert forces[atom, axis] == pytest.approx(-slope, abs=1e-6)


def test_stress_is_the_slope_against_the_edges(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    _, _, stress = engine.energy_forces_stress(positions)

    def energy(strain, axis):
        stretch = np.ones(3)
        stretch[axis] += strain
        engine.set(species, box * stretch)
        return engine.energy_forces(positions * stretch)[0]

    for axis in range(3):
        slope = five_point_slope(lambda x, axis=axis: energy(x, axis), 1e-4)
        assert stress[axis] == pytest.approx(slope / np.prod(box), abs=1e-6)


def test_stress_turns_with_the_axes(engine, alloy):
    """x -> y -> z -> x: a stress component at a wrong place would stay behind."""
    species, box, positions = alloy
    engine.set(species, box)
    stress = engine.energy_forces_stress(positions)[2]
    engine.set(species, np.roll(box, 1))
    turned = engine.energy_forces_stress(np.roll(positions, 1, axis=1))[2]
    np.testing.assert_allclose(turned[:3], np.roll(stress[:3], 1), atol=1e-9)
    np.testing.assert_allclose(turned[3:], np.roll(stress[3:], 1), atol=1e-9)
    assert np.ptp(stress[3:]) > 1e-4


def test_images_and_translations_do_not_matter(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    energy, forces = engine.energy_forces(positions)
    rng = np.random.default_rng(4)
    images = positions + box * rng.integers(-2, 3, positions.shape)
    for moved in (images, positions + np.array([1.1, -7.3, 20.0]), positions - 3 * box):
        other_energy, other_forces = engine.energy_forces(moved)
        assert other_energy == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(other_forces, forces, atol=1e-9)


def test_the_order_of_atoms_does_not_matter(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    energy, forces = engine.energy_forces(positions)
    order = np.random.default_rng(5).permutation(len(species))
    engine.set([species[i] for i in order], box)
    other_energy, other_forces = engine.energy_forces(positions[order])
    assert other_energy == pytest.approx(energy, abs=1e-9)
    np.testing.assert_allclose(other_forces, forces[order], atol=1e-9)


def test_what_was_evaluated_before_does_not_matter(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    energy, forces = engine.energy_forces(positions)
    rng = np.random.default_rng(6)
    for _ in range(6):  # through many neighbour lists, far away and back
        engine.energy_forces(positions + rng.normal(0, 3, 3) + 0.2 * rng.standard_normal(positions.shape))
    again, forces_again = engine.energy_forces(positions)
    assert again == pytest.approx(energy, abs=1e-9)
    np.testing.assert_allclose(forces_again, forces, atol=1e-9)
    engine.set(species[:-1], box * 1.01)
    engine.energy_forces(positions[:-1] * 1.01)
    engine.set(species, box)
    after_set, forces_after_set = engine.energy_forces(positions)
    assert after_set == energy
    np.testing.assert_array_equal(forces_after_set, forces)


def test_small_cells_are_those_of_the_crystal(name, engine):
    """Narrower than the cutoff's diameter: atoms see several images of each other, and cross the faces."""
    case, rng = CASES[name], np.random.default_rng(8)
    lattice = Lattice(case.structure, (2, 2, 2), case.a_A)
    species = rng.choice(np.array(case.elements), lattice.n_sites).tolist()
    shifts = np.array([[i, j, k] for i in (0, 1) for j in (0, 1) for k in (0, 1)]) * lattice.box_A
    walk = [lattice.positions_A + 0.05 * rng.standard_normal((lattice.n_sites, 3)) for _ in range(6)]
    engine.set(species, lattice.box_A)
    small = [engine.energy_forces(positions) for positions in walk]
    engine.set(species * 8, 2 * lattice.box_A)
    for (energy, forces), positions in zip(small, walk, strict=True):
        whole = np.concatenate([positions + shift for shift in shifts])
        whole_energy, whole_forces = engine.energy_forces(whole)
        assert whole_energy / 8 == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(whole_forces[: lattice.n_sites], forces, atol=1e-9)


def test_results_stay_when_others_come(engine, alloy):
    """No view into an array that the next evaluation writes to."""
    species, box, positions = alloy
    engine.set(species, box)
    _, forces = engine.energy_forces(positions)
    kept, given = forces.copy(), positions.copy()
    engine.energy_forces(positions + 0.05)
    np.testing.assert_array_equal(forces, kept)
    np.testing.assert_array_equal(positions, given)


def test_calls_are_counted(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    before = engine.calls
    engine.energy_forces(positions)
    engine.energy_forces_stress(positions)
    assert engine.calls == before + 2


def test_bad_arguments_are_refused(engine, alloy):
    species, box, positions = alloy
    with pytest.raises(ValueError, match="cell_A"):
        engine.set(species, [1.0, 2.0, -1.0])
    engine.set(species, box)
    with pytest.raises(ValueError, match="shape"):
        engine.energy_forces(positions[1:])


@pytest.mark.parametrize("name", list(CRYSTALS), scope="module")
def test_crystals_are_the_published_ones(engine, name):
    length_tolerance_A, energy_tolerance_eV = TOLERANCES.get(name, LOOSE)
    structure, cells = CASES[name].structure, (3, 3, 3)
    n_sites = Lattice(structure, cells, 1.0).n_sites
    for element, (a_A, energy_eV) in CRYSTALS[name].items():
        species = [element] * n_sites
        found_A = ideal_lattice_parameter(engine, structure, cells, species)
        lattice = Lattice(structure, cells, found_A)
        engine.set(species, lattice.box_A)
        energy, forces, stress = engine.energy_forces_stress(lattice.positions_A)
        assert found_A == pytest.approx(a_A, abs=length_tolerance_A)
        assert energy / n_sites == pytest.approx(energy_eV, abs=energy_tolerance_eV)
        assert np.abs(forces).max() < 1e-9
        assert np.abs(stress).max() < 1e-4
