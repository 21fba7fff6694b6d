"""Runs on disk: the same file whatever happened on the way."""

import contextlib
import dataclasses
import errno
import json
import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import time

import netCDF4
import numpy as np
import pytest

from nnk.files import Fence, StaleEpoch
from nnk.kmc import KeyFrames, RunSetup, Trajectory, run, run_to_files
from nnk.kmc.frames import FRAME_FIELDS
from nnk.kmc.storage import Content, DamagedFile, TrajectoryFile, pack
from nnk.run_terms import StopWhen


@pytest.fixture
def setup(small):
    lattice, occupancy, model = small
    return RunSetup(
        lattice,
        model.elements,
        occupancy,
        900.0,
        7,
        1,
        StopWhen(20_000),
        key_frames=KeyFrames("log", 2),
        inputs_hash="abc",
    )


@pytest.fixture
def undisturbed(setup, small, tmp_path):
    path = tmp_path / "undisturbed.nc"
    run_to_files(path, setup, small[2], checkpoint_s=1e9)
    return TrajectoryFile(path)


def interrupted(path, setup, model, pieces):
    """Leave the run after so many pieces, with a segment after each."""
    calls = iter(range(pieces))
    return run_to_files(path, setup, model, checkpoint_s=0, should_stop=lambda: next(calls, None) is None)


def test_file_holds_what_run_gives(setup, small, tmp_path):
    path = tmp_path / "T0900.0K" / "r001.nc"
    seen = []
    summary = run_to_files(
        path, setup, small[2], checkpoint_s=1e9, progress=lambda done, total: seen.append((done, total))
    )
    memory = run(
        setup.lattice, setup.occupancy, small[2], temperature_K=900.0, jumps=20_000, seed=7, replica=1,
        key_frames=setup.key_frames,
    )  # fmt: skip
    loaded = Trajectory.load(path)
    assert (summary.state, summary.jumps, summary.time_s) == ("done", 20_000, memory.time_s)
    assert 0 < summary.hit_rate < 1
    assert seen[-1] == (20_000, 20_000)
    assert loaded.lattice == setup.lattice
    assert loaded.elements == setup.elements
    assert loaded.conditions == setup.conditions
    assert loaded.time_s == memory.time_s
    assert loaded.notes["inputs_hash"] == "abc"
    np.testing.assert_array_equal(loaded.directions, memory.directions)
    for name in FRAME_FIELDS:
        np.testing.assert_array_equal(getattr(loaded.frames(), name), getattr(memory.frames(), name))
    loaded.check_replay()
    assert not path.with_suffix("").exists()


def test_segments_make_the_same_file(setup, small, tmp_path, undisturbed):
    path = tmp_path / "r000.nc"
    first = interrupted(path, setup, small[2], 4)
    assert first.state == "interrupted"
    assert 0 < first.jumps < setup.stop.jumps
    under_way = Trajectory.load(path.with_suffix(""))
    assert under_way.jumps == first.jumps == len(under_way.directions)
    under_way.check_replay()
    second = run_to_files(path, setup, small[2], checkpoint_s=0)
    assert (second.state, second.resumed_at, second.messages) == ("done", first.jumps, ())
    assert TrajectoryFile(path).digest == undisturbed.digest
    assert list(tmp_path.glob("r000*")) == [path]


def test_a_finished_run_is_left_alone(setup, small, tmp_path):
    path = tmp_path / "r000.nc"
    run_to_files(path, setup, small[2], checkpoint_s=1e9)
    before = path.stat().st_mtime_ns
    (tmp_path / "r000").mkdir()  # killed between the merge and the removal of the segments
    summary = run_to_files(path, setup, small[2], checkpoint_s=1e9)
    assert (summary.state, summary.jumps, summary.resumed_at) == ("done", 20_000, 20_000)
    assert path.stat().st_mtime_ns == before
    assert not (tmp_path / "r000").exists()


def test_a_saved_trajectory_is_continued(small, tmp_path):
    lattice, occupancy, model = small
    conditions = {"temperature_K": 900.0, "seed": 2}
    run(lattice, occupancy, model, jumps=500, **conditions).save(tmp_path / "first.nc")
    first = Trajectory.load(tmp_path / "first.nc")
    both = run(lattice, first.occupancy, model, jumps=500, start=first, **conditions)
    whole = run(lattice, occupancy, model, jumps=1000, **conditions)
    np.testing.assert_array_equal(both.directions, whole.directions)
    assert both.time_s == whole.time_s


def test_no_jumps_at_all(setup, small, tmp_path):
    setup = dataclasses.replace(setup, stop=StopWhen(0))
    run_to_files(tmp_path / "r.nc", setup, small[2], checkpoint_s=1)
    loaded = Trajectory.load(tmp_path / "r.nc")
    assert (loaded.jumps, len(loaded.frames()), len(loaded.directions)) == (0, 1, 0)


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    with netCDF4.Dataset(path) as file:
        assert len(file["directions"])
    middle = content.find(b"x\x01")  # start of a compressed block
    content[middle + 40] ^= 0xFF
    path.write_bytes(content)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path):
    path.write_bytes(b"")


def other_inputs(path):
    file = TrajectoryFile(path)
    header = file.header | {"inputs_hash": "other"}
    content = Content(
        header, file.first_jump, file.initial_occupancy, len(file.frame_jumps),
        lambda: list(file.jumps()), lambda: [file.frames()], file.end, file.ended_by, file.made_on,
    )  # fmt: skip
    path.write_bytes(pack(content))


@pytest.mark.parametrize("damage", [flip_a_byte, truncate, empty, other_inputs, os.remove])
def test_damaged_segments_are_set_aside_and_computed_again(
    setup, small, tmp_path, undisturbed, damage, caplog
):
    path = tmp_path / "r000.nc"
    interrupted(path, setup, small[2], 4)
    segments = sorted(path.with_suffix("").glob("seg-*.nc"))
    assert len(segments) >= 4
    end_of_first = TrajectoryFile(segments[0]).last_jump
    damage(segments[1])
    summary = run_to_files(path, setup, small[2], checkpoint_s=0)
    assert TrajectoryFile(path).digest == undisturbed.digest
    assert summary.resumed_at == end_of_first
    set_aside = list((tmp_path / "quarantine").iterdir())
    assert len(set_aside) == len(segments) - 1 - (damage is os.remove)
    assert len(summary.messages) == len(set_aside)
    assert all("quarantine" in message for message in summary.messages)
    assert summary.messages[0] in caplog.text


@pytest.mark.parametrize("damage", [flip_a_byte, truncate, empty, other_inputs])
def test_a_damaged_final_file_is_made_again(setup, small, tmp_path, undisturbed, damage):
    path = tmp_path / "r000.nc"
    run_to_files(path, setup, small[2], checkpoint_s=1e9)
    damage(path)
    summary = run_to_files(path, setup, small[2], checkpoint_s=1e9)
    assert (summary.resumed_at, len(summary.messages)) == (0, 1)
    assert TrajectoryFile(path).digest == undisturbed.digest


def test_reading_something_else_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such trajectory"):
        Trajectory.load(tmp_path / "absent.nc")
    with pytest.raises(FileNotFoundError, match=r"seg-000000\.nc"):
        Trajectory.load(tmp_path)
    (tmp_path / "text.nc").write_text("no NetCDF")
    with pytest.raises(DamagedFile, match="cannot be read"):
        Trajectory.load(tmp_path / "text.nc")
    with netCDF4.Dataset(tmp_path / "other.nc", "w") as file:
        file.content = "something else"
    with pytest.raises(DamagedFile, match="something else"):
        Trajectory.load(tmp_path / "other.nc")


def test_a_newer_run_takes_over(setup, small, tmp_path):
    (tmp_path / "epoch").write_text("2")
    path = tmp_path / "r000.nc"
    with pytest.raises(StaleEpoch):
        run_to_files(path, setup, small[2], checkpoint_s=0, fence=Fence(tmp_path / "epoch", 1))
    assert not path.exists()
    assert not list(tmp_path.rglob("*.nc"))
    run_to_files(path, setup, small[2], checkpoint_s=0, fence=Fence(tmp_path / "epoch", 2))
    assert path.exists()


def test_a_full_disk_is_an_error_that_loses_nothing(setup, small, tmp_path, monkeypatch, undisturbed):
    path = tmp_path / "r000.nc"
    kept = interrupted(path, setup, small[2], 3)

    def full(path, content):
        path.write_bytes(content[: len(content) // 2])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("nnk.kmc.run_folder.write_bytes", full)
        with pytest.raises(
            OSError, match=f"No space left.*first {kept.jumps} jumps of 20000 are on disk"
        ) as error:
            run_to_files(path, setup, small[2], checkpoint_s=0)
    assert error.value.errno == errno.ENOSPC
    summary = run_to_files(path, setup, small[2], checkpoint_s=1e9)
    assert (summary.resumed_at, summary.messages) == (kept.jumps, ())
    assert TrajectoryFile(path).digest == undisturbed.digest


def test_what_is_not_of_the_run_stays(setup, small, tmp_path):
    path = tmp_path / "r000.nc"
    path.with_suffix("").mkdir()
    notes, foreign = path.with_suffix("") / "notes.txt", path.with_suffix("") / "seg-mine.nc"
    notes.write_text("by hand")
    foreign.write_text("by hand")
    interrupted(path, setup, small[2], 3)
    summary = run_to_files(path, setup, small[2], checkpoint_s=1e9)
    assert summary.messages == ()
    assert sorted(path.with_suffix("").iterdir()) == [notes, foreign]


@pytest.mark.parametrize("name", ["r000", "T0800.0K"])
def test_only_nc_files_are_written(setup, small, tmp_path, name):
    with pytest.raises(ValueError, match=r"is named \*\.nc"):
        run_to_files(tmp_path / name, setup, small[2], checkpoint_s=1)


def test_segments_of_two_runs_are_not_taken_for_one(setup, small, tmp_path):
    for name, seed in (("a", 1), ("b", 2)):
        interrupted(tmp_path / f"{name}.nc", dataclasses.replace(setup, seed=seed), small[2], 3)
    (tmp_path / "b" / "seg-000001.nc").replace(tmp_path / "a" / "seg-000001.nc")
    with pytest.raises(DamagedFile, match=r"seg-000001\.nc: does not go on"):
        Trajectory.load(tmp_path / "a")


@pytest.mark.parametrize("jumps", [-1, 2.5])
def test_impossible_numbers_of_jumps_are_refused(jumps):
    with pytest.raises(ValueError, match=f"jumps={jumps}"):
        StopWhen(jumps)


def test_a_damaged_row_of_jumps_is_an_error_when_it_is_read(setup, small, tmp_path):
    path = tmp_path / "r000.nc"
    run_to_files(path, setup, small[2], checkpoint_s=1e9)
    content, expected = path.read_bytes(), Trajectory.load(path).directions
    found = 0
    for block in re.finditer(b"x\x01", content):  # starts of compressed blocks, some of them the jumps
        at = min(block.start() + 40, len(content) - 1)
        path.write_bytes(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
        with contextlib.suppress(DamagedFile):
            trajectory = Trajectory.load(path)
            with contextlib.suppress(DamagedFile):
                np.testing.assert_array_equal(trajectory.directions, expected)
                continue
            found += 1
    assert found


def test_other_elements_are_refused(setup, small, tmp_path):
    setup = dataclasses.replace(setup, elements=("Cu", "Ni"))
    with pytest.raises(ValueError, match="remap the model"):
        run_to_files(tmp_path / "r.nc", setup, small[2], checkpoint_s=1)


def test_file_is_plain_for_other_programs(setup, small, tmp_path):
    path = tmp_path / "r000.nc"
    run_to_files(path, setup, small[2], checkpoint_s=1e9)
    with netCDF4.Dataset(path) as file:
        assert file.Conventions.startswith("CF-")
        assert file["time_s"].units == "s"
        assert json.loads(file.setup)["temperature_K"] == 900.0
        amber = file["AMBER"]
        assert amber.Conventions == "AMBER"
        assert amber["coordinates"].dimensions == ("atom", "spatial")
        assert amber["atom_types"].dtype == np.int8
        np.testing.assert_array_equal(amber["atom_types"][:], file["occupancy"][:])
        assert amber["cell_lengths"].dimensions[0] == "frame"  # OVITO reads a box per frame
        np.testing.assert_allclose(amber["cell_lengths"][-1], setup.lattice.box_A)


SCRIPT = """
import sys
from pathlib import Path
import numpy as np
sys.path.insert(0, {folder!r})
from conftest import forward_model, random_start
from nnk.kmc import KeyFrames, RunSetup, run_to_files
from nnk.lattice import Lattice
from nnk.run_terms import StopWhen

lattice, model = Lattice.fcc((4, 4, 4), 3.6), forward_model("fcc", 2, 2, (8, 8))
start = random_start(lattice, 2)
frames = KeyFrames(every=150_000)
setup = RunSetup(lattice, model.elements, start, 900.0, 3, 0, StopWhen(3_000_000), key_frames=frames)
print("ready", flush=True)
run_to_files(Path(sys.argv[1]), setup, model, checkpoint_s=float(sys.argv[2]))
print("done", flush=True)
"""


def start(tmp_path, path, checkpoint_s):
    script = tmp_path / "script.py"
    folder = os.path.dirname(__file__)
    script.write_text(textwrap.dedent(SCRIPT.format(folder=folder)))
    command = [sys.executable, str(script), str(path), str(checkpoint_s)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.faults
def test_killed_at_random_moments_gives_the_same_file(tmp_path):
    path = tmp_path / "killed" / "r000.nc"
    assert start(tmp_path, tmp_path / "r.nc", 1e9).communicate()[0].endswith("done\n")
    kills, seed = 0, int(os.environ.get("NNK_FAULT_SEED", time.time_ns() % 1000))
    moments = random.Random(seed)
    for _ in range(int(os.environ.get("NNK_FAULT_KILLS", 4))):
        process = start(tmp_path, path, 0.01)
        assert process.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0.0, 1.0))
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.communicate()
    assert start(tmp_path, path, 0.01).communicate()[0].endswith("done\n")
    assert kills > 0, "the runs were done before they could be killed"
    assert TrajectoryFile(path).digest == TrajectoryFile(tmp_path / "r.nc").digest, f"NNK_FAULT_SEED={seed}"
    Trajectory.load(path).check_replay()
    assert not path.with_suffix("").exists()


@pytest.mark.faults
def test_a_file_size_limit_stops_the_run_cleanly(setup, small, tmp_path):
    """A real failing write: the process may not write files beyond a size."""
    path = tmp_path / "r000.nc"
    code = textwrap.dedent(SCRIPT.format(folder=os.path.dirname(__file__)))
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))\n"
    )
    code = code.replace("run_to_files(Path", limit + "run_to_files(Path")
    (tmp_path / "limited.py").write_text(code)
    done = subprocess.run(
        [sys.executable, str(tmp_path / "limited.py"), str(path), "0.01"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert "jumps of 3000000 are on disk" in done.stderr
    assert not list(tmp_path.rglob("*.part"))
    assert start(tmp_path, path, 1e9).communicate()[0].endswith("done\n")
    Trajectory.load(path).check_replay()
