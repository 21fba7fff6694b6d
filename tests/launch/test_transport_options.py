"""Options of the analysis transport that belong together."""

import pytest

from launch.campaign import load_campaign
from launch.problems import CampaignErrors

ANALYSES = "analysis: [labels, parity, order]"


def options(text):
    return ANALYSES, f"analysis: [transport]\nanalysis_options: {{transport: {text}}}"


def problems(write_campaign, text):
    with pytest.raises(CampaignErrors) as error:
        load_campaign(write_campaign(options(text)))
    return {".".join(map(str, problem.key)): problem.message for problem in error.value.problems}


def test_an_entropy_needs_an_energy(write_campaign):
    found = problems(write_campaign, "{vacancy_formation_entropy_kB: 2.0}")
    assert found == {
        "analysis_options.transport.vacancy_formation_entropy_kB": "has no effect alone; allowed: with "
        "vacancy_formation_energy_eV"
    }
    text = "{vacancy_formation_entropy_kB: 2.0, vacancy_formation_energy_eV: 2.9}"
    chosen = load_campaign(write_campaign(options(text))).analysis_options.transport
    assert (chosen.vacancy_formation_energy_eV, chosen.vacancy_formation_entropy_kB) == (2.9, 2.0)


def test_the_range_of_a_fit_ascends(write_campaign):
    found = problems(write_campaign, "{fit_range_K: [1200, 800]}")
    assert found == {
        "analysis_options.transport.fit_range_K": "got 1200 to 800; allowed: the lower temperature, then the "
        "higher one"
    }
    chosen = load_campaign(write_campaign(options("{fit_range_K: [800, 1200]}"))).analysis_options.transport
    assert chosen.fit_range_K == (800.0, 1200.0)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("{skip_share: 1.0}", "skip_share"),
        ("{blocks: 8}", "blocks"),
        ("{vacancy_formation_energy_eV: 0}", "vacancy_formation_energy_eV"),
        ("{fit_range_K: [800]}", "fit_range_K"),
    ],
)
def test_values_out_of_range(write_campaign, text, key):
    assert list(problems(write_campaign, text)) == [f"analysis_options.transport.{key}"]
