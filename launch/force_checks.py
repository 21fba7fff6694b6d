"""Checks of the section ``forces``."""

from __future__ import annotations

from launch.findings import Finding, Findings, needs
from launch.schema.resources import Resources


@needs("sections")
def _forces_need_snapshots(sections: frozenset[str]) -> Findings:
    if "forces" in sections and "snapshots" not in sections:
        message = "needs snapshots to train on; allowed: with a section snapshots"
        yield Finding(("forces",), message, at_key=True)


@needs("forces.backend", "forces.ranks")
def _ranks_need_a_backend(backend: str, ranks: int) -> Findings:
    if backend == "single" and ranks > 1:
        message = f"got {ranks} with backend single; allowed: 1, or backend: ddp or horovod"
        yield Finding(("forces", "ranks"), message)


@needs("forces.backend", "resources")
def _nodes_need_horovod(backend: str, resources: Resources) -> Findings:
    nodes = resources.forces.nodes
    if nodes not in (None, 1) and backend != "horovod":
        message = f"got {nodes} with backend {backend}; allowed: 1, or backend: horovod"
        yield Finding(("resources", "forces", "nodes"), message)
