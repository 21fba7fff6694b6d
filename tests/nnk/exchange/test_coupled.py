"""Exchanges under a force field: exact statistics on a model solid."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import chi2

from nnk.constants import K_B_eV_K
from nnk.exchange.coupled import CoupledExchange, CoupledState
from nnk.exchange.crystal import AtomLeft, Crystal
from nnk.exchange.motion import kinetic_temperature_K, masses_u, move, thermal_velocities
from nnk.exchange.pairs import PairHamiltonian
from nnk.exchange.parameters import CoupledParameters, Thermostat
from nnk.lattice import Lattice

STIFFNESS = 3.0  # eV/Å^2


class EinsteinSolid:
    """Every atom on a spring to its site, and pair energies of the arrangement: all averages are known."""

    def __init__(self, lattice, pairs):
        self.lattice, self.pairs, self.calls = lattice, pairs, 0
        self.energies: dict[bytes, float] = {}

    def set(self, species, cell_A):
        assert np.allclose(cell_A, self.lattice.box_A)
        names = self.pairs.elements
        self.occupancy = np.array([names.index(name) + 1 for name in species], dtype=np.uint8)

    def energy_forces(self, positions_A):
        self.calls += 1
        u = positions_A - self.lattice.positions_A
        key = self.occupancy.tobytes()
        if key not in self.energies:
            self.energies[key] = self.pairs.energy_eV(self.lattice, self.occupancy)
        return self.energies[key] + 0.5 * STIFFNESS * float((u**2).sum()), -STIFFNESS * u

    def energy_forces_stress(self, positions_A):
        return (*self.energy_forces(positions_A), np.zeros(6))

    def close(self):
        pass


class Springs:
    """The Hessian of an Einstein solid."""

    def solve(self, vector):
        return vector / STIFFNESS

    def product(self, vector):
        return STIFFNESS * vector


@pytest.fixture
def solid():
    """Nb and Ta with energies of pairs, on 16 sites."""
    pair_eV = np.zeros((2, 3, 3))
    pair_eV[:, 1, 2] = pair_eV[:, 2, 1] = [-0.02, 0.01]
    pair_eV[:, 2, 2] = [0.005, 0.013]
    pairs = PairHamiltonian(("Nb", "Ta"), "bcc", pair_eV)
    lattice = Lattice.bcc((2, 2, 2), 3.3)
    return Crystal(EinsteinSolid(lattice, pairs), lattice, ("Nb", "Ta"), Springs()), pairs


START = np.array([1] * 13 + [2] * 3, dtype=np.uint8)


@pytest.mark.parametrize("mode", ["relax", "md"])
def test_arrangements_follow_boltzmann(mode, solid):
    """560 arrangements of three Ta on 16 sites, grouped by energy: frequencies against exp(-E/kT)."""
    crystal, pairs = solid
    lattice = crystal.lattice
    temperature_K, n = 900.0, 3000
    how = CoupledParameters(mode, temperature_K, steps=2, trials_per_pair=6)
    run = CoupledExchange(crystal, START, 5, how)
    found: dict[float, int] = {}
    for i in range((6 if mode == "relax" else 1) * n):
        state = run.advance()
        if mode == "md" or i % 6 == 0:
            energy = round(crystal.force_field.energies[state.occupancy.tobytes()], 6)
            found[energy] = found.get(energy, 0) + 1
    weights: dict[float, float] = {}
    for sites in combinations(range(16), 3):
        occupancy = np.ones(16, dtype=np.uint8)
        occupancy[list(sites)] = 2
        energy = round(pairs.energy_eV(lattice, occupancy), 6)
        weights[energy] = weights.get(energy, 0) + np.exp(-energy / (K_B_eV_K * temperature_K))
    assert len(weights) > 3
    expected = n * np.array(list(weights.values())) / sum(weights.values())
    counts = np.array([found.get(energy, 0) for energy in weights])
    assert counts.sum() == n
    correlated = 2.0  # states a few trials apart are not independent
    assert ((counts - expected) ** 2 / expected).sum() / correlated < chi2.ppf(0.9999, len(weights) - 1)


def test_dynamics_keep_the_temperature_of_velocities_and_positions(solid):
    crystal, _ = solid
    crystal.set(START)
    masses = masses_u(["Nb"] * 13 + ["Ta"] * 3)
    rng = np.random.default_rng(1)
    thermostat = Thermostat(500.0, timestep_fs=2.0, friction_per_ps=20.0)
    x, v = crystal.lattice.positions_A, thermal_velocities(masses, 500.0, rng)
    kinetic, spread = [], []
    for _ in range(1500):
        x, v, _ = move(crystal.force_field.energy_forces, x, v, masses, thermostat, steps=10, rng=rng)
        kinetic.append(kinetic_temperature_K(v, masses))
        spread.append(np.mean((x - crystal.lattice.positions_A) ** 2))
    assert np.mean(kinetic) == pytest.approx(500.0, rel=0.03)
    assert np.mean(spread) == pytest.approx(K_B_eV_K * 500.0 / STIFFNESS, rel=0.05)


def test_without_friction_the_energy_is_kept(solid):
    crystal, _ = solid
    crystal.set(START)
    masses = masses_u(["Nb"] * 13 + ["Ta"] * 3)
    rng = np.random.default_rng(2)
    x, v = crystal.lattice.positions_A, thermal_velocities(masses, 600.0, rng)
    forces = crystal.force_field.energy_forces
    thermostat = Thermostat(600.0, timestep_fs=1.0, friction_per_ps=1e-12)
    before = forces(x)[0] + 0.5 * (masses[:, None] * v**2).sum() / 9.648533212e-3
    x, v, energy = move(forces, x, v, masses, thermostat, steps=500, rng=rng)
    after = energy + 0.5 * (masses[:, None] * v**2).sum() / 9.648533212e-3
    assert after == pytest.approx(before, abs=2e-3)


@pytest.mark.parametrize("mode", ["relax", "md"])
def test_a_run_in_parts_is_the_whole_run(mode, solid):
    crystal, _ = solid
    how = CoupledParameters(mode, 900.0, steps=5, trials_per_pair=4)
    whole = CoupledExchange(crystal, START, 9, how)
    for _ in range(6):
        whole.advance()
    state = None
    for cycles in (1, 3, 2):
        run = CoupledExchange(crystal, START, 9, how, state)
        for _ in range(cycles):
            run.advance()
        state = CoupledState.from_arrays(run.state.arrays())
    for name, array in whole.state.arrays().items():
        assert np.array_equal(array, state.arrays()[name]), name
    assert whole.state.trials == (6 if mode == "relax" else 24)
    assert whole.trials_per_cycle == whole.state.trials / 6
    assert np.array_equal(np.bincount(whole.state.occupancy), np.bincount(START))


def test_the_key_decides(solid):
    crystal, _ = solid
    how = CoupledParameters("md", 900.0, steps=1, trials_per_pair=10)
    states = [CoupledExchange(crystal, START, key, how).advance() for key in (1, 1, 2)]
    assert np.array_equal(states[0].positions_A, states[1].positions_A)
    assert not np.array_equal(states[0].positions_A, states[2].positions_A)


def test_an_exchange_keeps_kinetic_energies(solid):
    crystal, _ = solid
    run = CoupledExchange(crystal, START, 3, CoupledParameters("md", 1e5, steps=1, trials_per_pair=1))
    mass = np.array([0.0, *masses_u(["Nb", "Ta"])])
    rng = np.random.default_rng(0)
    state = run._try(run.state, (1, 2), rng)
    assert state.accepted == 1
    before = (mass[run.state.occupancy][:, None] * run.state.velocities**2).sum(axis=1)
    after = (mass[state.occupancy][:, None] * state.velocities**2).sum(axis=1)
    assert after == pytest.approx(before, rel=1e-12)
    assert not np.array_equal(state.velocities, run.state.velocities)


def test_a_melting_crystal_is_refused(solid):
    crystal, _ = solid
    run = CoupledExchange(crystal, START, 3, CoupledParameters("md", 30_000.0, steps=100))
    with pytest.raises(AtomLeft, match="the temperature is too high"):
        run.advance()


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (np.ones(16), "two elements"),
        (np.arange(16) % 2, "species 1 to 2"),
        (np.arange(15) % 2 + 1, "16 sites"),
    ],
)
def test_what_cannot_be_run(start, message, solid):
    with pytest.raises(ValueError, match=message):
        CoupledExchange(solid[0], start.astype(np.uint8), 1, CoupledParameters("relax"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mode": "magic"}, "allowed are relax, md"),
        ({"steps": 0}, "steps=0"),
        ({"timestep_fs": 0.0}, "timestep_fs=0.0"),
        ({"temperature_K": float("nan")}, "temperature_K=nan"),
    ],
)
def test_wrong_parameters_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        CoupledParameters(**arguments)
