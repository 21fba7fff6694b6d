"""How training uses a machine: so many ranks over so many nodes, on cores or on GPUs."""

from __future__ import annotations

from dataclasses import replace

from launch.campaign import Campaign
from site_configs import Site, SiteError, StageLayout


def training_layout(site: Site, campaign: Campaign) -> StageLayout:
    """Layout of the stage train: its units have ``train.ranks`` processes, spread evenly over the nodes.

    A training of one rank on a GPU has one of its own; several ranks see all GPUs of their nodes, and each
    takes the one of its number there.

    Raises:
        SiteError: the site has not so many cores or GPUs, or the nodes do not share the ranks evenly.
    """
    asked, train = campaign.resources.train, campaign.train
    queue, walltime = asked.queue, asked.walltime
    if train is None:
        return site.layout("train", asked.ranks_per_node, asked.nodes, queue=queue, walltime=walltime)
    nodes = asked.nodes or -(-train.ranks // (asked.ranks_per_node or train.ranks))
    per_node, left = divmod(train.ranks, nodes)
    if left:
        raise SiteError(f"train.ranks: got {train.ranks} on {nodes} nodes; allowed: a multiple of the nodes")
    gpus = _gpus(site, train.device, queue, walltime)
    if gpus is None:
        return site.layout("train", _fitting(site, per_node, queue), nodes, queue=queue, walltime=walltime)
    if per_node > gpus.pool.workers:
        having = f"site {site.name} has {gpus.pool.workers} on a node, one for each rank"
        raise SiteError(f"train.ranks: got {per_node} on a node of GPUs; {having}; or train.device: cpu")
    if train.ranks == 1:
        return gpus
    several = site.layout("train", per_node, nodes, queue=queue, walltime=walltime)
    pool = replace(
        gpus.pool, name=f"{gpus.pool.name}-of-{nodes}", workers=1, nodes=nodes, on_every_node=False
    )
    return replace(several, at_once=site.at_most, pool=pool)


def _gpus(site: Site, device: str, queue: str | None, walltime: str | None) -> StageLayout | None:
    """One unit per GPU; None where there are none and none must be."""
    if device == "cpu":
        return None
    try:
        return site.gpu_layout("train", queue=queue, walltime=walltime)
    except SiteError:
        if device == "cuda":
            raise
        return None


def _fitting(site: Site, per_node: int, queue: str | None) -> int:
    """The ranks on a node, if it has as many cores."""
    cores = site.cores_in(site.asked("train", queue, None)[0])
    if per_node > cores:
        allowed = f"allowed on site {site.name}: at most {cores} on a node"
        raise SiteError(f"train.ranks: got {per_node} on a node; {allowed}")
    return per_node
