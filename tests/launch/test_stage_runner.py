"""Units that end before their items are done: which ones are tried again, and how often."""

import json
import time
from collections import Counter
from concurrent.futures import Future
from dataclasses import asdict
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parsl.executors.high_throughput.errors import ManagerLost, WorkerLost

from jobs.apps import JobFailed
from jobs.block import Block
from launch.campaign import load_campaign
from launch.failures import MOST_FAILURES
from launch.history import History
from launch.interrupt import Interruption
from launch.layouts import campaign_site, stage_layout
from launch.plan import make_plan
from launch.progress import QuietProgress
from launch.stage_runner import StageRunner, StageTools
from launch.trials import Trials
from launch.units import UnitMaker
from nnk.files import Fence, StaleEpoch, Workdir, append_records, read_records
from site_configs import SiteError


class Jobs:
    """In place of Parsl: ends a unit at once, after `work` (unit, number of the unit)."""

    def __init__(self, work):
        self.work, self.n_units = work, 0

    def submit(self, order):
        self.n_units += 1
        future = Future()
        try:
            self.work(order.unit, self.n_units)
            future.set_result(0)
        except Exception as error:
            future.set_exception(error)
        return future

    def check(self):
        pass


class Said(QuietProgress):
    """Keeps what the user is told."""

    def __init__(self):
        self.lines = []

    def message(self, text):
        self.lines.append(text)


@pytest.fixture
def stage_runner(write_campaign, tmp_path):
    """Makes the runner of the first items of a stage by `work`, in a workdir of its own."""
    campaign = load_campaign(write_campaign())
    site, folders = campaign_site(campaign), count()

    def make(stage, work, n_items=1):
        workdir = Workdir(tmp_path / f"work{next(folders)}")
        workdir.root.mkdir()
        workdir.epoch_file.write_text("1\n")
        fence, jobs, said = Fence(workdir.epoch_file, 1), Jobs(work), Said()
        maker = UnitMaker(campaign, workdir, 1, {stage: stage_layout(site, campaign, stage)})
        interruption = Interruption(workdir.run_dir(1) / "stop", print)
        tools = StageTools(workdir, fence, maker, jobs, interruption, said, History(workdir))
        items = make_plan(campaign, workdir)[stage].items[:n_items]
        return StageRunner(stage, list(items), 0, 1, tools), jobs, said, workdir

    return make


@pytest.fixture
def run_stage(stage_runner):
    """Runs one item of a stage by `work`; its runner, after how many units."""

    def run(stage, work):
        runner, jobs, _, _ = stage_runner(stage, work)
        runner.run()
        return runner, jobs.n_units

    return run


def done(unit, items=None):
    items = unit.items if items is None else items
    records = [unit.outcome(item, "done", seconds=1.0, **item.inputs.get("given_up", {})) for item in items]
    append_records(unit.workdir, unit.stage, unit.name, records, unit.fence)


def checkpoint(unit, number):
    path = unit.workdir.model_dir(unit.items[0].key) / "members" / "0" / "checkpoints" / "last.pt"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(number))


@pytest.mark.parametrize("stage", ["train", "kmc"])
def test_what_goes_nowhere_fails_after_some_units(stage, run_stage):
    runner, n_units = run_stage(stage, lambda unit, number: None)
    assert (n_units, len(runner.failed), runner.done) == (MOST_FAILURES, 1, set())
    assert list(runner.failed.values()) == ["the job ended without a result"]


@pytest.mark.parametrize("is_killed", [True, False])
def test_a_training_may_take_many_walltimes(is_killed, run_stage):
    def work(unit, number):
        if number == 3 * MOST_FAILURES:
            return done(unit)
        checkpoint(unit, number)
        if is_killed:
            raise JobFailed(-9, "")

    runner, n_units = run_stage("train", work)
    assert (n_units, runner.failed, runner.done) == (3 * MOST_FAILURES, {}, {"main"})


def test_a_run_may_take_many_walltimes(run_stage, write_run):
    def work(unit, number):
        if number == 3 * MOST_FAILURES:
            return done(unit)
        write_run(unit.workdir, unit.items[0], 100 * number, segment=number)

    runner, n_units = run_stage("kmc", work)
    assert (n_units, runner.failed, len(runner.done)) == (3 * MOST_FAILURES, {}, 1)


def test_a_training_that_stops_coming_on_fails(run_stage):
    runner, n_units = run_stage("train", lambda unit, number: checkpoint(unit, 1) if number == 1 else None)
    assert (n_units, list(runner.failed)) == (1 + MOST_FAILURES, ["main"])


def say_failed(unit, item, error):
    append_records(unit.workdir, unit.stage, unit.name, [unit.outcome(item, "failed", error=error)])


def in_block(unit, number, ends_in_s=-1.0):
    """Note that a unit is in the scheduler's job `number`, which ends soon, or has ended."""
    unit.work_dir.mkdir(parents=True, exist_ok=True)
    block = Block(str(number), f"job{number}", "node1", time.time() + ends_in_s)
    (unit.work_dir / "block.json").write_text(json.dumps(asdict(block)))


def at_work_on(unit, *items):
    unit.work_dir.mkdir(parents=True, exist_ok=True)
    for team, item in enumerate(items):
        (unit.work_dir / f"{team:05d}.item").write_text(f"{item.key}\n")


def last_record(workdir, stage, key):
    return [record for record in read_records(workdir, stage) if record["key"] == key][-1]


def test_a_bad_item_is_quarantined_and_the_others_are_made(stage_runner):
    def work(unit, number):
        (item,) = unit.items
        if item.key.endswith("T0400.0K/r001"):
            raise JobFailed(137, "oom-kill event")
        done(unit)

    runner, jobs, said, workdir = stage_runner("kmc", work, 4)
    runner.run()
    bad = "NbMoTa/T0400.0K/r001"
    assert (len(runner.done), set(runner.failed), jobs.n_units) == (3, {bad}, 3 + MOST_FAILURES)
    record = last_record(workdir, "kmc", bad)
    assert (record["state"], record["class"]) == ("quarantined", "memory")
    assert said.lines[-1] == f"kmc: {bad} failed: JobFailed: exit code 137"


@pytest.mark.parametrize(
    ("error", "n_units", "state", "failure"),
    [
        ("ValueError: the start has 2 vacancies", 1, "failed", "user"),
        ("ForceFieldError: the energy is not finite", 1, "failed", "numerical"),
        ("KeyError: 'x'", 1, "failed", "program"),
        ("MemoryError: ", MOST_FAILURES, "quarantined", "memory"),
        ("OSError: [Errno 116] Stale file handle", 5, "quarantined", "node"),
    ],
)
def test_items_that_say_what_is_wrong_are_tried_by_its_class(error, n_units, state, failure, stage_runner):
    runner, jobs, _, workdir = stage_runner(
        "kmc", lambda unit, number: say_failed(unit, unit.items[0], error)
    )
    runner.run()
    (key,) = runner.failed
    record = last_record(workdir, "kmc", key)
    assert (jobs.n_units, record["state"], record["class"]) == (n_units, state, failure)


def test_an_item_that_has_once_raised_and_is_then_made_has_not_failed(stage_runner):
    def work(unit, number):
        say_failed(unit, unit.items[0], "MemoryError: ") if number == 1 else done(unit)

    runner, jobs, _, _ = stage_runner("kmc", work)
    runner.run()
    assert (jobs.n_units, runner.failed, len(runner.done)) == (2, {}, 1)


def test_many_walltimes_and_lost_nodes_are_no_failures_of_runs_that_come_on(
    stage_runner, write_run, monkeypatch
):
    monkeypatch.setattr("launch.stage_runner.MOST_IN_VAIN", 4)

    def work(unit, number):
        if number == 12:
            return done(unit)
        if number < 6:
            in_block(unit, number)
        write_run(unit.workdir, unit.items[0], 100 * number, segment=number)
        if number % 2 or number > 6:
            raise ManagerLost(b"m", "node1")

    runner, jobs, _, _ = stage_runner("kmc", work)
    runner.run()
    assert (jobs.n_units, runner.failed, len(runner.done)) == (12, {}, 1)


def test_an_item_longer_than_the_walltime_is_quarantined_after_some_blocks(stage_runner):
    def work(unit, number):
        in_block(unit, number)
        raise JobFailed(-15, "")

    runner, jobs, _, workdir = stage_runner("kmc", work)
    runner.run()
    assert (jobs.n_units, last_record(workdir, "kmc", *runner.failed)["class"]) == (5, "walltime")


def test_the_end_of_one_block_is_counted_once(stage_runner):
    def work(unit, number):
        if number == 12:
            return done(unit)
        in_block(unit, 1)

    runner, _, _, _ = stage_runner("kmc", work)
    runner.run()
    assert (runner.failed, len(runner.done)) == ({}, 1)


def test_what_has_no_time_left_waits_for_the_end_of_its_block(stage_runner):
    began = []

    def work(unit, number):
        began.append(time.time())
        if number == 2:
            return done(unit)
        in_block(unit, 1, ends_in_s=1.5)

    runner, _, _, _ = stage_runner("kmc", work)
    runner.run()
    assert runner.failed == {}
    assert 1.4 < began[1] - began[0] < 10


def test_items_put_off_come_back_when_idle_blocks_have_been_given_back():
    trials = Trials([])
    trials.put_off("x", 1e6)
    for now, is_idle, n_left in ((0, True, 0), (44, True, 0), (44.5, False, 0), (50, True, 0), (96, True, 1)):
        trials.wake(now, is_idle=is_idle)
        assert (trials.n_left, len(trials)) == (n_left, 1)
    trials.put_off("y", 100)
    trials.wake(101, is_idle=False)
    assert trials.take(5) == ["x", "y"]


def test_a_label_that_is_given_up_says_why_and_the_others_are_made(stage_runner):
    def work(unit, number):
        bad = [item for item in unit.items if item.key.endswith("s0001/v00000")]
        if bad and "given_up" not in bad[0].inputs:
            at_work_on(unit, bad[0])
            raise WorkerLost(0, "node1")
        done(unit)

    runner, _, said, workdir = stage_runner("label", work, 3)
    runner.run()
    assert (len(runner.done), runner.failed) == (3, {})
    key = "Nb34Mo33Ta33/s0001/v00000"
    record = last_record(workdir, "label", key)
    assert (record["state"], record["class"]) == ("done", "crash")
    assert record["error"].startswith("crashed: WorkerLost: Task failure due to loss of worker 0")
    assert said.lines[-1].endswith("recorded as a failed label")


def test_a_label_is_not_given_up_for_what_is_wrong_with_its_surroundings(stage_runner):
    def work(unit, number):
        raise JobFailed(87, "ModuleNotFoundError: No module named 'lammps'")

    runner, _, _, workdir = stage_runner("label", work)
    runner.run()
    assert last_record(workdir, "label", *runner.failed)["state"] == "quarantined"
    assert runner.done == set()


def test_a_stage_of_which_nothing_can_be_made_ends_the_run(stage_runner, monkeypatch):
    def work(unit, number):
        raise JobFailed(87, "ModuleNotFoundError: No module named 'lammps'")

    monkeypatch.setattr("launch.stage_runner.MOST_IN_VAIN", 4)
    runner, jobs, _, _ = stage_runner("kmc", work, 4)
    with pytest.raises(SiteError, match=r"4 units in a row have made nothing.*\(user\); see .*\.log"):
        runner.run()
    assert jobs.n_units == 4


def test_a_full_disk_ends_the_run_and_blames_no_item(stage_runner, monkeypatch):
    def full(path, write):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("launch.losses.commit", full)
    runner, jobs, _, _ = stage_runner("kmc", lambda u, n: say_failed(u, u.items[0], "OSError: [Errno 28] x"))
    with pytest.raises(SiteError, match="No space left on device; free space there"):
        runner.run()
    assert (jobs.n_units, runner.failed) == (1, {})


def test_a_full_disk_of_a_node_is_tried_again(stage_runner):
    def work(unit, number):
        say_failed(unit, unit.items[0], "OSError: [Errno 28] x") if number < 3 else done(unit)

    runner, _, _, workdir = stage_runner("kmc", work)
    runner.run()
    assert (len(runner.done), runner.failed) == (1, {})
    assert not (workdir.run_dir(1) / "trial").exists()


def test_a_newer_run_ends_an_older_one(stage_runner):
    def work(unit, number):
        raise StaleEpoch("run 2 has taken over")

    runner, _, _, _ = stage_runner("kmc", work)
    with pytest.raises(StaleEpoch):
        runner.run()


ENDS = {
    "done": None,
    "stops": None,
    "killed": JobFailed(137, ""),
    "memory": JobFailed(137, "oom-kill"),
    "broken": JobFailed(87, "KeyError: 'x'"),
    "user": JobFailed(87, "ImportError: x"),
    "worker": WorkerLost(0, "node1"),
    "node": ManagerLost(b"m", "node1"),
}
ERRORS = ("", "", "MemoryError: ", "ValueError: x", "OSError: [Errno 5] Input/output error", "KeyError: 'x'")
FATES = st.tuples(
    st.sampled_from(sorted(ENDS)),
    st.integers(0, 3),
    st.booleans(),
    st.integers(0, 2),
    st.sampled_from(ERRORS),
)


def suffer(unit, number, fate):
    """End a unit as `fate` says: some items made, one in error, some in work, in a block that is over."""
    end, n_done, is_over, n_in_work, error = fate
    if is_over:
        in_block(unit, number)
    if end == "done":
        return done(unit)
    done(unit, unit.items[:n_done])
    rest = unit.items[n_done:]
    if error and rest:
        say_failed(unit, rest[0], error)
        rest = rest[1:]
    at_work_on(unit, *rest[:n_in_work])
    if ENDS[end] is not None:
        raise ENDS[end]


@pytest.mark.parametrize("stage", ["label", "kmc"])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fates=st.lists(FATES, max_size=60))
def test_whatever_happens_the_stage_ends_and_nothing_is_lost_or_made_twice(stage, fates, stage_runner):
    def work(unit, number):
        suffer(unit, number, fates[number - 1]) if number <= len(fates) else done(unit)

    runner, _, _, workdir = stage_runner(stage, work, 4)
    try:
        runner.run()
    except SiteError as error:
        assert "units in a row have made nothing" in str(error)  # noqa: PT017  (may, need not)
        return
    keys = set(runner._items)
    assert runner.done | runner.failed.keys() == keys
    assert not runner.done & runner.failed.keys()
    made = Counter(r["key"] for r in read_records(workdir, stage) if r["state"] == "done")
    assert set(made) == runner.done
    assert max(made.values(), default=1) == 1
