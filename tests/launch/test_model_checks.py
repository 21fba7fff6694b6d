"""Messages about the analysis of models."""

from __future__ import annotations

import pytest

from launch.campaign import load_campaign
from launch.problems import CampaignErrors

ANALYSES = "analysis: [labels, parity, order]"


def problems_of(path) -> list[str]:
    with pytest.raises(CampaignErrors) as error:
        load_campaign(path)
    return [str(problem) for problem in error.value.problems]


def test_loops_that_the_lattice_does_not_have(write_campaign):
    options = "analysis_options: {models: {loop_lengths: [4, 7, 12]}}"
    (found,) = problems_of(write_campaign((ANALYSES, f"analysis: [models]\n{options}")))
    assert "analysis_options.models.loop_lengths[1]: length=7: closed loops of distinct bcc sites" in found


def test_too_few_loops_have_no_error(write_campaign):
    options = "analysis_options: {models: {loops: 1}}"
    (found,) = problems_of(write_campaign((ANALYSES, f"analysis: [models]\n{options}")))
    assert "analysis_options.models.loops: got 1; allowed: a whole number >= 2" in found


def test_models_need_a_model(write_campaign, campaign_text):
    made = campaign_text[campaign_text.index("train:") :]
    (found,) = problems_of(write_campaign((made, "analysis: [labels, models]\n")))
    assert 'analysis[1]: "models" needs a model; allowed: with a section train' in found


def test_models_of_runs_alone_are_fine(write_campaign, campaign_text):
    made = campaign_text[campaign_text.index("train:") :]
    fine = made.replace("analysis: [labels, parity, order]", "analysis: [models]")
    assert load_campaign(write_campaign((made, fine))).analysis == ("models",)
