"""Clusters of B2 order are asked for where there is such an order."""

import pytest

from launch.campaign import load_campaign
from launch.problems import CampaignErrors

WITH_CLUSTERS = ("analysis: [labels, parity, order]", "analysis: [clusters]")


def problems(write_campaign, *changes):
    with pytest.raises(CampaignErrors) as error:
        load_campaign(write_campaign(WITH_CLUSTERS, *changes))
    return {".".join(map(str, problem.key)): problem.message for problem in error.value.problems}


def options(text):
    return WITH_CLUSTERS[1], f"{WITH_CLUSTERS[1]}\nanalysis_options: {{clusters: {text}}}"


def test_bcc_has_b2_order(write_campaign):
    assert load_campaign(write_campaign(WITH_CLUSTERS)).analysis == ("clusters",)


def test_fcc_has_none(write_campaign):
    found = problems(write_campaign, ("lattice: bcc", "lattice: fcc"))
    assert found["analysis.0"] == (
        '"clusters" are of B2 order, which fcc does not have; allowed: with lattice bcc'
    )


def test_fcc_without_clusters_is_no_matter_of_theirs(write_campaign):
    with pytest.raises(CampaignErrors) as error:
        load_campaign(write_campaign(("lattice: bcc", "lattice: fcc")))
    assert not any("B2" in problem.message for problem in error.value.problems)


def test_the_pair_is_of_the_alloy(write_campaign):
    found = problems(write_campaign, options("{pair: [Mo, W]}"))
    assert found == {
        "analysis_options.clusters.pair": "got W; allowed: two elements of the alloy, Nb, Mo, Ta"
    }
    chosen = load_campaign(write_campaign(WITH_CLUSTERS, options("{pair: [Nb, Ta]}")))
    assert chosen.analysis_options.clusters.pair == ("Nb", "Ta")


def test_the_pair_is_of_two(write_campaign):
    found = problems(write_campaign, options("{pair: [Mo, Mo]}"))
    assert "element Mo given twice" in found["analysis_options.clusters.pair"]
    assert "analysis_options.clusters.pair" in problems(write_campaign, options("{pair: [Mo]}"))


def test_a_single_element_has_none(write_campaign):
    changes = (
        ("elements: [Nb, Mo, Ta]", "elements: [Nb]"),
        ("    - {Nb: 0.34, Mo: 0.33, Ta: 0.33}\n    - {Nb: 0.60, Mo: 0.20, Ta: 0.20}", "    - {Nb: 1.0}"),
    )
    assert "at least two" in problems(write_campaign, *changes)["analysis.0"]
