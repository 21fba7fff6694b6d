from __future__ import annotations

import numpy as np
import pytest

from nnk.constants import K_B_eV_K
from nnk.environment import EnvironmentSpec
from nnk.kmc import run
from nnk.lattice import Lattice
from nnk.models import MlpModel
from nnk.models.program import DenseStack
from nnk.observables.transport import (
    concentration_factor,
    growth_exponent,
    time_error,
    transport_of,
    vacancy_concentration,
)
from nnk.observables.walks import JumpFollower

A_A = 3.0
# one vacancy in N periodic sites, all jumps alike, exactly
CORRELATION = {("bcc", (3, 3, 3)): 0.74301, ("fcc", (3, 3, 3)): 0.79073}


def followed(lattice, occupancy, directions, n_species, blocks):
    follower = JumpFollower(lattice, occupancy, n_species, n_jumps=len(directions), blocks=blocks)
    follower.follow(directions)
    return follower.record


def random_walk(structure, cells, n_jumps, seed=0, blocks=64):
    """Two species in equal shares, every jump as probable as any other."""
    rng = np.random.default_rng(seed)
    lattice = Lattice(structure, cells, A_A)
    occupancy = (1 + np.arange(lattice.n_sites) % 2).astype(np.uint8)
    occupancy[0] = 0
    directions = rng.integers(0, lattice.z, n_jumps).astype(np.uint8)
    return lattice, followed(lattice, occupancy, directions, 2, blocks)


def jump_length(lattice):
    return A_A / 2 * np.sqrt((lattice.jumps[0] ** 2).sum()) * 1e-10


@pytest.mark.parametrize("structure", ["bcc", "fcc"])
def test_a_random_walk_diffuses_as_it_must(structure):
    lattice, record = random_walk(structure, (3, 3, 3), 2**20, blocks=1024)
    found = transport_of(record, lattice, time_s=2.0)
    exact = 2**20 / 2.0 * jump_length(lattice) ** 2 / 6
    assert found.jump_Hz == 2**19
    assert found.vacancy_error_m2_s == pytest.approx(exact * np.sqrt(2 / 3 / 1024), rel=0.25)
    assert found.vacancy_m2_s == pytest.approx(exact, abs=3 * found.vacancy_error_m2_s)
    assert found.vacancy_correlation == pytest.approx(1, abs=3 * found.vacancy_correlation_error)
    np.testing.assert_allclose(found.jump_share, 1, rtol=0.02)
    n = lattice.n_sites - 1
    np.testing.assert_allclose(found.atom_jump_Hz, found.jump_Hz / n, rtol=0.02)


def correlation_factors(lattice, record):
    """f of all atoms at each length from jumps that stretches of that length add: no ends are counted."""
    squares = (record.tracer_lag * record.atoms).sum(axis=1)
    per_jump = squares / record.lag_jumps / (lattice.jumps[0] ** 2).sum()
    return 2 * per_jump[1:] - per_jump[:-1]


@pytest.mark.parametrize(("structure", "cells"), CORRELATION)
def test_atoms_are_correlated_as_in_a_finite_cell(structure, cells):
    found = []
    for seed in range(12):
        lattice, record = random_walk(structure, cells, 2**18, seed)
        factors = correlation_factors(lattice, record)
        found.append(factors[np.isfinite(factors)][1])
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert error < 0.015
    assert np.mean(found) == pytest.approx(CORRELATION[structure, cells], abs=3 * error)


@pytest.mark.physics
@pytest.mark.parametrize(("structure", "cells"), CORRELATION)
def test_runs_with_equal_barriers_have_the_exact_diffusivities(structure, cells):
    lattice = Lattice(structure, cells, A_A)
    occupancy = np.ones(lattice.n_sites, dtype=np.uint8)
    occupancy[0] = 0
    n = 2**21
    rate = lattice.z * 1e13 * np.exp(-1.0 / (K_B_eV_K * 1000.0))
    vacancy = rate * jump_length(lattice) ** 2 / 6
    ratios, factors, vacancies = [], [], []
    for seed in range(12):
        trajectory = run(lattice, occupancy, equal_model(structure), temperature_K=1000.0, jumps=n, seed=seed)
        record = followed(lattice, occupancy, trajectory.directions, 1, blocks=512)
        found = transport_of(record, lattice, time_s=trajectory.time_s)
        vacancies.append(found.vacancy_m2_s / vacancy)
        ratios.append(found.tracer_m2_s[0] * (lattice.n_sites - 1) / vacancy)
        factors.append(correlation_factors(lattice, record)[-6])
    for values, exact in (
        (vacancies, 1.0),
        (ratios, CORRELATION[structure, cells]),
        (factors, CORRELATION[structure, cells]),
    ):
        error = np.std(values, ddof=1) / np.sqrt(len(values))
        assert error < 0.03 * exact
        assert np.mean(values) == pytest.approx(exact, abs=3 * error)


def equal_model(structure):
    """Every barrier 1 eV."""
    n_env = EnvironmentSpec(structure, 1, "initial").n_env
    table, row = np.zeros((n_env, 1, 8), np.float32), np.zeros(8, np.float32)
    return MlpModel(("Nb",), structure, 1, DenseStack(table, row[None], row, (), row, 1.0))


def test_definitions_on_a_walk_of_eight_jumps():
    """One atom to and fro, then six jumps on a straight line round the cell: the last is the first atom's."""
    lattice = Lattice.bcc((3, 3, 3), A_A)
    occupancy = np.ones(54, dtype=np.uint8)
    occupancy[0], occupancy[lattice.neighbours[0, 5]] = 0, 2
    directions = np.array([5, 2, 5, 5, 5, 5, 5, 5], dtype=np.uint8)
    record = followed(lattice, occupancy, directions, 2, blocks=1)
    found = transport_of(record, lattice, time_s=4.0)
    step = jump_length(lattice)
    assert record.block_jumps == 8
    assert found.vacancy_m2_s == pytest.approx((6 * step) ** 2 / 6 / 4.0)
    assert found.vacancy_correlation == pytest.approx(36 / 8)
    np.testing.assert_array_equal(record.jumps, [[4, 4]])
    np.testing.assert_allclose(found.tracer_m2_s, np.array([4 / 52, 4 / 1]) * step**2 / 6 / 4.0)
    np.testing.assert_allclose(found.tracer_correlation, [4 / 4, 4 / 4])
    np.testing.assert_allclose(found.collective_ratio, [4 / 16, 1.0])
    np.testing.assert_allclose(found.jump_share, [4 / 8 / (52 / 53), 4 / 8 / (1 / 53)])
    np.testing.assert_allclose(found.atom_jump_Hz, [4 / 52 / 4, 4 / 4])
    assert found.jump_Hz == 2.0


def test_what_is_undefined_is_nan():
    """No atoms of the third species; none of the second has jumped."""
    lattice = Lattice.bcc((3, 3, 3), A_A)
    occupancy = np.ones(54, dtype=np.uint8)
    occupancy[0], occupancy[40] = 0, 2
    found = transport_of(
        followed(lattice, occupancy, np.array([5, 2] * 8, dtype=np.uint8), 3, 4), lattice, time_s=1.0
    )
    np.testing.assert_array_equal(np.isnan(found.tracer_m2_s), [False, False, True])
    np.testing.assert_array_equal(np.isnan(found.tracer_correlation), [False, True, True])
    np.testing.assert_array_equal(np.isnan(found.jump_share), [False, False, True])
    np.testing.assert_array_equal(np.isnan(found.atom_jump_Hz), [False, False, True])
    assert np.isnan(found.collective_ratio).all()
    assert found.vacancy_m2_s == found.tracer_m2_s[0] == found.tracer_m2_s[1] == 0
    with pytest.raises(ValueError, match="time above 0"):
        transport_of(followed(lattice, occupancy, np.zeros(4, np.uint8), 3, 1), lattice, time_s=0.0)


def test_skipped_jumps_count_for_the_vacancy_and_hide_the_species():
    lattice, record = random_walk("bcc", (3, 3, 3), 4096)
    all_kept, some = (transport_of(record, lattice, time_s=1.0, skipped=s) for s in (0.0, 3 * 4096))
    assert some.vacancy_m2_s == all_kept.vacancy_m2_s
    assert some.vacancy_correlation == pytest.approx(all_kept.vacancy_correlation / 4)
    assert some.jump_Hz == 4 * all_kept.jump_Hz
    np.testing.assert_array_equal(some.tracer_m2_s, all_kept.tracer_m2_s)
    for values in (some.tracer_correlation, some.jump_share, some.atom_jump_Hz):
        assert np.isnan(values).all()


def test_the_error_of_the_time_adds_to_those_of_displacements():
    lattice, record = random_walk("bcc", (3, 3, 3), 2**14)
    without = transport_of(record, lattice, time_s=1.0)
    given = transport_of(record, lattice, time_s=1.0, time_error=0.3)
    assert given.vacancy_error_m2_s == pytest.approx(
        np.hypot(without.vacancy_error_m2_s, 0.3 * without.vacancy_m2_s)
    )
    np.testing.assert_allclose(
        given.tracer_error_m2_s, np.hypot(without.tracer_error_m2_s, 0.3 * without.tracer_m2_s)
    )
    assert given.vacancy_correlation_error == without.vacancy_correlation_error


def test_error_of_the_time_is_its_scatter():
    rng = np.random.default_rng(1)
    jumps = np.cumsum([0, 100, 300, 50, 700, 200, 650])
    times = [np.append(0, rng.exponential(1.0, 2000).cumsum())[jumps] for _ in range(400)]
    found = np.array([time_error(jumps, each) for each in times])
    assert np.sqrt(np.mean(found**2)) == pytest.approx(1 / np.sqrt(2000), rel=0.1)
    assert np.isnan(time_error([0, 10], [0.0, 1.0]))


def test_growth_tells_diffusion_from_a_trap():
    assert growth_exponent([2, 4, 8], [6.0, 1.0, 24.0]) == pytest.approx(1)
    assert growth_exponent([2, 8], [3.0, 3.0]) == 0
    assert np.isnan(growth_exponent([2, 8], [0.0, 3.0]))
    assert np.isnan(growth_exponent([2], [3.0]))


def test_equilibrium_concentration():
    kT = K_B_eV_K * 1000.0
    assert vacancy_concentration(1000.0, 3.0) == pytest.approx(np.exp(-3.0 / kT))
    assert vacancy_concentration([1000.0], 3.0, 2.0)[0] == pytest.approx(np.exp(2 - 3.0 / kT))
    assert concentration_factor(1e-6, 1024, 2) == pytest.approx(512e-6)
