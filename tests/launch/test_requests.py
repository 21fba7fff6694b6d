# ruff: noqa: E501 (a message is one line)
"""What a campaign asks of its site is judged before anything is submitted."""

import pytest

from launch.campaign import load_campaign
from launch.layouts import campaign_site, stage_layout, used_stages
from launch.problems import CampaignErrors
from launch.requests import check_site, stage_requests

PAID = "resources: {{account: me, {}}}"


@pytest.fixture
def judged(write_campaign):
    """What is wrong, by key, with the tiny campaign on a site with some resources."""

    def judge(site, resources=""):
        path = write_campaign(("site: local", f"site: {site}\n{PAID.format(resources)}"))
        try:
            return {".".join(problem.key): problem.message for problem in check_site(load_campaign(path))}
        except CampaignErrors as errors:
            return {".".join(problem.key): str(problem).split(": ", 1)[1] for problem in errors.problems}

    return judge


def test_few_nodes_in_a_queue_of_many_are_refused_with_the_queue_that_fits(judged):
    found = judged("aurora", "label: {nodes: 4, queue: prod, walltime: '10:00:00'}")
    assert found == {
        "resources.label.nodes": "resources.label.nodes: got 4, and queue prod of site aurora takes 256 or more nodes, 24:00:00; "
        "allowed: queue capacity (1 to 16 nodes, 168:00:00)"
    }


def test_the_walltime_may_depend_on_the_nodes(judged):
    asked = "label: {{nodes: {}, queue: batch, walltime: '06:00:00'}}"
    assert judged("frontier", asked.format(92)) == {}
    found = judged("frontier", asked.format(91))["resources.label.walltime"]
    assert "got 06:00:00, and queue batch of site frontier takes 1 to 91 nodes, 02:00:00" in found
    assert "debug" not in found


def test_an_unknown_queue_is_refused_with_the_known_ones(judged):
    found = judged("polaris", "kmc: {queue: prodd}")["resources.kmc.queue"]
    assert (
        'no queue "prodd" on site polaris; allowed: debug, debug-scaling, prod, preemptable, capacity'
        in found
    )
    assert found.endswith('did you mean "prod"?')


def test_a_time_that_no_queue_gives(judged):
    found = judged("derecho", "analysis: {walltime: '200:00:00'}")["resources.analysis.walltime"]
    assert "queue main of site derecho takes 1 or more nodes, 12:00:00; allowed: at most that" in found
    assert "no queue of this site takes it" in found


def test_more_ranks_than_a_node_has_cores(judged):
    found = judged("frontera", "label: {ranks_per_node: 57}")
    assert found["resources.label.ranks_per_node"].endswith("got 57; allowed on site frontera: 1 to 56")


def test_a_gpu_is_asked_for_in_a_queue_without(write_campaign):
    changes = (
        ("replicas: 2", "replicas: 2\n  engine: {batched: {device: cuda}}"),
        ("cells: [8, 8, 8]", "cells: [16, 16, 16]"),
    )
    asked = ("site: local", "site: perlmutter\nresources: {kmc: {queue: gpu-regular}}")
    assert check_site(load_campaign(write_campaign(asked, *changes))) == []
    asked = ("site: local", "site: perlmutter")
    with pytest.raises(
        CampaignErrors,
        match=r"none in queue cpu-regular of site perlmutter; allowed with resources\.kmc\.queue: gpu-regular",
    ):
        check_site(load_campaign(write_campaign(asked, *changes)))


def test_more_jobs_than_run_at_a_time_are_a_warning(judged, tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: frontier\njobs: {at_most: 8}\n")
    found = judged("./mine.yaml")
    assert found["site"] == "jobs.at_most: fits, but extended runs 1 at a time of the 8 jobs"


def test_a_machine_that_wants_an_account_gets_one(write_campaign):
    campaign = load_campaign(write_campaign(("site: local", "site: polaris")))
    with pytest.raises(
        CampaignErrors,
        match=r"5:7: site: site polaris takes no jobs without an account; allowed: with resources\.account",
    ):
        check_site(campaign)


def test_the_campaign_goes_before_the_site(write_campaign, tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: polaris\njobs: {account: mine, walltime: '05:00:00'}\n")
    campaign = load_campaign(
        write_campaign(
            ("site: local", f"site: ./mine.yaml\n{PAID.format('label: {walltime: 01:00:00, queue: debug}')}")
        )
    )
    site = campaign_site(campaign)
    assert site.jobs.account == "me"
    assert (
        stage_layout(site, campaign, "label").pool.walltime,
        stage_layout(site, campaign, "label").pool.queue,
    ) == ("01:00:00", "debug")
    assert (
        stage_layout(site, campaign, "kmc").pool.walltime,
        stage_layout(site, campaign, "kmc").pool.queue,
    ) == ("05:00:00", "capacity")


def test_every_stage_of_a_campaign_is_judged(write_campaign):
    campaign = load_campaign(write_campaign(("site: local", f"site: perlmutter\n{PAID.format('')}")))
    requests = stage_requests(campaign_site(campaign), campaign, used_stages(campaign))
    assert [request.stage for request in requests] == [
        "prepare", "samples", "label", "audit", "train", "kmc", "analysis", "report",
    ]  # fmt: skip
    assert all(str(request.verdict) == "fits" for request in requests)


def test_without_scheduler_queues_and_walltimes_have_no_effect(judged):
    found = judged("local", "label: {walltime: '01:00:00'}, kmc: {queue: fast}")
    assert found == dict.fromkeys(
        ("resources.label.walltime", "resources.kmc.queue"),
        "has no effect on site local, which has no scheduler",
    )


@pytest.mark.parametrize("key", ["account: {}", "label: {{queue: {}}}", "kmc: {{walltime: {}}}"])
@pytest.mark.parametrize("text", ["'$(touch pwned)'", "'a;b'", '"a\\n#SBATCH --wrap=x"', "'a b'", "-x"])
def test_what_could_reach_a_shell_is_refused(write_campaign, key, text):
    path = write_campaign(("site: local", f"site: slurm\nresources: {{{key.format(text)}}}"))
    with pytest.raises(CampaignErrors, match=r"c\.yaml:6:\d+: resources\.\S+: got .*; allowed: "):
        load_campaign(path)
