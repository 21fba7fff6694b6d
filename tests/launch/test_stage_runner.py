"""Units that end before their items are done: which ones are tried again, and how often."""

from concurrent.futures import Future

import pytest

from jobs.apps import JobFailed
from launch.campaign import load_campaign
from launch.failures import MOST_FAILURES
from launch.history import History
from launch.interrupt import Interruption
from launch.layouts import campaign_site, stage_layout
from launch.plan import make_plan
from launch.progress import QuietProgress
from launch.stage_runner import StageRunner, StageTools
from launch.units import UnitMaker
from nnk.files import Fence, Workdir, append_records


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
        except JobFailed as error:
            future.set_exception(error)
        return future

    def check(self):
        pass


@pytest.fixture
def run_stage(write_campaign, tmp_path):
    """Runs one item of a stage by `work`; its runner, after how many units."""

    def run(stage, work):
        campaign = load_campaign(write_campaign())
        workdir, site = Workdir(tmp_path / "work"), campaign_site(campaign)
        workdir.epoch_file.parent.mkdir(parents=True)
        workdir.epoch_file.write_text("1\n")
        fence, jobs = Fence(workdir.epoch_file, 1), Jobs(work)
        maker = UnitMaker(campaign, workdir, 1, {stage: stage_layout(site, campaign, stage)})
        interruption = Interruption(workdir.run_dir(1) / "stop", print)
        tools = StageTools(workdir, fence, maker, jobs, interruption, QuietProgress(), History(workdir))
        runner = StageRunner(stage, [make_plan(campaign, workdir)[stage].items[0]], 0, 1, tools)
        runner.run()
        return runner, jobs.n_units

    return run


def done(unit):
    records = [unit.outcome(item, "done", seconds=1.0) for item in unit.items]
    append_records(unit.workdir, unit.stage, f"{unit.name}-0", records, unit.fence)


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
