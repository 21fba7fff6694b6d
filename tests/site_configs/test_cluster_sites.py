"""Sites with a scheduler: layouts, what Parsl gets, and site files that extend others."""

import pytest

from site_configs import Pool, SiteError, load_site, pools_of
from site_configs.builder import build

MINE = """\
extends: {base}
description: mine
cores_per_node: 4
gpus_per_node: 2
jobs: {{queue: fast, account: me, walltime: "02:30:00", at_most: 3}}
stages:
  label: {{nodes: 2}}
"""


@pytest.fixture(params=["slurm", "pbs"])
def site(request, tmp_path):
    (tmp_path / "mine.yaml").write_text(MINE.format(base=request.param))
    return load_site("./mine.yaml", tmp_path)


def of_jobs(name, workers, nodes=1, **others):
    return Pool(name, workers, nodes, **{"queue": "fast", "walltime": "02:30:00", **others})


def test_a_site_takes_what_it_does_not_say_from_the_one_it_extends(site):
    base = load_site(site.scheduler)
    assert (site.name, site.cores) == ("mine", 4)
    assert (site.jobs.queue, site.jobs.directives) == ("fast", base.jobs.directives)
    assert site.stages["label"].ranks == "all"
    assert site.mpi == base.mpi


def test_ranks_spread_over_the_nodes_of_a_job(site):
    label = site.layout("label")
    assert (label.ranks, label.at_once, label.pool) == (8, 3, of_jobs("nodes-2", 1, 2))
    assert set(label.mpi_command) >= {"8", "4"}
    assert site.layout("label", 3, 5).pool == of_jobs("nodes-5", 1, 5)
    assert site.layout("label", 3, 5).ranks == 15
    assert site.layout("label", 1, 1).mpi_command == ()


def test_units_of_one_core_share_a_node(site):
    kmc = site.layout("kmc")
    assert (kmc.ranks, kmc.at_once, kmc.pool) == (1, 12, of_jobs("cores", 4))
    assert site.gpu_layout("kmc").pool == of_jobs("gpus", 2, on_gpus=True)
    with pytest.raises(SiteError, match=r"resources\.kmc\.nodes: got 2; allowed on site mine: 1"):
        site.layout("kmc", nodes=2)


def test_a_pool_has_the_most_workers_that_a_stage_wants(site):
    pools = pools_of([site.layout("report"), site.layout("kmc"), site.layout("label")])
    assert pools == (of_jobs("cores", 4), of_jobs("nodes-2", 1, 2))


def test_parsl_gets_jobs_of_the_scheduler_and_submits_none(site, tmp_path):
    pools = pools_of([site.layout("label"), site.layout("kmc"), site.gpu_layout("kmc")])
    label, kmc, gpus = build(site, tmp_path / "parsl", pools=pools, environment={"A": "b c"}).executors
    assert [e.provider.nodes_per_block for e in (label, kmc, gpus)] == [2, 1, 1]
    assert [e.max_workers_per_node for e in (label, kmc, gpus)] == [1, 4, 2]
    assert gpus.available_accelerators == ["0", "1"]
    provider = label.provider
    assert (provider.init_blocks, provider.min_blocks, provider.max_blocks) == (0, 0, 3)
    assert (provider.walltime, provider.account) == ("02:30:00", "me")
    assert provider.status_polling_interval == site.jobs.poll_s
    assert provider.worker_init.startswith("export NNK_BLOCK_END_UNIX_S=$(($(date +%s) + 9000))\n")
    assert "export A='b c'" in provider.worker_init
    assert repr(provider)  # Parsl writes it into its log
    assert not (tmp_path / "parsl").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("extends: {base}", "extends: slurmm"), r'no site "slurmm"; allowed: .*slurm'),
        (("extends: {base}", "extends: ./mine.yaml"), "extends this file itself"),
        (("extends: {base}", "extends: [a]"), "allowed: the name of a site"),
        (("02:30:00", "2.5 h"), r"mine\.yaml:5:\d+: jobs\.walltime"),
        (("at_most: 3", "most: 3"), r"mine\.yaml:5:\d+: jobs\.most"),
        (("cores_per_node: 4", "cores_per_node: all"), "cores_per_node: all; allowed .* a number"),
        (("account: me", "select: a=b"), "jobs.select: not known to scheduler slurm"),
        (("extends: {base}", "extends: local"), "jobs: allowed with a scheduler that gives out nodes"),
    ],
)
def test_errors_name_the_file_and_what_is_allowed(change, message, tmp_path):
    (tmp_path / "mine.yaml").write_text(MINE.replace(*change).format(base="slurm"))
    with pytest.raises(SiteError, match=message):
        load_site("./mine.yaml", tmp_path)


def test_a_scheduler_without_jobs_is_refused(tmp_path):
    (tmp_path / "bare.yaml").write_text("description: bare\nscheduler: pbs\ncores_per_node: 4\n")
    with pytest.raises(SiteError, match="jobs: missing; allowed with scheduler pbs: a mapping with walltime"):
        load_site("./bare.yaml", tmp_path)
