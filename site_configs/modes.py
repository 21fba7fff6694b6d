"""How the nodes of a job are shared out, and what a site must offer for it."""

from __future__ import annotations

from collections.abc import Iterator

from site_configs.mpi import Mpi
from site_configs.parts import Jobs

PLACING = ("srun", "mpiexec")  # launchers for which Parsl knows how to name nodes


def what_is_lacking(jobs: Jobs, mpi: Mpi) -> str:
    """What a site lacks for what its file asks for; empty if nothing."""
    return next(filter(None, _problems(jobs, mpi)), "")


def _problems(jobs: Jobs, mpi: Mpi) -> Iterator[str]:
    asked = f"jobs.mpi_units: {jobs.mpi_units}"
    if "mpiprocs" in (jobs.select or ""):
        yield (
            f"jobs.select: got {jobs.select}; allowed: without mpiprocs, which repeats the nodes of a job "
            "in its list, so that several units would share one"
        )
    if jobs.driver == "job" and jobs.mpi_units == "own job":
        yield (
            "jobs.driver: job: units cannot have jobs of their own there; allowed: with jobs.mpi_units: "
            "whole nodes or shared nodes"
        )
    if jobs.nodes_per_job > 1 and mpi.workers_command is None:
        yield (
            f"jobs.nodes_per_job: got {jobs.nodes_per_job}; allowed: 1, or with mpi.workers_command, which "
            "starts the workers on every node"
        )
    if jobs.mpi_units != "own job" and not mpi.host_lists:
        yield f"{asked}: needs host lists, which this site forbids (mpi.host_lists); allowed: own job"
    if jobs.mpi_units == "whole nodes" and mpi.command[0] not in PLACING:
        got = f"mpi.command begins with {mpi.command[0]}"
        yield f"{asked}: needs {' or '.join(PLACING)} to place ranks, and {got}; allowed: own job"
    if jobs.mpi_units == "shared nodes" and mpi.shared_command is None:
        yield f"{asked}: needs mpi.shared_command, for ranks on a part of a node; allowed: own job"
