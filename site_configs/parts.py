"""Parts of a site file: what is asked of a scheduler, what stages use, what facts rest on."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from site_configs.queues import STRICT
from site_configs.words import Directive, Features, WallTime, Word, seconds_of

StageName = Literal[
    "prepare", "samples", "label", "audit", "train", "kmc", "snapshots", "forces", "analysis", "report"
]
Count = Literal["all"] | Annotated[int, Field(ge=1)]


class StageDefaults(BaseModel):
    """What one stage uses, if the campaign says nothing."""

    model_config = STRICT

    ranks: Count | None = None
    """MPI ranks of one unit on a node; left out for units that are no MPI programs."""

    nodes: Annotated[int, Field(ge=1)] = 1
    """Nodes of one unit of ranks."""

    workers: Count = "all"
    """Units of one core each that run at the same time; for MPI units follows from `ranks`."""

    queue: Word | None = None
    """Queue of its jobs. Left out: that of `jobs`."""

    walltime: WallTime | None = None
    """Longest time of its jobs. Left out: that of `jobs`."""


class Jobs(BaseModel):
    """What is asked of a scheduler."""

    model_config = STRICT

    mpi_units: Literal["own job", "whole nodes", "shared nodes"] = "own job"
    """Where units of MPI ranks (labels and what belongs to them) run: each in a job of its own; on nodes of
    their own in jobs of `nodes_per_job` nodes; or in such jobs, several on a node, if they have fewer ranks
    than it has cores."""

    nodes_per_job: Annotated[int, Field(ge=1)] = 1
    """Nodes of a job that several units share. A unit with a job of its own has the nodes that it needs."""

    driver: Literal["login", "job"] = "login"
    """Where `launch` runs: on a login node, and submits jobs; or within a job, whose nodes it uses."""

    queue: Word | None = None
    """Queue: one of `queues`, where the file names them. Left out: the scheduler's default."""

    account: Word | None = None
    """Account that pays. Left out: the user's default."""

    account_needed: bool = False
    """Whether the machine takes no jobs without an account."""

    walltime: WallTime
    """Longest time of a job, HH:MM:SS. Work that is left then goes into another job."""

    at_most: Annotated[int, Field(ge=1)] = 1
    """Jobs at the same time, of each kind."""

    qos: Word | None = None
    """Quality of service (Slurm)."""

    constraint: Features | None = None
    """Kind of node (Slurm)."""

    select: Features | None = None
    """More of a chunk of ``-l select=...`` (PBS), such as ``system=polaris``; without mpiprocs."""

    directives: tuple[Directive, ...] = ()
    """Further lines of the submit script, as ``#SBATCH --no-requeue``."""

    whole_nodes: bool = True
    """Share nodes with nobody (Slurm)."""

    ask_gpus: Literal["gpu stages", "always", "never"] = "gpu stages"
    """When a node's GPUs are asked for by number: of units on GPUs, of all jobs on nodes that have some, or
    never, where a node is given out whole."""

    poll_s: Annotated[int, Field(ge=1)] = 30
    """How often the scheduler is asked for the state of jobs."""

    command_timeout_s: Annotated[int, Field(ge=1)] = 120
    """How long the scheduler's commands may take."""

    @property
    def walltime_s(self) -> int:
        """The same in seconds."""
        return seconds_of(self.walltime)


class Source(BaseModel):
    """Where facts were read."""

    model_config = STRICT

    what: str
    """The document, with its version."""

    by: Literal["the facility", "Parsl or Globus Compute", "others"]
    """Whose word it is."""

    date: dt.date | None
    """Of that version; null: its pages bear none."""


class Tested(BaseModel):
    """That a file was tried on such a machine."""

    model_config = STRICT

    date: dt.date
    """When."""

    how: str
    """What was run, on what."""
