"""Units that share the nodes of a job, on a real Slurm: each has its own world, and all run at once."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from jobs.apps import PYTHON
from jobs.unit import Unit
from launch.dispatch import dispatcher
from launch.units import Order
from nnk.files import Workdir
from site_configs import load_site

pytestmark = pytest.mark.cluster

SITE = """\
extends: slurm
description: two nodes for tests
cores_per_node: 4
address: 127.0.0.1
jobs: {{queue: debug, walltime: "00:05:00", poll_s: 2, nodes_per_job: 2, mpi_units: {mode}, driver: {driver}}}
stages: {{label: {{ranks: 2}}}}
mpi: {mpi}
"""
WORLD = """\
import json, os, sys, time
from mpi4py import MPI

world = MPI.COMM_WORLD
world.Barrier()
begin = time.time()
time.sleep(4)
world.Barrier()
mine = {"host": os.uname().nodename, "begin": begin, "end": time.time()}
found = world.gather(mine)
if world.rank == 0:
    with open(sys.argv[1], "w") as file:
        json.dump(found, file)
"""
MPIEXEC = "{command: [mpiexec, -n, '{ranks}'], shared_command: [mpiexec, -launcher, fork, -n, '{ranks}']}"


def run_worlds(folder, site):
    """As many units of a site as fit at the same time; of each, what its ranks have seen."""
    workdir, layout, said = Workdir(folder / "work"), site.layout("label"), []
    found = [folder / f"{i}.json" for i in range(layout.at_once)]
    with dispatcher(site, workdir, 1, [layout.pool], said.append) as parsl:
        futures = []
        for number, path in enumerate(found):
            unit = Unit("label", f"u{number}", workdir.root, 1, layout.ranks, {}, ())
            command = (*layout.mpi_command, *PYTHON, str(folder / "world.py"), str(path))
            order = Order(unit, layout.pool.name, command=command, resources=layout.resources)
            futures.append(parsl.submit(order))
        assert [future.result(timeout=300) for future in futures] == [0] * len(found), said
    return [json.loads(path.read_text()) for path in found]


@pytest.fixture
def site(tmp_path):
    def make(mode, mpi="{}", driver="login"):
        (tmp_path / "world.py").write_text(WORLD)
        (tmp_path / "mine.yaml").write_text(SITE.format(mode=mode, mpi=mpi, driver=driver))
        return load_site("./mine.yaml", tmp_path)

    return make


def assert_all_at_once(worlds, ranks):
    assert all(len(world) == ranks for world in worlds)
    stays = [rank for world in worlds for rank in world]
    assert max(rank["begin"] for rank in stays) < min(rank["end"] for rank in stays)
    for world in worlds:
        assert len({rank["host"] for rank in world}) == 1


@pytest.mark.parametrize("mpi", ["{}", MPIEXEC], ids=["srun", "mpiexec"])
def test_units_on_whole_nodes_of_one_job(slurm, site, tmp_path, monkeypatch, mpi):
    monkeypatch.setenv("SLURM_CONF", slurm["SLURM_CONF"])
    worlds = run_worlds(tmp_path, site("whole nodes", mpi))
    assert_all_at_once(worlds, 2)
    assert sorted(world[0]["host"] for world in worlds) == ["node1", "node2"]


@pytest.mark.parametrize("mpi", ["{}", MPIEXEC], ids=["srun", "mpiexec"])
def test_several_units_on_each_node_of_one_job(slurm, site, tmp_path, monkeypatch, mpi):
    monkeypatch.setenv("SLURM_CONF", slurm["SLURM_CONF"])
    worlds = run_worlds(tmp_path, site("shared nodes", mpi))
    assert_all_at_once(worlds, 2)
    hosts = sorted(world[0]["host"] for world in worlds)
    assert hosts == ["node1", "node1", "node2", "node2"]


@pytest.mark.parametrize("mode", ["whole nodes", "shared nodes"])
def test_a_driver_within_a_job(slurm, site, tmp_path, mode):
    """The campaign's labels, from a job of two nodes that nothing else is asked for."""
    site(mode, driver="job")
    (tmp_path / "c.yaml").write_text(
        textwrap.dedent("""\
        schema_version: 1
        name: inside
        seed: 7
        workdir: work
        site: ./mine.yaml
        alloy: {elements: [Nb, Ta], lattice: bcc}
        potential: {builtin: zhou-eam}
        label:
          compositions: [equimolar]
          cells: [4, 4, 4]
          vacancies_per_composition: 12
          audit: {fraction: 0.0, at_least: 0}
        """)
    )
    launch = [sys.executable, "-P", "-m", "launch.cli", str(tmp_path / "c.yaml")]
    outside = subprocess.run(launch, env={**os.environ, **slurm}, capture_output=True, text=True)
    assert outside.returncode == 3
    assert "no allocation found: site mine says jobs.driver: job" in outside.stderr
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/bash\n" + " ".join(launch) + "\n")
    submit = ["sbatch", "--wait", "--nodes=2", "--exclusive", "--time=20", f"--output={tmp_path}/out", script]
    done = subprocess.run(submit, env={**os.environ, **slurm}, capture_output=True, text=True)
    assert done.returncode == 0, (tmp_path / "out").read_text()
    units = [json.loads(path.read_text()) for path in tmp_path.glob("work/run/*/units/*-label-*.json")]
    assert {unit["ranks"] for unit in units} == {2}
    assert (tmp_path / "work" / "report.html").is_file()
