"""Queues of a machine, what they take, and whether a request fits one of them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from site_configs.words import Directive, Features, WallTime, Word, seconds_of

STRICT = ConfigDict(extra="forbid", frozen=True)
Positive = Annotated[int, Field(ge=1)]


class NodeKind(BaseModel):
    """A kind of node."""

    model_config = STRICT

    cores: Positive | None
    """Cores that jobs may use; null: not known."""

    memory_GB: Annotated[float, Field(gt=0)] | None = None
    """Main memory; null: not known."""

    threads_per_core: Positive = 1
    """Hardware threads, by which some MPI launchers count."""

    gpus: Annotated[int, Field(ge=0)] = 0
    """GPUs, or parts of GPUs that count as one."""

    gpu: str | None = None
    """What they are."""

    gpu_ids: tuple[Word, ...] = ()
    """Names of the GPUs in the order in which workers get them; left out: 0, 1, ..."""


class Limit(BaseModel):
    """What a queue takes: so many nodes for so long."""

    model_config = STRICT

    nodes: tuple[Positive, Positive | None]
    """Fewest and most nodes of a job; null: the most is not known."""

    walltime: WallTime | None
    """Longest time of a job; null: not known."""

    def __str__(self) -> str:
        fewest, most = self.nodes
        if most is None:
            span = f"{fewest} or more nodes"
        else:
            span = f"{fewest} node{'s' * (fewest > 1)}" if fewest == most else f"{fewest} to {most} nodes"
        return f"{span}, {self.walltime}" if self.walltime else f"{span}, walltime not known"

    def takes_nodes(self, nodes: int) -> bool:
        """Whether a job may have so many nodes."""
        return self.nodes[0] <= nodes and (self.nodes[1] is None or nodes <= self.nodes[1])

    def takes(self, nodes: int, walltime_s: int) -> bool:
        """Whether a job may have so many nodes for so long."""
        return self.takes_nodes(nodes) and (self.walltime is None or walltime_s <= seconds_of(self.walltime))


class Queue(BaseModel):
    """A queue, by the name that campaigns use."""

    model_config = STRICT

    node: str | None = None
    """Kind of its nodes, one of `nodes`."""

    limits: Annotated[tuple[Limit, ...], Field(min_length=1)]
    """What it takes; the walltime may depend on the number of nodes."""

    partition: Word | None = None
    """Partition to ask for (Slurm). Left out: that of this name, or none where there is a qos."""

    qos: Word | None = None
    """Quality of service to ask for (Slurm)."""

    constraint: Features | None = None
    """Kind of node to ask for (Slurm)."""

    directives: tuple[Directive, ...] = ()
    """Further lines of the submit script, besides the site's."""

    worker_init: str = ""
    """Shell lines after those of the site."""

    running_per_user: Positive | None = None
    """Jobs of a user that run at a time."""

    submitted_per_user: Positive | None = None
    """Jobs of a user that run or wait."""

    running_per_project: Positive | None = None
    """Jobs of a project that run at a time."""

    submitted_per_project: Positive | None = None
    """Jobs of a project that run or wait."""

    note: str = ""
    """What else there is to know."""

    def __str__(self) -> str:
        return "; ".join(map(str, self.limits))

    def takes(self, nodes: int, walltime_s: int) -> bool:
        """Whether a job may have so many nodes for so long."""
        return any(limit.takes(nodes, walltime_s) for limit in self.limits)

    @property
    def jobs_at_a_time(self) -> int | None:
        """Jobs that run at a time; None: no such limit is known."""
        known = [n for n in (self.running_per_user, self.running_per_project) if n is not None]
        return min(known) if known else None


@dataclass(frozen=True)
class Request:
    """A job that is to be asked for.

    Attributes:
        queue: its queue; None: the scheduler's default.
        nodes: its nodes.
        walltime: its longest time, HH:MM:SS.
        at_most: jobs of this kind at a time.
    """

    queue: str | None
    nodes: int
    walltime: str
    at_most: int = 1


@dataclass(frozen=True)
class Verdict:
    """Whether a request will be taken.

    Attributes:
        about: what is wrong: ``"queue"``, ``"nodes"``, ``"walltime"``, ``"layout"`` (more than there is) or,
            of what is only slower than was meant, ``"jobs"``; empty if nothing is.
        text: what came and what is allowed; or what is known of the queue.
    """

    about: str
    text: str

    @property
    def refused(self) -> bool:
        """The scheduler would not take it, or never start it."""
        return self.about not in ("", "jobs")

    def __str__(self) -> str:
        return ("REFUSED: " if self.refused else "") + self.text


def verdict(queues: Mapping[str, Queue], request: Request, site: str) -> Verdict:
    """Whether a queue of a machine takes a job, and which would.

    Args:
        queues: of the machine; empty if it says nothing of them.
        request: the job.
        site: name of the machine, for messages.
    """
    if not queues or request.queue is None:
        return Verdict(
            "", "limits not known: the site file names no queues" if not queues else "default queue"
        )
    if request.queue not in queues:
        close = difflib.get_close_matches(request.queue, queues, 1)
        hint = f'; did you mean "{close[0]}"?' if close else ""
        text = f'no queue "{request.queue}" on site {site}; allowed: {", ".join(queues)}{hint}'
        return Verdict("queue", text)
    return _of_queue(queues, request, site)


def _of_queue(queues: Mapping[str, Queue], request: Request, site: str) -> Verdict:
    name, queue = str(request.queue), queues[str(request.queue)]
    if not any(limit.takes_nodes(request.nodes) for limit in queue.limits):
        got = f"got {request.nodes}, and queue {name} of site {site} takes {queue}"
        return Verdict("nodes", f"{got}; allowed: {_instead(queues, request)}")
    if not queue.takes(request.nodes, seconds_of(request.walltime)):
        fitting = "; ".join(str(limit) for limit in queue.limits if limit.takes_nodes(request.nodes))
        got = f"got {request.walltime}, and queue {name} of site {site} takes {fitting}"
        return Verdict("walltime", f"{got}; allowed: at most that, or {_instead(queues, request)}")
    most = queue.jobs_at_a_time
    if most is not None and request.at_most > most:
        return Verdict("jobs", f"fits, but {name} runs {most} at a time of the {request.at_most} jobs")
    return Verdict("", "fits")


def _instead(queues: Mapping[str, Queue], request: Request) -> str:
    """Queues that take a job, with the same kind of nodes where there are any."""
    kind = queues[str(request.queue)].node
    fitting = {name: q for name, q in queues.items() if q.takes(request.nodes, seconds_of(request.walltime))}
    alike = {name: queue for name, queue in fitting.items() if queue.node == kind}
    words = [f"queue {name} ({queue})" for name, queue in (alike or fitting).items()]
    return ", ".join(words) or "other nodes or a shorter time, for no queue of this site takes it"
