"""Part of a site file: how MPI programs are started, alone in a job or beside others."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field

from site_configs.queues import STRICT

COUNTS = ("ranks", "nodes", "ranks_per_node", "cores_per_rank", "threads_per_rank")
HOST = "host"  # a word of its own, which the worker replaces (`jobs.apps.placed`)
Words = Annotated[tuple[str, ...], Field(min_length=1)]


def _with(*names: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """A check that words have nothing in braces but these names."""
    allowed = ", ".join(f"{{{name}}}" for name in names)

    def check(words: tuple[str, ...]) -> tuple[str, ...]:
        for word in words:
            try:
                fields = [field for field in string.Formatter().parse(word) if field[1] is not None]
            except ValueError as error:
                raise ValueError(f"got {word[:60]!r}: {error}; allowed in braces: {allowed}") from None
            if any(name not in names or form or conversion for _, name, form, conversion in fields):
                raise ValueError(f"got {word[:60]!r}; allowed in braces: {allowed}")
            if any(name == HOST for _, name, _, _ in fields) and word != f"{{{HOST}}}":
                raise ValueError(f"got {word[:60]!r}; allowed: {{{HOST}}} as a word of its own")
        return words

    return check


class Mpi(BaseModel):
    """How MPI programs are started."""

    model_config = STRICT

    command: Annotated[Words, AfterValidator(_with(*COUNTS))] = ("mpiexec", "-n", "{ranks}")
    """Words before the program; ``{ranks}``, ``{nodes}``, ``{ranks_per_node}``, ``{cores_per_rank}`` and
    ``{threads_per_rank}`` (hardware threads) are replaced."""

    options: Annotated[tuple[str, ...], AfterValidator(_with(*COUNTS))] = ()
    """Further words where Parsl starts srun or mpiexec (jobs.mpi_units: whole nodes); it says itself how many
    ranks, and on which nodes. Replaced as in `command`."""

    shared_command: Annotated[Words, AfterValidator(_with(*COUNTS, HOST))] | None = None
    """Words before the program where several units share a node (jobs.mpi_units: shared nodes); replaced as
    in `command`, and a word ``{host}`` by the name of the node. Left out: not possible."""

    workers_command: Annotated[Words, AfterValidator(_with("nodes"))] | None = None
    """Words that start a program once on each of the ``{nodes}`` nodes of a job, and leave its cores to
    others. Left out: workers live on the first node of a job only."""

    host_lists: bool = True
    """Whether programs may be given nodes of a job by name."""

    def words(self, *, per_node: int, nodes: int, cores: int, threads_per_core: int) -> tuple[str, ...]:
        """The words for so many ranks on each of some nodes of so many cores; a single rank needs none."""
        if per_node * nodes == 1:
            return ()
        return _filled(self.command, per_node, nodes, cores // per_node, threads_per_core)

    def placing_options(
        self, *, per_node: int, nodes: int, cores: int, threads_per_core: int
    ) -> tuple[str, ...]:
        """`options` for so many ranks on each of some nodes of so many cores."""
        return _filled(self.options, per_node, nodes, cores // per_node, threads_per_core)

    def sharing(self, *, ranks: int, units: int, cores: int, threads_per_core: int) -> tuple[str, ...]:
        """The words for one of `units` units on a node of so many cores; a single rank needs none."""
        if ranks == 1:
            return ()
        return _filled(self.shared_command or (), ranks, 1, cores // (ranks * units), threads_per_core)

    def starting_workers(self, nodes: int) -> tuple[str, ...]:
        """`workers_command` for so many nodes."""
        return tuple(word.format(nodes=nodes) for word in self.workers_command or ())


def _filled(
    words: tuple[str, ...], per_node: int, nodes: int, cores_per_rank: int, threads_per_core: int
) -> tuple[str, ...]:
    values: dict[str, int | str] = {"ranks": per_node * nodes, "nodes": nodes, "ranks_per_node": per_node}
    values["cores_per_rank"] = max(1, cores_per_rank)
    values["threads_per_rank"] = max(1, cores_per_rank) * threads_per_core
    return tuple(word.format(**values, host="{host}") for word in words)
