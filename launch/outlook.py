"""How long a campaign will take yet: by the items of the last hour, and in node-hours by its costs."""

from __future__ import annotations

import time
from collections.abc import Iterable

from launch.allocation import allocations
from launch.campaign import Campaign
from launch.costs import Costs, StageCost
from launch.history import DONE, Event
from launch.layouts import campaign_site
from launch.plan import Plan
from site_configs import Site, SiteError

WINDOW_S = 3600.0
LEAST_S = 1.0


def rate_per_h(events: Iterable[Event], now_unix_s: float | None = None) -> float | None:
    """Items made per hour, by those of the last hour; None if there are none.

    The clocks of the nodes need not agree with this one: the latest record is not taken to be in the future.
    """
    made = [event for event in events if event.state == DONE and event.at_unix_s > 0]
    if not made:
        return None
    latest = max(event.at_unix_s for event in made)
    now = max(latest, time.time() if now_unix_s is None else now_unix_s)
    recent = [event for event in made if event.at_unix_s > now - WINDOW_S]
    if not recent:
        return None
    began = max(now - WINDOW_S, min(event.at_unix_s - event.seconds for event in recent))
    return 3600 * len(recent) / max(LEAST_S, now - began)


def node_hours(campaign: Campaign, plan: Plan, costs: Costs) -> dict[str, tuple[float, StageCost]]:
    """Node-hours of what is to do of each stage, with the cost behind them; none if the site is not known."""
    of_stages = {stage.stage: costs.stage(stage) for stage in plan if stage.todo}
    try:
        site = campaign_site(campaign)
        return {stage: (hours, of_stages[stage]) for stage, hours in _hours(campaign, site, plan, of_stages)}
    except SiteError:  # another machine than the one that runs it, perhaps
        return {}


def _hours(
    campaign: Campaign, site: Site, plan: Plan, costs: dict[str, StageCost]
) -> Iterable[tuple[str, float]]:
    if site.jobs is None:
        return [(stage, cost.core_hours / site.cores) for stage, cost in costs.items()]
    return [(one.request.stage, one.node_hours) for one in allocations(campaign, site, plan, costs)]
