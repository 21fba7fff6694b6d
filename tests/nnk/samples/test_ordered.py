"""Degrees of order along a run: the same however often it is stopped; the file keeps them."""

import numpy as np
import pytest

from nnk.alloy import random_solution
from nnk.exchange.crystal import Crystal
from nnk.exchange.engine import LatticeExchange
from nnk.exchange.pairs import PairHamiltonian
from nnk.exchange.parameters import CoupledParameters
from nnk.lattice import Lattice
from nnk.samples import OrderedParameters
from nnk.samples.ordered import Checkpoint, coupled_run, lattice_run, take_degrees
from nnk.samples.product import OrderedRun, alpha_of

LATTICE = Lattice.bcc((4, 4, 4), 3.2)
START = random_solution([64, 64], np.random.default_rng(0))


def ordering_pairs():
    pair_eV = np.zeros((2, 3, 3))
    pair_eV[0, 1, 2] = pair_eV[0, 2, 1] = -0.03
    return PairHamiltonian(("Mo", "Ta"), "bcc", pair_eV)


class FlatSolid:
    """A potential with the energies of pairs and forces towards the sites."""

    calls = 0

    def set(self, species, cell_A):
        self.occupancy = np.array([("Mo", "Ta").index(name) + 1 for name in species], dtype=np.uint8)

    def energy_forces(self, positions_A):
        u = positions_A - LATTICE.positions_A
        return ordering_pairs().energy_eV(LATTICE, self.occupancy) + float((u**2).sum()), -2 * u


class Springs:
    def solve(self, vector):
        return vector / 2


CRYSTAL = Crystal(FlatSolid(), LATTICE, ("Mo", "Ta"), Springs())
RUNS = {
    "lattice": (lattice_run(CRYSTAL, ordering_pairs(), START, 7, 300.0), np.array([0, 500, 20_000])),
    "relax": (coupled_run(CRYSTAL, START, 7, CoupledParameters("relax")), np.array([0, 10, 30])),
    "md": (
        coupled_run(CRYSTAL, START, 7, CoupledParameters("md", steps=3, trials_per_pair=5)),
        np.array([0, 7, 30]),
    ),
}


@pytest.mark.parametrize("mode", list(RUNS))
def test_a_run_that_is_stopped_often_gives_the_same_degrees(mode, tmp_path):
    make_run, numbers = RUNS[mode]
    whole = take_degrees(make_run, numbers, Checkpoint(tmp_path / "whole.npz", "hash"))
    assert not (tmp_path / "whole.npz").exists()
    checkpoint = Checkpoint(tmp_path / "run.npz", "hash", every_s=0.0)
    calls = 0

    def stop():
        nonlocal calls
        calls += 1
        return calls % 3 == 0

    attempts = 0
    while (degrees := take_degrees(make_run, numbers, checkpoint, stop)) is None:
        attempts += 1
        assert checkpoint.path.exists()
        assert attempts < 100
    assert np.array_equal(degrees.occupancy, whole.occupancy)
    assert (degrees.trials, degrees.accepted) == (whole.trials, whole.accepted)
    assert degrees.energy_eV == pytest.approx(whole.energy_eV, abs=1e-12)
    assert mode == "lattice" or attempts > 1
    checkpoint.remove()
    assert not checkpoint.path.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 no", None])
def test_a_checkpoint_that_is_damaged_or_of_other_inputs_is_not_used(content, tmp_path):
    make_run, numbers = RUNS["lattice"]
    whole = take_degrees(make_run, numbers, Checkpoint(tmp_path / "whole.npz", "hash"))
    path = tmp_path / "run.npz"
    stops = iter([False, True])
    assert take_degrees(make_run, numbers, Checkpoint(path, "other"), lambda: next(stops, True)) is None
    if content is not None:
        path.write_bytes(content)
    degrees = take_degrees(make_run, numbers, Checkpoint(path, "hash"))
    assert np.array_equal(degrees.occupancy, whole.occupancy)


def test_order_grows_with_the_degree(tmp_path):
    make_run, numbers = RUNS["lattice"]
    degrees = take_degrees(make_run, numbers, Checkpoint(tmp_path / "a.npz", ""))
    alpha = [alpha_of(LATTICE, state, 2)[0, 0, 1] for state in degrees.occupancy]
    assert alpha[0] > alpha[1] > alpha[2]
    assert alpha[2] < -0.9
    assert np.array_equal(degrees.occupancy[0], START)
    assert degrees.energy_eV[0] > degrees.energy_eV[2]


def test_the_file_keeps_everything(tmp_path):
    make_run, numbers = RUNS["lattice"]
    degrees = take_degrees(make_run, numbers, Checkpoint(tmp_path / "a.npz", ""))
    run = OrderedRun(
        elements=("Mo", "Ta"),
        structure="bcc",
        cells=(4, 4, 4),
        a_A=3.2,
        occupancy=np.array(degrees.occupancy),
        trials=np.array(degrees.trials),
        accepted=np.array(degrees.accepted),
        energy_eV=np.array(degrees.energy_eV),
        temperature_K=300.0,
        mode="lattice",
        composition="MoTa",
        run=2,
        pairs_json=ordering_pairs().to_json(),
        inputs_hash="abc",
    )
    run.save(tmp_path / "r.nc")
    copy = OrderedRun.load(tmp_path / "r.nc")
    for name, value in vars(run).items():
        assert np.array_equal(getattr(copy, name), value), name
    assert np.array_equal(copy.alpha, run.alpha)
    pairs = PairHamiltonian.from_json(copy.pairs_json)
    again = LatticeExchange(LATTICE, pairs, copy.occupancy[1], key=1)
    assert again.energy_eV == pytest.approx(copy.energy_eV[1], abs=1e-6)


def test_parameters():
    assert OrderedParameters(trials_per_atom=10, degrees=3, spacing="linear").numbers(100).tolist() == [
        0,
        500,
        1000,
    ]
    assert OrderedParameters(trials_per_atom=1e-6).numbers(100).tolist() == [1]
    with pytest.raises(ValueError, match="allowed are lattice, relax, md"):
        OrderedParameters(mode="dft")
