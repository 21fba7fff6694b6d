"""Trajectories in the formats of other programs."""

import pytest

from analysis import convert
from nnk.kmc import Trajectory


@pytest.fixture
def with_runs(workdir, save_runs):
    save_runs(workdir)
    return workdir


def test_every_run_of_a_workdir_is_converted(with_runs, capsys):
    assert convert.main([str(with_runs.root), "--to", "lammps"]) == 0
    dumps = sorted(with_runs.root.glob("kmc/*/T*/r*.dump"))
    assert len(dumps) == 4
    said = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in said] == [str(path) for path in dumps]
    frames = Trajectory.load(dumps[0].with_suffix(".nc")).frames()
    assert dumps[0].read_text().count("ITEM: TIMESTEP") == len(frames)


def test_one_run_at_a_stride_of_jumps(with_runs, tmp_path):
    run = next(iter(sorted(with_runs.root.glob("kmc/*/T*/r*.nc"))))
    target = tmp_path / "states.extxyz"
    arguments = [str(run), "--to", "extxyz", "--every", "150", "--output", str(target)]
    assert convert.main(arguments) == 0
    jumps = [line.split("jump=")[1].split()[0] for line in target.read_text().splitlines() if "jump=" in line]
    assert jumps == ["0", "150", "300"]


@pytest.mark.parametrize("what", ["nothing", "damaged", "several"])
def test_what_cannot_be_converted_is_said_in_a_line(what, with_runs, tmp_path, capsys):
    arguments = [str(tmp_path / "absent"), "--to", "extxyz"]
    if what == "damaged":
        (tmp_path / "r000.nc").write_text("no NetCDF")
        arguments[0] = str(tmp_path / "r000.nc")
    if what == "several":
        arguments = [str(with_runs.root), "--to", "extxyz", "--output", str(tmp_path / "one.extxyz")]
    assert convert.main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    expected = {"nothing": "is missing", "damaged": "cannot be used", "several": "name one run's file"}
    assert line.startswith("convert: ")
    assert expected[what] in line
