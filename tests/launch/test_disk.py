"""How much room a plan says it takes."""

import pytest

from launch.campaign import load_campaign
from launch.costs import Costs
from launch.disk import size_text, stage_bytes, total_text
from launch.history import History
from launch.plan import make_plan
from nnk.files import Workdir


def sizes(path):
    campaign = load_campaign(path)
    workdir = Workdir(campaign.workdir_path)
    history = History(workdir)
    plan = make_plan(campaign, workdir, history)
    costs = Costs(campaign, plan, workdir, history)
    return {stage.stage: stage_bytes(campaign, stage, costs) for stage in plan if stage.todo}


def test_sizes_follow_from_the_numbers_of_items(write_campaign):
    small = sizes(write_campaign())
    assert small["label"] == pytest.approx(6 * (8 * 88 + 0.25 * 432 + 350))
    assert small["kmc"] == pytest.approx(4 * (1000 + 0.6 * 1024 * 30 + 20_000 + 350))
    more = sizes(write_campaign(("vacancies_per_composition: 3", "vacancies_per_composition: 300")))
    assert more["label"] == pytest.approx(100 * small["label"])
    assert more["train"] > small["train"]
    assert more["kmc"] == small["kmc"]


def test_frames_and_jumps_count(write_campaign):
    stop = ("{jumps: 1_000}", "{jumps: 1_000_000}\n  key_frames: {spacing: linear, every: 100}")
    long = sizes(write_campaign(stop))["kmc"]
    assert long == pytest.approx(4 * (1e6 + 0.6 * 1024 * 10_000 + 20_350))


def test_runs_without_a_number_of_jumps_are_not_known(write_campaign):
    found = sizes(write_campaign(("{jumps: 1_000}", "{time_s: 1.0e-6}")))
    assert found["kmc"] is None
    assert total_text(found).endswith(", without kmc")


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (None, "?"),
        (300, "0.3 kB"),
        (2_250_000, "2.2 MB"),
        (99e6, "99 MB"),
        (1.3e9, "1.3 GB"),
        (5e15, "5,000 TB"),
    ],
)
def test_size_text(size, text):
    assert size_text(size) == text
