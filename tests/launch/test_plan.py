"""Identity and done-ness of work items."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from launch.campaign import load_campaign
from launch.campaign_items import all_items
from launch.items import changed_inputs, hash_of_all
from launch.plan import Plan, make_plan
from nnk.files import ALGORITHM_VERSIONS, METHOD_VERSIONS, Workdir


def hashes(path: Path) -> dict[str, str]:
    items = all_items(load_campaign(path))
    return {f"{item.stage}/{item.key}": item.hash for stage in items.values() for item in stage}


@pytest.fixture
def finished(write_campaign, make_products) -> Callable[..., Plan]:
    """Makes all products of the tiny campaign; gives the plan after it was changed by replacements."""
    campaign = load_campaign(write_campaign())
    workdir = Workdir(campaign.workdir_path)
    make_products(make_plan(campaign, workdir), workdir)

    def plan(*replacements: tuple[str, str]) -> Plan:
        return make_plan(load_campaign(write_campaign(*replacements)), workdir)

    return plan


def todo_reasons(plan: Plan) -> dict[str, set[str]]:
    return {stage.stage: {todo.reason for todo in stage.todo} for stage in plan if stage.todo}


def test_keys(write_campaign):
    items = all_items(load_campaign(write_campaign()))
    keys = {stage: [item.key for item in listed] for stage, listed in items.items()}
    assert keys["prepare"] == [
        "potential",
        "system",
        "lattice/Nb34Mo33Ta33",
        "lattice/Nb60Mo20Ta20",
        "lattice/NbMoTa",
    ]
    assert keys["label"][:2] == ["Nb34Mo33Ta33/s0000/v00000", "Nb34Mo33Ta33/s0001/v00000"]
    assert len(keys["label"]) == 6
    assert keys["kmc"][0] == "NbMoTa/T0400.0K/r000"
    assert len(keys["kmc"]) == 4
    assert (keys["audit"], keys["train"], keys["report"]) == (["audit"], ["main"], ["report"])


def test_vacancies_share_samples_when_asked(write_campaign):
    more = "vacancies_per_composition: 3\n  samples: {vacancies_per_sample: 2}"
    items = all_items(load_campaign(write_campaign(("vacancies_per_composition: 3", more))))
    assert [item.key.split("/", 1)[1] for item in items["label"][:3]] == [
        "s0000/v00000",
        "s0000/v00001",
        "s0001/v00000",
    ]


def test_hashes_do_not_change_between_versions(write_campaign, monkeypatch):
    """Golden values: a change here makes every campaign start anew. Raise an algorithm version instead."""
    monkeypatch.setitem(ALGORITHM_VERSIONS, "prepare", 1)
    monkeypatch.setitem(ALGORITHM_VERSIONS, "label", 1)
    monkeypatch.setattr("nnk.potentials.Builtin.hash", "0" * 32)
    found = hashes(write_campaign())
    assert found["prepare/system"] == GOLDEN_SYSTEM
    assert found["label/Nb34Mo33Ta33/s0002/v00000"] == GOLDEN_LABEL


GOLDEN_SYSTEM = "2b0cf8412c8c14c2673180d66cf73991"
GOLDEN_LABEL = "f968de33eff54cc615afde9fdc0e3249"


@pytest.mark.parametrize(
    ("replacement", "changed_stages"),
    [
        (("[400, 800]", "[400, 600, 800]"), {"analysis", "report"}),
        (("[400, 800]", "[800, 400]"), set()),
        (("replicas: 2", "replicas: 3"), {"analysis", "report"}),
        (("compositions: [equimolar]", "compositions: [{Nb: 1.0}, equimolar]"), {"analysis", "report"}),
        (
            ("compositions:\n", "compositions:\n    - equimolar\n"),
            {"audit", "train", "kmc", "analysis", "report"},
        ),
        (("[labels, parity, order]", "[order]"), {"report"}),
        (("checkpoint_s: 60", "checkpoint_s: 6"), set()),
        (("name: tiny", "name: other"), {"report"}),
        (("workdir: work", "workdir: elsewhere"), set()),
        (("test_compositions: 1", "backend: ddp\n  ranks: 2"), set()),
        (("test_compositions: 1", "epochs: 5"), {"train", "kmc", "analysis", "report"}),
        (("{jumps: 1_000}", "{jumps: 2_000}"), {"analysis", "report"}),
        (("start: random", "start: ordered"), {"analysis", "report"}),
        (("start: random", "vacancies: 2"), {"kmc", "analysis", "report"}),
        (("checkpoint_s: 60", "key_frames: {per_decade: 5}"), {"kmc", "analysis", "report"}),
        (
            ("max_force_eV_A: 0.02", "max_force_eV_A: 0.01"),
            {"label", "audit", "train", "kmc", "analysis", "report"},
        ),
        (("seed: 7", "seed: 8"), {"prepare", "label", "audit", "train", "kmc", "analysis", "report"}),
    ],
)
def test_what_changes_the_hash_of_items_that_were_there(replacement, changed_stages, write_campaign):
    before, after = hashes(write_campaign()), hashes(write_campaign(replacement))
    changed = {key.split("/")[0] for key in before if key in after and after[key] != before[key]}
    assert changed == changed_stages


def test_an_algorithm_version_is_part_of_the_hash(write_campaign, monkeypatch):
    before = hashes(write_campaign())
    monkeypatch.setitem(ALGORITHM_VERSIONS, "kmc", 99)
    after = hashes(write_campaign())
    assert {k.split("/")[0] for k in before if after[k] != before[k]} == {"kmc", "analysis", "report"}


@pytest.mark.parametrize("lessons", [0, 50])
def test_a_method_is_part_of_the_hash_of_the_models_that_it_trains(lessons, write_campaign, monkeypatch):
    taught = ("shells: 8}", f"shells: 8, lessons: {lessons}}}")
    path = write_campaign(taught)
    before = hashes(path)
    monkeypatch.setitem(METHOD_VERSIONS, "lessons", 99)
    changed = {name.split("/")[0] for name, value in hashes(path).items() if value != before[name]}
    assert ("train" in changed) == bool(lessons)
    assert "label" not in changed


def test_contents_of_the_published_file_are_part_of_the_hash(write_campaign, tmp_path: Path):
    (tmp_path / "w.npy").write_text("weights")
    path = write_campaign(
        ("model: main", "model: {published: {format: nkk, file: w.npy, allow_pickle: true}}")
    )
    before = hashes(path)
    (tmp_path / "w.npy").write_text("other weights")
    assert {k.split("/")[0] for k, v in hashes(path).items() if before[k] != v} == {
        "kmc",
        "analysis",
        "report",
    }


def test_the_resolved_campaign_has_the_same_items(write_campaign, resolved_text, tmp_path: Path):
    path = write_campaign()
    (tmp_path / "work").mkdir()
    copy = tmp_path / "work" / "campaign.yaml"
    copy.write_text(resolved_text(load_campaign(path)))
    assert hashes(copy) == hashes(path)


LISTED = """compositions:
    - {Nb: 0.34, Mo: 0.33, Ta: 0.33}
    - {Nb: 0.60, Mo: 0.20, Ta: 0.20}"""


@pytest.mark.parametrize("grid", ["paper46", "{divisions: 8, margin: 0.05}"])
def test_a_grid_is_the_list_of_its_points(grid: str, write_campaign, resolved_text, tmp_path: Path):
    path = write_campaign((LISTED, f"compositions: {{grid: {grid}}}"))
    campaign = load_campaign(path)
    names = list(campaign.label_compositions())
    assert len(set(names)) == len(names) == (46 if grid == "paper46" else 45)
    (tmp_path / "work").mkdir()
    copy = tmp_path / "work" / "campaign.yaml"
    copy.write_text(resolved_text(campaign))
    assert hashes(copy) == hashes(path)


def test_a_grid_of_some_of_the_elements(write_campaign):
    grid = "compositions: {grid: {divisions: 2, margin: 0.1}, elements: [Ta, Nb]}"
    path = write_campaign((LISTED, grid), ("compositions: [equimolar]", grid))
    campaign = load_campaign(path)
    names = ["Nb10Ta90", "NbTa", "Nb90Ta10"]
    assert list(campaign.label_compositions()) == list(campaign.kmc_compositions()) == names


def test_no_two_items_share_a_hash(write_campaign):
    found = hashes(write_campaign())
    assert len(set(found.values())) == len(found)


def test_a_new_workdir_misses_everything(write_campaign):
    campaign = load_campaign(write_campaign())
    plan = make_plan(campaign, Workdir(campaign.workdir_path))
    assert {todo.reason for stage in plan for todo in stage.todo} == {"missing"}
    assert all(len(stage.todo) == len(stage.items) and not stage.done for stage in plan)
    assert not campaign.workdir_path.exists()


def test_nothing_to_do_when_all_products_are_there(finished):
    assert finished().nothing_to_do


def test_a_new_temperature_runs_alone(finished):
    plan = finished(("[400, 800]", "[400, 800, 900]"))
    assert [todo.item.own for todo in plan["kmc"].todo] == [
        {"temperature_K": 900.0, "replica": replica} for replica in range(2)
    ]
    assert set(todo_reasons(plan)) == {"kmc", "analysis", "report"}
    assert [todo.item.key for todo in plan["analysis"].todo] == ["order"]
    assert todo_reasons(plan)["analysis"] == {"input changed: kmc changed"}


def test_another_analysis_does_not_run_kmc_again(finished):
    plan = finished(("[labels, parity, order]", "[labels, parity, order, randomness]"))
    assert todo_reasons(plan) == {"analysis": {"missing"}, "report": {"input changed: analysis changed"}}


def test_the_reason_names_the_key_and_both_values(finished):
    reasons = todo_reasons(finished(("max_force_eV_A: 0.02", "max_force_eV_A: 0.01")))
    assert reasons["label"] == {"input changed: label.max_force_eV_A 0.02 -> 0.01"}
    assert reasons["audit"] == {"input changed: label changed"}
    assert reasons["kmc"] == {"input changed: train/main changed"}


def test_a_lost_product_is_made_again(finished, tmp_path: Path):
    (tmp_path / "work" / "kmc" / "NbMoTa" / "T0400.0K" / "r001.nc").unlink()
    (tmp_path / "work" / "labels" / "b-0.nc").unlink()
    plan = finished()
    assert [todo.item.key for todo in plan["kmc"].todo] == ["NbMoTa/T0400.0K/r001"]
    assert len(plan["label"].todo) == 3
    assert {r for reasons in todo_reasons(plan).values() for r in reasons} == {"product is gone"}


@pytest.mark.parametrize("name", ["labels/a-0.nc", "audit/audit.nc", "labels/system.json"])
def test_a_damaged_product_is_made_again(name: str, finished, tmp_path: Path):
    (tmp_path / "work" / name).write_bytes(b"\x89HDF no")
    assert not finished().nothing_to_do


def test_interrupted_and_failed_items_say_so(finished, record, tmp_path: Path):
    workdir = Workdir(tmp_path / "work")
    plan = finished()
    record(workdir, plan["train"].items[0], "started")
    record(workdir, plan["analysis"].items[0], "failed", error="ValueError: no\ntraceback")
    assert todo_reasons(finished()) == {"train": {"interrupted"}, "analysis": {"failed: ValueError: no"}}


def fail_a_run(finished, record, tmp_path, state, failure):
    """Leave a run as one that was tried in vain; its plan."""
    workdir = Workdir(tmp_path / "work")
    item = finished()["kmc"].items[1]
    (workdir.root / "kmc" / f"{item.key}.nc").unlink()
    record(workdir, item, state, error="ValueError: no", **({"class": failure} if failure else {}))
    return finished()


@pytest.mark.parametrize(
    ("state", "failure"), [("failed", "user"), ("failed", "numerical"), ("quarantined", "memory")]
)
def test_what_would_fail_again_is_held_and_nothing_is_to_do_for_what_reads_it(
    state, failure, finished, record, tmp_path: Path
):
    plan = fail_a_run(finished, record, tmp_path, state, failure)
    assert [item.key for item in plan["kmc"].held] == ["NbMoTa/T0400.0K/r001"]
    assert (len(plan["kmc"].done), len(plan["kmc"].todo), plan.n_held) == (3, 0, 1)
    said = f"1 has failed and is left alone (1 {failure}); to try again: launch retry"
    assert plan["kmc"].notes == (said,)
    (tmp_path / "work" / "figures" / "order.json").unlink()
    assert todo_reasons(finished()) == {"analysis": {"product is gone"}}
    assert finished().nothing_to_do
    (tmp_path / "work" / "figures" / "labels.json").unlink()
    assert not finished().nothing_to_do


@pytest.mark.parametrize("failure", ["memory", "node", "unknown", "program", None])
def test_what_may_not_fail_again_is_to_do(failure, finished, record, tmp_path: Path):
    plan = fail_a_run(finished, record, tmp_path, "failed", failure)
    assert (plan.n_held, todo_reasons(plan)) == (0, {"kmc": {"failed: ValueError: no"}})


def test_what_is_held_is_to_do_with_other_inputs(finished, record, tmp_path: Path):
    fail_a_run(finished, record, tmp_path, "quarantined", "memory")
    plan = finished(("max_force_eV_A: 0.02", "max_force_eV_A: 0.01"))
    assert (plan.n_held, len(plan["kmc"].todo)) == (0, 4)


def test_what_is_cleared_is_to_do(finished, record, tmp_path: Path):
    plan = fail_a_run(finished, record, tmp_path, "quarantined", "memory")
    record(Workdir(tmp_path / "work"), plan["kmc"].held[0], "cleared")
    plan = finished()
    assert (plan.n_held, todo_reasons(plan)) == (0, {"kmc": {"to be tried again"}})


def test_a_label_that_was_given_up_is_done_until_it_is_cleared(finished, record, tmp_path: Path):
    workdir, item = Workdir(tmp_path / "work"), finished()["label"].items[2]
    record(workdir, item, "done", error="crashed: killed", **{"class": "memory"})
    assert finished().nothing_to_do
    record(workdir, item, "cleared")
    plan = finished()
    assert [todo.item.key for todo in plan["label"].todo] == [item.key]
    assert (len(plan["label"].done), plan.n_held) == (5, 0)
    record(workdir, item, "done")
    assert finished().nothing_to_do


def test_the_trial_of_the_potential_is_never_held(finished, record, tmp_path: Path):
    workdir = Workdir(tmp_path / "work")
    (workdir.labels_dir / "potential.json").unlink()
    record(workdir, finished()["prepare"].items[0], "failed", error="ProbeError: no", **{"class": "user"})
    assert (finished().n_held, len(finished()["prepare"].todo)) == (0, 1)


def test_a_later_stop_extends_the_runs(finished):
    plan = finished(("{jumps: 1_000}", "{jumps: 400_000}"))
    reasons = todo_reasons(plan)
    assert reasons["kmc"] == {"extend 1,000 -> 400,000 jumps"}
    assert reasons["analysis"] == {"input changed: kmc changed"}
    assert "label" not in reasons


@pytest.mark.parametrize(
    ("stop", "reason"),
    [
        ("{time_s: 1.0e-3}", "extend 1,000 -> 0.001 s"),
        ("{jumps: 5_000, time_s: 2}", "extend 1,000 -> 5,000 jumps or 2 s"),
        (
            "{order: {pair: Mo-Ta, at_least: 0.5}}",
            "extend 1,000 -> delta(Mo-Ta, shell 1) >= 0.5, every 10000 jumps",
        ),
    ],
)
def test_another_kind_of_stop_extends_the_runs(stop, reason, finished):
    assert todo_reasons(finished(("{jumps: 1_000}", stop)))["kmc"] == {reason}


def test_a_later_end_is_the_reason_of_what_goes_on_from_it(write_campaign, make_products):
    start = ("start: random", "start: [random, {case: NbMoTa, temperature_K: 800}]")
    campaign = load_campaign(write_campaign(start))
    workdir = Workdir(campaign.workdir_path)
    make_products(make_plan(campaign, workdir), workdir)
    later = load_campaign(write_campaign(start, ("{jumps: 1_000}", "{jumps: 2_000}")))
    assert todo_reasons(make_plan(later, workdir))["kmc"] == {
        "extend 1,000 -> 2,000 jumps",
        "input changed: the end of the runs that these go on from",
    }


def test_runs_that_are_longer_than_asked_serve(finished):
    plan = finished(("{jumps: 1_000}", "{jumps: 400}"))
    assert not plan["kmc"].todo
    assert plan["kmc"].notes == ("4 runs are longer than asked, 1,000 jumps: they serve as they are",)
    assert {todo.item.stage for stage in plan for todo in stage.todo} == {"analysis", "report"}


def test_a_time_that_has_been_reached_is_enough(finished):
    assert not finished(("{jumps: 1_000}", "{jumps: 9_000, time_s: 1.0e-7}"))["kmc"].todo


def test_changed_inputs():
    old = {"a": {"b": 1, "c": [1, 2]}, "reads": {"label": "x"}, "algorithm_version": 1}
    new = {"a": {"b": 2, "c": (1, 2)}, "d": 3, "reads": {"label": "y"}, "algorithm_version": 1}
    assert changed_inputs(old, new) == ["a.b 1 -> 2", "label changed", "d unset -> 3"]
    boxes = ({"label": {"relax_boxes": relaxed}} for relaxed in (False, True))
    assert changed_inputs(*boxes) == ["label.box: relaxed False -> True"]


def test_hash_of_a_stage_ignores_the_order(write_campaign):
    items = all_items(load_campaign(write_campaign()))["label"]
    assert hash_of_all(items) == hash_of_all(items[::-1])
    assert hash_of_all(items) != hash_of_all(items[1:])


def test_a_large_campaign_is_planned_in_seconds(write_campaign, write_labels):
    """100,000 labels, all done: hashes, products and plan."""
    campaign = load_campaign(
        write_campaign(("vacancies_per_composition: 3", "vacancies_per_composition: 50_000"))
    )
    workdir = Workdir(campaign.workdir_path)
    items = all_items(campaign)["label"]
    write_labels(workdir.labels_file, items)
    began = time.process_time()
    plan = make_plan(campaign, workdir)
    assert len(plan["label"].done) == 100_000
    assert time.process_time() - began < 15  # about 2 s
