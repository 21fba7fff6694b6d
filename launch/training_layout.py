"""How trainings use a machine: so many ranks over so many nodes, on cores or on GPUs."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from launch.campaign import Campaign
from site_configs import Site, SiteError, StageLayout

TrainingStage = Literal["train", "forces"]


def training_layout(site: Site, campaign: Campaign, stage: TrainingStage = "train") -> StageLayout:
    """Layout of a stage of trainings: its units have its section's `ranks`, spread evenly over the nodes.

    A training of one rank on a GPU has one of its own; several ranks see all GPUs of their nodes, and each
    takes the one of its number there.

    Raises:
        SiteError: the site has not so many cores or GPUs, or the nodes do not share the ranks evenly.
    """
    asked, train = getattr(campaign.resources, stage), getattr(campaign, stage)
    queue, walltime = asked.queue, asked.walltime
    if train is None:
        return site.layout(stage, asked.ranks_per_node, asked.nodes, queue=queue, walltime=walltime)
    nodes = asked.nodes or -(-train.ranks // (asked.ranks_per_node or train.ranks))
    per_node, left = divmod(train.ranks, nodes)
    if left:
        raise SiteError(
            f"{stage}.ranks: got {train.ranks} on {nodes} nodes; allowed: a multiple of the nodes"
        )
    gpus = _gpus(site, stage, train.device, (queue, walltime))
    if gpus is None:
        return site.layout(
            stage, _fitting(site, stage, per_node, queue), nodes, queue=queue, walltime=walltime
        )
    if per_node > gpus.pool.workers:
        having = f"site {site.name} has {gpus.pool.workers} on a node, one for each rank"
        allowed = f"{having}; or {stage}.device: cpu"
        raise SiteError(f"{stage}.ranks: got {per_node} on a node of GPUs; {allowed}")
    if train.ranks == 1:
        return gpus
    several = site.layout(stage, per_node, nodes, queue=queue, walltime=walltime)
    pool = replace(
        gpus.pool, name=f"{gpus.pool.name}-of-{nodes}", workers=1, nodes=nodes, on_every_node=False
    )
    return replace(several, at_once=site.at_most, pool=pool)


def _gpus(
    site: Site, stage: TrainingStage, device: str, asked: tuple[str | None, str | None]
) -> StageLayout | None:
    """One unit per GPU; None where there are none and none must be."""
    if device == "cpu":
        return None
    try:
        return site.gpu_layout(stage, queue=asked[0], walltime=asked[1])
    except SiteError:
        if device == "cuda":
            raise
        return None


def _fitting(site: Site, stage: TrainingStage, per_node: int, queue: str | None) -> int:
    """The ranks on a node, if it has as many cores."""
    cores = site.cores_in(site.asked(stage, queue, None)[0])
    if per_node > cores:
        allowed = f"allowed on site {site.name}: at most {cores} on a node"
        raise SiteError(f"{stage}.ranks: got {per_node} on a node; {allowed}")
    return per_node
