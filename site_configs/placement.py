"""Where units of MPI ranks run on a machine with a scheduler; see `Jobs.mpi_units`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from site_configs.data import SiteData, SiteError
from site_configs.layout import Pool, StageLayout

MPI_STAGES = ("prepare", "samples", "label", "audit", "snapshots")
PLACED_BY_PARSL = ("$PARSL_MPI_PREFIX",)  # in the environment of a worker that Parsl has given nodes to


@dataclass(frozen=True)
class RankUnit:
    """A unit of ranks.

    Attributes:
        stage: its stage.
        per_node, nodes: ranks on each of so many nodes.
        cores, threads_per_core: of a node.
        queue, walltime: of its jobs.
    """

    stage: str
    per_node: int
    nodes: int
    cores: int
    threads_per_core: int
    queue: str | None
    walltime: str | None

    @property
    def ranks(self) -> int:
        """Of all nodes."""
        return self.per_node * self.nodes

    @property
    def shape(self) -> dict[str, int]:
        """What the words that start it depend on."""
        names = ("per_node", "nodes", "cores", "threads_per_core")
        return {name: getattr(self, name) for name in names}

    def pool(self, site: SiteData, name: str, workers: int, nodes: int) -> Pool:
        """The workers that start it."""
        return named_pool(site, Pool(name, workers, nodes, queue=self.queue, walltime=self.walltime))


def named_pool(site: SiteData, pool: Pool) -> Pool:
    """A pool by a name that tells it from those of other queues and walltimes."""
    if site.jobs is None or (pool.queue, pool.walltime) == (site.jobs.queue, site.jobs.walltime):
        return pool
    words = [pool.name, pool.queue, (pool.walltime or "").replace(":", "")]
    return replace(pool, name="-".join(filter(None, words)))


def place(site: SiteData, unit: RankUnit) -> StageLayout:
    """How units of ranks use a machine.

    Raises:
        SiteError: they do not fit its jobs.
    """
    mode = site.jobs.mpi_units if site.jobs and unit.stage in MPI_STAGES else "own job"
    if unit.ranks == 1 and unit.stage not in MPI_STAGES:
        return _one_to_a_node(site, unit)
    return {"own job": _own_job, "whole nodes": _whole_nodes, "shared nodes": _shared_nodes}[mode](site, unit)


def _own_job(site: SiteData, unit: RankUnit) -> StageLayout:
    command = site.mpi.words(**unit.shape)
    return StageLayout(
        unit.ranks, site.at_most, command, unit.pool(site, f"nodes-{unit.nodes}", 1, unit.nodes)
    )


def _one_to_a_node(site: SiteData, unit: RankUnit) -> StageLayout:
    """A unit of one process that has a node to itself: a training."""
    nodes = site.nodes_per_job
    pool = replace(unit.pool(site, f"nodes-{nodes}", 1, nodes), on_every_node=nodes > 1)
    return StageLayout(1, pool.units_per_job * site.at_most, (), pool)


def _whole_nodes(site: SiteData, unit: RankUnit) -> StageLayout:
    """Units on nodes of their own, in larger jobs; Parsl places them, also those of one rank."""
    there = site.nodes_per_job
    if unit.nodes > there:
        raise SiteError(
            f"resources.{unit.stage}.nodes: got {unit.nodes}; allowed on site {site.name}: 1 to {there}, "
            "the nodes of a job (jobs.nodes_per_job)"
        )
    pool = replace(
        unit.pool(site, f"blocks-{unit.nodes}", there // unit.nodes, there), nodes_per_unit=unit.nodes
    )
    resources: dict[str, int | str] = {  # all three numbers: Parsl would infer fractions
        "num_nodes": unit.nodes,
        "ranks_per_node": unit.per_node,
        "num_ranks": unit.ranks,
        "launcher_options": shlex.join(site.mpi.placing_options(**unit.shape)),
    }
    return StageLayout(unit.ranks, pool.units_per_job * site.at_most, PLACED_BY_PARSL, pool, resources)


def _shared_nodes(site: SiteData, unit: RankUnit) -> StageLayout:
    """Several units on each node of a job, started by workers there."""
    if unit.nodes > 1:
        raise SiteError(
            f"resources.{unit.stage}.nodes: got {unit.nodes}; allowed on site {site.name}: 1, for units "
            "share nodes (jobs.mpi_units)"
        )
    units, nodes = unit.cores // unit.per_node, site.nodes_per_job
    command = site.mpi.sharing(
        ranks=unit.per_node, units=units, cores=unit.cores, threads_per_core=unit.threads_per_core
    )
    pool = replace(unit.pool(site, f"parts-{unit.per_node}", units, nodes), on_every_node=nodes > 1)
    return StageLayout(unit.per_node, pool.units_per_job * site.at_most, command, pool)
