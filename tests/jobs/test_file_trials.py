"""What a file system cannot do is found out."""

import fcntl
import os
from pathlib import Path

from jobs.file_trials import TRIALS, wrong_files, wrong_locking


def test_all_works(tmp_path):
    assert wrong_files(tmp_path) == {}
    assert wrong_locking(tmp_path) == ""


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def link(*arguments, **options):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    assert wrong_files(tmp_path)["exclusive link"].startswith("PermissionError")


def test_a_lock_that_two_could_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", os.replace)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    assert "two processes could hold one lock" in wrong_files(tmp_path)["exclusive link"]


def test_lines_that_are_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "write", lambda descriptor, content: len(content))
    assert wrong_files(tmp_path)["append"] == "RuntimeError: lines that were added are not there"


def test_a_folder_that_is_not_there(tmp_path):
    folder = tmp_path / "none"
    assert wrong_files(folder) == {"writing": f"{folder} cannot be written: No such file or directory"}


def test_no_locks(tmp_path, monkeypatch):
    def flock(*arguments):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", flock)
    assert wrong_locking(tmp_path) == "Function not implemented"
    assert set(TRIALS) == {"exclusive link", "rename", "fence", "append"}
