"""The job that the doctor asks for: small, short, and where the site has one in a queue for such jobs."""

from __future__ import annotations

from dataclasses import dataclass

from site_configs import Pool, Request, Site, verdict
from site_configs.words import seconds_of

WALLTIME = "00:10:00"
NODES = 2
PER_NODE = 2
QUEUES_FOR_TRIALS = ("debug", "develop", "dev", "interactive")


@dataclass(frozen=True)
class TrialRequest:
    """A job to ask for.

    Attributes:
        pool: its nodes and queue; one worker.
        per_node: ranks on each node of its MPI program.
        command: words that start that.
    """

    pool: Pool
    per_node: int
    command: tuple[str, ...]

    def told(self, site: Site) -> str:
        """The same in words."""
        pool = self.pool
        parts = [
            f"one job of {pool.nodes} node{'s' * (pool.nodes > 1)}",
            f"walltime {pool.walltime}",
            f"queue {pool.queue}" if pool.queue else "the default queue",
            f"account {site.jobs.account}" if site.jobs and site.jobs.account else "",
        ]
        return ", ".join(filter(None, parts)) + "; it is cancelled at the end"


def trial_request(site: Site) -> TrialRequest:
    """What to ask of a machine with a scheduler: two nodes, or one where no queue gives two."""
    queue, walltime = site.asked("label", None, None)
    shorter = min(walltime or WALLTIME, WALLTIME, key=seconds_of)
    fitting = [(name, nodes) for nodes in (NODES, 1) for name in _queues(site, queue, nodes, shorter)]
    chosen, nodes = fitting[0] if fitting else (queue, NODES)
    cores, kind = site.cores_in(chosen), site.kind_in(chosen)
    per_node = min(PER_NODE, cores)
    words = site.mpi.words(
        per_node=per_node, nodes=nodes, cores=cores, threads_per_core=kind.threads_per_core if kind else 1
    )
    return TrialRequest(Pool("doctor", 1, nodes, queue=chosen, walltime=shorter), per_node, words)


def gpu_request(site: Site) -> TrialRequest | None:
    """A job of one node with a worker on each GPU; None if the machine has none."""
    queues = [site.asked("kmc", None, None)[0], *site.queues]
    having = [queue for queue in queues if site.gpus_in(queue)]
    if not having:
        return None
    alike = [q for q in having if _kind(site, q) == _kind(site, having[0]) and _takes(site, q, 1, WALLTIME)]
    for_trials = [queue for queue in alike if queue and _is_for_trials(queue)]
    queue = (for_trials or alike or having)[0]
    return TrialRequest(Pool("doctor-gpus", site.gpus_in(queue), 1, True, queue, WALLTIME), 1, ())


def _queues(site: Site, queue: str | None, nodes: int, walltime: str) -> list[str | None]:
    """Queues that take such a job: those for trials first, then that of campaigns."""
    alike = [name for name in site.queues if _kind(site, name) == _kind(site, queue)]
    trials = [name for name in alike if _is_for_trials(name) and _takes(site, name, nodes, walltime)]
    return [*trials, *([queue] if _takes(site, queue, nodes, walltime) else [])]


def _kind(site: Site, queue: str | None) -> str | None:
    known = site.queue(queue)
    return known.node if known else None


def _is_for_trials(queue: str) -> bool:
    return any(word in queue.lower() for word in QUEUES_FOR_TRIALS)


def _takes(site: Site, queue: str | None, nodes: int, walltime: str) -> bool:
    return not verdict(site.queues, Request(queue, nodes, walltime), site.name).refused
