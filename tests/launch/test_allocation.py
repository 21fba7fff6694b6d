"""What a plan says of jobs, node-hours, origins and submit scripts."""

import pytest

from launch.allocation import allocation_text, allocations, scripts_text
from launch.campaign import load_campaign
from launch.cli import run_command
from launch.costs import RECORDS, StageCost
from launch.layouts import campaign_site
from launch.plan import make_plan
from nnk.files import Workdir

RESOURCES = "resources: {account: me, label: {nodes: 2, walltime: '01:00:00'}}"


@pytest.fixture
def planned(write_campaign):
    """The tiny campaign on a site, its plan, and a cost of 100 core-hours for each stage."""

    def make(site, resources=RESOURCES):
        campaign = load_campaign(write_campaign(("site: local", f"site: {site}\n{resources}")))
        plan = make_plan(campaign, Workdir(campaign.workdir_path))
        return campaign, plan, {stage.stage: StageCost(100.0, RECORDS) for stage in plan}

    return make


def test_node_hours_are_those_of_whole_nodes(planned):
    campaign, plan, costs = planned("perlmutter")
    site = campaign_site(campaign)
    found = {one.request.stage: one for one in allocations(campaign, site, plan, costs)}
    assert found["label"].layout.ranks == 256
    assert found["label"].node_hours == pytest.approx(2 * 100 / 256)
    assert found["kmc"].units == 4  # of 128 cores, four work
    assert found["kmc"].node_hours == pytest.approx(100 / 4)
    assert all(one.gpu_hours == 0 for one in found.values())


@pytest.mark.parametrize(
    ("mode", "per_node", "busy_ranks"),
    [("whole nodes", "8 ranks", 2 * 16), ("shared nodes", "4 x 8 ranks", 6 * 8)],
)
def test_jobs_that_units_share_are_paid_for_as_a_whole(planned, tmp_path, mode, per_node, busy_ranks):
    jobs = f"{{mpi_units: {mode}, nodes_per_job: 4, walltime: '02:00:00'}}"
    (tmp_path / "mine.yaml").write_text(f"extends: slurm\ncores_per_node: 32\njobs: {jobs}\n")
    nodes = 2 if mode == "whole nodes" else 1
    asked = f"resources: {{label: {{nodes: {nodes}, ranks_per_node: 8}}}}"
    campaign, plan, costs = planned("./mine.yaml", asked)
    site = campaign_site(campaign)
    found = {one.request.stage: one for one in allocations(campaign, site, plan, costs)}
    label, text = found["label"], allocation_text(campaign, site, found.values())
    assert label.node_hours == pytest.approx(4 * 100 / busy_ranks)
    row = next(line for line in text.splitlines() if line.startswith("label"))
    assert f" {per_node} " in row
    assert f"nodes 4 [{tmp_path}/mine.yaml:3]" in text


def test_gpus_of_the_nodes_are_counted_used_or_not(planned):
    campaign, plan, costs = planned("frontier")
    found = {one.request.stage: one for one in allocations(campaign, campaign_site(campaign), plan, costs)}
    assert found["kmc"].gpu_hours == pytest.approx(8 * found["kmc"].node_hours)


def test_units_end_with_their_jobs(planned):
    campaign, plan, _ = planned("polaris", RESOURCES.replace("nodes: 2, ", "ranks_per_node: 1, "))
    costs = {stage.stage: StageCost(6 * 0.4, RECORDS) for stage in plan}  # 24 min for each of 6 vacancies
    found = {one.request.stage: one for one in allocations(campaign, campaign_site(campaign), plan, costs)}
    assert found["label"].units == 3


def test_a_machine_without_scheduler_allots_nothing(planned):
    campaign, plan, costs = planned("local", "resources: {}")
    site = campaign_site(campaign)
    assert allocation_text(campaign, site, allocations(campaign, site, plan, costs)) == ""


def test_the_plan_says_what_is_taken_and_who_chose(planned, tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "extends: polaris\nstages: {kmc: {workers: 8, walltime: '05:00:00'}}\n"
    )
    campaign, plan, costs = planned("./mine.yaml")
    site = campaign_site(campaign)
    lines = allocation_text(campaign, site, allocations(campaign, site, plan, costs)).splitlines()
    rows = {line.split()[0]: line.split() for line in lines}
    assert rows["label"][1:8] == ["capacity", "2", "32", "ranks", "01:00:00", "1", "1"]
    assert rows["kmc"][1:8] == ["capacity", "1", "8", "units", "05:00:00", "4", "8"]
    assert rows["kmc"][-1] == "fits"
    assert f"account: me [{campaign.file}:6]" in lines
    chosen = next(line for line in lines if line.startswith("prepare, label, audit:"))
    assert f"walltime 01:00:00 [{campaign.file}:6], nodes 2 [{campaign.file}:6]" in chosen
    assert "queue capacity [site_configs/polaris.yaml:" in chosen
    chosen = next(line for line in lines if line.startswith("kmc:"))
    assert f"walltime 05:00:00 [{tmp_path / 'mine.yaml'}:2]" in chosen
    assert chosen.endswith(f"workers [{tmp_path / 'mine.yaml'}:2]")


def test_scripts_are_shown_once_for_each_kind_of_job(planned):
    campaign, plan, costs = planned("expanse")
    site = campaign_site(campaign)
    text = scripts_text(site, allocations(campaign, site, plan, costs))
    assert text.count("#!/bin/bash") == 3  # labels on two nodes, training on one, units of a core each
    assert text.count("#SBATCH --account=me\n") == 3
    assert "# units of label: by srun --mpi=pmi2 --nodes 2 -n 256 --ntasks-per-node 128" in text
    assert "# units of kmc: without MPI\n# units of analysis: without MPI" in text
    assert "CACHE/numba" in text


def test_the_command_plans_without_a_scheduler_and_writes_nothing(planned, capsys, tmp_path):
    campaign, _, _ = planned("aurora")
    before = sorted(tmp_path.iterdir())
    assert run_command(["plan", str(campaign.file), "--scripts"]) == 0
    said = capsys.readouterr().out
    assert "on aurora: " in said
    assert "#PBS -l select=2:ncpus=102\n" in said
    assert sorted(tmp_path.iterdir()) == before
