import pytest

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.kmc_items import waves
from launch.problems import CampaignErrors

COMPARED = "analysis: [labels, parity, order, compare]\nanalysis_options: {compare: {other: theirs.csv}}\n"


@pytest.fixture
def compared(write_campaign, tmp_path):
    (tmp_path / "theirs.csv").write_text("temperature_K,delta_ab\n800,1\n")
    return write_campaign(("analysis: [labels, parity, order]\n", COMPARED))


def items(path):
    return {item.key: item for item in all_items(load_campaign(path))["analysis"]}


def test_it_comes_after_the_other_analyses(compared):
    first, second = waves(list(items(compared).values()))
    assert [item.key for item in first] == ["labels", "parity", "order"]
    assert [item.key for item in second] == ["compare"]


def test_it_is_made_again_when_the_other_side_or_another_analysis_changes(compared, tmp_path):
    before = items(compared)
    (tmp_path / "theirs.csv").write_text("temperature_K,delta_ab\n800,2\n")
    after = items(compared)
    changed = {key for key in before if before[key].hash != after[key].hash}
    assert changed == {"compare"}
    compared.write_text(compared.read_text().replace("jumps: 1_000", "jumps: 2_000"))
    assert items(compared)["compare"].hash != after["compare"].hash


def test_the_resolved_path_is_absolute(compared, tmp_path):
    resolved = load_campaign(compared).resolved()["analysis_options"]["compare"]
    assert resolved["other"] == str(tmp_path / "theirs.csv")


def test_another_side_is_needed(write_campaign):
    path = write_campaign(("analysis: [labels, parity, order]", "analysis: [order, compare]"))
    with pytest.raises(CampaignErrors, match=r"analysis\[1\]: needs another side; allowed: with"):
        load_campaign(path)


def test_a_side_that_is_not_there_yet_is_a_warning_and_no_workdir_an_error(compared, tmp_path):
    (tmp_path / "theirs.csv").unlink()
    (warning,) = load_campaign(compared).warnings
    assert "theirs.csv yet: it must be there when this campaign is analysed" in str(warning)
    (tmp_path / "theirs.csv").mkdir()
    with pytest.raises(CampaignErrors, match=r"theirs\.csv is no workdir of a campaign; allowed: one"):
        load_campaign(compared)
    compared.write_text(compared.read_text().replace("other: theirs.csv", "other: work"))
    assert load_campaign(compared).warnings == ()  # cases of the campaign with each other
