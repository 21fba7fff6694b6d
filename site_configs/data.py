"""A machine as data: what its YAML file may say."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, Field, PrivateAttr, model_validator

from site_configs.modes import what_is_lacking
from site_configs.mpi import Mpi
from site_configs.parts import Count, Jobs, Source, StageDefaults, StageName, Tested
from site_configs.queues import STRICT, NodeKind, Queue
from site_configs.words import Variable, Word

KeyPath = tuple[str, ...]
GpuVariable = Literal["CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"]


class SiteError(ValueError):
    """A site file that cannot be used, or a request that the site cannot serve."""


@dataclass(frozen=True)
class Origin:
    """Where a value of a site was set: a line of a file."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class SiteData(BaseModel):
    """What is known of a machine."""

    model_config = STRICT

    name: str
    """Name of the file, without the suffix."""

    description: str
    """One line for `launch sites`."""

    tested: Tested | None = None
    """When and how the file was tried on the machine; null: never. Not taken from what is extended."""

    scheduler: Literal["local", "slurm", "pbs"]
    """What gives out nodes; local: this machine itself."""

    jobs: Jobs | None = None
    """What is asked of the scheduler."""

    nodes: dict[Word, NodeKind] = {}
    """Kinds of nodes."""

    queues: dict[Word, Queue] = {}
    """What jobs may be asked for; empty: not known."""

    cores_per_node: Count = "all"
    """Cores to use of a node; all: of its kind, or of this machine."""

    gpus_per_node: Literal["all"] | Annotated[int, Field(ge=0)] = "all"
    """GPUs to use; all: of the kind of node, or as many as the system shows (NVIDIA)."""

    gpu_variable: GpuVariable = "CUDA_VISIBLE_DEVICES"
    """Environment variable by which a worker is bound to its GPU."""

    address: Word | None = "127.0.0.1"
    """Address of the driver as the workers see it; null: all that it has are tried."""

    interface: Word | None = None
    """Network interface of the driver that the workers reach, as hsn0, instead of an address."""

    mpi: Mpi = Mpi()
    """How MPI programs are started."""

    stages: dict[StageName, StageDefaults] = {}
    """Per stage."""

    worker_init: str = ""
    """Shell lines before the workers start."""

    environment: dict[Variable, str] = {}
    """Further environment variables of the workers."""

    monitoring: bool = False
    """Whether Parsl keeps a record of tasks, workers and what they use (monitoring.db in Parsl's folder of a
    run); needs parsl[monitoring]."""

    sources: dict[str, Source] = {}
    """Where facts were read, by a name of ours."""

    read_in: dict[str, str] = {}
    """Source of the value at a key, and of all below it unless they have their own."""

    to_check: tuple[str, ...] = ()
    """What is not known, or not sure, and to be looked at on first use."""

    _origins: dict[KeyPath, Origin] = PrivateAttr(default_factory=dict)

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
        if self.cores_per_node == "all" and self.kind_in(self.jobs.queue) is None:
            raise ValueError(
                "cores_per_node: all; allowed for the nodes of a scheduler: a number, or kinds of nodes in "
                "nodes, and the kind of each queue"
            )
        others = {"slurm": ("select",), "pbs": ("qos", "constraint")}[self.scheduler]
        wrong = [name for name in others if getattr(self.jobs, name) is not None]
        if wrong:
            raise ValueError(f"jobs.{wrong[0]}: not known to scheduler {self.scheduler}")
        return self

    @model_validator(mode="after")
    def _can_share_out_nodes(self) -> Self:
        if self.jobs is not None and (wrong := what_is_lacking(self.jobs, self.mpi)):
            raise ValueError(wrong)
        return self

    @model_validator(mode="after")
    def _queues_have_known_nodes(self) -> Self:
        for name, queue in self.queues.items():
            if queue.node is not None and queue.node not in self.nodes:
                known = ", ".join(self.nodes) or "none, for there are no nodes"
                raise ValueError(f"queues.{name}.node: got {queue.node}; allowed: {known}")
            words = [word for word in ("partition", "qos", "constraint") if getattr(queue, word) is not None]
            if words and self.scheduler != "slurm":
                raise ValueError(f"queues.{name}.{words[0]}: not known to scheduler {self.scheduler}")
        return self

    @model_validator(mode="after")
    def _sources_are_named(self) -> Self:
        for key, source in self.read_in.items():
            if source not in self.sources:
                raise ValueError(f"read_in.{key}: got {source}; allowed: {', '.join(self.sources)}")
        return self

    @property
    def origins(self) -> Mapping[KeyPath, Origin]:
        """Where each value was set, by its key path; defaults have none."""
        return self._origins

    def source_of(self, key: KeyPath) -> str | None:
        """Name of where the value at a key was read; None: a choice, or not set where that is said."""
        for length in range(len(key), 0, -1):
            name = ".".join(key[:length])
            if name in self.read_in:
                origin, told = self._origins.get(key), self._origins.get(("read_in", name))
                same = origin is None or told is None or origin.file == told.file
                return self.read_in[name] if same else None
        return None

    def queue(self, name: str | None) -> Queue | None:
        """What is known of a queue."""
        return self.queues.get(name) if name is not None else None

    def kind_in(self, queue: str | None) -> NodeKind | None:
        """Kind of the nodes of a queue, if it is known."""
        found = self.queue(queue)
        return self.nodes[found.node] if found is not None and found.node is not None else None

    def cores_in(self, queue: str | None) -> int:
        """Cores to use on a node of a queue.

        Raises:
            SiteError: the file does not say how many there are.
        """
        kind = self.kind_in(queue)
        there = kind.cores if kind is not None else None
        if self.cores_per_node != "all":
            return self.cores_per_node if there is None else min(self.cores_per_node, there)
        if self.jobs is None:
            return len(available_cores())
        if there is None:
            text = f"site {self.name} does not say how many cores a node of queue {queue} has"
            raise SiteError(f"{text}; allowed: with cores_per_node: a number, in a file that extends it")
        return there

    def gpus_in(self, queue: str | None) -> int:
        """GPUs to use on a node of a queue."""
        kind = self.kind_in(queue)
        if self.gpus_per_node != "all":
            return self.gpus_per_node if kind is None else min(self.gpus_per_node, kind.gpus)
        if kind is not None:
            return kind.gpus
        return len(available_gpus()) if self.jobs is None else 0

    def gpu_ids(self, queue: str | None) -> tuple[str, ...]:
        """Names of these GPUs, in the order in which workers get them."""
        kind, n_gpus = self.kind_in(queue), self.gpus_in(queue)
        return kind.gpu_ids[:n_gpus] if kind and kind.gpu_ids else tuple(map(str, range(n_gpus)))

    @property
    def default_queue(self) -> str | None:
        """Queue of stages that have no other."""
        return self.jobs.queue if self.jobs else None

    @property
    def cores(self) -> int:
        """Cores to use on a node of the default queue."""
        return self.cores_in(self.default_queue)

    @property
    def in_job(self) -> bool:
        """Whether `launch` runs within a job and uses its nodes."""
        return self.jobs is not None and self.jobs.driver == "job"

    @property
    def nodes_per_job(self) -> int:
        """Nodes of a job that several units share."""
        return self.jobs.nodes_per_job if self.jobs else 1

    @property
    def at_most(self) -> int:
        """Jobs at the same time; this machine counts as one, and so does the job that `launch` is in."""
        return self.jobs.at_most if self.jobs and not self.in_job else 1


def available_cores() -> set[int]:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def available_gpus() -> list[Path]:
    """The device files of NVIDIA's GPUs."""
    return [path for path in Path("/dev").glob("nvidia*") if path.name.removeprefix("nvidia").isdigit()]
