"""Jobs that several units share: how they are laid out, what Parsl gets, and what a site must offer."""

import pytest
from parsl.executors import HighThroughputExecutor, MPIExecutor
from parsl.jobs.states import JobState, JobStatus
from parsl.jobs.strategy import Strategy
from parsl.launchers import SimpleLauncher

from site_configs import SiteError, load_site, shipped_site_names
from site_configs.builder import build
from site_configs.launchers import NodeLauncher

MINE = """\
extends: {base}
description: mine
cores_per_node: 16
gpus_per_node: 2
jobs: {{queue: fast, walltime: "02:00:00", at_most: 3, mpi_units: {mode}, nodes_per_job: {nodes}}}
stages:
  label: {{ranks: 4}}
"""


@pytest.fixture
def site(tmp_path):
    def make(mode, nodes=8, base="slurm", more=""):
        (tmp_path / "mine.yaml").write_text(MINE.format(base=base, mode=mode, nodes=nodes) + more)
        return load_site("./mine.yaml", tmp_path)

    return make


def executor_of(site, layout, tmp_path):
    (made,) = build(site, tmp_path, pools=[layout.pool], environment={}).executors
    return made


@pytest.mark.parametrize(("nodes", "units"), [(1, 8), (2, 4), (3, 2), (8, 1)])
@pytest.mark.parametrize(("base", "launcher"), [("slurm", "srun"), ("pbs", "mpiexec")])
def test_units_on_whole_nodes_fill_a_job_and_never_queue(site, tmp_path, base, launcher, nodes, units):
    mine = site("whole nodes", base=base)
    label = mine.layout("label", nodes=nodes)
    assert (label.ranks, label.at_once, label.pool.nodes) == (4 * nodes, 3 * units, 8)
    assert label.resources == {
        "num_nodes": nodes,
        "ranks_per_node": 4,
        "num_ranks": 4 * nodes,
        "launcher_options": "",
    }
    made = executor_of(mine, label, tmp_path)
    assert isinstance(made, MPIExecutor)
    assert isinstance(made.provider.launcher, SimpleLauncher)
    assert (made.max_workers_per_block, made.prefetch_capacity) == (units, 0)
    assert made.mpi_launcher == launcher
    assert (made.provider.nodes_per_block, made.provider.max_blocks) == (8, 3)


@pytest.fixture
def scaled(site, tmp_path):
    """Jobs asked for, for so many units where so many jobs run already."""

    def scale(mode, nodes, units_for_jobs, n_running):
        mine = site(mode)
        layout = mine.layout("label", nodes=nodes)
        config = build(mine, tmp_path, pools=[layout.pool], environment={})
        (made,), asked = config.executors, []
        made._status = {str(i): JobStatus(JobState.RUNNING) for i in range(n_running)}
        made.outstanding = lambda: units_for_jobs * layout.at_once // 3
        made.scale_out_facade = asked.append
        strategy = Strategy(strategy=config.strategy, max_idletime=config.max_idletime)
        strategy.add_executors([made])
        strategy.strategize([made])
        return sum(asked)

    return scale


MODES = [("own job", 2), ("whole nodes", 2), ("shared nodes", 1)]


@pytest.mark.parametrize(("mode", "nodes"), MODES)
@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_as_many_jobs_are_asked_for_as_the_units_fill(scaled, mode, nodes, n_jobs):
    assert scaled(mode, nodes, n_jobs, 0) == n_jobs
    assert scaled(mode, nodes, n_jobs, n_jobs) == 0


def test_units_of_other_sizes_have_an_executor_of_their_own(site):
    mine = site("whole nodes")
    names = [mine.layout("label", ranks, nodes).pool.name for ranks, nodes in ((4, 1), (8, 1), (4, 2))]
    assert names[0] == names[1] != names[2]


def test_a_unit_of_one_rank_is_placed_as_well(site):
    label = site("whole nodes").layout("label", 1, 1)
    assert label.mpi_command == ("$PARSL_MPI_PREFIX",)
    assert label.resources["num_ranks"] == 1


def test_options_of_the_site_reach_the_launcher(site):
    more = "mpi: {options: [--mpi=pmi2, -c, '{cores_per_rank}']}\n"
    label = site("whole nodes", more=more).layout("label")
    assert label.resources["launcher_options"] == "--mpi=pmi2 -c 4"


def test_small_units_share_the_nodes_of_a_job(site, tmp_path):
    mine = site("shared nodes", nodes=2)
    label = mine.layout("label", 5)
    assert (label.ranks, label.pool.workers, label.at_once) == (5, 3, 3 * 2 * 3)
    words = " ".join(label.mpi_command)
    assert words.startswith("srun --exact --mem=0 --nodes 1 --nodelist {host} --ntasks 5")
    assert words.endswith("--cpus-per-task 1")
    made = executor_of(mine, label, tmp_path)
    assert type(made) is HighThroughputExecutor
    assert made.max_workers_per_node == 3
    started = made.provider.launcher("process_worker_pool.py -a 'b c'", 1, 2)
    assert isinstance(made.provider.launcher, NodeLauncher)
    assert started.startswith("srun --overlap --cpu-bind=none --nodes 2 --ntasks 2 --ntasks-per-node 1 ")
    assert started.endswith(" process_worker_pool.py -a 'b c'")
    assert mine.layout("label", 1).mpi_command == ()
    alone = site("shared nodes", nodes=1).layout("label", 5)
    assert (alone.at_once, alone.pool.on_every_node) == (9, False)


def test_units_of_one_core_and_of_a_gpu_are_on_every_node_of_a_job(site, tmp_path):
    mine = site("own job", nodes=4)
    kmc, gpu, train = mine.layout("kmc"), mine.gpu_layout("kmc"), mine.layout("train", 1)
    assert (kmc.pool.workers, kmc.at_once) == (16, 16 * 4 * 3)
    assert (gpu.pool.workers, gpu.at_once) == (2, 2 * 4 * 3)
    assert (train.pool.workers, train.at_once) == (1, 4 * 3)
    assert isinstance(executor_of(mine, gpu, tmp_path).provider.launcher, NodeLauncher)
    label = mine.layout("label", nodes=2)
    assert (label.pool.nodes, label.at_once, label.resources) == (2, 3, {})


@pytest.mark.parametrize("mode", ["whole nodes", "shared nodes"])
def test_units_larger_than_their_part_of_a_job_are_refused(site, mode):
    with pytest.raises(SiteError, match=r"resources\.label\.nodes: got 9; allowed on site mine: 1.*jobs\."):
        site(mode).layout("label", nodes=9)


@pytest.mark.parametrize(
    ("mode", "more", "message"),
    [
        ("whole nodes", "mpi: {host_lists: false}\n", "needs host lists, which this site forbids"),
        ("shared nodes", "mpi: {host_lists: false}\n", "needs host lists, which this site forbids"),
        ("whole nodes", "mpi: {command: [ibrun]}\n", "needs srun or mpiexec .* begins with ibrun"),
        ("shared nodes", "mpi: {shared_command: null}\n", "shared nodes: needs mpi.shared_command"),
        ("own job", "mpi: {workers_command: null}\n", "nodes_per_job: got 8; allowed: 1, or with"),
        ("shared nodes", "mpi: {shared_command: [a, 'b={host}']}\n", "as a word of its own"),
        ("own job", "mpi: {workers_command: [a, '{ranks}']}\n", r"allowed in braces: \{nodes\}"),
    ],
)
def test_what_a_site_cannot_do_is_refused(site, mode, more, message):
    with pytest.raises(SiteError, match=message):
        site(mode, more=more)


@pytest.mark.parametrize("name", ["vista", "frontera"])
@pytest.mark.parametrize("mode", ["whole nodes", "shared nodes"])
def test_sites_that_forbid_host_lists_refuse_to_place_units(name, mode, tmp_path):
    (tmp_path / "mine.yaml").write_text(f"extends: {name}\njobs: {{mpi_units: {mode}}}\n")
    with pytest.raises(SiteError, match=f"jobs.mpi_units: {mode}: needs host lists.*; allowed: own job"):
        load_site("./mine.yaml", tmp_path)


def test_nodes_that_are_listed_more_than_once_are_refused(tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: pbs\njobs: {select: 'mpiprocs=4'}\n")
    with pytest.raises(SiteError, match=r"jobs\.select: got mpiprocs=4; allowed: without mpiprocs"):
        load_site("./mine.yaml", tmp_path)


def test_a_driver_in_a_job_cannot_give_units_jobs_of_their_own(tmp_path):
    (tmp_path / "mine.yaml").write_text("extends: slurm\njobs: {driver: job}\n")
    with pytest.raises(SiteError, match=r"jobs\.driver: job: .*; allowed: with jobs\.mpi_units: whole"):
        load_site("./mine.yaml", tmp_path)


def test_a_job_takes_no_unit_shortly_before_its_end(site, tmp_path):
    mine = site("whole nodes")
    assert executor_of(mine, mine.layout("label"), tmp_path).drain_period == 7200 - 60
    short = mine.layout("label", walltime="00:01:00")
    assert executor_of(mine, short, tmp_path).drain_period == 45
    local = load_site("local")
    assert executor_of(local, local.layout("kmc"), tmp_path).drain_period is None


def test_no_site_has_units_share_jobs_by_itself():
    for name in shipped_site_names():
        jobs = load_site(name).jobs
        assert jobs is None or (jobs.mpi_units, jobs.nodes_per_job, jobs.driver) == ("own job", 1, "login")


def test_monitoring_needs_its_packages(tmp_path, monkeypatch):
    site = load_site("local").model_copy(update={"monitoring": True})
    monkeypatch.setattr("site_configs.builder.MONITORING_NEEDS", "no_such_package")
    with pytest.raises(SiteError, match=r"monitoring: true needs no_such_package, .*parsl\[monitoring\]"):
        build(site, tmp_path, pools=[], environment={})


def test_monitoring_is_kept_in_the_folder_of_the_run(tmp_path):
    pytest.importorskip("sqlalchemy", reason="parsl[monitoring] is not installed")
    site = load_site("local").model_copy(update={"monitoring": True})
    config = build(site, tmp_path, pools=[site.layout("kmc").pool], environment={})
    assert config.monitoring.logging_endpoint == f"sqlite:///{tmp_path}/monitoring.db"
    assert config.executors[0].remote_monitoring_radio is not None
