"""Snapshots in a campaign: its file, its items, its plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.costs import Costs
from launch.disk import stage_bytes
from launch.history import History
from launch.layouts import used_stages
from launch.plan import make_plan
from launch.problems import CampaignErrors
from launch.units import UnitMaker
from nnk.files import Workdir
from site_configs import StageLayout, load_site

CAMPAIGN = """\
schema_version: 1
name: moving
seed: 7
workdir: work
alloy: {elements: [Ta, Nb, Mo], lattice: bcc}
potential: {builtin: zhou-eam}
snapshots:
  compositions: equimolar
  cells: [3, 3, 3]
  temperatures_K: [100, 300, 500]
  count: 100
  trajectories: 2
"""


@pytest.fixture
def write(tmp_path: Path):
    """Writes the campaign, with replacements (old, new)."""

    def written(*replacements: tuple[str, str]) -> Path:
        text = CAMPAIGN
        for old, new in replacements:
            assert old in text
            text = text.replace(old, new, 1)
        path = tmp_path / "c.yaml"
        path.write_text(text)
        return path

    return written


WRONG = {
    "no potential": (
        ("potential: {builtin: zhou-eam}\n", ""),
        ["6:1: snapshots: needs a potential; allowed: a section potential, such as"],
    ),
    "fewer than trajectories": (
        ("count: 100", "count: 5"),
        ["11:10: snapshots.count: got 5 for 2 trajectories at each of 3 temperatures; allowed: at least 6"],
    ),
    "falling temperatures": (
        ("[100, 300, 500]", "[100, 500, 300]"),
        ["10:19: snapshots.temperatures_K: got 300 K after 500 K; allowed: temperatures that rise"],
    ),
    "temperatures alike": (
        ("[100, 300, 500]", "[100, 300, 300.04]"),
        ["10:19: snapshots.temperatures_K: got 300 K and 300.04 K; allowed: temperatures at least 0.1 K"],
    ),
    "negative temperature": (
        ("[100, 300, 500]", "[-100, 300]"),
        ["10:20: snapshots.temperatures_K[0]: got -100; allowed: a number >= 1 and <= 100000, in K"],
    ),
    "unknown element": (
        ("equimolar", "[{Ta: 0.5, W: 0.5}]"),
        ['8:28: snapshots.compositions[0].W: unknown element "W"; allowed: Ta, Nb, Mo'],
    ),
    "element that the potential lacks": (
        ("[Ta, Nb, Mo]", "[Ta, Nb, Zr]"),
        ['5:28: alloy.elements[2]: the potential zhou-eam has no "Zr"; allowed:'],
    ),
    "cell within the cutoff": (
        ("[3, 3, 3]", "[3, 3, 1]"),
        ["9:10: snapshots.cells: got 3x3x1, an edge of about 3.1 Å, below the potential's cutoff of"],
    ),
    "fraction without an atom": (
        ("equimolar", "[{Ta: 0.99, Nb: 0.005, Mo: 0.005}]"),
        ["8:18: snapshots.compositions[0]: Ta99Nb0.5Mo0.5 leaves no atom of Nb, Mo on 54 sites"],
    ),
    "no time to equilibrate": (
        ("count: 100", "count: 100\n  equilibrate_ps: 0.01"),
        ["12:19: snapshots.equilibrate_ps: got 0.01; allowed: at least 0.04, 20 steps of 2 fs"],
    ),
    "interval": (
        ("count: 100", "count: 100\n  interval: often"),
        ['12:13: snapshots.interval: got "often"; allowed: auto or a whole number >= 1'],
    ),
    "lattice parameter in nm": (
        ("count: 100", "count: 100\n  lattice_parameter_A: 0.32"),
        ["12:24: snapshots.lattice_parameter_A: got 0.32; allowed: 2."],
    ),
    "unknown key": (
        ("count: 100", "counts: 100"),
        ["11:3: snapshots.counts: unknown key; allowed: compositions, cells, temperatures_K, count"],
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_at_its_place(write, name):
    change, expected = WRONG[name]
    with pytest.raises(CampaignErrors) as error:
        load_campaign(write(change))
    lines = [str(problem).partition("c.yaml:")[2] for problem in error.value.problems]
    assert len(lines) == len(expected), lines
    for line, start in zip(lines, expected, strict=True):
        assert line.startswith(start), line


def items_of(path: Path):
    return all_items(load_campaign(path))


def test_snapshots_alone_are_a_campaign(write):
    campaign = load_campaign(write())
    assert used_stages(campaign) == ("prepare", "snapshots", "analysis", "report")
    items = all_items(campaign)
    assert [item.key for item in items["prepare"]] == ["potential", "lattice/TaNbMo"]
    keys = [f"TaNbMo/T{t:06.1f}K/r{run:03d}" for t in (100, 300, 500) for run in (0, 1)]
    assert [item.key for item in items["snapshots"]] == [*keys, "TaNbMo"]
    assert items["snapshots"][-1].own["after"] == keys
    counts = [item.own["sampling"]["count"] for item in items["snapshots"][:-1]]
    assert counts == [17, 17, 17, 17, 16, 16]
    assert items["snapshots"][0].own["sampling"]["equilibration"] == 5000


def test_a_given_lattice_parameter_needs_none_prepared(write):
    items = items_of(write(("count: 100", "count: 100\n  lattice_parameter_A: 3.25")))
    assert [item.key for item in items["prepare"]] == ["potential"]
    assert not items["snapshots"][0].group.reads


@pytest.mark.parametrize(
    ("change", "n_changed"),
    [
        (("500]", "700]"), 3),  # two trajectories, and the file of all
        (("count: 100", "count: 101"), 2),
        (("count: 100", "count: 100\n  time_step_fs: 1"), 7),
        (("count: 100", "count: 100\n  friction_per_ps: 5"), 7),
        (("count: 100", "count: 100\n  interval: 50"), 7),
        (("count: 100", "count: 100\n  equilibrate_ps: 5"), 7),
        (("seed: 7", "seed: 8"), 7),
        (("count: 100", "count: 100\n  checkpoint_s: 5"), 0),
        (("trajectories: 2", "trajectories: 2  # more"), 0),
    ],
)
def test_a_change_makes_anew_what_depends_on_it(write, change, n_changed):
    before = {item.key: item.hash for item in items_of(write())["snapshots"]}
    after = {item.key: item.hash for item in items_of(write(change))["snapshots"]}
    assert sum(before.get(key) != digest for key, digest in after.items()) == n_changed


def test_snapshots_change_nothing_of_the_other_stages(write_campaign):
    before = all_items(load_campaign(write_campaign()))
    section = CAMPAIGN.partition("snapshots:")[2].replace("equimolar", "[{Nb: 0.34, Mo: 0.33, Ta: 0.33}]")
    path = write_campaign(("analysis:", f"snapshots:{section}\nanalysis:"))
    after = all_items(load_campaign(path))
    for stage in set(before) - {"snapshots", "report"}:
        old = {item.key: item.hash for item in before[stage]}
        new = {item.key: item.hash for item in after[stage]}
        assert old.items() <= new.items(), stage
    assert len(after["snapshots"]) == 7


def test_the_plan_guesses_cost_and_disk(write, tmp_path):
    campaign, workdir = (
        load_campaign(write(("count: 100", "count: 60_000\n  interval: 20"))),
        Workdir(tmp_path),
    )
    history = History(workdir)
    plan = make_plan(campaign, workdir, history)
    costs = Costs(campaign, plan, workdir, history)
    hours = costs.stage(plan["snapshots"]).core_hours
    assert hours == pytest.approx(7 * (5000 + 20 * 10_000) * 54 * 4e-6 / 3600)
    assert stage_bytes(campaign, plan["snapshots"], costs) == pytest.approx(
        7 / 6 * 2 * 60_000 * 54 * 48, rel=0.02
    )


def test_the_unit_says_what_the_job_must_know(write, tmp_path):
    campaign = load_campaign(write())
    workdir = Workdir(tmp_path / "work")
    workdir.root.mkdir()
    workdir.epoch_file.write_text("1\n")
    layout: StageLayout = load_site("local", tmp_path).layout("snapshots", 1)
    maker = UnitMaker(campaign, workdir, 1, {"snapshots": layout})
    order = maker.order("snapshots", all_items(campaign)["snapshots"])
    assert order.command[-3:-1] == ("-m", "jobs.snapshots")
    first, *_, last = order.unit.items
    assert first.inputs["composition"] == last.inputs["composition"] == "TaNbMo"
    assert first.inputs["temperature_K"] == 100
    assert order.unit.settings["cells"] == [3, 3, 3]
    assert order.unit.settings["potential"]["name"] == "zhou-eam"


def test_nothing_is_left_but_what_has_failed(write, record):
    """The file of all waits for a trajectory that is held: there is nothing to do."""
    campaign = load_campaign(write())
    workdir = Workdir(campaign.workdir_path)
    items = all_items(campaign)
    for item in items["prepare"]:
        path = workdir.labels_dir / f"{item.key}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f'{{"inputs_hash": "{item.hash}"}}')
    for item in items["snapshots"][:-1]:
        record(workdir, item, "quarantined", error="AtomLeft: melted", **{"class": "numerical"})
    plan = make_plan(campaign, workdir)
    assert [todo.item.key for todo in plan["snapshots"].todo] == ["TaNbMo"]
    assert len(plan["snapshots"].held) == 6
    assert plan.nothing_to_do
