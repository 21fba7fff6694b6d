"""Records: append-only lines that survive kills and full disks."""

import subprocess
import sys
import textwrap

import pytest

from nnk.files import (
    Fence,
    StaleEpoch,
    Workdir,
    append_record,
    append_records,
    compact_records,
    read_records,
)


@pytest.fixture
def workdir(tmp_path):
    return Workdir(tmp_path)


def keys(workdir):
    return [record["key"] for record in read_records(workdir, "label")]


def test_nothing_recorded_is_no_record(workdir):
    assert read_records(workdir, "label") == []
    append_records(workdir, "label", "w", [])
    assert not workdir.records("label").exists()


def test_records_of_several_writers_come_in_the_order_of_runs_and_times(workdir):
    (workdir.root / "epoch").write_text("2")
    append_record(workdir, "label", "b", {"key": "first"}, None)
    append_record(workdir, "label", "z", {"key": "third"}, Fence(workdir.epoch_file, 2))
    append_record(workdir, "label", "a", {"key": "second"}, None)
    assert keys(workdir) == ["first", "second", "third"]


def test_a_line_cut_by_a_kill_is_left_out(workdir):
    append_record(workdir, "label", "w", {"key": "whole"})
    path = workdir.records("label") / "w.jsonl"
    path.write_bytes(path.read_bytes() + b'{"key": "to')
    assert keys(workdir) == ["whole"]


def test_a_damaged_line_in_the_middle_is_an_error_with_its_place(workdir):
    append_record(workdir, "label", "w", {"key": "whole"})
    path = workdir.records("label") / "w.jsonl"
    path.write_bytes(b"rubbish\n" + path.read_bytes())
    with pytest.raises(ValueError, match=r"w\.jsonl:1: expected a JSON object"):
        read_records(workdir, "label")


@pytest.mark.parametrize("line", ["[1]", "null", "1", '"text"', "\0" * 9])
def test_a_line_that_is_no_object_is_an_error_that_says_what_to_do(line: str, workdir):
    append_record(workdir, "label", "w", {"key": "a"})
    path = workdir.records("label") / "w.jsonl"
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(ValueError, match=r"w\.jsonl:2: expected a JSON object, got .*; remove the line"):
        read_records(workdir, "label")


def test_a_stale_writer_records_nothing(workdir):
    workdir.epoch_file.write_text("2")
    with pytest.raises(StaleEpoch):
        append_record(workdir, "label", "w", {"key": "late"}, Fence(workdir.epoch_file, 1))
    assert keys(workdir) == []


def test_a_full_disk_leaves_no_half_line(workdir):
    code = f"""
        import resource, signal
        from pathlib import Path
        from nnk.files import Workdir, append_record
        workdir = Workdir(Path({str(workdir.root)!r}))
        append_record(workdir, "label", "w", {{"key": "kept"}})
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (400, 400))
        for key in ("also kept", "x" * 1000):
            try:
                append_record(workdir, "label", "w", {{"key": key}})
            except OSError as error:
                print("refused", error)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert "refused" in done.stdout, done.stderr
    assert keys(workdir) == ["kept", "also kept"]
    append_record(workdir, "label", "w", {"key": "later"})
    assert keys(workdir) == ["kept", "also kept", "later"]


def many_records(tmp_path):
    """As 250 units leave them: each item failed, most of them done later; the last line of some is torn."""
    workdir = Workdir(tmp_path)
    workdir.epoch_file.write_text("3")
    for unit in range(250):
        append_records(workdir, "label", f"u{unit:03d}", [{"key": f"k{unit}", "state": "failed"}])
        again = [{"key": f"k{other}", "state": "done"} for other in range(unit - 3, unit)]
        append_records(workdir, "label", f"u{unit:03d}", again)
    with open(workdir.records("label") / "u000.jsonl", "a") as file:
        file.write('{"key": "torn')
    return workdir


def test_many_records_are_compacted_to_the_last_of_each_item(tmp_path):
    workdir = many_records(tmp_path)
    before = {record["key"]: record for record in read_records(workdir, "label")}
    compact_records(workdir, Fence(workdir.epoch_file, 3))
    assert [path.name for path in workdir.records("label").iterdir()] == ["000003-compact.jsonl"]
    after = read_records(workdir, "label")
    assert {record["key"]: record for record in after} == before
    assert len(after) == len(before) == 253
    append_records(
        workdir, "label", "later", [{"key": "k7", "state": "failed"}], Fence(workdir.epoch_file, 3)
    )
    assert [r["state"] for r in read_records(workdir, "label") if r["key"] == "k7"] == ["done", "failed"]


def test_few_records_are_left_alone(tmp_path):
    workdir = Workdir(tmp_path)
    workdir.epoch_file.write_text("1")
    append_records(workdir, "label", "u", [{"key": "k", "state": "done"}])
    compact_records(workdir, Fence(workdir.epoch_file, 1))
    assert [path.name for path in workdir.records("label").iterdir()] == ["u.jsonl"]


def test_a_stale_run_compacts_nothing(tmp_path):
    workdir = many_records(tmp_path)
    with pytest.raises(StaleEpoch):
        compact_records(workdir, Fence(workdir.epoch_file, 2))
    assert len(list(workdir.records("label").iterdir())) == 250


def test_lines_of_a_unit_keep_their_order_when_the_clock_is_put_back(tmp_path):
    workdir = Workdir(tmp_path)
    events = [("started", 1000.0), ("done", 400.0)]
    for state, time_unix_s in events:
        append_record(
            workdir, "train", "a", {"key": "main", "state": state, "unit": "a", "time_unix_s": time_unix_s}
        )
    assert [record["state"] for record in read_records(workdir, "train")] == ["started", "done"]
