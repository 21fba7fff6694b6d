"""What a plan takes of a machine with a scheduler: jobs, units, node-hours; where each choice comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from launch.campaign import Campaign
from launch.costs import StageCost
from launch.layouts import section_of
from launch.plan import Plan, StagePlan
from launch.requests import StageRequest, stage_requests
from launch.show import table
from launch.sites import short
from launch.unit_size import unit_size
from site_configs import Site, StageLayout, pools_of
from site_configs.words import seconds_of

HEAD = ("stage", "queue", "nodes", "per node", "walltime", "units", "at once", "node-h", "GPU-h", "verdict")


@dataclass(frozen=True)
class Allocation:
    """What the items to do of a stage take.

    Attributes:
        request: what is asked of the queue.
        layout: how the stage uses the machine.
        units: batches of items, as far as their cost is known.
        node_hours: nodes times hours, if all of them work all of the time.
        gpu_hours: the same for the GPUs of these nodes, used or not.
        is_guess: the costs are a guess.
    """

    request: StageRequest
    layout: StageLayout
    units: int
    node_hours: float
    gpu_hours: float
    is_guess: bool


def allocations(
    campaign: Campaign, site: Site, plan: Plan, costs: Mapping[str, StageCost]
) -> Iterator[Allocation]:
    """What each stage with something to do takes of a site; nothing of one without a scheduler."""
    todo = [stage.stage for stage in plan if stage.todo]
    for request in stage_requests(site, campaign, todo):
        if request.layout is not None:
            stage = plan[request.stage]
            yield _allocation(campaign, site, stage, costs[stage.stage], request, request.layout)


def _allocation(
    campaign: Campaign,
    site: Site,
    stage: StagePlan,
    cost: StageCost,
    request: StageRequest,
    layout: StageLayout,
) -> Allocation:
    pool = layout.pool
    units = _units(campaign, stage, layout, cost)
    busy = layout.ranks * min(pool.units_per_job, units)
    node_hours = cost.core_hours * pool.nodes / busy
    gpu_hours = node_hours * site.gpus_in(pool.queue)
    return Allocation(request, layout, units, node_hours, gpu_hours, cost.is_guess)


def _units(campaign: Campaign, stage: StagePlan, layout: StageLayout, cost: StageCost) -> int:
    """Batches that the items to do are cut into; of equal size but for the last ones."""
    left, units = len(stage.todo), 0
    team = campaign.label.ranks_per_barrier if stage.stage == "label" and campaign.label else layout.ranks
    seconds = None if cost.is_guess else 3600 * cost.core_hours / left / team
    walltime_s = seconds_of(layout.pool.walltime) if layout.pool.walltime else float("inf")
    while left > 0:
        size = unit_size(campaign, stage.stage, layout, left, seconds, left_s=walltime_s)
        if stage.stage != "label":
            return -(-left // size)
        left, units = left - size, units + 1
    return units


def allocation_text(campaign: Campaign, site: Site, found: Iterable[Allocation]) -> str:
    """What the stages take of a site, in all, and where the choices come from; empty if it is nothing."""
    found = list(found)
    if not found:
        return ""
    total = f"on {site.name}: {_hours(sum(one.node_hours for one in found))} node-hours"
    gpus = sum(one.gpu_hours for one in found)
    total += f", {_hours(gpus)} GPU-hours" if gpus else ""
    total += "; a guess, at least for some stages" if any(one.is_guess for one in found) else ""
    asked = [f"jobs at a time, of each kind: {site.at_most} [{_site_origin(site, ('jobs', 'at_most'))}]"]
    if site.jobs is not None and site.jobs.account is not None:
        asked.append(f"account: {site.jobs.account} [{_account_origin(campaign, site)}]")
    choices: dict[str, list[str]] = {}
    for one in found:
        choices.setdefault(_choices(campaign, site, one), []).append(one.request.stage)
    lines = [f"{', '.join(stages)}: {choice}" for choice, stages in choices.items()]
    return "\n".join([table(HEAD, map(_row, found)), total, *asked, *lines])


def _row(one: Allocation) -> tuple[object, ...]:
    layout, pool = one.layout, one.layout.pool
    ranks = f"{layout.ranks // pool.nodes_of_a_unit} ranks"
    per_node = ranks if layout.ranks > 1 else f"{pool.workers} units"
    if layout.ranks > 1 and pool.on_every_node:
        per_node = f"{pool.workers} x {ranks}"
    jobs = (pool.queue or "default", pool.nodes, per_node, pool.walltime, one.units, layout.at_once)
    hours = (_hours(one.node_hours), _hours(one.gpu_hours) if one.gpu_hours else "-")
    return (one.request.stage, *jobs, *hours, one.request.verdict)


def _hours(hours: float) -> str:
    return f"{hours:,.0f}" if hours >= 9.95 else f"{hours:.2g}" if hours >= 0.01 else "< 0.01"


def _choices(campaign: Campaign, site: Site, one: Allocation) -> str:
    """Where nodes, ranks, queue and walltime of a stage come from."""
    stage, pool = one.request.stage, one.layout.pool
    defaults = site.stages.get(stage)  # type: ignore[call-overload]
    count = "ranks" if defaults is not None and defaults.ranks is not None else "workers"
    origins = {
        f"queue {pool.queue or 'default'}": _origin(campaign, site, stage, "queue", "queue"),
        f"walltime {pool.walltime}": _origin(campaign, site, stage, "walltime", "walltime"),
        f"nodes {pool.nodes}": _origin_of_nodes(campaign, site, one),
        count: _origin(campaign, site, stage, "ranks_per_node", count),
    }
    if origins[count].startswith("site_configs/"):
        del origins[count]  # as many as there are cores, or one
    return ", ".join(f"{what} [{origin}]" for what, origin in origins.items())


def _origin(campaign: Campaign, site: Site, stage: str, asked: str, given: str) -> str:
    """Who has chosen: the campaign, the site for this stage, the site for all its jobs, or nobody."""
    section = section_of(stage)
    if getattr(getattr(campaign.resources, section), asked) is not None:
        return _campaign_origin(campaign, "resources", section, asked)
    own: Any = getattr(site.stages.get(stage), given, None)  # type: ignore[call-overload]
    return _site_origin(site, ("stages", stage, given) if own is not None else ("jobs", given))


def _origin_of_nodes(campaign: Campaign, site: Site, one: Allocation) -> str:
    if one.layout.pool.is_shared:
        return _site_origin(site, ("jobs", "nodes_per_job"))
    return _origin(campaign, site, one.request.stage, "nodes", "nodes")


def _account_origin(campaign: Campaign, site: Site) -> str:
    if campaign.resources.account is not None:
        return _campaign_origin(campaign, "resources", "account")
    return _site_origin(site, ("jobs", "account"))


def _campaign_origin(campaign: Campaign, *key: str) -> str:
    position = campaign.problem(key, "").position
    return f"{campaign.file}:{position.line}" if position else str(campaign.file)


def _site_origin(site: Site, key: tuple[str, ...]) -> str:
    origin = site.origins.get(key)
    return f"{short(Path(origin.file))}:{origin.line}" if origin else "default"


def scripts_text(site: Site, found: Iterable[Allocation]) -> str:
    """The submit script of each kind of job, with the stages that use it."""
    from site_configs.builder import worker_environment  # which imports parsl
    from site_configs.scripts import submit_script

    found = list(found)
    starts: dict[str, list[str]] = {}
    for one in found:
        start = "by " + " ".join(one.layout.mpi_command) if one.layout.mpi_command else "without MPI"
        starts.setdefault(one.layout.pool.name, []).append(f"# units of {one.request.stage}: {start}")
    parts = []
    for pool in pools_of(one.layout for one in found):
        script = submit_script(site, pool, worker_environment(Path("CACHE")))
        parts.append("\n".join([f"# {script.command}", *starts[pool.name], script.text.rstrip()]))
    return "\n\n".join(parts)
