"""What a plan says that it costs, and whence it knows."""

from __future__ import annotations

import json

import pytest

from launch.campaign import load_campaign
from launch.costs import DOCTOR, GUESS, RECORDS, Costs, amount, total_line, what_is_measured
from launch.history import History
from launch.plan import make_plan
from nnk.files import Workdir


@pytest.fixture
def costs(write_campaign):
    """Costs of the tiny campaign with replacements, by stage, and its total."""

    def find(*replacements):
        campaign = load_campaign(write_campaign(*replacements))
        workdir = Workdir(campaign.workdir_path)
        history = History(workdir)
        plan = make_plan(campaign, workdir, history)
        found = Costs(campaign, plan, workdir, history)
        of_stages = {stage.stage: found.stage(stage) for stage in plan if stage.todo}
        return of_stages, total_line(campaign, of_stages)

    return find


@pytest.fixture
def made(write_campaign, make_products):
    """The tiny campaign with all its products, each of which took 1.5 s."""
    campaign = load_campaign(write_campaign())
    workdir = Workdir(campaign.workdir_path)
    make_products(make_plan(campaign, workdir), workdir)
    return workdir


def test_without_records_all_is_a_guess(costs):
    found, total = costs()
    assert {cost.source for cost in found.values()} == {GUESS}
    assert all(cost.core_hours > 0 for cost in found.values())
    assert "(guess)" in str(found["label"])
    assert total.startswith("to do: about ")
    assert total.endswith("; a guess for prepare, label, audit, train, kmc, analysis, report")


def test_a_larger_cell_and_more_jumps_are_guessed_to_cost_more(costs):
    small, large = costs()[0], costs(("cells: [6, 6, 6]", "cells: [12, 6, 6]"))[0]
    assert large["label"].core_hours == pytest.approx(2 * small["label"].core_hours)
    longer = costs(("{jumps: 1_000}", "{jumps: 5_000}"))[0]
    assert longer["kmc"].core_hours == pytest.approx(5 * small["kmc"].core_hours)


def test_what_was_made_tells_what_more_of_it_costs(made, costs):
    found, total = costs(("vacancies_per_composition: 3", "vacancies_per_composition: 10"))
    assert found["label"].source == RECORDS
    assert found["label"].core_hours == pytest.approx(14 * 1.5 / 3600)
    assert "guess" not in total


def test_a_redo_costs_what_it_cost_with_other_inputs(made, costs):
    found, _ = costs(("max_force_eV_A: 0.02", "max_force_eV_A: 0.01"))
    assert found["label"].source == RECORDS
    assert found["label"].core_hours == pytest.approx(6 * 1.5 / 3600)


def test_ranks_that_share_a_barrier_all_count(made, costs):
    more = "vacancies_per_composition: 4\n  ranks_per_barrier: 3"
    found, _ = costs(("vacancies_per_composition: 3", more))
    assert found["label"].core_hours == pytest.approx(2 * 3 * 1.5 / 3600)


def test_far_field_samples_have_one_barrier_each(costs, campaign_text):
    """Three vacancies with one barrier against three with eight."""
    rest = (campaign_text[campaign_text.index("train:") :], "analysis: [labels]\n")
    all_jumps, _ = costs(rest)
    few = "samples: {kind: far-field, shells: [1], jumps: 1, resamples: 3}"
    one_jump, _ = costs(("vacancies_per_composition: 3", few), rest)
    assert one_jump["label"].core_hours == pytest.approx(all_jumps["label"].core_hours / 8)


def test_measured_costs_serve_the_campaign_they_were_measured_for(write_campaign, costs):
    campaign = load_campaign(write_campaign())
    of = what_is_measured(campaign, "label")
    workdir = Workdir(campaign.workdir_path)
    workdir.root.mkdir()
    workdir.costs_file.write_text(json.dumps({"label": {"core_seconds": 7200.0, "of": of}}))
    found, _ = costs()
    assert (found["label"].source, found["label"].core_hours) == (DOCTOR, 12.0)
    assert found["kmc"].source == GUESS
    assert costs(("cells: [6, 6, 6]", "cells: [7, 6, 6]"))[0]["label"].source == GUESS
    workdir.costs_file.write_text("{")
    assert costs()[0]["label"].source == GUESS


@pytest.mark.parametrize(
    ("core_hours", "text"),
    [
        (1234.4, "1,234 core-h"),
        (3.44, "3.4 core-h"),
        (0.5, "30 core-min"),
        (1e-3, "3.6 core-s"),
    ],
)
def test_amounts(core_hours, text):
    assert amount(core_hours) == text
