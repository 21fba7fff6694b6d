"""Messages about the analysis of models."""

from __future__ import annotations

import pytest

from launch.campaign import load_campaign
from launch.problems import CampaignErrors

MODEL = "{name: main, kind: detailed-balance, shells: 8}"
ANALYSES = "analysis: [labels, parity, order]"


def problems_of(path) -> list[str]:
    with pytest.raises(CampaignErrors) as error:
        load_campaign(path)
    return [str(problem) for problem in error.value.problems]


def with_model(more: str) -> tuple[str, str]:
    """The tiny campaign's model with more said of it."""
    return MODEL, MODEL.replace("}", f", {more}}}")


def test_a_choice_of_all_vacancies_has_no_effect(write_campaign):
    (found,) = problems_of(write_campaign(with_model("choice: k-means")))
    assert "train.models[0].choice: got k-means, without effect on all vacancies; allowed: with" in found
    (model,) = load_campaign(write_campaign(with_model("choice: k-means, share: 0.5"))).train.models
    assert (model.spec().choice, model.spec().share) == ("k-means", 0.5)


def test_unknown_choices_are_refused(write_campaign):
    (found,) = problems_of(write_campaign(with_model("choice: kmeans, share: 0.5")))
    assert 'choice: got "kmeans"; allowed: random, k-means; did you mean' in found


def test_so_many_compositions_must_be_left_to_train_on(write_campaign):
    (found,) = problems_of(write_campaign(with_model("compositions: 2")))
    assert "train.models[0].compositions: got 2; allowed: at most the 1 that are not held out" in found
    none_held_out = ("test_compositions: 1", "test_compositions: 0")
    campaign = load_campaign(write_campaign(with_model("compositions: 2"), none_held_out))
    (warning,) = campaign.warnings
    assert "train.models[0].compositions: with test_compositions: 0 there is no label" in str(warning)
    assert campaign.train.models[0].spec().compositions == 2


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
