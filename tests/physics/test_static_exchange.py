"""Exchanges of atoms and jumps of a vacancy lead to the same equilibrium when their energies are the same."""

import numpy as np
import pytest

from nnk.alloy import random_solution
from nnk.constants import K_B_eV_K
from nnk.environment import EnvironmentSpec
from nnk.exchange.engine import LatticeExchange
from nnk.exchange.pairs import pairs_of_model
from nnk.kmc.engine import Engine, RunConditions
from nnk.lattice import Lattice
from nnk.models import BalancedModel
from nnk.models.program import DenseStack, evaluate
from nnk.observables.pair_order import coordination, pair_counts, species_numbers, warren_cowley

pytestmark = [pytest.mark.physics, pytest.mark.filterwarnings("ignore:cells=:UserWarning")]

TEMPERATURE_K = 1000.0
SHELLS = 2
STRUCTURES = [("bcc", (6, 6, 6)), ("fcc", (4, 4, 4))]


def stack(rng, n_sites, n_species, scale):
    width = 4

    def array(*shape):
        return (scale * rng.standard_normal(shape)).astype(np.float32)

    table = array(n_sites, n_species, width)
    return DenseStack(table, array(n_species, width), array(width), (), array(width), 0.0)


def ordering_model(structure):
    """Mo and Ta attract each other, Nb and Mo a little; barriers vary; the vacancy itself has no energy."""
    rng = np.random.default_rng(1)
    union, state = (EnvironmentSpec(structure, SHELLS, kind) for kind in ("union", "state"))
    pair_eV = np.zeros((SHELLS, 4, 4))
    pair_eV[:, 2, 3] = pair_eV[:, 3, 2] = [-0.035, 0.012]
    pair_eV[:, 1, 2] = pair_eV[:, 2, 1] = [-0.01, 0.0]
    return BalancedModel(
        elements=("Nb", "Mo", "Ta"),
        structure=structure,
        shells=SHELLS,
        pair_eV=pair_eV,
        kra_mover_eV=np.array([0.5, 0.6, 0.55]),
        kra_linear_eV=0.01 * rng.standard_normal((3, int(union.orbits.max()) + 1, 3)),
        kra=stack(rng, union.n_env, 3, 0.2),
        s_vac=stack(rng, state.n_env, 3, 0.0),
    )


def alpha(lattice, occupancy):
    """Of Nb-Mo, Nb-Ta and Mo-Ta in both shells."""
    counts, z = pair_counts(lattice, occupancy, SHELLS, 3), coordination(lattice.structure, SHELLS)
    order = warren_cowley(counts, species_numbers(occupancy, 3), lattice.n_sites, z)
    return order[:, [0, 0, 1], [1, 2, 2]].ravel()


def mean_and_error(values, weights, blocks=16):
    """Weighted mean and its standard error from blocks."""
    parts = np.array_split(np.arange(len(values)), blocks)
    means = np.array([np.average(values[part], axis=0, weights=weights[part]) for part in parts])
    return np.average(values, axis=0, weights=weights), means.std(axis=0, ddof=1) / blocks**0.5


def by_jumps(lattice, model, start, samples=4000):
    """Order along a kinetic run, each state weighted by the time that the vacancy stays in it."""
    engine = Engine(lattice, start, model, RunConditions(TEMPERATURE_K, 3))
    engine.advance(400_000)
    values, weights = [], []
    for gap in np.random.default_rng(2).integers(200, 600, samples):
        engine.advance(int(gap))
        occupancy = engine.occupancy
        barriers = evaluate(model.compiled(), lattice, occupancy, int(np.flatnonzero(occupancy == 0)[0]))
        values.append(alpha(lattice, occupancy))
        weights.append(1 / np.exp(-barriers / (K_B_eV_K * TEMPERATURE_K)).sum())
    return mean_and_error(np.array(values), np.array(weights))


def by_exchanges(lattice, model, start, samples=4000):
    run = LatticeExchange(lattice, pairs_of_model(model), start, key=4)
    run.advance(200 * lattice.n_sites, TEMPERATURE_K)
    values = []
    for _ in range(samples):
        run.advance(2 * lattice.n_sites, TEMPERATURE_K)
        values.append(alpha(lattice, run.occupancy))
    return mean_and_error(np.array(values), np.ones(samples))


@pytest.mark.parametrize(("structure", "cells"), STRUCTURES)
def test_jumps_and_exchanges_reach_the_same_order(structure, cells):
    lattice, model = Lattice(structure, cells, 3.3), ordering_model(structure)
    third = lattice.n_sites // 3
    start = random_solution([third, third, lattice.n_sites - 2 * third], np.random.default_rng(0))
    start[0] = 0
    kinetic, kinetic_error = by_jumps(lattice, model, start)
    static, static_error = by_exchanges(lattice, model, start)
    error = np.hypot(kinetic_error, static_error)
    assert (error < 0.01).all()
    assert abs(static[2]) > 20 * error[2]  # there is order: Mo-Ta, first neighbours
    assert static[2] < -0.1
    assert (np.abs(kinetic - static) < 4 * error).all(), (kinetic, static, error)
