"""Dynamics of a harmonic crystal against what is known exactly; what it refuses."""

import numpy as np
import pytest

from nnk.constants import K_B_eV_K
from nnk.exchange.crystal import AtomLeft
from nnk.exchange.motion import ACCELERATION, masses_u
from nnk.potentials import ForceFieldError
from nnk.snapshots.correlation import n_effective
from nnk.snapshots.dynamics import Motion
from nnk.snapshots.parameters import Langevin
from tests.nnk.snapshots.harmonic import LATTICE, SPECIES, HarmonicCrystal

T_K = 600.0
MASSES = masses_u(SPECIES)[:, None]
N_FREE = 3 * (LATTICE.n_sites - 1)


def make(time_step_fs=2.0, friction_per_ps=10.0, key=1, temperature_K=T_K, **crystal):
    how = Langevin(temperature_K, time_step_fs, friction_per_ps)
    return Motion(HarmonicCrystal(**crystal), LATTICE, SPECIES, how, key=key)


def kinetic_eV(velocities):
    return 0.5 * float((MASSES * velocities**2).sum()) / ACCELERATION


def energy_error(time_step_fs):
    """Largest change of the total energy within 100 fs without friction."""
    motion = make(time_step_fs, friction_per_ps=0.0)
    state = motion.start()
    first = state.energy_eV + kinetic_eV(state.velocities)
    errors = []
    for _ in range(round(100 / time_step_fs)):
        state = motion.advance(state, 1)
        errors.append(abs(state.energy_eV + kinetic_eV(state.velocities) - first))
    return max(errors)


def test_without_friction_energy_is_conserved_to_second_order():
    errors = [energy_error(time_step_fs) for time_step_fs in (2.0, 1.0, 0.5)]
    assert errors[0] < 0.02 * N_FREE * K_B_eV_K * T_K
    np.testing.assert_allclose(np.divide(errors[:-1], errors[1:]), 4.0, rtol=0.1)


def test_without_friction_modes_swing_at_their_frequency():
    motion = make(0.5, friction_per_ps=0.0)
    crystal = HarmonicCrystal()
    root = np.sqrt(MASSES)
    squared, modes = np.linalg.eigh(ACCELERATION * crystal.matrix / (root * root.T))
    amplitude = 0.05 * modes[:, -1:] / root
    start = motion.resumed(0, LATTICE.positions_A + amplitude * [1, 0, 0], np.zeros((LATTICE.n_sites, 3)))
    end = motion.advance(start, 100)
    expected = amplitude * np.cos(np.sqrt(squared[-1]) * 50.0) * [1, 0, 0]
    np.testing.assert_allclose(end.positions_A - LATTICE.positions_A, expected, atol=1e-5)


@pytest.fixture(scope="module")
def canonical():
    """Potential energies, kinetic energies of each atom and displacements of a long run."""
    motion = make(4.0, friction_per_ps=20.0, key=3)
    state = motion.advance(motion.start(), 300)
    potential, kinetic = [], []
    for _ in range(3000):
        state = motion.advance(state, 4)
        potential.append(state.energy_eV)
        kinetic.append(0.5 * (MASSES * state.velocities**2).sum(axis=1) / ACCELERATION)
    return np.array(potential), np.array(kinetic), state


def test_the_potential_energy_is_canonical(canonical):
    """Mean and variance of N_FREE / 2 squares of normal numbers: exact for BAOAB at any time step."""
    potential, _, _ = canonical
    unit = 0.5 * K_B_eV_K * T_K
    n = n_effective(potential)
    assert potential.mean() == pytest.approx(N_FREE * unit, abs=4 * unit * np.sqrt(2 * N_FREE / n))
    relative = np.sqrt((2 + 12 / N_FREE) / n)  # of the variance of a chi-squared variable
    assert potential.var() == pytest.approx(2 * N_FREE * unit**2, rel=4 * relative)


def test_kinetic_energy_is_shared_out_equally(canonical):
    """Heavy or light, less what goes with the centre of mass; cold by (omega dt)^2/4."""
    _, kinetic, _ = canonical
    cold = 1 - ((4.0 * HarmonicCrystal().frequencies_fs(SPECIES)) ** 2 / 4).mean()
    wanted = 1.5 * K_B_eV_K * T_K * (1 - MASSES[:, 0] / MASSES.sum())
    n = n_effective(kinetic)
    for name in ("Nb", "Ta"):
        atoms = np.array(SPECIES) == name
        tolerance = 5 * np.sqrt(2 / (3 * atoms.sum() * n)) + 0.01
        ratio = kinetic[:, atoms].mean() / wanted[atoms].mean()
        assert ratio == pytest.approx(cold, abs=tolerance), name


def test_the_centre_of_mass_rests(canonical):
    *_, state = canonical
    drift = (MASSES * (state.positions_A - LATTICE.positions_A)).sum(axis=0) / MASSES.sum()
    np.testing.assert_allclose(drift, 0, atol=1e-11)
    np.testing.assert_allclose((MASSES * state.velocities).sum(axis=0), 0, atol=1e-13)


def test_forces_with_a_sum_do_not_move_the_whole():
    class Pulled(HarmonicCrystal):
        def energy_forces(self, positions_A):
            energy, forces = super().energy_forces(positions_A)
            return energy, forces + np.array([0.3, 0, 0])

    motion = Motion(Pulled(), LATTICE, SPECIES, Langevin(300.0), key=1)
    end = motion.advance(motion.start(), 200)
    drift = (MASSES * (end.positions_A - LATTICE.positions_A)).sum(axis=0) / MASSES.sum()
    np.testing.assert_allclose(drift, 0, atol=1e-12)


def test_the_temperature_counts_the_free_directions():
    motion = make()
    temperatures = [
        make(key=key).kinetic_temperature_K(make(key=key).start().velocities) for key in range(200)
    ]
    assert np.mean(temperatures) == pytest.approx(T_K, rel=4 * np.sqrt(2 / N_FREE / 200))
    assert motion.kinetic_temperature_K(np.zeros((LATTICE.n_sites, 3))) == 0


def test_noise_belongs_to_key_and_step_alone():
    whole = make().advance(make().start(), 30)
    motion = make()
    cut = motion.advance(motion.start(), 30)
    assert np.array_equal(whole.positions_A, cut.positions_A)
    other = make(key=2).advance(make(key=2).start(), 30)
    assert not np.array_equal(whole.positions_A, other.positions_A)
    in_parts = motion.advance(motion.advance(motion.start(), 17), 13)
    assert np.array_equal(whole.positions_A, in_parts.positions_A)
    assert np.array_equal(whole.velocities, in_parts.velocities)


def test_a_crystal_that_melts_is_told():
    motion = make(temperature_K=2e5)
    with pytest.raises(AtomLeft, match=r"after 400 steps of 2 fs at 200000 K atom \d+ .*has melted"):
        motion.advance(motion.start(), 400)


def test_a_time_step_that_is_too_long_is_told():
    motion = make(time_step_fs=60.0, stiffness_eV_A2=20.0)
    with pytest.raises((AtomLeft, ForceFieldError)):
        motion.advance(motion.start(), 500)


@pytest.mark.parametrize(
    ("name", "value"), [("temperature_K", 0.0), ("time_step_fs", -1.0), ("friction_per_ps", np.nan)]
)
def test_numbers_that_make_no_dynamics_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        Langevin(**{"temperature_K": 300.0, name: value})


def test_atoms_and_sites_must_be_as_many():
    with pytest.raises(ValueError, match="an atom for each"):
        Motion(HarmonicCrystal(), LATTICE, SPECIES[:-1], Langevin(300.0), key=1)
