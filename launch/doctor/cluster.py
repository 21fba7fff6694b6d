"""What a machine with a scheduler needs, tried from its login node by a job of ours."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from jobs.examine import FILES, KNOCK, LAMMPS, MPI, NODE, read_ranks
from jobs.facts import gpus, versions
from jobs.file_trials import wrong_files, wrong_locking
from launch.doctor import node, scheduler
from launch.doctor.address import clock, connect_back, driver_end
from launch.doctor.check import Check
from launch.doctor.gpus import gpu_checks
from launch.doctor.here import existing, job_environment, origins, read
from launch.doctor.mpi import mpi_checks
from launch.doctor.request import TrialRequest, gpu_request, trial_request
from launch.doctor.trial import Trial, trial
from site_configs import Pool, Site
from site_configs.one_job import Refused

WORKER_S = 60.0
OTHER = "put the workdir on another file system"


def examine_cluster(site: Site, folder: Path, pools: Sequence[Pool], wait_s: float) -> Iterator[Check]:
    """Try what campaigns on a machine with a scheduler need.

    Args:
        site: the machine, of which this process runs on a login node.
        folder: where campaigns are to be run; the nearest folder above it that exists is tried.
        pools: the jobs that campaigns would ask for.
        wait_s: how long a job of ours may wait in the queue.
    """
    workdir = existing(folder)
    yield from _login_node(site, workdir)
    address, of_address = driver_end(site)
    yield of_address
    commands = scheduler.commands(site)
    yield commands
    answers = scheduler.answers(site)
    yield answers
    if not answers.fit or not _can_be_written(workdir):
        yield Check.left_out("jobs", "none could be asked for")
        return
    yield from scheduler.requests(site, pools)
    request = trial_request(site)
    yield Check("will be submitted", None, request.told(site))
    with trial(site, request, workdir, address=address) as made:
        yield from _nodes(made, address, wait_s)
    yield from _gpus(site, workdir, address, wait_s)


def _login_node(site: Site, workdir: Path) -> Iterator[Check]:
    yield node.packages(origins(job_environment(site)))
    if not _can_be_written(workdir):
        text = f"{workdir} cannot be written by this user"
        yield Check("file system", False, text, OTHER)
        return
    with tempfile.TemporaryDirectory(dir=workdir, prefix=".nnk-doctor-") as scratch:
        found = {"wrong": wrong_files(Path(scratch)), "locking": wrong_locking(Path(scratch))}
    yield from node.file_system(found, f"{workdir} on the login node")


def _can_be_written(folder: Path) -> bool:
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".nnk-doctor-"):
            return True
    except OSError:
        return False


def _nodes(made: Trial, address: str | None, wait_s: float) -> Iterator[Check]:
    """A job on nodes, from its submission to its end."""
    began, why = yield from _begun(made, NODE, wait_s)
    if began:
        yield from _first_node(made, address)
        yield from _ranks(made)
        yield from _worker(made)
    elif why:
        yield Check.left_out("all that needs nodes", "no job of ours came to run")
    if made.job.job_id is not None:
        yield _cancelled(made)


def _begun(made: Trial, name: str, wait_s: float) -> Any:
    """Submit and wait for the job's first file; whether it came, and why not."""
    site = made.site
    try:
        job = made.job.submit()
    except Refused as error:
        yield Check("submit", False, str(error), scheduler.cure_of(str(error), site))
        return False, str(error)
    yield Check("submit", True, f"job {job}")
    began_s = time.monotonic()
    why = made.wait_to_begin(name, wait_s)
    if why:
        yield Check("run", False, f"job {job}: {why}", _cure_of_run(why, made))
        return False, why
    yield Check("run", True, f"began {time.monotonic() - began_s:.0f} s after it was submitted")
    return True, ""


def _cure_of_run(why: str, made: Trial) -> str:
    if "has ended" in why or "nothing of it is seen" in why:
        return (
            f"see that {made.folder.parent} is the same on all nodes and can be written there, and that "
            f"worker_init of the site works (launch plan --scripts shows the script)"
        )
    found = scheduler.cure_of(why, made.site)
    return f"wait longer (--wait SECONDS), or {found}"


def _first_node(made: Trial, address: str | None) -> Iterator[Check]:
    """What the first node has found of itself."""
    found = made.wait_for(NODE)
    host = found["host"]
    yield node.same_versions(versions(), found["versions"], host)
    yield node.packages(found["origins"])
    yield node.room(found)
    yield node.sockets(found)
    files = made.wait_for(FILES)
    if files:
        yield from node.file_system(files, f"{made.folder.parent} on {host}")
        yield node.both_see(files, made.greeting, host, made.lock_of_both())
    else:
        yield Check("file system", False, f"on {host}: {made.job.said()}", OTHER)
    knocks = made.wait_for(KNOCK)
    yield connect_back(knocks, made.addresses, host, chosen=address)
    yield clock(made.door, host)


def _ranks(made: Trial) -> Iterator[Check]:
    request = made.request
    if not request.command:
        yield Check.left_out("MPI", "a single rank needs no launcher, and no queue gives more")
        return
    started = made.wait_for(MPI)
    if not started:
        cure = f"make this work in a job of your own first: {' '.join(request.command)} hostname"
        yield Check("MPI world", False, f"the job has ended: {made.job.said()}", cure)
        return
    if request.pool.nodes == 1:
        yield Check.left_out("MPI over nodes", "no queue for trials gives two nodes")
    yield from mpi_checks(
        started,
        read_ranks(made.folder),
        read(made.folder / LAMMPS) or None,
        command=request.command,
        nodes=request.pool.nodes,
        per_node=request.per_node,
    )


def _worker(made: Trial) -> Iterator[Check]:
    """Whether a worker comes by the encrypted channel and does what it is told."""
    began_s = time.monotonic()
    said = made.answer(made.job.ask(versions), WORKER_S)
    fit = said is not None
    text = f"a worker has answered after {time.monotonic() - began_s:.1f} s" if fit else "no worker has come"
    cure = f"see that nodes reach this machine, and what the job says: {made.job.said() or 'nothing'}"
    yield Check("encrypted channel", fit, text, cure)


def _cancelled(made: Trial) -> Check:
    why = made.cancel()
    name = scheduler.COMMANDS[made.site.scheduler][2]
    cure = f"see that {name} {made.job.job_id} works by hand; its workers end by themselves in half a minute"
    return Check("cancel", not why, why or f"job {made.job.job_id} has left its nodes", cure)


def _gpus(site: Site, workdir: Path, address: str | None, wait_s: float) -> Iterator[Check]:
    """A job with a worker on each GPU of a node, where there are any."""
    request = gpu_request(site)
    if request is None:
        yield Check.left_out("GPU binding", "no GPU asked for: the site has gpus_per_node: 0")
        return
    yield Check("will be submitted", None, request.told(site))
    with trial(site, request, workdir, address=address) as made:
        began, _ = yield from _begun(made, NODE, wait_s)
        if began:
            yield from _bound(made, request)
        made.cancel()


def _bound(made: Trial, request: TrialRequest) -> Iterator[Check]:
    asked = [made.job.ask(gpus) for _ in range(request.pool.workers)]
    said = [made.answer(future, WORKER_S) for future in asked]
    yield from gpu_checks(made.site, request, [one for one in said if one is not None])
