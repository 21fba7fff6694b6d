# ruff: noqa: E501 (a message is one line)
"""Golden messages about the options of spectra and maps."""

from __future__ import annotations

import pytest

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.problems import CampaignErrors

ANALYSIS = "analysis: [labels, parity, order]"
HEAD = "analysis: [spectra, maps]\nanalysis_options:\n"
SWEEP = "  spectra: {{sweep: {{element: {}, from_percent: {}, to_percent: {}, steps: 5{}}}}}"

# options: the messages that come, without the file's name and the place
GOLDEN = {
    "model that is not trained": (
        "  maps: {model: mainn}",
        'analysis_options.maps.model: no model "mainn"; allowed: main, or published for that of kmc.model; did you mean "main"?',
    ),
    "published, where the runs have another": (
        "  spectra: {model: published}",
        "analysis_options.spectra.model: got published, but kmc.model is main; allowed: with kmc.model: {published: ...}",
    ),
    "fixed contents that leave two elements": (
        "  maps: {fixed: {Nb: 0.1}}",
        "analysis_options.maps.fixed: got Nb; allowed: all but three of Nb, Mo, Ta",
    ),
    "an element of the sweep": (
        SWEEP.format("W", 10, 90, ""),
        "analysis_options.spectra.sweep.element: got W; allowed: Nb, Mo, Ta",
    ),
    "a sweep that goes nowhere": (
        SWEEP.format("Mo", 50, 50, ""),
        "analysis_options.spectra.sweep.to_percent: got 50, where the sweep begins; allowed: another content",
    ),
    "a sweep of too many sites": (
        SWEEP.format("Mo", 50, 99.9, ", least_atoms: 8000"),
        "analysis_options.spectra.sweep.to_percent: 8,000 atoms of every species take 16,000,000 sites; allowed: at most 8,000,000, with fewer atoms",
    ),
    "more than all": (
        SWEEP.format("Mo", 50, 101, ""),
        "analysis_options.spectra.sweep.to_percent: got 101; allowed: ",
    ),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_message(name, write_campaign):
    options, message = GOLDEN[name]
    with pytest.raises(CampaignErrors) as error:
        load_campaign(write_campaign((ANALYSIS, HEAD + options)))
    assert message in str(error.value)


def test_a_network_without_its_section(write_campaign, campaign_text):
    without_runs = (campaign_text[campaign_text.index("kmc:") : campaign_text.index("analysis:")], "")
    path = write_campaign(without_runs, (ANALYSIS, HEAD + "  maps: {model: published}"))
    with pytest.raises(CampaignErrors, match='got "published" without a section kmc; allowed: with it'):
        load_campaign(path)


def test_a_quaternary_alloy_may_fix_one_element(write_campaign):
    elements = ("[Nb, Mo, Ta]", "[Nb, Mo, Ta, W]")
    campaign = load_campaign(write_campaign(elements, (ANALYSIS, HEAD + "  maps: {fixed: {Mo: 0.4}}")))
    assert campaign.analysis_options.maps.fixed == {"Mo": 0.4}
    path = write_campaign(elements, (ANALYSIS, HEAD + "  maps: {fixed: {Re: 0.4}}"))
    with pytest.raises(CampaignErrors, match="got Re; allowed: all but three of Nb, Mo, Ta, W"):
        load_campaign(path)


def analysis_hashes(path):
    return {item.key: item.hash for item in all_items(load_campaign(path))["analysis"]}


def test_they_are_made_again_when_what_they_read_changes(write_campaign):
    first = analysis_hashes(write_campaign((ANALYSIS, "analysis: [spectra, maps, labels]")))
    other = analysis_hashes(
        write_campaign((ANALYSIS, "analysis: [spectra, maps, labels]"), ("test_compositions: 1", "epochs: 3"))
    )
    assert {name for name in first if first[name] != other[name]} == {"spectra", "maps"}


def test_labels_alone_and_runs_alone_may_have_them(write_campaign, campaign_text):
    labels_only = (campaign_text[campaign_text.index("train:") :], "analysis: [spectra, maps]\n")
    assert set(analysis_hashes(write_campaign(labels_only))) == {"spectra", "maps"}
