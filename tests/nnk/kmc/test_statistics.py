"""What long runs must show: random walks, correlated atoms, and equilibrium where the model has one."""

from dataclasses import replace

import numpy as np
import pytest

from nnk.constants import K_B_eV_K
from nnk.environment import EnvironmentSpec
from nnk.kmc import replay, run
from nnk.lattice import Lattice
from nnk.models import BalancedModel, MlpModel
from nnk.models.program import DenseStack, evaluate


def stack(rng, n_sites, n_species, width, scale):
    def array(*shape):
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    mover = np.zeros((n_species, width), np.float32)
    return DenseStack(array(n_sites, n_species, width), mover, array(width), (), array(width), 1.0)


def uniform_model(structure):
    """Every barrier 1 eV."""
    n_env = EnvironmentSpec(structure, 1, "initial").n_env
    return MlpModel(("Nb",), structure, 1, stack(np.random.default_rng(0), n_env, 1, 8, 0.0))


def pure_run(structure, cells, jumps, seed=1):
    lattice = Lattice(structure, cells, 2.0)
    occupancy = np.ones(lattice.n_sites, dtype=np.uint8)
    occupancy[0] = 0
    return run(lattice, occupancy, uniform_model(structure), temperature_K=1000.0, jumps=jumps, seed=seed)


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_equal_barriers_make_a_random_walk(structure):
    n = 400_000
    trajectory = pure_run(structure, (4, 4, 4), n)
    z = trajectory.lattice.z
    counts = np.bincount(trajectory.directions, minlength=z)
    assert ((counts - n / z) ** 2).sum() / (n / z) < z - 1 + 5 * (2 * (z - 1)) ** 0.5  # chi square
    follow = np.bincount(
        trajectory.directions[1:].astype(int) * z + trajectory.directions[:-1], minlength=z * z
    )
    assert ((follow - n / z**2) ** 2).sum() / (n / z**2) < z * z + 5 * (2 * z * z) ** 0.5
    steps = trajectory.lattice.jumps[trajectory.directions]
    squares = (steps.reshape(-1, 100, 3).sum(axis=1) ** 2).sum(axis=1)
    expected = 100 * (trajectory.lattice.jumps[0] ** 2).sum()
    assert squares.mean() == pytest.approx(expected, rel=5 * (2 / 3 / len(squares)) ** 0.5)
    # n exponential times of mean 1 / (z k)
    rate = z * 1e13 * np.exp(-1.0 / (K_B_eV_K * 1000.0))
    assert trajectory.time_s == pytest.approx(n / rate, rel=5 / n**0.5)


@pytest.mark.physics
@pytest.mark.parametrize(
    ("structure", "cells", "expected"),
    [
        # one vacancy in N periodic sites, exactly: bcc 54, 128 and 250, fcc 108 and 256
        ("bcc", (3, 3, 3), 0.74301),
        ("bcc", (4, 4, 4), 0.73419),
        ("bcc", (5, 5, 5), 0.73089),
        ("fcc", (3, 3, 3), 0.79073),
        ("fcc", (4, 4, 4), 0.78545),
    ],
)
def test_tracer_correlation_factor(structure, cells, expected):
    """f = sum_i dR_i^2 / (n lambda^2) over stretches of n jumps; what their ends add falls as 1/n."""
    length = 2000
    trajectory = pure_run(structure, cells, 24_000_000)
    long = factors(trajectory, length)
    halves = factors(trajectory, length // 2).reshape(-1, 2).mean(axis=1)
    without_ends = 2 * long - halves
    error = without_ends.std(ddof=1) / len(without_ends) ** 0.5
    assert error < 0.002 * expected
    assert without_ends.mean() == pytest.approx(expected, abs=3 * error)


def factors(trajectory, length):
    lattice = trajectory.lattice
    square = (lattice.jumps[0] ** 2).sum()
    occupancy, found = trajectory.initial_occupancy, []
    for stretch in trajectory.directions.reshape(-1, length):
        end = replay(lattice, occupancy, stretch)
        occupancy = end.occupancy
        found.append((end.atom_displacement.astype(np.int64) ** 2).sum() / (length * square))
    return np.array(found)


def balanced_model():
    rng = np.random.default_rng(3)
    shells, n = 2, 2
    union, state = (EnvironmentSpec("bcc", shells, kind) for kind in ("union", "state"))
    pair = 0.08 * rng.standard_normal((shells, n + 1, n + 1))
    kra_linear_eV = 0.01 * rng.standard_normal((n, int(union.orbits.max()) + 1, n))
    kra = stack(rng, union.n_env, n, 6, 0.1)
    s_vac = stack(rng, int(state.orbits.max()) + 1, n, 6, 0.2)
    return BalancedModel(
        elements=("Nb", "Mo"),
        structure="bcc",
        shells=shells,
        pair_eV=pair + pair.transpose(0, 2, 1),
        kra_mover_eV=np.array([0.5, 0.45]),
        kra_linear_eV=kra_linear_eV,
        kra=kra,
        s_vac=replace(s_vac, table=s_vac.table[state.orbits]),
    )


def test_balanced_runs_visit_states_by_their_energy():
    """One Mo atom and one vacancy in Nb: 53 states, told apart by where the atom is seen from the vacancy."""
    lattice, model, temperature_K, jumps = Lattice.bcc((3, 3, 3), 3.3), balanced_model(), 1200.0, 400_000
    program, kT = model.compiled(), K_B_eV_K * temperature_K
    atoms = np.arange(1, lattice.n_sites)  # where the Mo atom is, the vacancy at site 0

    def state(atom):
        occupancy = np.ones(lattice.n_sites, dtype=np.uint8)
        occupancy[[0, atom]] = 0, 2
        return occupancy

    def after(atom, jump):
        """Where the Mo atom is seen from the vacancy's next site."""
        step = lattice.jumps[jump]
        exchanged = lattice.neighbours[0, jump] == atom
        return int(lattice.site_at(-step if exchanged else lattice.coordinates[atom] - step))

    energy = np.array([model.energy(state(atom), lattice) for atom in atoms])
    expected = np.exp(-(energy - energy.min()) / kT)
    expected /= expected.sum()
    assert expected.max() / expected.min() > 3  # the states differ enough for the test to mean something

    trajectory = run(lattice, state(1), model, temperature_K=temperature_K, jumps=jumps, seed=5)
    following = np.array(
        [[after(atom, jump) for jump in range(lattice.z)] for atom in range(lattice.n_sites)]
    )
    visits, atom = np.zeros(lattice.n_sites), 1
    for jump in trajectory.directions.tolist():
        visits[atom] += 1
        atom = following[atom, jump]
    barriers = np.array([evaluate(program, lattice, state(atom), 0) for atom in atoms])
    time_s = visits[atoms] / (1e13 * np.exp(-barriers / kT).sum(axis=1))
    assert trajectory.time_s == pytest.approx(time_s.sum(), rel=0.01)
    np.testing.assert_allclose(time_s / time_s.sum(), expected, rtol=0.15)
