"""A balanced model taught on barriers of random states alone orders as the network that gave the barriers."""

import numpy as np
import pytest

from nnk.alloy import exact_counts, random_solution
from nnk.barriers import BarrierSet
from nnk.environment import EnvironmentSpec, gather_jumps, initial_columns
from nnk.kmc import run
from nnk.lattice import Lattice
from nnk.published import read_nkk_weights
from nnk.training import ModelSpec, TrainParameters, train

pytestmark = pytest.mark.physics

LATTICE = Lattice.bcc((8, 8, 8), 3.24)
EQUIMOLAR = np.ones(3) / 3
MO, TA = 2, 3
SAMPLES, VACANCIES_EACH = 25, 100  # 2,500 random vacancy states
TEMPERATURE_K = 1000.0
JUMPS = 1_200_000


def random_occupancy(rng):
    return random_solution(exact_counts(EQUIMOLAR, LATTICE.n_sites), rng)


def labels_of(network, seed):
    """Both barriers of every jump of random vacancies, each read by the network from its own state."""
    rng = np.random.default_rng(seed)
    occupancy = np.array([random_occupancy(rng) for _ in range(SAMPLES)])
    sites = [rng.choice(LATTICE.n_sites, VACANCIES_EACH, replace=False) for _ in range(SAMPLES)]
    sample = np.repeat(np.arange(SAMPLES), VACANCIES_EACH * 8)
    site, jump = np.repeat(np.concatenate(sites), 8), np.tile(np.arange(8), SAMPLES * VACANCIES_EACH)
    union = EnvironmentSpec("bcc", 8, "union")
    species, mover = gather_jumps(union, LATTICE, occupancy, sample, site, jump)
    with_mover = np.concatenate([species, mover[:, None]], axis=1)
    before, after = initial_columns("bcc", 8)
    m = len(jump)
    return BarrierSet(
        elements=network.elements,
        structure="bcc",
        cells=LATTICE.cells,
        occupancy=occupancy,
        a_A=np.full(SAMPLES, LATTICE.a_A),
        sample_key=tuple(f"equimolar/s{i:04d}" for i in range(SAMPLES)),
        composition=np.tile(EQUIMOLAR, (SAMPLES, 1)),
        sample=sample,
        vacancy_site=site,
        jump=jump,
        E_fwd_eV=network.predict(with_mover[:, before], mover),
        E_bwd_eV=network.predict(with_mover[:, after], mover),
        curvature_eV_A2=np.full(m, np.nan),
        residual_force_eV_A=np.full(m, np.nan),
        calls=np.zeros(m),
        flag=np.zeros(m),
        method=np.zeros(m),
        n_saddles=np.ones(m),
        item_hash=("published network",) * m,
    )


def warren_cowley(occupancy, a, b):
    """1 - N_ab / N0_ab of the first shell; a random solution gives 0 on average."""
    of_a = np.flatnonzero(occupancy == a)
    found = (occupancy[LATTICE.neighbours[of_a]] == b).sum(axis=1).mean()
    return 1 - found / (8 * (occupancy == b).sum() / (LATTICE.n_sites - 1))


def ordered(model, start, seed):
    """Mo-Ta order that the model reaches from `start`."""
    end = run(LATTICE, start, model, temperature_K=TEMPERATURE_K, jumps=JUMPS, seed=seed)
    return warren_cowley(end.occupancy, MO, TA)


def test_ordering_agrees_with_the_labelling_network(nkk_weights, tmp_path, record_property):
    network = read_nkk_weights(nkk_weights, allow_pickle=True)
    parameters = TrainParameters(
        epochs=60, batch_size=256, weight_decay=0.1, test_compositions=0, seed=1, checkpoint_epochs=60
    )
    result = train(labels_of(network, seed=1), ModelSpec("main"), parameters, tmp_path)
    start = random_occupancy(np.random.default_rng(7))
    start[0] = 0
    alpha = {}
    for name, model in (("published", network), ("trained", result.model)):
        ends = [
            run(LATTICE, start, model, temperature_K=TEMPERATURE_K, jumps=JUMPS, seed=seed)
            for seed in range(3)
        ]
        alpha[name] = np.mean([warren_cowley(end.occupancy, MO, TA) for end in ends])
    record_property("alpha_MoTa", alpha)
    record_property("test_MAE_eV", result.metrics["test"]["MAE_eV"])
    assert abs(warren_cowley(start, MO, TA)) < 0.1
    assert alpha["published"] < -0.3
    assert alpha["trained"] == pytest.approx(alpha["published"], rel=0.3)
    assert result.metrics["test"]["MAE_eV"] < 0.5 * result.metrics["test"]["baseline_MAE_eV"]
