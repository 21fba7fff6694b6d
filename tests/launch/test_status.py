"""What is told of a campaign while it runs and after: states, rates, causes, logs."""

import io
import json
import os
import time
from dataclasses import asdict, replace

import pytest

from launch import watch as watching
from launch.campaign import load_campaign
from launch.cli import run_command
from launch.history import Event
from launch.lock import _this_process, hold_lock
from launch.logs import Follower
from launch.outlook import rate_per_h
from launch.plan import make_plan
from launch.status import campaign_status
from launch.status_text import status_text
from launch.watch import Lines, watch
from nnk.files import Fence, Workdir, append_record


@pytest.fixture
def campaign(write_campaign):
    return load_campaign(write_campaign())


@pytest.fixture
def workdir(campaign):
    return Workdir(campaign.workdir_path)


def note(workdir, item, state, **more):
    """An event of a run, as its jobs record it."""
    fence = Fence(workdir.epoch_file, 1)
    workdir.root.mkdir(exist_ok=True)
    workdir.epoch_file.write_text("1\n")
    event = {"key": item.key, "hash": item.hash, "group": item.group.hash, "state": state, **more}
    append_record(workdir, item.stage, "000001-test", event, fence)


def in_work(workdir, stage, number, key):
    folder = workdir.run_dir(1) / "work" / f"000001-{stage}-{number:04d}"
    folder.mkdir(parents=True)
    (folder / "00000.item").write_text(f"{key}\n")


def stage_of(campaign, name):
    return next(stage for stage in campaign_status(campaign).stages if stage.stage == name)


def test_each_item_is_in_one_state(campaign, workdir, write_labels):
    items = list(make_plan(campaign, workdir)["label"].items)
    write_labels(workdir.labels_file, items[:2])
    for item in items[:2]:
        note(workdir, item, "done", seconds=40.0)
    note(workdir, items[2], "failed", error="ValueError: no file", **{"class": "user"}, log="logs/a.log")
    note(workdir, items[3], "failed", error="OSError: 28", **{"class": "disk"})
    in_work(workdir, "label", 0, items[4].key)
    with hold_lock(workdir):
        stage = stage_of(campaign, "label")
    assert (stage.items, stage.done, stage.running, stage.todo, stage.failed) == (6, 2, 1, 1, 2)
    assert stage.rate_per_h == pytest.approx(2 / 40 * 3600, rel=0.05)
    assert stage.left_s == pytest.approx(2 * 20, rel=0.05)
    assert (stage.seconds, stage.waits) == (80.0, ("prepare",))
    assert {failure.kind: failure.held for failure in stage.failures} == {"user": True, "disk": False}
    assert {cause.failures.failure: cause.failures.count for cause in stage.causes} == {"user": 1, "disk": 1}
    left = stage_of(campaign, "label")  # nobody runs it
    assert (left.running, left.todo, left.rate_per_h, left.left_s) == (0, 2, None, None)
    assert left.node_hours_left == pytest.approx(3 * 40 / 3600 / os.cpu_count(), rel=0.01)


def test_what_failed_with_other_inputs_is_to_do(campaign, workdir):
    item = make_plan(campaign, workdir)["label"].items[0]
    note(workdir, replace(item, hash="0" * 32), "failed", error="ValueError: x", **{"class": "user"})
    stage = stage_of(campaign, "label")
    assert (stage.failed, stage.todo) == (0, 6)


def test_labels_that_could_not_be_had_are_done_and_told(campaign, workdir, write_labels):
    items = list(make_plan(campaign, workdir)["label"].items)
    write_labels(workdir.labels_file, items)
    for item in items:
        note(workdir, item, "done", seconds=1.0)
    note(workdir, items[0], "done", error="crashed: signal 11", **{"class": "crash"})
    stage = stage_of(campaign, "label")
    assert (stage.done, stage.failed, stage.given_up, stage.causes) == (6, 0, 1, ())
    assert "label: 1 of the done ones could not be had and say so" in status_text(campaign_status(campaign))


def test_rates_are_of_the_last_hour_and_stand_clocks_that_differ():
    def events(*times):
        return [Event(str(t), "", "", "done", seconds=10.0, at_unix_s=float(t)) for t in times]

    assert rate_per_h(events(), 1000.0) is None
    assert rate_per_h(events(100_000, 100_090), 100_090.0) == pytest.approx(2 / 100 * 3600)
    old = events(*range(10_000, 20_000))
    assert rate_per_h([*old, *events(100_000)], 101_800.0) == pytest.approx(1 / 1810 * 3600)
    assert rate_per_h(old, 100_000.0) is None
    assert rate_per_h(events(5_000), 0.0) == rate_per_h(events(5_000), 5_000.0)  # a clock that is behind
    assert rate_per_h([Event("a", "", "", "failed", at_unix_s=1.0)], 2.0) is None


@pytest.fixture
def lock(workdir):
    """Writes a lock, as held by this process but for some changes."""
    workdir.root.mkdir(exist_ok=True)

    def write(**changes):
        workdir.lock.write_text(json.dumps(asdict(replace(_this_process(), **changes))))

    return write


def test_a_dead_driver_is_told(campaign, lock):
    lock(process_start=1.0)
    state = campaign_status(campaign)
    assert state.driver.state == "dead"
    assert "has died; run again to go on" in status_text(state)


def test_a_driver_on_another_host_is_told_by_its_heartbeat(campaign, workdir, lock):
    lock(host="login7")
    assert campaign_status(campaign).driver.state == "running"
    beat = workdir.root / "lock.beat"
    beat.write_text("12\n")
    assert "running: process" in status_text(campaign_status(campaign))
    os.utime(beat, (time.time() - 300, time.time() - 300))
    state = campaign_status(campaign)
    assert (state.driver.state, round(state.driver.beat_age_s / 10)) == ("silent", 30)
    assert "the last 5 min 00 s ago); is login7 up?" in status_text(state)
    os.utime(beat, (time.time() + 300, time.time() + 300))  # its clock is ahead
    assert campaign_status(campaign).driver.state == "running"


def test_watching_prints_changes_in_a_pipe_and_ends_with_the_run(campaign, workdir, lock, monkeypatch):
    item = make_plan(campaign, workdir)["prepare"].items[0]
    looks = iter([lambda: note(workdir, item, "failed", error="ValueError: x"), workdir.lock.unlink])
    monkeypatch.setattr(watching.time, "sleep", lambda seconds: next(looks)())
    lock()
    stream = io.StringIO()
    watch(campaign, 1.0, stream)
    lines = [line.split(" ", 1)[1] for line in stream.getvalue().splitlines()]
    assert lines[0].startswith("tiny: running: process ")
    assert lines[1] == "prepare: 0/5 done"
    assert lines[-2:] == ["prepare: 0/5 done, 1 failed", "tiny: not running"]
    assert len(lines) == 1 + 7 + 2


def test_watching_redraws_a_terminal(campaign, workdir, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    watch(campaign, 1.0, stream)
    assert stream.getvalue().startswith("\x1b[H\x1b[2J")
    assert status_text(campaign_status(campaign)) in stream.getvalue()
    monkeypatch.setenv("TERM", "dumb")
    plain = Terminal()
    watch(campaign, 1.0, plain)
    assert "\x1b" not in plain.getvalue()


def test_only_changed_lines_are_shown(campaign):
    lines, state = Lines(), campaign_status(campaign)
    assert lines.changed(state, "now").count("\n") == 1 + len(state.stages)
    assert lines.changed(state, "now") == ""


@pytest.mark.parametrize("more", [["--watch"], ["--watch", "2"], ["--watch", "0.5"], ["--watch", "--json"]])
def test_watch_takes_seconds_or_not(more, write_campaign, capsys):
    code = run_command(["status", str(write_campaign()), *more])
    shown = capsys.readouterr()
    assert code == (2 if more[1:] in (["0.5"], ["--json"]) else 0), shown.err
    assert ("tiny: not running" in shown.out) == (code == 0)


def test_logs_of_an_item(campaign, workdir, capsys):
    items = make_plan(campaign, workdir)["label"].items
    folder = workdir.logs("label")
    folder.mkdir(parents=True)
    for name in ("a", "b"):
        (folder / f"{name}.log").write_text(f"of {name}\n")
    note(workdir, items[0], "failed", error="ValueError: x", log=str(folder / "a.log"))
    units = workdir.run_dir(1) / "units"
    units.mkdir(parents=True)
    (units / "000001-label-0007.json").write_text(json.dumps({"items": [{"key": items[1].key}]}))
    (folder / "b.log").rename(folder / "000001-label-0007.log")
    assert run_command(["logs", str(campaign.file), "--item", items[0].key]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[:2] == [f"label {items[0].key}: failed: ValueError: x", str(folder / "a.log")]
    assert "of a" in out
    assert run_command(["logs", str(campaign.file), "label", "--item", items[1].key]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"label {items[1].key}: in unit 000001-label-0007\n")
    assert "of b" in out
    assert run_command(["logs", str(campaign.file), "--item", items[2].key]) == 2
    assert "launch plan -v lists those to do" in capsys.readouterr().err


def test_followed_files(tmp_path):
    first, second = tmp_path / "a.log", tmp_path / "b.log"
    first.write_text("old\n")
    follower = Follower(lambda: sorted(tmp_path.glob("*.log")))
    assert follower.added() == ""
    with first.open("a") as file:
        file.write("new\n")
    assert follower.added() == f"\n==> {first} <==\nnew\n"
    with first.open("a") as file:
        file.write("more\n")
    second.write_bytes(b"whole \xff\n")
    assert follower.added() == f"more\n\n==> {second} <==\nwhole \ufffd\n"


def test_following_ends_with_the_run(campaign, workdir, lock, monkeypatch, capsys):
    folder = workdir.logs("kmc")
    folder.mkdir(parents=True)
    (folder / "a.log").write_text("old\n")
    lock()

    def last(_):
        (folder / "a.log").write_text("old\nlast words\n")
        workdir.lock.unlink()

    monkeypatch.setattr("launch.commands.look.time.sleep", last)
    assert run_command(["logs", str(campaign.file), "-f"]) == 0
    assert capsys.readouterr().out.endswith(f"\n==> {folder / 'a.log'} <==\nlast words\n")
