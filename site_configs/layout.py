"""How the units of a stage use a machine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pool:
    """Workers of one kind, which take units; of a scheduler, those of one kind of job.

    Attributes:
        name: its name.
        workers: units that a job works on at the same time on its first node, or on each of its nodes.
        nodes: nodes of a job, over which a unit may spread.
        on_every_node: the workers are on every node, and no unit is larger than a node.
        nodes_per_unit: nodes that a unit has to itself, if Parsl shares those of a job out among several
            units; else 0.
        on_gpus: each worker has a GPU of its own.
        queue: queue of its jobs; None: of a scheduler its default.
        walltime: longest time of its jobs, HH:MM:SS; None: without a scheduler.
    """

    name: str
    workers: int
    nodes: int = 1
    on_gpus: bool = False
    queue: str | None = None
    walltime: str | None = None
    on_every_node: bool = False
    nodes_per_unit: int = 0

    @property
    def is_shared(self) -> bool:
        """Whether several units share the nodes of a larger job."""
        return self.on_every_node or self.nodes_per_unit > 0

    @property
    def units_per_job(self) -> int:
        """Units that a job works on at the same time."""
        return self.workers * (self.nodes if self.on_every_node else 1)

    @property
    def nodes_of_a_unit(self) -> int:
        """Nodes over which a unit of ranks spreads."""
        return 1 if self.on_every_node else self.nodes_per_unit or self.nodes


@dataclass(frozen=True)
class StageLayout:
    """How the units of a stage use the machine.

    Attributes:
        ranks: processes of one unit.
        at_once: units that run at the same time.
        mpi_command: words that start an MPI program; empty for a single rank, which needs no MPI launcher.
        pool: the workers that take them.
        resources: what Parsl's MPIExecutor gives a unit; empty for other pools.
    """

    ranks: int
    at_once: int
    mpi_command: tuple[str, ...]
    pool: Pool
    resources: Mapping[str, int | str] = field(default_factory=dict)


def pools_of(layouts: Iterable[StageLayout]) -> tuple[Pool, ...]:
    """The pools of some layouts, each with the most workers that any of them wants."""
    found: dict[str, Pool] = {}
    for layout in layouts:
        pool = layout.pool
        if pool.name not in found or found[pool.name].workers < pool.workers:
            found[pool.name] = pool
    return tuple(found.values())
