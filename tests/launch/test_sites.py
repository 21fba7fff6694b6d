"""``launch sites``: what is known of machines, and where it comes from."""

import json
import re
from pathlib import Path

import pytest

from launch import sites_page
from launch.campaign import load_campaign
from launch.cli import run_command
from launch.requests import check_site
from launch.sites import facts
from site_configs import load_site, shipped_site_names
from site_configs.reading import user_folder

FACTS = ("scheduler", "nodes", "queues", "interface", "gpu_variable", "mpi", "worker_init", "environment")
OF_JOBS = ("account_needed", "constraint", "select", "directives", "ask_gpus", "qos")
FACILITIES = [name for name in shipped_site_names() if load_site(name).queues]


@pytest.mark.parametrize("name", FACILITIES)
def test_every_fact_of_a_facility_names_its_source_or_is_to_be_checked(name):
    site = load_site(name)
    for fact in facts(site):
        parts = fact.key.split(".")
        is_fact = parts[0] in FACTS or (parts[0] == "jobs" and parts[1] in OF_JOBS)
        if is_fact and fact.key != "scheduler" and fact.origin != "default":
            unsure = any(line.startswith(f"{fact.key}:") for line in site.to_check)
            ours = fact.origin.startswith(("site_configs/slurm.yaml", "site_configs/pbs.yaml"))
            assert fact.source or unsure or ours, fact


@pytest.mark.parametrize("name", FACILITIES)
def test_no_facility_is_called_tested(name):
    assert load_site(name).tested is None
    assert load_site(name).to_check


def test_the_table_has_a_row_for_each_site(capsys):
    assert run_command(["sites"]) == 0
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[1:]}
    assert list(rows) == sorted(rows)
    assert set(shipped_site_names()) <= set(rows)
    assert rows["aurora"].split()[1:4] == ["pbs", "102+12", "no"]
    assert "capacity*" in rows["aurora"]
    assert run_command(["sites", "--json"]) == 0
    listed = {site["name"]: site for site in json.loads(capsys.readouterr().out)}
    assert listed["polaris"]["queues"]["capacity"] == "1 to 4 nodes, 168:00:00"


def test_a_site_is_shown_with_file_and_source_of_each_value(capsys, tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: frontera\njobs: {account: me}\nnodes: {clx: {cores: 50}}\n")
    assert run_command(["sites", "show", str(mine)]) == 0
    text = capsys.readouterr().out
    assert f"jobs.account: me  [{mine}:2]" in text
    assert f"nodes.clx.cores: 50  [{mine}:3]" in text
    assert "queues.small.limits: 1 to 2 nodes, 48:00:00  [site_configs/frontera.yaml:12; read" in text
    assert "  tacc: TACC/TACC-Docs @1d94ecf (the facility, 2026-08-12)" in text
    assert "jobs.poll_s: 30  [default]" in text
    assert run_command(["sites", "show", str(mine), "--json"]) == 0
    found = {fact["key"]: fact for fact in json.loads(capsys.readouterr().out)["facts"]}
    assert found["interface"]["date"] == "2026-08-07"
    assert "source" not in found["jobs.account"]


def test_campaign_goes_before_the_users_file_and_that_before_the_suites(
    write_campaign, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    mine = user_folder() / "frontera.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text(
        'extends: frontera\njobs: {account: users, walltime: "10:00:00", at_most: 3}\n'
        'stages:\n  kmc: {walltime: "01:30:00"}\nenvironment: {A: b}\n'
    )
    resources = "resources:\n  account: campaigns\n  kmc: {queue: flex}\n  label: {walltime: '02:00:00'}\n"
    path = write_campaign(("site: local\n", f"site: frontera\n{resources}"))
    assert run_command(["plan", str(path), "--scripts"]) == 0
    said = capsys.readouterr().out
    shipped = "queue small [site_configs/frontera.yaml:"
    choices = {line.split(": ")[0]: line for line in said.splitlines() if "], walltime" in line}
    assert f"account: campaigns [{path}:7]" in said
    assert f"jobs at a time, of each kind: 3 [{mine}:2]" in said
    (own,) = (line for line in said.splitlines() if line.startswith(f"site frontera: {mine} sets "))
    keys = {"jobs.account", "jobs.walltime", "jobs.at_most", "stages.kmc.walltime", "environment.A"}
    assert set(own.split(" sets ")[1].split(", ")) == keys
    assert shipped in choices["prepare, label, audit"]
    assert f"walltime 02:00:00 [{path}:9]" in choices["prepare, label, audit"]
    assert f"queue flex [{path}:8], walltime 01:30:00 [{mine}:4]" in choices["kmc"]
    assert shipped in choices["train, analysis, report"]
    assert f"walltime 10:00:00 [{mine}:2]" in choices["train, analysis, report"]
    assert "#SBATCH --account=campaigns\n" in said
    assert "#SBATCH --partition=flex\n" in said
    assert "export A=b\n" in said


def test_a_file_of_the_user_for_this_machine_is_named_too(write_campaign, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    mine = user_folder() / "local.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text("extends: local\ncores_per_node: 1\n")
    assert run_command(["plan", str(write_campaign())]) == 0
    assert f"site local: {mine} sets cores_per_node\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["sites", "shw"], 2, 'no "sites shw"; allowed: sites, sites show NAME'),
        (["sites", "show"], 2, "sites show: which?"),
        (["sites", "show", "polari"], 3, 'no site "polari"; allowed: aurora'),
    ],
)
def test_mistakes_are_named(capsys, arguments, code, message):
    assert run_command(arguments) == code
    assert message in capsys.readouterr().err


DOCS = Path(__file__).parents[2] / "docs"


def test_the_table_of_sites_is_up_to_date():
    assert (DOCS / "sites.md").read_text() == sites_page.index(), "run: make schema"


@pytest.mark.parametrize("name", shipped_site_names())
def test_the_page_of_a_site_is_up_to_date(name):
    written = (DOCS / "sites" / f"{name}.md").read_text()
    assert written == sites_page.page(sites_page.shipped(name)), "run: make schema"


def test_there_is_a_page_for_each_site_and_no_other():
    assert {path.stem for path in (DOCS / "sites").iterdir()} == set(shipped_site_names())
    links = re.findall(r"\]\(sites/([a-z-]+)\.md\)", sites_page.index())
    assert links == shipped_site_names()


@pytest.mark.parametrize("name", FACILITIES)
def test_a_page_has_all_that_is_known(name):
    site, page = load_site(name), sites_page.page(load_site(name))
    assert all(f"| `{queue}`" in page for queue in site.queues)
    assert all(line in page for line in site.to_check)
    assert all(source.what in page for key, source in site.sources.items() if f"({key})" in page)
    assert ("#SBATCH" if site.scheduler == "slurm" else "#PBS") in page


@pytest.mark.parametrize("name", shipped_site_names())
def test_what_a_page_gives_to_copy_can_be_used(name, write_campaign, tmp_path):
    lines, mine = re.findall(r"```yaml\n(.*?)```", sites_page.page(load_site(name)), re.DOTALL)
    (tmp_path / "mine.yaml").write_text(mine)
    site = load_site("./mine.yaml", tmp_path)
    assert site.jobs is None or site.jobs.account == "my-project"
    campaign = load_campaign(write_campaign(("site: local\n", lines)))
    assert [problem for problem in check_site(campaign) if "GPU" not in str(problem)] == []
    campaign = load_campaign(
        write_campaign(("site: local\n", lines.replace(f"site: {name}", "site: ./mine.yaml")))
    )
    check_site(campaign)
