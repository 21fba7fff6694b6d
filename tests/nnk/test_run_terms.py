"""Names, temperatures and ends of runs."""

import math

import pytest

from nnk.run_terms import (
    OrderReached,
    Schedule,
    StopWhen,
    case_names,
    label_temperature_K,
    run_label,
    run_labels,
)


def test_ramps_are_exact_at_their_ends_and_in_small_steps():
    schedule = Schedule.ramps("jumps", [0, 1000, 1500], [1000.0, 600.0, 700.0], 30.0)
    assert schedule.at[0] == 0
    assert (schedule.temperatures_K[0], schedule.temperatures_K[-1]) == (1000.0, 700.0)
    assert schedule.temperature_K(1000, 0.0) == 600.0
    assert schedule.temperature_K(10**9, 0.0) == 700.0
    steps = [abs(b - a) for a, b in zip(schedule.temperatures_K, schedule.temperatures_K[1:], strict=False)]
    assert max(steps) <= 30.0 + 1e-9
    assert all(n == int(n) for n in schedule.at)


def test_plateaus_begin_where_they_say():
    schedule = Schedule("time_s", (0.0, 1e-9), (900.0, 300.0))
    assert schedule.temperature_K(10**6, 0.99e-9) == 900.0
    assert schedule.temperature_K(0, 1e-9) == 300.0
    assert (schedule.next_time_s(0.0), schedule.next_time_s(1e-9), schedule.next_jump(0)) == (
        1e-9,
        None,
        None,
    )


def test_a_ramp_with_fewer_jumps_than_steps():
    schedule = Schedule.ramps("jumps", [0, 3], [1000.0, 100.0], 10.0)
    assert schedule.at == (0, 1, 2, 3)
    assert schedule.temperatures_K[-1] == 100.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("jumps", (), ()), "0 places for 0"),
        (("jumps", (0, 5), (900.0,)), "2 places for 1"),
        (("jumps", (1,), (900.0,)), "from 0 on"),
        (("time_s", (0.0, 2.0, 2.0), (1.0, 2.0, 3.0)), "ascending time_s"),
        (("jumps", (0, 1.5), (900.0, 800.0)), "whole numbers"),
        (("jumps", (0,), (0.0,)), "positive"),
        (("jumps", (0,), (math.nan,)), "positive"),
    ],
)
def test_what_is_no_schedule_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Schedule(*arguments)


def test_steps_of_a_ramp_are_positive():
    with pytest.raises(ValueError, match="step_K=0"):
        Schedule.ramps("jumps", [0, 5], [900.0, 300.0], 0)


@pytest.mark.parametrize(
    "stop",
    [
        StopWhen(5),
        StopWhen(5, time_s=2.0),
        StopWhen(order=OrderReached(("Mo", "Ta"), 2, "alpha", at_most=-0.4, every=10)),
    ],
)
def test_terms_survive_json(stop):
    assert StopWhen.from_json(stop.as_json()) == stop


def test_schedules_survive_json():
    schedule = Schedule("time_s", (0.0, 1e-9), (900.0, 300.0))
    assert Schedule.from_json(schedule.as_json()) == schedule


REACHED = "delta(A-B, shell 1) >= 0.5, every 10000 jumps"


def order_of(value):
    return OrderReached(("A", "B"), 1, "delta", value)


@pytest.mark.parametrize(
    ("stop", "jumps", "time_s", "ended_by", "met"),
    [
        (StopWhen(100), 99, 1.0, "jumps", False),
        (StopWhen(100), 100, 1.0, "", True),
        (StopWhen(100, time_s=2.0), 50, 2.0, "", True),
        (StopWhen(100, time_s=2.0), 50, 1.9, "time", False),
        (StopWhen(100, order=order_of(0.5)), 5, 1.0, REACHED, True),
        (StopWhen(100, order=order_of(0.6)), 5, 1.0, REACHED, False),
    ],
)  # fmt: skip
def test_when_a_run_is_long_enough(stop, jumps, time_s, ended_by, met):
    assert stop.is_met(jumps, time_s, ended_by) == met


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"shell": 4}, "shell=4"),
        ({"at_most": 1.0}, "one of at_least and at_most"),
        ({"every": 0}, "every=0"),
    ],
)
def test_what_is_no_order_is_refused(given, message):
    with pytest.raises(ValueError, match=message):
        OrderReached(**{"pair": ("A", "B"), "shell": 1, "parameter": "delta", "at_least": 0.1} | given)


def test_labels():
    assert run_label([800.0]) == "T0800.0K"
    assert run_label([3000.0, 900.0, 300.0]) == "T3000.0K-T0300.0K"
    assert run_label([900.0, 300.0, 900.0]) == "T0900.0K-T0900.0K"
    assert [label_temperature_K(name) for name in ("T0800.0K", "T3000.0K-T0300.0K", "T1K/", "x")] == [
        800.0,
        300.0,
        None,
        None,
    ]
    assert run_labels({"temperatures_K": [400, 1000.0]}) == ["T0400.0K", "T1000.0K"]
    assert run_labels({"schedule": {"temperatures_K": [900.0, 300.0]}}) == ["T0900.0K-T0300.0K"]


def test_cases_by_composition_and_start():
    starts = ["random", "ordered", {"ordered": "D0_3"}, {"file": "/a/my start.dump"}, {"case": "NbMo"}]
    starts.append({"case": "NbMo", "temperature_K": 3000.0})
    kmc = {"start": starts, "compositions": [{"Nb": 0.5, "Mo": 0.5}, {"Nb": 0.75, "Mo": 0.25}]}
    assert case_names(kmc, {"elements": ["Nb", "Mo"], "lattice": "bcc"}) == [
        *("NbMo", "Nb75Mo25", "NbMo-B2", "Nb75Mo25-B2", "NbMo-D0_3", "Nb75Mo25-D0_3"),
        *("my_start", "from-NbMo", "from-NbMo-T3000.0K"),
    ]
    fcc = {"start": "ordered", "compositions": kmc["compositions"]}
    assert case_names(fcc, {"elements": ["Nb", "Mo"], "lattice": "fcc"}) == ["NbMo-L1_0", "Nb75Mo25-L1_2"]


def test_cases_that_start_by_exchanges():
    kmc = {
        "compositions": [{"Nb": 0.5, "Mo": 0.5}],
        "start": ["random", {"exchanged": {}}, {"exchanged": {"temperature_K": 300.0}}],
    }
    assert case_names(kmc, {"elements": ["Nb", "Mo"], "lattice": "bcc"}) == [
        "NbMo",
        "NbMo-exchanged",
        "NbMo-exchanged-T0300.0K",
    ]
