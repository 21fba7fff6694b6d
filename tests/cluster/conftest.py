"""A real Slurm of two nodes on this machine (see `slurm-up`), for the tests that need a scheduler."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DAEMONS = ("munged", "slurmctld", "slurmd", "sbatch")


@pytest.fixture(autouse=True)
def agreed(monkeypatch):
    """Nobody is asked before jobs are submitted."""
    monkeypatch.setenv("NNK_YES", "1")


def free_ports(n):
    """The first of `n` ports in a row that nobody uses."""
    for first in range(17_000, 30_000, n):
        if all(is_free(first + i) for i in range(n)):
            return first
    raise RuntimeError("no free ports")


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.fixture(scope="session")
def slurm(tmp_path_factory):
    """Environment variables with which Slurm's commands, slurm-up and slurm-down find the cluster."""
    if os.geteuid() != 0:
        pytest.skip("Slurm's daemons need root")
    path = f"/usr/sbin:/sbin:{os.environ['PATH']}"
    missing = [name for name in DAEMONS if shutil.which(name, path=path) is None]
    if missing:
        pytest.skip(f"{', '.join(missing)} not installed: apt install slurm-wlm munge")
    folder = tmp_path_factory.mktemp("slurm")
    own = {"SLURM_TEST_DIR": str(folder), "SLURM_TEST_PORT": str(free_ports(3))}
    environment = {**os.environ, **own}
    subprocess.run([HERE / "slurm-up", "2"], env=environment, check=True, stdout=subprocess.DEVNULL)
    yield {"SLURM_CONF": str(folder / "etc" / "slurm.conf"), **own}
    subprocess.run([HERE / "slurm-down"], env=environment, check=True)
