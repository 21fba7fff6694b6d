"""Ensembles in the engine: runs by the mean of the members' barriers."""

import numpy as np
import pytest

from nnk.kmc.engine import Engine, RunConditions
from nnk.lattice import Lattice
from nnk.models.program import EnsembleProgram, evaluate


class Ensemble:
    def __init__(self, models):
        self.elements, self.environment = models[0].elements, models[0].environment
        self._program = EnsembleProgram(tuple(model.compiled() for model in models))

    def compiled(self):
        return self._program


@pytest.fixture(params=["forward", "balanced"])
def make(request, make_forward, make_balanced_program):
    return {"forward": make_forward, "balanced": make_balanced_program}[request.param]


def test_barriers_are_the_mean_of_the_members(make, make_start):
    lattice = Lattice.bcc((5, 5, 5), 3.3)
    ensemble = Ensemble([make("bcc", 3, 3, seed=seed) for seed in range(4)])
    engine = Engine(lattice, make_start(lattice), ensemble, RunConditions(1500.0, 1), cache=False)
    for _ in range(20):
        expected = evaluate(ensemble.compiled(), lattice, engine.occupancy, engine.vacancies[0])
        engine.advance(1)
        np.testing.assert_allclose(engine._buffers.barriers, expected, atol=2e-6, rtol=0)


def test_members_of_other_layers_are_refused(make_forward, make_start):
    lattice = Lattice.bcc((5, 5, 5), 3.3)
    ensemble = Ensemble([make_forward("bcc", 3, 3, widths) for widths in [(24, 40), (24, 80)]])
    with pytest.raises(ValueError, match="must have the same layers"):
        Engine(lattice, make_start(lattice), ensemble, RunConditions(1500.0, 1))


def test_one_member_alone_runs_as_without_an_ensemble(make, make_start):
    lattice, conditions = Lattice.bcc((5, 5, 5), 3.3), RunConditions(1500.0, 1)
    model, start = make("bcc", 3, 3), make_start(lattice)
    alone, member = (Engine(lattice, start, m, conditions) for m in (model, Ensemble([model])))
    np.testing.assert_array_equal(alone.advance(500).directions, member.advance(500).directions)
    assert alone.progress.time_s == member.progress.time_s
    assert alone.progress.time_rest_s == member.progress.time_rest_s
