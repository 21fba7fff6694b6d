"""Runs in step on a device: the same jumps as the slow engine and the compiled one."""

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from nnk.kmc.batched import BatchedEngine  # noqa: E402
from nnk.kmc.batched.random_numbers import split_key, two_uniforms  # noqa: E402
from nnk.kmc.batched.steps import add_time, choose  # noqa: E402
from nnk.kmc.engine import Engine, RunConditions  # noqa: E402
from nnk.kmc.random_numbers import two_uniforms as two_uniforms_of_one  # noqa: E402
from nnk.kmc.rates import chosen_jump, residence  # noqa: E402
from nnk.lattice import Lattice  # noqa: E402
from nnk.models.mlp import MlpModel  # noqa: E402
from nnk.models.program import EnsembleProgram, evaluate  # noqa: E402
from nnk.observables.pair_order import pair_counts  # noqa: E402

CPU = torch.device("cpu")
gpu = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here")
)


@pytest.fixture(params=["forward-bcc", "forward-fcc", "balanced-bcc", "balanced-fcc", "quinary"])
def case(request, make_forward, make_balanced_program):
    """A model and a lattice for it."""
    return {
        "forward-bcc": lambda: (make_forward(), Lattice.bcc(cells=(5, 5, 6), a_A=3.2)),
        "forward-fcc": lambda: (make_forward("fcc", shells=5), Lattice.fcc(cells=(4, 4, 4), a_A=3.6)),
        "balanced-bcc": lambda: (make_balanced_program(), Lattice.bcc(cells=(5, 5, 5), a_A=3.2)),
        "balanced-fcc": lambda: (
            make_balanced_program("fcc", shells=3),
            Lattice.fcc(cells=(4, 4, 4), a_A=3.6),
        ),
        "quinary": lambda: (make_forward(n_species=5, shells=3), Lattice.bcc(cells=(4, 4, 4), a_A=3.2)),
    }[request.param]()


@pytest.fixture
def starts(make_start):
    """Starts uint8[r, n_sites] and conditions of `r` runs at different temperatures."""

    def make(lattice, n_species, r):
        occupancies = [make_start(lattice, n_species, seed) for seed in range(r)]
        return np.stack(occupancies), [
            RunConditions(600.0 + 150 * i, seed=5, replica=i % 2) for i in range(r)
        ]

    return make


@pytest.mark.parametrize("number", [0, 1, 2**31, 2**32 - 1, 2**32, 10**12])
def test_random_numbers_are_those_of_the_compiled_engine(number):
    keys = [0, 1, 2**63 + 12345, 2**64 - 1]
    drawn = two_uniforms(split_key(keys, CPU), torch.full((len(keys),), number))
    for i, key in enumerate(keys):
        wanted = two_uniforms_of_one(np.uint64(key), np.uint64(number))
        assert (float(drawn[0][i]), float(drawn[1][i])) == wanted


def test_choice_is_that_of_the_compiled_engine():
    rng = np.random.default_rng(3)
    barriers, u = rng.uniform(0.1, 2.0, (50, 8)), rng.uniform(size=50)
    kT = rng.uniform(0.005, 0.3, 50)
    jump, residence_s = choose(*(torch.tensor(a) for a in (barriers, kT, np.full(50, 30.0), u)))
    for i in range(50):
        record = np.empty(8)
        residence(barriers[i], kT[i], 30.0, record)
        assert jump[i] == chosen_jump(record, 8, u[i])
        assert residence_s[i].item() == pytest.approx(record[7], rel=1e-12)


def test_clock_keeps_what_additions_round_off():
    clock = torch.zeros((2, 1), dtype=torch.float64)
    for step in (1e16, *[1.0] * 1000, -1e16):
        add_time(clock, torch.tensor([step], dtype=torch.float64))
    assert clock.sum().item() == 1000.0


def test_same_jumps_as_the_slow_engine(case, starts, slow_run):
    model, lattice = case
    occupancies, conditions = starts(lattice, len(model.elements), 3)
    engine = BatchedEngine(lattice, occupancies, model, conditions, precision="float64", width=4)
    directions = engine.advance(40)
    for i, one in enumerate(conditions):
        wanted, final, time_s = slow_run(
            lattice, occupancies[i], model,
            temperature_K=one.temperature_K, jumps=40, seed=one.seed, replica=one.replica,
        )  # fmt: skip
        run = engine.run(i)
        np.testing.assert_array_equal(directions[i], wanted)
        np.testing.assert_array_equal(run.occupancy, final)
        assert run.time_s == pytest.approx(time_s, rel=1e-9)
        assert run.occupancy[run.vacancies[0]] == 0
        np.testing.assert_array_equal(run.displacements[0], lattice.jumps[directions[i]].sum(axis=0))
        np.testing.assert_array_equal(
            run.pair_counts, pair_counts(lattice, final, len(run.pair_counts), len(model.elements))
        )


@pytest.mark.parametrize("device", ["cpu", gpu])
def test_same_jumps_as_the_compiled_engine(case, starts, device):
    model, lattice = case
    occupancies, conditions = starts(lattice, len(model.elements), 5)
    engine = BatchedEngine(
        lattice, occupancies, model, conditions, device=device, precision="float64", width=5
    )
    directions = engine.advance(100)
    for i, one in enumerate(conditions):
        compiled = Engine(lattice, occupancies[i], model, one)
        np.testing.assert_array_equal(directions[i], compiled.advance(100).directions)
        assert engine.run(i).time_s == pytest.approx(compiled.time_s, rel=1e-4)


@pytest.mark.parametrize("device", ["cpu", gpu])
def test_error_of_single_precision(case, starts, device):
    """Rates in float32 against float64: barriers within 2e-6 of their size, as the documents say."""
    model, lattice = case
    occupancies, conditions = starts(lattice, len(model.elements), 6)
    energies = {}
    for precision in ("float32", "float64"):
        engine = BatchedEngine(
            lattice, occupancies, model, conditions, device=device, precision=precision, width=6
        )
        energies[precision] = engine.barriers()
    exact = [evaluate(model.compiled(), lattice, o, int(np.flatnonzero(o == 0)[0])) for o in occupancies]
    np.testing.assert_allclose(energies["float64"], exact, atol=1e-12)
    np.testing.assert_allclose(energies["float32"], energies["float64"], atol=2e-6)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_run_does_not_depend_on_its_neighbours(case, starts, precision):
    model, lattice = case
    occupancies, conditions = starts(lattice, len(model.elements), 7)

    def directions(rows):
        engine = BatchedEngine(
            lattice, occupancies[rows], model, [conditions[i] for i in rows], precision=precision, width=4
        )
        return engine.advance(60), [engine.run(i).time_s for i in range(len(rows))]

    together, times = directions(list(range(7)))
    for rows in ([2], [6, 1], [5, 4, 3, 2, 1]):
        alone, alone_times = directions(rows)
        np.testing.assert_array_equal(alone, together[rows])
        assert alone_times == [times[i] for i in rows]


def test_ensemble_is_the_mean_of_its_members(make_forward, starts):
    lattice, members = Lattice.bcc(cells=(5, 5, 5), a_A=3.2), [make_forward(seed=seed) for seed in range(3)]
    occupancies, conditions = starts(lattice, 3, 2)

    class Ensemble:
        elements, environment = members[0].elements, members[0].environment

        def compiled(self):
            return EnsembleProgram(tuple(member.compiled() for member in members))

    def barriers(model):
        return BatchedEngine(lattice, occupancies, model, conditions, precision="float64", width=2).barriers()

    np.testing.assert_allclose(
        barriers(Ensemble()), np.mean([barriers(m) for m in members], axis=0), rtol=1e-12
    )


def test_split_run_is_the_whole_run(case, starts):
    model, lattice = case
    occupancies, conditions = starts(lattice, len(model.elements), 3)
    whole = BatchedEngine(lattice, occupancies, model, conditions, width=3)
    directions = whole.advance(75)
    first = BatchedEngine(lattice, occupancies, model, conditions, width=3)
    parts = [first.advance(10), first.advance(25)]
    states = [first.run(i) for i in range(3)]
    second = BatchedEngine(lattice, np.stack([s.occupancy for s in states]), model, conditions, width=3)
    for i, state in enumerate(states):
        second.run(i).resume(state.progress)
    parts.append(second.advance(40))
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), directions)
    for i in range(3):
        ended, wanted = second.run(i).progress, whole.run(i).progress
        assert (ended.jumps, ended.time_s, ended.time_rest_s) == (75, wanted.time_s, wanted.time_rest_s)
        np.testing.assert_array_equal(ended.displacements, wanted.displacements)


def test_temperatures_can_change_on_the_way(make_forward, starts):
    model, lattice = make_forward(), Lattice.bcc(cells=(5, 5, 5), a_A=3.2)
    occupancies, conditions = starts(lattice, 3, 2)
    engine = BatchedEngine(lattice, occupancies, model, conditions, width=2)
    engine.set_temperatures([1e-3 * c.temperature_K for c in conditions])  # then the lowest barrier is taken
    directions = engine.advance(1)
    for i, occupancy in enumerate(occupancies):
        vacancy = int(np.flatnonzero(occupancy == 0)[0])
        assert directions[i, 0] == evaluate(model.compiled(), lattice, occupancy, vacancy).argmin()


def test_refusals(make_forward, starts):
    model, lattice = make_forward(), Lattice.bcc(cells=(5, 5, 5), a_A=3.2)
    occupancies, conditions = starts(lattice, 3, 2)
    with pytest.raises(ValueError, match="2 starts and 1 conditions"):
        BatchedEngine(lattice, occupancies, model, conditions[:1])
    with pytest.raises(ValueError, match="float32 or float64"):
        BatchedEngine(lattice, occupancies, model, conditions, precision="float16")
    with pytest.raises(ValueError, match="expected cpu, cuda"):
        BatchedEngine(lattice, occupancies, model, conditions, device="abacus")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="finds no GPU"):
            BatchedEngine(lattice, occupancies, model, conditions, device="cuda")


def test_time_beyond_all_numbers_is_an_error(make_forward, starts):
    model, lattice = make_forward(), Lattice.bcc(cells=(5, 5, 5), a_A=3.2)
    slow = MlpModel(model.elements, "bcc", 8, replace(model.network, out_bias=100.0))
    occupancies, conditions = starts(lattice, 3, 2)
    engine = BatchedEngine(lattice, occupancies, slow, conditions, width=2)
    engine.set_temperatures([1.0, 1.0])
    with pytest.raises(ValueError, match="residence times"):
        engine.advance(1)
