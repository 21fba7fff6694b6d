"""The force models of a campaign file: items, what they depend on, and what is refused."""

import pytest

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.problems import CampaignErrors

CAMPAIGN = """
schema_version: 1
name: forces
seed: 1
workdir: work
alloy: {elements: [Ta, Nb, Mo], lattice: bcc}
potential: {builtin: zhou-eam}
snapshots:
  compositions: [equimolar, {Nb: 0.5, Mo: 0.25, Ta: 0.25}]
  cells: [3, 3, 3]
  temperatures_K: [300, 900]
  count: 140
forces:
  epochs: 5
  models:
    - {name: one, kind: voxel-cnn, grid: {edge: 4}}
    - {name: two, kind: local-density}
"""


@pytest.fixture
def load(tmp_path):
    def load(text):
        path = tmp_path / "campaign.yaml"
        path.write_text(text)
        return load_campaign(path)

    return load


def hashes(campaign):
    return {item.key: item.hash for item in all_items(campaign)["forces"]}


def test_each_model_is_trained_on_every_composition(load):
    found = hashes(load(CAMPAIGN))
    compositions = list(load(CAMPAIGN).snapshot_compositions())
    assert list(found) == [f"{composition}/{name}" for composition in compositions for name in ("one", "two")]
    assert len(set(found.values())) == 4


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("epochs: 5", "epochs: 6", {"one", "two"}),
        ("edge: 4", "edge: 5", {"one"}),
        ("edge: 4", "edge: 4, gamma: 2.0", {"one"}),
        ("kind: local-density", "kind: local-density, training: {split: random}", {"two"}),
        ("count: 140", "count: 280", {"one", "two"}),
        ("epochs: 5", "epochs: 5\n  device: cpu", set()),
    ],
)
def test_a_model_is_made_again_when_what_it_depends_on_changes(old, new, changed, load):
    before, after = hashes(load(CAMPAIGN)), hashes(load(CAMPAIGN.replace(old, new)))
    pairs = zip(before.items(), after.values(), strict=True)
    assert {key.split("/")[1] for (key, one), other in pairs if one != other} == changed


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("epochs: 5", "epochs: 0", "forces.epochs"),
        ("edge: 4", "edge: 3", "grid edge=3: expected more than 3 layers"),
        ("edge: 4", "edge: 4, box: outer", "ibb"),
        ("name: two", "name: one", "force model one given twice"),
        ("kind: local-density", "kind: local-density, filters: 3", "unknown key"),
        ("epochs: 5", "ranks: 2", "got 2 with backend single"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(old, new, text, load):
    with pytest.raises(CampaignErrors, match=text):
        load(CAMPAIGN.replace(old, new))


def test_forces_need_snapshots(load):
    start, end = CAMPAIGN.index("snapshots:"), CAMPAIGN.index("forces:\n  epochs")
    with pytest.raises(CampaignErrors, match="needs snapshots to train on"):
        load(CAMPAIGN[:start] + CAMPAIGN[end:])
