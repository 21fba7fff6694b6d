"""Models without a program: the same runs through `predict`, one or many at a time."""

import numpy as np
import pytest

from nnk.kmc import run
from nnk.kmc.engine import Engine, RunConditions, advance_together
from nnk.kmc.flicker import FlickerEngine
from nnk.kmc.sources import source_hash
from nnk.lattice import Lattice

pytestmark = pytest.mark.filterwarnings("ignore:cells=:UserWarning")


class Uncompiled:
    """A model's other self without a program."""

    def __init__(self, model):
        self._model = model
        self.batches = []

    def __getattr__(self, name):
        return getattr(self._model, name)

    def compiled(self):
        return None

    def predict(self, species, mover, jump=None):
        self.batches.append(len(species))
        assert jump.tolist() == list(range(jump.max() + 1)) * (len(jump) // (jump.max() + 1))
        return self._model.predict(species, mover, jump)


@pytest.fixture(params=[("bcc", 3, 1), ("fcc", 2, 1), ("bcc", 2, 3)], ids=str)
def case(request, make_forward, make_start):
    structure, shells, n_vacancies = request.param
    lattice = Lattice(structure, (5, 5, 5), 3.3)
    occupancy = make_start(lattice, 2)
    occupancy[lattice.neighbours[0, : n_vacancies - 1]] = 0
    model = make_forward(structure, shells, 2, (16, 8))
    return lattice, occupancy, model


@pytest.mark.parametrize("cache", [True, False])
def test_the_run_is_that_of_the_program(case, cache):
    lattice, occupancy, model = case
    conditions = RunConditions(1200.0, 4)
    compiled = Engine(lattice, occupancy, model, conditions)
    asked = Engine(lattice, occupancy, Uncompiled(model), conditions, cache=cache)
    for length in (150, 1, 100):
        made, expected = asked.advance(length), compiled.advance(length)
        np.testing.assert_array_equal(made.directions, expected.directions)
        np.testing.assert_array_equal(made.vacancies, expected.vacancies)
    assert asked.time_s == pytest.approx(compiled.time_s, rel=1e-5)
    assert asked.hits == (compiled.hits if cache else 0)
    np.testing.assert_array_equal(asked.occupancy, compiled.occupancy)


def test_runs_that_wait_are_asked_for_together(case):
    lattice, occupancy, model = case
    together, alone = Uncompiled(model), Uncompiled(model)
    conditions = [RunConditions(1500.0, 1, replica) for replica in range(4)]
    made = advance_together([Engine(lattice, occupancy, together, c) for c in conditions], 80)
    for one, c in zip(made, conditions, strict=True):
        expected = Engine(lattice, occupancy, alone, c).advance(80)
        np.testing.assert_array_equal(one.directions, expected.directions)
    assert max(together.batches) == 4 * lattice.z
    assert set(alone.batches) == {lattice.z}


def test_engines_of_programs_advance_together_too(case):
    lattice, occupancy, model = case
    conditions = [RunConditions(1500.0, 1, replica) for replica in range(3)]
    made = advance_together([Engine(lattice, occupancy, model, c) for c in conditions], 50)
    for one, c in zip(made, conditions, strict=True):
        np.testing.assert_array_equal(one.directions, Engine(lattice, occupancy, model, c).advance(50)[0])


def test_different_models_are_not_asked_for_together(case):
    lattice, occupancy, model = case
    conditions = RunConditions(1500.0, 1)
    engines = [Engine(lattice, occupancy, Uncompiled(model), conditions) for _ in range(2)]
    with pytest.raises(ValueError, match="different models"):
        advance_together(engines, 5)


def test_a_balanced_model_without_a_program_runs_one_vacancy(small):
    lattice, occupancy, model = small
    occupancy[:3] = 0
    uncompiled = Uncompiled(model)
    uncompiled.detailed_balance = True
    with pytest.raises(ValueError, match="without a program runs one vacancy, not"):
        Engine(lattice, occupancy, uncompiled, RunConditions(900.0, 0))


def test_hashes_tell_models_apart(small, make_forward):
    lattice, occupancy, model = small
    others = [model, make_forward("fcc", 2, 2, (8, 8), seed=9)]
    engines = [
        Engine(lattice, occupancy, wrap(other), RunConditions(900.0, 0))
        for other in others
        for wrap in (Uncompiled, lambda same: same)
    ]
    assert len({source_hash(engine.source) for engine in engines}) == 4


def test_a_model_that_gives_nan_is_an_error(small):
    lattice, occupancy, model = small
    uncompiled = Uncompiled(model)
    uncompiled.predict = lambda species, mover, jump: np.full(len(mover), np.nan)
    with pytest.raises(ValueError, match="not a finite number"):
        Engine(lattice, occupancy, uncompiled, RunConditions(900.0, 0)).advance(5)


def test_flickering_needs_a_program(small):
    lattice, occupancy, model = small
    with pytest.raises(ValueError, match="models with a program only"):
        FlickerEngine(lattice, occupancy, Uncompiled(model), RunConditions(900.0, 0))


def test_runs_continue_with_the_same_model_only(small, make_forward):
    lattice, occupancy, model = small
    conditions = {"temperature_K": 900.0, "jumps": 20, "seed": 1}
    whole = run(lattice, occupancy, Uncompiled(model), **conditions | {"jumps": 40})
    start = run(lattice, occupancy, Uncompiled(model), **conditions)
    rest = run(lattice, occupancy, Uncompiled(model), start=start, **conditions)
    np.testing.assert_array_equal(rest.directions, whole.directions)
    other = Uncompiled(make_forward("fcc", 2, 2, (8, 8), seed=9))
    with pytest.raises(ValueError, match="another model"):
        run(lattice, occupancy, other, start=start, **conditions)
