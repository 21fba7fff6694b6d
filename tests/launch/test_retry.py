"""``launch retry``: what it lists, and what it asks to be tried again."""

import os

import pytest

from jobs.failure_class import FailureClass
from launch.campaign import load_campaign
from launch.cli import run_command
from launch.history import CLEARED, History
from launch.lock import hold_lock
from launch.plan import make_plan
from launch.retry import clear, failed_items
from nnk.files import Fence, Workdir, read_records

LOG = "logs/kmc/000001-kmc-0000.log"


@pytest.fixture
def campaign(write_campaign, make_products, record):
    """File of a campaign of which three runs and a label have failed."""
    path = write_campaign()
    loaded = load_campaign(path)
    workdir = Workdir(loaded.workdir_path)
    make_products(make_plan(loaded, workdir), workdir)
    workdir.epoch_file.write_text("1\n")
    log = workdir.root / LOG
    log.parent.mkdir(parents=True)
    log.write_text("".join(f"line {number}\n" for number in range(9)))
    plan = make_plan(loaded, workdir)
    failures = [("quarantined", "memory"), ("failed", "user"), ("failed", "memory")]
    for item, (state, failure) in zip(plan["kmc"].items, failures, strict=False):
        (workdir.root / "kmc" / f"{item.key}.nc").unlink()
        record(workdir, item, state, error=f"of {failure}", log=LOG, **{"class": failure})
    record(workdir, plan["label"].items[2], "done", error="crashed: x", **{"class": "crash"})
    return path


def found(path, **chosen):
    loaded = load_campaign(path)
    workdir = Workdir(loaded.workdir_path)
    history = History(workdir)
    return workdir, failed_items(make_plan(loaded, workdir, history), history, **chosen)


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, {"label": {"crash": 1}, "kmc": {"memory": 2, "user": 1}}),
        ({"stage": "kmc"}, {"kmc": {"memory": 2, "user": 1}}),
        ({"failure": FailureClass.MEMORY}, {"kmc": {"memory": 2}}),
        ({"failure": FailureClass.CRASH}, {"label": {"crash": 1}}),
        ({"stage": "label", "failure": FailureClass.MEMORY}, {}),
        ({"failure": FailureClass.NODE}, {}),
    ],
)
def test_what_has_failed_is_found_by_stage_and_class(chosen, expected, campaign):
    _, retries = found(campaign, **chosen)
    counts = {one.stage: {str(g.failure): g.count for g in one.groups} for one in retries}
    assert counts == expected
    assert all(len(one.items) == sum(g.count for g in one.groups) for one in retries)


def test_what_has_other_inputs_now_has_not_failed(campaign, write_campaign):
    write_campaign(("max_force_eV_A: 0.02", "max_force_eV_A: 0.01"))
    assert found(campaign)[1] == []


def test_what_is_cleared_is_to_do_and_its_failure_stays_in_the_records(campaign):
    workdir, retries = found(campaign)
    clear(workdir, {one.stage: one.items for one in retries}, Fence(workdir.epoch_file, 1))
    plan = make_plan(load_campaign(campaign), workdir)
    assert (len(plan["kmc"].todo), len(plan["label"].todo), plan.n_held) == (3, 1, 0)
    assert {todo.reason for todo in plan["kmc"].todo} == {"to be tried again"}
    assert found(campaign)[1] == []
    states = [record["state"] for record in read_records(workdir, "kmc")]
    assert (states.count("quarantined"), states.count(CLEARED)) == (1, 3)


def test_without_an_option_it_lists_and_changes_nothing(campaign, capsys):
    workdir = Workdir(load_campaign(campaign).workdir_path)
    before = sorted(workdir.root.rglob("*"))
    assert run_command(["retry", str(campaign), "kmc"]) == 0
    said = capsys.readouterr()
    assert said.out == (
        "kmc: 2 failed of class memory, 1 of them given up\n"
        "  NbMoTa/T0400.0K/r000: of memory\n"
        "  | line 6\n  | line 7\n  | line 8\n"
        "  what helps: fewer ranks (resources.kmc.ranks_per_node), or a queue with more memory\n"
        "kmc: 1 failed of class user\n"
        "  NbMoTa/T0400.0K/r001: of user\n"
        "  | line 6\n  | line 7\n  | line 8\n"
        "  what helps: mend what the message names\n"
    )
    assert "nothing done; --failed tries all of it again, --class CLASS a part" in said.err
    assert sorted(workdir.root.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "disc"], 'no class "disc"; allowed: walltime, node, memory, '),
        (["--class", "disc"], 'did you mean "disk"?'),
        (["kmcc"], 'no stage "kmcc"; allowed: prepare, '),
    ],
)
def test_mistakes(arguments, message, campaign, capsys):
    assert run_command(["retry", str(campaign), *arguments]) == 2
    assert message in capsys.readouterr().err


def test_nothing_of_a_class_has_failed(campaign, capsys):
    assert run_command(["retry", str(campaign), "--class", "disk"]) == 0
    said = capsys.readouterr()
    assert (said.out, "nothing of class disk has failed in" in said.err) == ("", True)


def test_a_campaign_that_runs_is_left_alone(campaign, capsys):
    workdir = Workdir(load_campaign(campaign).workdir_path)
    with hold_lock(workdir):
        assert run_command(["retry", str(campaign), "--failed"]) == 3
    assert f"process {os.getpid()}" in capsys.readouterr().err
    assert not list(workdir.records("kmc").glob("*-retry.jsonl"))
