"""A committed file is there whole or not at all."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import netCDF4
import pytest

from nnk.files import Fence, StaleEpoch, commit, read_epoch, remove_temporaries


def write(text):
    return lambda path: path.write_text(text)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_content_replaces_the_old_and_leaves_nothing_else(tmp_path):
    assert commit(tmp_path / "a.txt", write("old"))
    assert commit(tmp_path / "a.txt", write("new"))
    assert (tmp_path / "a.txt").read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_folders_are_made(tmp_path):
    commit(tmp_path / "x" / "y" / "a.txt", write("1"))
    assert (tmp_path / "x" / "y" / "a.txt").read_text() == "1"


def test_an_exclusive_commit_leaves_the_first(tmp_path):
    assert commit(tmp_path / "a", write("first"), exclusive=True)
    assert not commit(tmp_path / "a", write("second"), exclusive=True)
    assert (tmp_path / "a").read_text() == "first"
    assert names(tmp_path) == ["a"]


def test_a_writer_that_fails_changes_nothing(tmp_path):
    commit(tmp_path / "a", write("old"))

    def broken(path):
        path.write_text("half")
        raise RuntimeError("no more")

    with pytest.raises(RuntimeError, match="no more"):
        commit(tmp_path / "a", broken)
    assert (tmp_path / "a").read_text() == "old"
    assert names(tmp_path) == ["a"]


def test_unfinished_files_are_not_taken_for_products_and_can_be_removed(tmp_path):
    seen = []

    def look(path):
        path.write_text("1")
        seen.extend(tmp_path.rglob("*.nc"))
        os.link(path, tmp_path / ".kept.nc.0123456789ab.part")  # as a kill would leave it

    commit(tmp_path / "sub" / "a.nc", look)
    assert seen == []
    remove_temporaries(tmp_path)
    assert names(tmp_path) == ["sub"]
    assert names(tmp_path / "sub") == ["a.nc"]


def test_unfinished_files_of_others_are_left_alone(tmp_path):
    (tmp_path / ".download.part").write_text("not ours")
    remove_temporaries(tmp_path)
    assert names(tmp_path) == [".download.part"]


def test_a_stale_writer_writes_nothing(tmp_path):
    epoch_file = tmp_path / "epoch"
    commit(epoch_file, write("3\n"))
    fence = Fence(epoch_file, 3)
    commit(tmp_path / "a", write("by 3"), fence=fence)
    commit(epoch_file, write("4\n"))
    with pytest.raises(StaleEpoch, match="run 4 has taken over from run 3"):
        commit(tmp_path / "a", write("late"), fence=fence)
    assert (tmp_path / "a").read_text() == "by 3"
    assert names(tmp_path) == ["a", "epoch"]


def test_a_workdir_that_is_gone_is_stale(tmp_path):
    with pytest.raises(StaleEpoch):
        Fence(tmp_path / "epoch", 1).check()


def test_the_epoch_file_must_hold_a_number(tmp_path):
    assert read_epoch(tmp_path / "epoch") == 0
    (tmp_path / "epoch").write_text("x")
    with pytest.raises(ValueError, match="expected the number of a run"):
        read_epoch(tmp_path / "epoch")


def test_a_full_disk_leaves_the_old_file_whole(tmp_path):
    """A limit on the size of files stands for the full disk: NetCDF fails when it is closed."""
    code = f"""
        import resource, signal
        from pathlib import Path
        import netCDF4, numpy as np
        from nnk.files import commit

        def content(n):
            def write(path):
                with netCDF4.Dataset(path, "w") as file:
                    file.createDimension("x", n)
                    file.createVariable("v", "f8", ("x",))[:] = np.arange(n)
            return write

        target = Path({str(tmp_path)!r}) / "a.nc"
        commit(target, content(10))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            commit(target, content(100_000))
        except (OSError, RuntimeError) as error:
            print("refused", type(error).__name__)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=60
    )
    assert "refused" in done.stdout, done.stderr
    assert names(tmp_path) == ["a.nc"]
    with netCDF4.Dataset(tmp_path / "a.nc") as file:
        assert file["v"][:].tolist() == list(range(10))


def test_a_kill_at_any_moment_leaves_a_whole_file(tmp_path):
    code = f"""
        from pathlib import Path
        from nnk.files import commit
        target, i = Path({str(tmp_path)!r}) / "a", 0
        while True:
            i += 1
            commit(target, lambda path: path.write_text(f"{{i % 10}}" * 300_000))
    """
    for pause_s in (0.0, 0.01, 0.03, 0.05):
        process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)])
        while not (tmp_path / "a").exists():
            time.sleep(0.01)
        time.sleep(pause_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        text = (tmp_path / "a").read_text()
        assert text == text[0] * 300_000
    remove_temporaries(tmp_path)
    assert names(tmp_path) == ["a"]


def test_the_cure_of_a_lost_epoch_names_the_last_run(tmp_path):
    (tmp_path / "epoch").write_bytes(b"")
    for name in ("000002", "000011", "other"):
        (tmp_path / "run" / name).mkdir(parents=True)
    with pytest.raises(ValueError, match=r"got ''; while nobody runs the campaign, write 11, "):
        read_epoch(tmp_path / "epoch")
