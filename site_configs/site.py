"""How stages use a machine."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

from site_configs.data import SiteData, SiteError
from site_configs.layout import Pool, StageLayout
from site_configs.parts import StageDefaults, StageName
from site_configs.placement import RankUnit, named_pool, place

__all__ = ["Site", "SiteError"]


class Site(SiteData):
    """A machine."""

    def paid_by(self, account: str | None) -> Self:
        """The same with another account, if one is given and the machine has a scheduler."""
        if account is None or self.jobs is None:
            return self
        return self.model_copy(update={"jobs": self.jobs.model_copy(update={"account": account})})

    def gpu_layout(
        self, stage: StageName, *, queue: str | None = None, walltime: str | None = None
    ) -> StageLayout:
        """How a stage with one unit on each GPU uses the machine.

        Raises:
            SiteError: it has none.
        """
        queue, walltime = self.asked(stage, queue, walltime)
        gpus = self.gpus_in(queue)
        if not gpus:
            having = [name for name in self.queues if self.gpus_in(name)]
            where = f"in queue {queue} of" if having else "on"
            allowed = f"; allowed with resources.{stage}.queue: {', '.join(having)}" if having else ""
            raise SiteError(
                f"{stage}: a GPU is asked for, and there is none {where} site {self.name}{allowed}"
            )
        return self._single(Pool("gpus", gpus, on_gpus=True, queue=queue, walltime=walltime))

    def layout(
        self,
        stage: StageName,
        ranks: int | None = None,
        nodes: int | None = None,
        *,
        queue: str | None = None,
        walltime: str | None = None,
    ) -> StageLayout:
        """How a stage uses the machine: the site's defaults, or what the campaign asks.

        Args:
            stage: its name.
            ranks: MPI ranks (workers of a stage without MPI) per node asked for; None: the default.
            nodes: nodes of a unit of ranks asked for; None: the default.
            queue, walltime: of its jobs; None: the default.

        Raises:
            SiteError: more than the machine has.
        """
        queue, walltime = self.asked(stage, queue, walltime)
        defaults = self.stages.get(stage, StageDefaults())
        cores, kind = self.cores_in(queue), self.kind_in(queue)
        threads = kind.threads_per_core if kind else 1
        count = self._count(stage, defaults, ranks, cores)
        if defaults.ranks is None:
            self._check_nodes(stage, nodes)
            name = "cores" if self.jobs else "nodes"
            return self._single(Pool(name, count, queue=queue, walltime=walltime))
        if self.jobs is not None:
            n_nodes = nodes or defaults.nodes
            return place(self, RankUnit(stage, count, n_nodes, cores, threads, queue, walltime))
        self._check_nodes(stage, nodes)
        at_once = max(1, cores // count)
        command = self.mpi.words(per_node=count, nodes=1, cores=cores, threads_per_core=threads)
        return StageLayout(count, at_once, command, Pool("nodes", at_once))

    def asked(
        self, stage: StageName, queue: str | None, walltime: str | None
    ) -> tuple[str | None, str | None]:
        """Queue and walltime of a stage's jobs: as asked, else as the site says; None without scheduler."""
        if self.jobs is None:
            return None, None
        defaults = self.stages.get(stage, StageDefaults())
        return queue or defaults.queue or self.jobs.queue, walltime or defaults.walltime or self.jobs.walltime

    def _single(self, of_a_node: Pool) -> StageLayout:
        """Units of one process each, on the workers of all nodes of a job."""
        nodes = self.nodes_per_job
        pool = named_pool(self, replace(of_a_node, nodes=nodes, on_every_node=nodes > 1))
        return StageLayout(1, pool.units_per_job * self.at_most, (), pool)

    def _count(self, stage: StageName, defaults: StageDefaults, ranks: int | None, cores: int) -> int:
        """Ranks or workers on a node."""
        asked = ranks if ranks is not None else defaults.ranks or defaults.workers
        count = cores if asked == "all" else int(asked)
        if ranks is None:
            return min(count, cores)
        if count > cores:
            allowed = f"allowed on site {self.name}: 1 to {cores}"
            raise SiteError(f"resources.{stage}.ranks_per_node: got {count}; {allowed}")
        return count

    def _check_nodes(self, stage: StageName, nodes: int | None) -> None:
        if nodes not in (None, 1):
            raise SiteError(f"resources.{stage}.nodes: got {nodes}; allowed on site {self.name}: 1")
