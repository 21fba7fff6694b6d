"""A machine as data: what its YAML file may say."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from site_configs.layout import Pool, StageLayout

StageName = Literal["prepare", "samples", "label", "audit", "train", "kmc", "analysis", "report"]
STRICT = ConfigDict(extra="forbid", frozen=True)

Count = Literal["all"] | Annotated[int, Field(ge=1)]


class SiteError(ValueError):
    """A site file that cannot be used, or a request that the site cannot serve."""


class StageDefaults(BaseModel):
    """What one stage uses on a node, if the campaign says nothing."""

    model_config = STRICT

    ranks: Count | None = None
    """MPI ranks of one unit on a node; left out for units that are no MPI programs."""

    nodes: Annotated[int, Field(ge=1)] = 1
    """Nodes of one unit of ranks."""

    workers: Count = "all"
    """Units of one core each that run at the same time; for MPI units follows from `ranks`."""


class Mpi(BaseModel):
    """How MPI programs are started."""

    model_config = STRICT

    command: Annotated[tuple[str, ...], Field(min_length=1)] = ("mpiexec", "-n", "{ranks}")
    """Words before the program; ``{ranks}``, ``{nodes}`` and ``{ranks_per_node}`` are replaced."""


class Jobs(BaseModel):
    """What is asked of a scheduler. A unit of MPI ranks has a job's nodes to itself."""

    model_config = STRICT

    queue: str | None = None
    """Queue; in Slurm's words partition. Left out: the scheduler's default."""

    account: str | None = None
    """Account that pays. Left out: the user's default."""

    walltime: Annotated[str, StringConstraints(pattern=r"^[0-9]+:[0-5][0-9]:[0-5][0-9]$")]
    """Longest time of a job, HH:MM:SS. Work that is left then goes into another job."""

    at_most: Annotated[int, Field(ge=1)] = 1
    """Jobs at the same time, of each kind."""

    qos: str | None = None
    """Quality of service (Slurm)."""

    constraint: str | None = None
    """Kind of node (Slurm)."""

    select: str | None = None
    """More of a chunk of ``-l select=...`` (PBS), such as ``system=polaris``; without mpiprocs."""

    directives: tuple[str, ...] = ()
    """Further lines of the submit script, as ``#SBATCH --no-requeue``."""

    whole_nodes: bool = True
    """Share nodes with nobody (Slurm)."""

    poll_s: Annotated[int, Field(ge=1)] = 30
    """How often the scheduler is asked for the state of jobs."""

    command_timeout_s: Annotated[int, Field(ge=1)] = 120
    """How long the scheduler's commands may take."""

    @property
    def walltime_s(self) -> int:
        """The same in seconds."""
        hours, minutes, seconds = map(int, self.walltime.split(":"))
        return 3600 * hours + 60 * minutes + seconds


class Site(BaseModel):
    """A machine."""

    model_config = STRICT

    name: str
    """Name of the file, without the suffix."""

    description: str
    """One line for `launch sites`."""

    checked: date
    """When the file was last tried on the machine."""

    scheduler: Literal["local", "slurm", "pbs"]
    """What gives out nodes; local: this machine itself."""

    jobs: Jobs | None = None
    """What is asked of the scheduler."""

    cores_per_node: Count = "all"
    """Cores to use."""

    gpus_per_node: Literal["all"] | Annotated[int, Field(ge=0)] = "all"
    """GPUs to use; all: as many as the system shows (NVIDIA)."""

    address: str | None = "127.0.0.1"
    """Address of the driver as the workers see it; null: all that it has are tried."""

    interface: str | None = None
    """Network interface of the driver that the workers reach, as hsn0, instead of an address."""

    mpi: Mpi = Mpi()
    """How MPI programs are started."""

    stages: dict[StageName, StageDefaults] = {}
    """Per stage."""

    worker_init: str = ""
    """Shell lines before the workers start."""

    environment: dict[str, str] = {}
    """Further environment variables of the workers."""

    @model_validator(mode="after")
    def _fits_its_scheduler(self) -> Self:
        if self.scheduler == "local":
            if self.jobs is not None:
                raise ValueError("jobs: allowed with a scheduler that gives out nodes (slurm, pbs) only")
            return self
        if self.jobs is None:
            raise ValueError(
                f"jobs: missing; allowed with scheduler {self.scheduler}: a mapping with walltime"
            )
        if self.cores_per_node == "all":
            raise ValueError("cores_per_node: all; allowed for the nodes of a scheduler: a number")
        others = {"slurm": ("select",), "pbs": ("qos", "constraint")}[self.scheduler]
        wrong = [name for name in others if getattr(self.jobs, name) is not None]
        if wrong:
            raise ValueError(f"jobs.{wrong[0]}: not known to scheduler {self.scheduler}")
        return self

    @property
    def cores(self) -> int:
        """Cores to use on a node."""
        return len(available_cores()) if self.cores_per_node == "all" else int(self.cores_per_node)

    @property
    def gpus(self) -> int:
        """GPUs to use on a node."""
        if self.gpus_per_node == "all":
            return len(available_gpus()) if self.scheduler == "local" else 0
        return self.gpus_per_node

    @property
    def at_most(self) -> int:
        """Jobs at the same time; this machine counts as one."""
        return self.jobs.at_most if self.jobs else 1

    def gpu_layout(self, stage: StageName) -> StageLayout:
        """How a stage with one unit on each GPU uses the machine.

        Raises:
            SiteError: it has none.
        """
        if not self.gpus:
            raise SiteError(f"{stage}: a GPU is asked for, and there is none on site {self.name}")
        return StageLayout(
            ranks=1,
            at_once=self.gpus * self.at_most,
            mpi_command=(),
            pool=Pool("gpus", self.gpus, on_gpus=True),
        )

    def layout(self, stage: StageName, ranks: int | None = None, nodes: int | None = None) -> StageLayout:
        """How a stage uses the machine: the site's defaults, or what the campaign asks.

        Args:
            stage: its name.
            ranks: MPI ranks (workers of a stage without MPI) per node asked for; None: the default.
            nodes: nodes of a unit of ranks asked for; None: the default.

        Raises:
            SiteError: more than the machine has.
        """
        defaults = self.stages.get(stage, StageDefaults())
        count = self._count(stage, defaults, ranks)
        if defaults.ranks is None:
            self._check_nodes(stage, nodes)
            pool = Pool("cores", count) if self.jobs else Pool("nodes", count)
            return StageLayout(ranks=1, at_once=count * self.at_most, mpi_command=(), pool=pool)
        if self.jobs is None:
            self._check_nodes(stage, nodes)
            at_once = max(1, self.cores // count)
            return StageLayout(count, at_once, self._mpi_command(count, 1), Pool("nodes", at_once))
        n_nodes = nodes or defaults.nodes
        pool = Pool(f"nodes-{n_nodes}", 1, n_nodes)
        return StageLayout(count * n_nodes, self.at_most, self._mpi_command(count, n_nodes), pool)

    def _count(self, stage: StageName, defaults: StageDefaults, ranks: int | None) -> int:
        """Ranks or workers on a node."""
        asked = ranks if ranks is not None else defaults.ranks or defaults.workers
        count = self.cores if asked == "all" else int(asked)
        if ranks is None:
            return min(count, self.cores)
        if count > self.cores:
            allowed = f"allowed on site {self.name}: 1 to {self.cores}"
            raise SiteError(f"resources.{stage}.ranks_per_node: got {count}; {allowed}")
        return count

    def _check_nodes(self, stage: StageName, nodes: int | None) -> None:
        if nodes not in (None, 1):
            raise SiteError(f"resources.{stage}.nodes: got {nodes}; allowed on site {self.name}: 1")

    def _mpi_command(self, per_node: int, nodes: int) -> tuple[str, ...]:
        """Words before an MPI program; a single rank needs none."""
        if per_node * nodes == 1:
            return ()
        words = {"ranks": per_node * nodes, "nodes": nodes, "ranks_per_node": per_node}
        return tuple(word.format(**words) for word in self.mpi.command)


def available_cores() -> set[int]:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def available_gpus() -> list[Path]:
    """The device files of NVIDIA's GPUs."""
    return [path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]
