"""Records: append-only lines that survive kills and full disks."""

import subprocess
import sys
import textwrap

import pytest

from nnk.files import Fence, StaleEpoch, Workdir, append_record, append_records, read_records


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
