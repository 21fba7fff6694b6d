"""A driver within a job: what it learns of its nodes, and from whom."""

import json
import time

import pytest
from parsl.launchers import SimpleLauncher
from parsl.providers import LocalProvider

from site_configs import SiteError, load_site
from site_configs.builder import build
from site_configs.in_job import of_its_job
from site_configs.launchers import NodeLauncher

IN_JOB = "jobs: {mpi_units: %s, driver: job, nodes_per_job: 2, at_most: 5}\ncores_per_node: 4\n"


@pytest.fixture
def site(tmp_path):
    def make(base, mode="whole nodes"):
        (tmp_path / "mine.yaml").write_text(f"extends: {base}\n" + IN_JOB % mode)
        return load_site("./mine.yaml", tmp_path)

    return make


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Puts a command on PATH that says something, or fails."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")

    def make(name, says, code=0):
        (tmp_path / "bin").mkdir(exist_ok=True)
        (tmp_path / "said").write_text(says)
        path = tmp_path / "bin" / name
        path.write_text(f"#!/bin/sh\n/bin/cat {tmp_path}/said\nexit {code}\n")
        path.chmod(0o755)

    return make


@pytest.fixture
def pbs(tmp_path):
    (tmp_path / "nodes").write_text("n1\nn1\nn2\nn2\nn3\n")
    return {"PBS_JOBID": "7.server", "PBS_NODEFILE": str(tmp_path / "nodes")}


@pytest.mark.parametrize(
    ("said", "left_s"), [("1:30", 90), ("10:00", 600), ("2:00:05", 7205), ("1-00:00:10", 86410)]
)
def test_slurm_is_asked_how_long_the_job_still_has(site, command, said, left_s):
    command("squeue", f"{said}\n")
    inside, found = of_its_job(site("slurm"), {"SLURM_JOB_ID": "7", "SLURM_JOB_NUM_NODES": "6"})
    assert (found.job, found.nodes, inside.nodes_per_job) == ("7", 6, 6)
    assert found.end_unix_s - time.time() == pytest.approx(left_s, abs=5)
    assert inside.layout("label", nodes=2).at_once == 3


def test_pbs_is_asked_when_the_job_began(site, command, pbs):
    facts = {"Resource_List": {"walltime": "01:30:00"}, "stime": "Sat Nov 21 20:00:00 2026"}
    command("qstat", json.dumps({"Jobs": {"7.server": facts}}))
    inside, found = of_its_job(site("pbs"), pbs)
    assert found.nodes == inside.nodes_per_job == 3  # each once, however often it is listed
    assert time.strftime("%H:%M:%S", time.localtime(found.end_unix_s)) == "21:30:00"


def test_a_job_may_be_without_end(site, command):
    command("squeue", "UNLIMITED\n")
    assert of_its_job(site("slurm"), {"SLURM_JOB_ID": "7"})[1].end_unix_s is None


@pytest.mark.parametrize(("base", "submit"), [("slurm", "sbatch"), ("pbs", "qsub")])
def test_outside_of_a_job_nothing_is_done(site, base, submit):
    with pytest.raises(SiteError, match=rf"no allocation found: .* jobs\.driver: job; .* \({submit}\)"):
        of_its_job(site(base), {})


@pytest.mark.parametrize(("said", "code"), [("", 1), ("N/A\n", 0), ("", 0)])
def test_an_end_that_cannot_be_learned_is_asked_for(site, command, said, code):
    command("squeue", said, code)
    with pytest.raises(SiteError, match=r"cannot learn when job 7 ends .*: set NNK_BLOCK_END_UNIX_S"):
        of_its_job(site("slurm"), {"SLURM_JOB_ID": "7"})
    told = {"SLURM_JOB_ID": "7", "NNK_BLOCK_END_UNIX_S": "2000"}
    assert of_its_job(site("slurm"), told)[1].end_unix_s == 2000


def test_a_driver_on_a_login_node_looks_for_no_job():
    site = load_site("slurm")
    assert of_its_job(site, {"SLURM_JOB_ID": "7"}) == (site, None)


@pytest.mark.parametrize("mode", ["whole nodes", "shared nodes"])
def test_its_workers_are_started_on_its_nodes_and_none_submitted(site, tmp_path, mode):
    mine = site("slurm", mode)
    pools = [mine.layout("label").pool, mine.layout("kmc").pool]
    label, kmc = build(mine, tmp_path, pools=pools, environment={}).executors
    assert all(isinstance(made.provider, LocalProvider) for made in (label, kmc))
    assert isinstance(label.provider.launcher, SimpleLauncher if mode == "whole nodes" else NodeLauncher)
    assert isinstance(kmc.provider.launcher, NodeLauncher)
    assert (kmc.provider.nodes_per_block, kmc.provider.max_blocks) == (2, 1)
    assert "NNK_BLOCK_END_UNIX_S" not in kmc.provider.worker_init  # the driver knows, its children inherit
    assert (mine.at_most, kmc.drain_period) == (1, None)
