"""Why units are lost, and what becomes of their items."""

import signal
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parsl.executors.high_throughput.errors import ManagerLost, WorkerLost

from jobs.apps import JobFailed, signal_of
from jobs.block import Block
from jobs.failure_class import FailureClass
from launch.failure_groups import failures_by_class, last_lines
from launch.failures import (
    MOST_FAILURES,
    POLICIES,
    Tally,
    Verdict,
    cause_of_loss,
    is_given_up,
    is_held,
)
from launch.history import Event
from nnk.files import Workdir

NOW = 1_000_000.0
FOR_EVER = Block("0", "", "here", None)
EARLY = Block("0", "12", "node1", NOW + 1000)
OVER = Block("0", "12", "node1", NOW - 1)
OOM = "slurmstepd: error: Detected 1 oom_kill event in StepId=12.0."


@pytest.mark.parametrize(
    ("error", "block", "cause"),
    [
        (None, None, "unknown"),
        (None, FOR_EVER, "unknown"),
        (None, EARLY, "walltime"),  # it has stopped by itself: no time was left for another item
        (ManagerLost(b"m", "node1"), EARLY, "node"),
        (ManagerLost(b"m", "node1"), OVER, "walltime"),
        (ManagerLost(b"m", "node1"), None, "node"),
        (WorkerLost(0, "node1"), EARLY, "crash"),
        (WorkerLost(0, "node1"), OVER, "walltime"),
        (JobFailed(-9, ""), FOR_EVER, "crash"),
        (JobFailed(137, ""), EARLY, "crash"),
        (JobFailed(9, "KILLED BY SIGNAL: 9 (Killed)"), EARLY, "crash"),
        (JobFailed(137, OOM), EARLY, "memory"),
        (JobFailed(137, OOM), OVER, "memory"),
        (JobFailed(-15, ""), OVER, "walltime"),
        (JobFailed(-9, ""), OVER, "walltime"),
        (JobFailed(-int(signal.SIGXFSZ), ""), EARLY, "disk"),
        (JobFailed(87, "OSError: [Errno 28] No space left on device"), OVER, "disk"),
        (JobFailed(87, "KeyError: 'a'"), EARLY, "program"),
        (JobFailed(1, "something"), EARLY, "unknown"),
        (FileNotFoundError(2, "No such file", "w.npy"), EARLY, "user"),
    ],
)
def test_why_a_unit_was_lost(error, block, cause):
    assert cause_of_loss(error, block, now_unix_s=NOW) == cause


@pytest.mark.parametrize("error", [JobFailed(-9, ""), WorkerLost(0, "here"), ManagerLost(b"m", "here")])
def test_a_process_that_the_system_has_killed_for_memory(error):
    assert cause_of_loss(error, FOR_EVER, now_unix_s=NOW, is_oom=True) is FailureClass.MEMORY


@pytest.mark.parametrize(
    ("code", "number"), [(-9, 9), (137, 9), (9, 9), (6, 6), (139, 11), (1, 0), (2, 0), (85, 0), (87, 0)]
)
def test_signals_behind_exit_codes(code, number):
    assert signal_of(code) == number


def verdicts(*causes, is_lost=True, is_traced=False):
    tally = Tally()
    return [tally.after("x", FailureClass(c), is_lost=is_lost, is_traced=is_traced).name for c in causes]


@pytest.mark.parametrize(
    ("causes", "expected"),
    [
        (["memory"] * 3, ["ALONE", "ALONE", "GIVE_UP"]),
        (["crash"] * 3, ["AGAIN", "ALONE", "GIVE_UP"]),
        (["unknown"] * 3, ["AGAIN", "ALONE", "GIVE_UP"]),
        (["disk"] * 3, ["AGAIN", "AGAIN", "GIVE_UP"]),
        (["walltime"] * 5, ["AGAIN", "ALONE", "ALONE", "ALONE", "GIVE_UP"]),
        (["node"] * 5, ["AGAIN", "ALONE", "ALONE", "ALONE", "GIVE_UP"]),
        (["memory", "crash", "unknown"], ["ALONE", "AGAIN", "GIVE_UP"]),
        (["walltime", "node", "crash", "walltime", "memory"], ["AGAIN", "AGAIN", "AGAIN", "ALONE", "ALONE"]),
        (["user"] * 3, ["AGAIN", "ALONE", "GIVE_UP"]),  # of the unit: whichever item is to blame
    ],
)
def test_how_often_an_item_of_lost_units_is_tried(causes, expected):
    assert verdicts(*causes) == expected


@pytest.mark.parametrize("cause", ["numerical", "user", "program"])
def test_an_item_that_has_said_itself_what_is_wrong_is_not_tried_again(cause):
    assert verdicts(cause, is_lost=False) == ["GIVE_UP"]


def test_an_item_that_has_raised_for_want_of_memory_is_tried_again_alone():
    assert verdicts("memory", "memory", "memory", is_lost=False) == ["ALONE", "ALONE", "GIVE_UP"]


def test_one_whose_process_has_named_it_is_tried_alone_at_once():
    assert verdicts("crash", is_traced=True) == ["ALONE"]


CAUSES = st.sampled_from(list(FailureClass))
LIMIT = sum(policy.most for policy in POLICIES.values())


@given(st.lists(st.tuples(CAUSES, st.booleans()), min_size=LIMIT, max_size=2 * LIMIT))
def test_every_row_of_failures_comes_to_an_end(failures):
    tally = Tally()
    found = [tally.after("x", cause, is_lost=is_lost) for cause, is_lost in failures]
    assert Verdict.GIVE_UP in found


@given(st.lists(CAUSES, max_size=20))
def test_three_failures_give_an_item_up_and_walltimes_and_nodes_are_none(causes):
    tally, seen = Tally(), Counter()
    for cause in causes:
        found = tally.after("x", cause, is_lost=True)
        seen[cause] += 1
        n_counted = sum(seen.values()) - seen["walltime"] - seen["node"]
        over = n_counted >= MOST_FAILURES or max(seen["walltime"], seen["node"]) >= 5
        assert (found is Verdict.GIVE_UP) == over
        if over:
            break


@given(st.lists(CAUSES.filter(lambda cause: cause != "walltime"), max_size=2), st.integers(1, 40))
def test_a_walltime_on_which_an_item_comes_on_costs_it_nothing(causes, walltimes):
    tally = Tally()
    for _ in range(walltimes):
        assert tally.after("x", FailureClass.WALLTIME, is_lost=True) is not Verdict.GIVE_UP
        tally.come_on("x")
    for cause in causes:
        assert tally.after("x", cause, is_lost=True) is not Verdict.GIVE_UP


def test_items_are_counted_apart():
    tally = Tally()
    assert tally.after("x", FailureClass.CRASH, is_lost=True) is Verdict.AGAIN
    assert tally.after("y", FailureClass.CRASH, is_lost=True) is Verdict.AGAIN
    assert tally.after("x", FailureClass.CRASH, is_lost=True) is Verdict.ALONE


def event(key, state, failure=None, **more):
    return Event(key, "h", "g", state, failure=failure and FailureClass(failure), **more)


@pytest.mark.parametrize(
    ("found", "held", "given_up"),
    [
        (event("a", "done"), False, False),
        (event("a", "started"), False, False),
        (event("a", "failed", "memory"), False, False),
        (event("a", "failed", "unknown"), False, False),
        (event("a", "failed", "program"), False, False),
        (event("a", "failed", "user"), True, False),
        (event("a", "failed", "numerical"), True, False),
        (event("a", "quarantined", "memory"), True, True),
        (event("a", "quarantined", "node"), True, True),
        (event("a", "cleared", "user"), False, False),
        (event("a", "done", "crash"), False, True),  # a label that says that it was given up
    ],
)
def test_what_later_runs_leave_alone(found, held, given_up):
    assert (is_held(found), is_given_up(found)) == (held, given_up)


def test_nothing_is_held_of_which_nothing_is_known():
    assert not is_held(None)


def test_failures_are_grouped_by_class(tmp_path):
    log = tmp_path / "logs" / "label" / "u.log"
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\n" for number in range(10)))
    events = [
        event("a", "done"),
        event("b", "failed", "user", error="ValueError: no", log="gone.log"),
        event("c", "quarantined", "memory", error="killed", log="logs/label/u.log"),
        event("d", "failed", "memory", error="MemoryError: "),
        event("e", "done", "memory", error="crashed: killed"),
        event("f", "cleared", "user", error="ValueError: no"),
    ]
    memory, user = failures_by_class(events)
    assert (memory.failure, memory.count, memory.quarantined, memory.held) == ("memory", 3, 2, 2)
    assert (memory.key, memory.error) == ("c", "killed")
    assert "ranks_per_node" in memory.cure
    assert last_lines(Workdir(tmp_path), memory, 2) == ["line 8", "line 9"]
    assert (user.failure, user.count, user.quarantined, user.held) == ("user", 1, 0, 1)
    assert last_lines(Workdir(tmp_path), user) == []
