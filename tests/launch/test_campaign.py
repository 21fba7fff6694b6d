from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft7Validator
from ruamel.yaml import YAML

import launch
from analysis import ANALYSES
from launch.campaign import Campaign, campaign_schema, load_campaign
from launch.problems import CampaignErrors
from launch.schema.alloy import SUM_TOLERANCE
from launch.schema.reference import page
from launch.stages import ANALYSIS_READS, READS_STAGES, STAGES
from launch.template import write_template
from nnk.training.parameters import ModelSpec, Plateau, TrainParameters

PROJECT = Path(launch.__file__).parents[1]


def test_resolved_campaign_has_every_default_and_is_a_campaign_again(
    write_campaign, resolved_text, tmp_path: Path
):
    campaign = load_campaign(write_campaign())
    resolved = campaign.resolved()
    assert resolved["label"]["audit"] == {"fraction": 0.01, "at_least": 30}
    assert resolved["kmc"]["compositions"] == [{"Nb": 1 / 3, "Mo": 1 / 3, "Ta": 1 / 3}]
    assert resolved["workdir"] == "."
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "campaign.yaml").write_text(resolved_text(campaign))
    again = load_campaign(tmp_path / "again" / "campaign.yaml")
    assert again.resolved() == resolved
    assert again.workdir_path == tmp_path / "again"


def test_paths_are_relative_to_the_file(write_campaign, tmp_path: Path, monkeypatch):
    (tmp_path / "w.npy").touch()
    path = write_campaign(
        ("model: main", "model: {published: {format: nkk, file: w.npy, allow_pickle: true}}"),
    )
    monkeypatch.chdir("/")
    campaign = load_campaign(path)
    assert campaign.base_dir == tmp_path
    assert campaign.workdir_path == tmp_path / "work"
    assert campaign.resolved()["kmc"]["model"]["published"]["file"] == str(tmp_path / "w.npy")


def test_names_of_compositions_follow_the_order_of_the_elements(write_campaign):
    path = write_campaign(("{Nb: 0.60, Mo: 0.20, Ta: 0.20}", "{Ta: 0.2, Nb: 0.6, Mo: 0.2}"))
    assert list(load_campaign(path).label_compositions()) == ["Nb34Mo33Ta33", "Nb60Mo20Ta20"]


def test_training_section_gives_the_library_its_parameters(write_campaign):
    train = load_campaign(write_campaign(("test_compositions: 1", "epochs: 3"))).train
    assert train is not None
    assert train.parameters(train.models[0], 7) == TrainParameters(seed=7, epochs=3)
    assert train.models[0].spec() == ModelSpec("main", "detailed-balance", 8)


def test_what_a_campaign_does_not_say_of_training_is_as_the_authors_of_the_kind_had_it(
    write_campaign, resolved_text, tmp_path: Path
):
    model = "{name: main, kind: detailed-balance, shells: 8}"
    cnn = "{name: main, kind: sdm-cnn, layers: 4, training: {batch_size: 7}}"
    path = write_campaign((model, cnn), ("test_compositions: 1", "learning_rate: 0.5"))
    campaign = load_campaign(path)
    train = campaign.train
    assert train is not None
    found = train.parameters(train.models[0], 7)
    assert (found.optimiser, found.loss) == ("rmsprop", "mae")  # of the kind
    assert found.schedule == Plateau(10**-0.5)
    assert found.learning_rate == 0.5  # of the section train
    assert found.batch_size == 7  # of the model
    (tmp_path / "again").mkdir()
    (tmp_path / "again" / "campaign.yaml").write_text(resolved_text(campaign))
    again = load_campaign(tmp_path / "again" / "campaign.yaml")
    assert again.resolved() == campaign.resolved()
    assert again.train is not None
    assert again.train.parameters(again.train.models[0], 7) == found


def test_a_model_may_be_trained_in_its_own_way(write_campaign):
    own = "shells: 8, training: {schedule: {plateau: {factor: 0.1}}, optimiser: adam, epochs: 5}"
    path = write_campaign(("shells: 8", own), ("test_compositions: 1", "epochs: 3\n  precision: bfloat16"))
    train = load_campaign(path).train
    found = train.parameters(train.models[0], 7)
    expected = {"schedule": Plateau(0.1), "optimiser": "adam", "epochs": 5, "precision": "bfloat16"}
    assert found == TrainParameters(seed=7, **expected)


@given(st.lists(st.integers(0, 100), min_size=3, max_size=3).filter(any), st.floats(-1e-5, 1e-5))
def test_fractions_must_sum_to_one(tmp_path_factory, campaign_text: str, parts: list[int], error: float):
    fractions = [part / sum(parts) for part in parts]
    fractions[parts.index(max(parts))] += error
    fractions = [min(1.0, fraction) for fraction in fractions]
    text = "{Nb: %r, Mo: %r, Ta: %r}" % tuple(fractions)  # noqa: UP031 (braces are meant)
    path = tmp_path_factory.mktemp("sum") / "c.yaml"
    path.write_text(campaign_text.replace("{Nb: 0.60, Mo: 0.20, Ta: 0.20}", text))
    wrong = ""
    try:
        load_campaign(path)
    except CampaignErrors as errors:
        wrong = str(errors)
    assert ("the fractions sum to" in wrong) == (abs(sum(fractions) - 1) > SUM_TOLERANCE)


def test_published_schema_is_in_sync():
    stored = json.loads((PROJECT / "launch" / "campaign.schema.json").read_text())
    assert stored == campaign_schema(), "run `make schema`"


def test_page_of_keys_is_in_sync():
    assert (PROJECT / "docs" / "campaign.md").read_text() == page(campaign_schema()), "run `make schema`"


def test_page_names_every_key():
    schema = campaign_schema()
    nodes = [schema, *schema["definitions"].values()]
    text = page(schema)
    assert [key for node in nodes for key in node.get("properties", {}) if f"| `{key}` |" not in text] == []


def test_headings_of_the_page_tell_their_tables_apart():
    headings = [line for line in page(campaign_schema()).splitlines() if line.startswith("## ")]
    assert "## `train.models` of kind `kernel`" in headings
    for heading in headings:
        places = heading.removeprefix("## ").split(" of kind ")[0].split(", ")
        assert len(set(places)) == len(places), heading


@pytest.mark.parametrize(
    "name", [*sorted(path.name for path in (PROJECT / "examples").glob("*.yaml")), "template", "tiny"]
)
def test_examples_fit_the_schema(name: str, write_campaign, tmp_path: Path):
    schema = campaign_schema()
    Draft7Validator.check_schema(schema)
    path = write_campaign() if name == "tiny" else PROJECT / "examples" / name
    if name == "template":
        path = tmp_path / "t.yaml"
        write_template(path)
    data = YAML(typ="safe").load(path.read_text())
    assert not list(Draft7Validator(schema).iter_errors(data))


def test_schema_refuses_what_the_reader_refuses(campaign_text: str):
    data = YAML(typ="safe").load(campaign_text)
    validator = Draft7Validator(campaign_schema())
    assert validator.is_valid(data)
    for section, key, value in [
        ("label", "celss", [6, 6, 6]),
        ("label", "cells", [6, 6]),
        ("kmc", "temperatures_K", [0]),
        ("kmc", "replicas", "2"),
        ("alloy", "lattice", "hcp"),
        ("potential", "builtin", None),
    ]:
        assert not validator.is_valid({**data, section: {**data[section], key: value}})


def test_schema_uses_plain_draft_07():
    text = json.dumps(campaign_schema())
    for word in ("$defs", "prefixItems", "discriminator", "x-word", '"null"'):
        assert word not in text


def test_every_field_is_described():
    def undescribed(node: object, path: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        own = [
            f"{path}.{name}"
            for name, field in node.get("properties", {}).items()
            if "description" not in field and "$ref" not in field
        ]
        return own + [found for key, value in node.items() for found in undescribed(value, f"{path}.{key}")]

    assert undescribed(campaign_schema(), "") == []


def test_every_analysis_and_stage_is_known():
    assert set(ANALYSIS_READS) == set(ANALYSES) - {"report"}
    assert set(READS_STAGES) == set(STAGES)
    for i, stage in enumerate(STAGES):
        assert set(READS_STAGES[stage]) <= set(STAGES[:i])


def test_template_is_a_campaign_with_a_schema_that_exists(tmp_path: Path):
    path = tmp_path / "mine.yaml"
    write_template(path)
    assert isinstance(load_campaign(path), Campaign)
    schema = path.read_text().splitlines()[0].partition("$schema=")[2]
    assert json.loads(Path(schema).read_text())["$schema"].startswith("http://json-schema.org/draft-07")
    assert "@" not in path.read_text()
