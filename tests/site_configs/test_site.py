"""Machines as data."""

import os
import sys
from pathlib import Path

import pytest

from site_configs import Pool, SiteError, StageLayout, load_site, pools_of, shipped_site_names, site_names
from site_configs.builder import build, worker_environment


def site_file(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return str(path)


WELL = """\
description: mine
tested: null
scheduler: local
cores_per_node: 4
stages:
  label: {ranks: 2}
  kmc: {workers: all}
  train: {workers: 1}
"""


def test_every_site_that_comes_with_the_suite_can_be_read():
    assert "local" in site_names()
    for name in site_names():
        assert load_site(name).name == name


def test_the_local_site_uses_all_cores_and_no_more():
    site, cores = load_site("local"), len(os.sched_getaffinity(0))
    label, kmc = site.layout("label"), site.layout("kmc")
    assert (label.ranks, label.at_once) == (cores, 1)
    assert (kmc.ranks, kmc.at_once, kmc.mpi_command) == (1, cores, ())


def test_units_of_several_ranks_share_the_cores(tmp_path):
    site = load_site(site_file(tmp_path, WELL))
    label = site.layout("label")
    assert (label.ranks, label.at_once) == (2, 2)
    assert label.mpi_command == ("mpiexec", "-n", "2")
    assert site.layout("label", ranks=3).at_once == 1
    assert site.layout("label", ranks=1).mpi_command == ()
    assert site.layout("train").at_once == 1
    assert site.layout("kmc", ranks=2).at_once == 2


@pytest.mark.parametrize(("ranks", "nodes"), [(5, None), (None, 2)])
def test_more_than_there_is_is_refused(tmp_path, ranks, nodes):
    site = load_site(site_file(tmp_path, WELL))
    with pytest.raises(SiteError, match=r"resources\.label.*allowed on site mine: 1"):
        site.layout("label", ranks, nodes)


def test_a_path_is_relative_to_the_campaign(tmp_path):
    site_file(tmp_path, WELL)
    assert load_site("./mine.yaml", tmp_path).cores == 4


def test_an_unknown_site_is_refused_with_the_known_ones():
    with pytest.raises(SiteError, match=r'no site "locl"; allowed: .*local'):
        load_site("locl")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WELL.replace("cores_per_node: 4", "cores_per_node: 0"), r"mine\.yaml:4:1: cores_per_node"),
        (WELL.replace("ranks: 2", "rank: 2"), r"mine\.yaml:6:11: stages\.label\.rank"),
        (WELL.replace("scheduler: local", "scheduler: lsf"), r"mine\.yaml:3:1: scheduler.*'local'"),
        (WELL.replace("kmc:", "kcm:"), r"mine\.yaml:7:3: stages\.kcm"),
        ("a: [1", "not YAML"),
        (
            WELL + "mpi: {command: [run, '{rank}']}\n",
            r"mpi\.command: got '{rank}'; allowed in braces: {ranks},",
        ),
        (WELL + "mpi: {command: [run, '{ranks:999999999}']}\n", r"mpi\.command: got .*; allowed in braces"),
        (WELL + "mpi: {command: [run, '{ranks.real}']}\n", r"mpi\.command: got .*; allowed in braces"),
        (WELL + "mpi: {command: [run, '{ranks']}\n", r"mpi\.command: got .*expected '}'.*; allowed in"),
        ("- a", "got a list; allowed: a mapping with keys such as"),
    ],
)
def test_errors_name_file_line_and_key(tmp_path, text, message):
    with pytest.raises(SiteError, match=message):
        load_site(site_file(tmp_path, text))


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(SiteError, match="No such file"):
        load_site(str(tmp_path / "none.yaml"))


def test_parsl_gets_a_configuration_and_starts_nothing(tmp_path):
    environment = worker_environment(tmp_path / "cache")
    config = build(load_site("local"), tmp_path / "parsl", pools=[Pool("nodes", 3)], environment=environment)
    (executor,) = config.executors
    assert executor.max_workers_per_node == 3
    assert executor.encrypted
    assert executor.interchange_launch_cmd[-1] == "site_configs.interchange"
    assert config.retries == 0
    assert not list(tmp_path.iterdir())


def test_workers_keep_the_users_modules_out(tmp_path):
    site = load_site(site_file(tmp_path, WELL + "worker_init: module load x\nenvironment: {A_B: 'it''s'}\n"))
    environment = worker_environment(tmp_path)
    config = build(site, tmp_path / "parsl", pools=[Pool("nodes", 1)], environment=environment)
    script = config.executors[0].provider.worker_init
    assert script.startswith("module load x\nunset PYTHONPATH")
    assert str(Path(sys.executable).parent) in script
    for line in ("export PYTHONSAFEPATH=1", "export OMP_NUM_THREADS=1", "export PYTHONNOUSERSITE=1"):
        assert line in script.splitlines()
    assert "export A_B='it'\"'\"'s'" in script
    assert environment["HDF5_USE_FILE_LOCKING"] == "FALSE"


def test_gpus_are_shared_out_one_to_a_unit(tmp_path: Path):
    site = load_site("local").model_copy(update={"gpus_per_node": 2})
    layout = site.gpu_layout("kmc")
    assert layout == StageLayout(ranks=1, at_once=2, mpi_command=(), pool=Pool("gpus", 2, on_gpus=True))
    config = build(site, tmp_path, pools=pools_of([site.layout("label"), layout]), environment={})
    nodes, gpus = config.executors
    assert nodes.available_accelerators == []
    assert gpus.available_accelerators == ["0", "1"]
    assert gpus.max_workers_per_node == 2


def test_a_site_without_gpus_says_so():
    site = load_site("local").model_copy(update={"gpus_per_node": 0})
    with pytest.raises(SiteError, match="kmc: a GPU is asked for, and there is none on site local"):
        site.gpu_layout("kmc")


def test_a_users_own_file_goes_before_the_one_of_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    folder = tmp_path / "neural-network-kinetics" / "sites"
    folder.mkdir(parents=True)
    mine = folder / "polaris.yaml"
    mine.write_text("extends: polaris\njobs: {account: my-project}\nqueues: {}\n")
    (folder / "other.yaml").write_text("extends: polaris\n")
    site, shipped = load_site("polaris"), Path(sys.modules["site_configs"].__file__).parent / "polaris.yaml"
    assert (site.jobs.account, site.jobs.queue) == ("my-project", "capacity")
    assert load_site("other").jobs.account == "my-project"
    assert str(site.origins["jobs", "account"]) == f"{mine}:2"
    assert site.origins["jobs", "queue"].file == shipped
    assert {"other", "polaris", "local"} <= {*site_names()}
    assert "other" not in shipped_site_names()


def test_a_source_speaks_for_the_file_it_stands_in_alone(tmp_path):
    text = "extends: polaris\nnodes: {node: {cores: 30}}\nqueues: {debug: {limits: []}}\n"
    with pytest.raises(SiteError, match=r"mine\.yaml:3:\d+: queues\.debug\.limits"):
        load_site(site_file(tmp_path, text))
    site = load_site(site_file(tmp_path, text.replace("queues: {debug: {limits: []}}\n", "")))
    assert site.cores == 30
    assert site.source_of(("nodes", "node", "cores")) is None
    assert site.sources[site.source_of(("nodes", "node", "gpus"))].date.year == 2026
    assert site.tested is None
