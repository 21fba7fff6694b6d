"""How far runs have come, and in which order they are made."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.kmc_items import kmc_cases, waves
from launch.runs_on_disk import JumpCount, jumps_on_disk, read_run
from launch.status import campaign_status
from launch.status_text import status_text
from nnk.files import Workdir
from nnk.run_terms import case_names


@pytest.fixture
def runs(write_campaign):
    campaign = load_campaign(write_campaign())
    return Workdir(campaign.workdir_path), all_items(campaign)["kmc"]


def test_jumps_are_those_of_the_last_segment_or_of_the_finished_run(runs, write_run):
    workdir, (first, second, *_) = runs
    assert jumps_on_disk(workdir, first) == 0
    write_run(workdir, first, 100, segment=0)
    write_run(workdir, first, 250, segment=1)
    write_run(workdir, second, 400)
    assert [jumps_on_disk(workdir, item) for item in (first, second)] == [250, 400]
    write_run(workdir, second, 700, segment=0)  # it goes on
    write_run(workdir, first, 5000)  # longer than asked
    assert [jumps_on_disk(workdir, item) for item in (first, second)] == [1000, 700]


def test_files_that_say_nothing_count_nothing(runs, tmp_path: Path):
    workdir, (item, *_) = runs
    (tmp_path / "damaged.nc").write_bytes(b"\x89HDF no")
    assert read_run(tmp_path / "damaged.nc") is None
    assert read_run(tmp_path / "absent.nc") is None
    assert jumps_on_disk(workdir, item) == 0


def test_progress_counts_the_jumps_of_all_runs(runs, write_run):
    workdir, items = runs
    write_run(workdir, items[0], 1000)
    write_run(workdir, items[1], 300, segment=0)
    count = JumpCount(workdir, items)
    assert count.note() == "1,300 of 4,000 jumps"
    assert count.note([items[0].key]) == "1,300 of 4,000 jumps"


def test_status_tells_how_far_runs_have_come(runs, write_run, write_campaign):
    workdir, items = runs
    write_run(workdir, items[0], 1000)
    write_run(workdir, items[1], 300, segment=0)
    text = status_text(campaign_status(load_campaign(write_campaign())))
    assert "kmc: 300 jumps on disk of runs that have not ended (1)" in text.splitlines()


STARTS = "start: [random, ordered, {case: NbMoTa, temperature_K: 800}, {case: from-NbMoTa-T0800.0K}]"


def test_a_run_comes_after_the_one_that_it_goes_on_from(write_campaign):
    campaign = load_campaign(write_campaign(("start: random", STARTS)))
    items = all_items(campaign)["kmc"]
    found = [{item.key.split("/")[0] for item in wave} for wave in waves(items)]
    assert found == [{"NbMoTa", "NbMoTa-B2"}, {"from-NbMoTa-T0800.0K"}, {"from-from-NbMoTa-T0800.0K"}]
    sources = {item.key: item.own["from"]["key"] for item in items if "from" in item.own}
    assert sources["from-NbMoTa-T0800.0K/T0400.0K/r001"] == "NbMoTa/T0800.0K/r001"
    assert sources["from-from-NbMoTa-T0800.0K/T0400.0K/r001"] == "from-NbMoTa-T0800.0K/T0400.0K/r001"


def test_a_later_stop_begins_anew_what_went_on_from_the_earlier_end(write_campaign):
    def hashes(*changes):
        campaign = load_campaign(write_campaign(("start: random", STARTS), *changes))
        return {item.key: item.hash for item in all_items(campaign)["kmc"]}

    before, after = hashes(), hashes(("{jumps: 1_000}", "{jumps: 2_000}"))
    assert {key.split("/")[0] for key in before if before[key] != after[key]} == {
        "from-NbMoTa-T0800.0K",
        "from-from-NbMoTa-T0800.0K",
    }


@pytest.mark.parametrize(
    "replacement",
    [
        ("start: random", STARTS),
        ("start: random", "start: {ordered: D0_3}"),
        ("compositions: [equimolar]\n  start: random", "start: {file: c.yaml}"),
    ],
)
def test_cases_are_named_alike_by_plan_and_analyses(replacement, write_campaign):
    lattice = ("lattice: bcc}", "lattice: bcc, lattice_parameter_A: 3.3}")
    campaign = load_campaign(write_campaign(replacement, lattice))
    resolved = campaign.resolved()
    assert list(kmc_cases(campaign)) == case_names(resolved["kmc"], resolved["alloy"])


def test_scheduled_runs_have_a_label_of_their_own(write_campaign):
    schedule = "schedule: {jumps: [0, 500], temperatures_K: [3000, 300], shape: linear, step_K: 100}"
    campaign = load_campaign(write_campaign(("temperatures_K: [400, 800]", schedule)))
    keys = [item.key for item in all_items(campaign)["kmc"]]
    assert keys == ["NbMoTa/T3000.0K-T0300.0K/r000", "NbMoTa/T3000.0K-T0300.0K/r001"]
