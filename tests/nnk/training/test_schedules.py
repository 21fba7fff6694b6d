"""Learning rates over a run."""

from functools import partial

import numpy as np
import pytest

from nnk.training import TrainParameters
from nnk.training.parameters import Plateau
from nnk.training.schedules import one_cycle_rate, plateau_rate, rates_of


def test_one_cycle_rises_then_falls():
    rates = [one_cycle_rate(done, 1.0) for done in np.linspace(0, 1, 101)]
    assert rates[0] < 0.1
    assert max(rates) == pytest.approx(1.0, abs=0.02)
    assert rates.index(max(rates)) == 5
    assert rates[-1] == pytest.approx(0, abs=1e-12)


def test_a_plateau_lowers_the_rate_down_to_its_floor():
    rate = partial(plateau_rate, first=1.0, plateau=Plateau(factor=0.1, patience=2, floor=0.05))
    assert rate([]) == rate([3.0]) == rate([3.0, 4.0]) == 1.0
    assert rate([3.0, 4.0, 3.0]) == pytest.approx(0.1)  # as good as the best is not better
    assert rate([3.0, 4.0, 2.0, 2.5]) == 1.0
    assert rate([3.0, 4.0, 4.0, 2.9, 3.0]) == pytest.approx(0.1)
    assert rate([3.0, 4.0, 4.0, 4.0, 4.0]) == 0.05


def test_the_schedule_is_the_one_asked_for():
    cycle = rates_of(TrainParameters(learning_rate=2.0))
    plateau = rates_of(TrainParameters(learning_rate=2.0, schedule=Plateau(0.5, 1, 0.0)))
    assert cycle(0.5, []) == one_cycle_rate(0.5, 2.0)
    assert plateau(0.5, [1.0, 1.0]) == 1.0
    assert TrainParameters(schedule={"factor": 0.5, "patience": 1, "floor": 0.0}).schedule == Plateau(
        0.5, 1, 0
    )


@pytest.mark.parametrize("wrong", [{"factor": 1.0}, {"factor": 0.0}, {"patience": 0}, {"floor": -1.0}])
def test_wrong_plateaus_are_named(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.*expected"):
        Plateau(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"schedule": "cosine"}, {"optimiser": "sgd"}, {"precision": "float16"}, {"split_weight": -1.0}],
)
def test_wrong_parameters_are_named(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.*expected"):
        TrainParameters(**wrong)
