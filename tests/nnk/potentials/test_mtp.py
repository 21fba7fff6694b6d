"""The moment tensor potential: against its formula, against finite differences, and its invariances."""

import numpy as np
import pytest

from nnk.lattice import Lattice
from nnk.potentials import ForceFieldError
from nnk.potentials.mtp import MtpForceField, read_mtp

SPECIES = ("Nb", "Mo", "Ta", "W")
LATTICE_PARAMETERS_A = {"Nb": 3.321, "Mo": 3.173, "Ta": 3.320, "W": 3.190}


@pytest.fixture(scope="module")
def file(nnk_data):
    path = nnk_data / "potentials" / "NbMoTaW.mtp"
    if not path.is_file():
        pytest.skip(f"published potential: no file {path}")
    return path


@pytest.fixture(scope="module")
def engine(file):
    return MtpForceField(file, SPECIES)


@pytest.fixture
def alloy():
    """A rattled alloy in a box of three different edges."""
    rng = np.random.default_rng(1)
    lattice = Lattice.bcc((3, 4, 5), 3.24)
    positions = lattice.positions_A + 0.08 * rng.standard_normal((lattice.n_sites, 3))
    return rng.choice(SPECIES, lattice.n_sites).tolist(), lattice.box_A, positions


def moments(p, me, others, d):
    """All moments of an atom, as the definition has them."""
    r = np.linalg.norm(d, axis=1)
    xi = (2 * r - p.min_dist_A - p.max_dist_A) / (p.max_dist_A - p.min_dist_A)
    chebyshev = np.polynomial.chebyshev.chebvander(xi, p.radial_coeffs.shape[3] - 1)
    smooth = p.scaling * (r - p.max_dist_A) ** 2
    values = np.zeros(p.n_moments)
    for q, (mu, a, b, c) in enumerate(p.basic):
        f = smooth * (p.radial_coeffs[me, others, mu] * chebyshev).sum(axis=1)
        u = d / r[:, None]
        values[q] = (f * u[:, 0] ** a * u[:, 1] ** b * u[:, 2] ** c).sum()
    for i, j, factor, k in p.times:
        values[k] += factor * values[i] * values[j]
    return values


def naive_energy(p, numbers, box, positions):
    """The definition, over all images that can matter."""
    reach = np.ceil(p.max_dist_A / box).astype(int) + 1
    axes = [np.arange(-n, n + 1) for n in reach]
    shifts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3) * box
    energy, others = 0.0, np.tile(numbers, len(shifts))
    for i, me in enumerate(numbers):
        d = (positions[None] - positions[i] + shifts[:, None]).reshape(-1, 3)
        r = np.linalg.norm(d, axis=1)
        near = (r > 1e-9) & (r < p.max_dist_A)
        scalars = moments(p, me, others[near], d[near])[p.mapping]
        energy += p.species_coeffs[me] + (p.moment_coeffs * scalars).sum()
    return energy


@pytest.mark.parametrize("edges", [(15.0, 14.0, 16.0), (5.0, 9.7, 30.0), (3.0, 3.2, 3.1)])
def test_energy_is_that_of_the_definition(file, engine, edges):
    rng = np.random.default_rng(2)
    n = max(1, round(np.prod(edges) / 18))
    positions = rng.random((n, 3)) * edges
    numbers = rng.integers(0, 4, n)
    engine.set([SPECIES[k] for k in numbers], edges)
    expected = naive_energy(read_mtp(file), numbers, np.array(edges), positions)
    assert engine.energy_forces(positions)[0] == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", SPECIES)
def test_crystals_have_their_lattice_parameters(engine, name):
    a_A, energies = np.linspace(3.10, 3.40, 7), []
    for a in a_A:
        lattice = Lattice.bcc((3, 3, 3), a)
        engine.set([name] * lattice.n_sites, lattice.box_A)
        energies.append(engine.energy_forces(lattice.positions_A)[0])
    extrema = np.roots(np.polyder(np.polyfit(a_A, energies, 4)))
    inside = extrema[np.isreal(extrema) & (extrema.real > a_A[0]) & (extrema.real < a_A[-1])].real
    assert inside == pytest.approx([LATTICE_PARAMETERS_A[name]], abs=1.5e-3)


def test_forces_are_the_slope_of_the_energy(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    _, forces = engine.energy_forces(positions)
    h, worst = 1e-4, 0.0
    for i, axis in [(0, 0), (17, 1), (44, 2), (81, 0), (101, 1), (119, 2)]:
        energies = []
        for factor in (-2, -1, 1, 2):
            moved = positions.copy()
            moved[i, axis] += factor * h
            energies.append(engine.energy_forces(moved)[0])
        slope = np.dot([1, -8, 8, -1], energies) / (12 * h)
        worst = max(worst, abs(slope + forces[i, axis]))
    assert worst < 1e-6 * np.abs(forces).max()


def test_stress_is_the_slope_of_the_energy(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    _, _, stress = engine.energy_forces_stress(positions)
    h = 1e-5
    for k in range(3):
        energies = []
        for factor in (-2, -1, 1, 2):
            stretch = np.ones(3)
            stretch[k] += factor * h
            engine.set(species, box * stretch)
            energies.append(engine.energy_forces(positions * stretch)[0])
        slope = np.dot([1, -8, 8, -1], energies) / (12 * h * box.prod())
        assert stress[k] == pytest.approx(slope, abs=1e-6 * np.abs(stress).max())


def test_shear_stress_is_that_of_the_turned_cell(engine, alloy):
    """A rotation by 120 degrees about the diagonal exchanges the axes; by 90 degrees, signs as well."""
    species, box, positions = alloy
    engine.set(species, box)
    energy, forces, stress = engine.energy_forces_stress(positions)
    tensor = stress[[0, 5, 4, 5, 1, 3, 4, 3, 2]].reshape(3, 3)
    for rotation in (np.eye(3)[[1, 2, 0]], np.array([[0, -1, 0], [1, 0, 0], [0, 0, 1]])):
        engine.set(species, np.abs(rotation @ box))
        turned_energy, turned_forces, turned = engine.energy_forces_stress(positions @ rotation.T)
        assert turned_energy == pytest.approx(energy, abs=1e-10)
        assert turned_forces == pytest.approx(forces @ rotation.T, abs=1e-11)
        expected = (rotation @ tensor @ rotation.T)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        assert turned == pytest.approx(expected, abs=1e-13)


def test_moving_renumbering_and_other_images_change_nothing(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    energy, forces = engine.energy_forces(positions)
    rng = np.random.default_rng(3)
    images = positions + rng.integers(-3, 4, positions.shape) * box
    for same in (positions + np.array([1.1, -30.2, 7.3]), images):
        assert engine.energy_forces(same)[0] == pytest.approx(energy, abs=1e-9)
        assert engine.energy_forces(same)[1] == pytest.approx(forces, abs=1e-10)
    order = rng.permutation(len(species))
    engine.set([species[i] for i in order], box)
    assert engine.energy_forces(positions[order])[0] == pytest.approx(energy, abs=1e-10)
    assert engine.energy_forces(positions[order])[1] == pytest.approx(forces[order], abs=1e-11)


@pytest.mark.parametrize("repeats", [(4, 3, 2), (8, 7, 4)])
def test_a_repeated_cell_has_the_same_energy_per_cell(engine, repeats):
    """Cells narrower than the cutoff, one bin of neighbours, and many bins."""
    rng = np.random.default_rng(4)
    box, positions = np.array([3.3, 3.2, 6.9]), rng.random((4, 3)) * [3.3, 3.2, 6.9]
    engine.set(SPECIES, box)
    energy, forces, stress = engine.energy_forces_stress(positions)
    shifts, count = np.argwhere(np.ones(repeats)) * box, np.prod(repeats)
    order = rng.permutation(4 * count)
    engine.set(np.tile(SPECIES, count)[order].tolist(), box * repeats)
    whole = engine.energy_forces_stress((positions + shifts[:, None]).reshape(-1, 3)[order])
    assert whole[0] == pytest.approx(count * energy, rel=1e-12)
    scale = np.abs(forces).max()
    assert whole[1] == pytest.approx(np.tile(forces, (count, 1))[order], abs=1e-9 * scale)
    assert whole[2] == pytest.approx(stress, abs=1e-9 * np.abs(stress).max())


@pytest.mark.parametrize("edge", [22.0, 14.0, 4.1])
def test_results_do_not_depend_on_earlier_evaluations_to_the_last_bit(file, edge):
    rng = np.random.default_rng(5)
    n = round(edge**3 / 20)
    species, box = rng.choice(SPECIES, n).tolist(), [edge, edge + 1, edge + 2]
    kept, fresh = MtpForceField(file, SPECIES), MtpForceField(file, SPECIES)
    kept.set(species, box)
    positions = rng.random((n, 3)) * box
    for _ in range(40):
        positions += 0.06 * rng.standard_normal((n, 3))
        fresh.set(species, box)
        expected = fresh.energy_forces_stress(positions)
        for value, other in zip(kept.energy_forces_stress(positions), expected, strict=True):
            np.testing.assert_array_equal(value, other)
    assert kept.calls == 40


def test_more_neighbours_than_expected_find_room(file, engine):
    rng = np.random.default_rng(6)
    species, box = rng.choice(SPECIES, 90).tolist(), np.array([40.0, 40.0, 40.0])
    crowd = 20 + 2.0 * rng.random((90, 3))  # all of them neighbours, in a box that is nearly empty
    engine.set(species, box)
    energy, forces = engine.energy_forces(crowd)
    numbers = np.array([SPECIES.index(name) for name in species])
    assert energy == pytest.approx(naive_energy(read_mtp(file), numbers, box, crowd), rel=1e-10)
    assert forces.sum(axis=0) == pytest.approx(np.zeros(3), abs=1e-9 * np.abs(forces).max())


def test_an_isolated_atom_has_its_own_energy(file, engine):
    engine.set(["Ta"], (50.0, 50.0, 50.0))
    energy, forces = engine.energy_forces(np.array([[1.0, 2.0, 3.0]]))
    assert energy == read_mtp(file).species_coeffs[2]
    assert not forces.any()


def test_arrays_returned_are_the_callers(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    _, forces = engine.energy_forces(positions)
    before = forces.copy()
    engine.energy_forces(positions + 0.01 * np.sin(np.arange(len(species)))[:, None])
    np.testing.assert_array_equal(forces, before)


def test_what_cannot_be_evaluated_is_an_error_of_that_evaluation(engine, alloy):
    species, box, positions = alloy
    engine.set(species, box)
    energy, _ = engine.energy_forces(positions)
    together = positions.copy()
    together[1] = together[0]
    with pytest.raises(ForceFieldError, match="not finite"):
        engine.energy_forces(together)
    with pytest.raises(ForceFieldError, match="finite numbers"):
        engine.energy_forces(np.full_like(positions, np.nan))
    with pytest.raises(ValueError, match=r"expected shape \(120, 3\)"):
        engine.energy_forces(positions[:-1])
    assert engine.energy_forces(positions)[0] == energy


def test_wrong_elements_and_cells_are_refused(file, engine):
    with pytest.raises(ValueError, match=r"expected 4 different elements, got Nb, Mo, Ta"):
        MtpForceField(file, SPECIES[:3])
    with pytest.raises(ValueError, match="species Cu, V: the potential describes Nb, Mo, Ta, W"):
        engine.set(["Nb", "V", "Cu"], (9.0, 9.0, 9.0))
    with pytest.raises(ValueError, match="three positive lengths"):
        engine.set(["Nb"], (9.0, 9.0))
