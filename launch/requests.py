"""What each stage of a campaign asks of its machine, and whether a queue will take it, before it is sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from launch.campaign import Campaign
from launch.layouts import campaign_site, section_of, stage_layout, used_stages
from launch.problems import CampaignErrors, KeyPath, Problem
from site_configs import Request, Site, SiteError, StageLayout, Verdict, verdict

KEYED = re.compile(r"([a-z_]+(?:\.[a-z_]+)+): (.*)", re.DOTALL)


@dataclass(frozen=True)
class StageRequest:
    """What a stage asks of a machine with a scheduler.

    Attributes:
        stage: its name.
        layout: how it uses the machine; None if the machine has not what is asked for.
        verdict: whether its jobs will be taken.
    """

    stage: str
    layout: StageLayout | None
    verdict: Verdict


def stage_requests(site: Site, campaign: Campaign, stages: Iterable[str]) -> list[StageRequest]:
    """What stages ask of a site; of one without a scheduler nothing is asked."""
    return [_request(site, campaign, stage) for stage in stages] if site.jobs else []


def _request(site: Site, campaign: Campaign, stage: Any) -> StageRequest:
    asked = getattr(campaign.resources, section_of(stage))
    queue, walltime = site.asked(stage, asked.queue, asked.walltime)
    if site.queues and queue is not None and queue not in site.queues:
        return StageRequest(stage, None, verdict(site.queues, Request(queue, 1, str(walltime)), site.name))
    try:
        layout = stage_layout(site, campaign, stage)
    except SiteError as error:
        return StageRequest(stage, None, Verdict("layout", str(error)))
    pool = layout.pool
    request = Request(pool.queue, pool.nodes, str(pool.walltime), site.at_most)
    return StageRequest(stage, layout, verdict(site.queues, request, site.name))


def check_site(campaign: Campaign) -> list[Problem]:
    """Look whether the site will take the campaign's jobs; what is only slower than was meant is returned.

    Raises:
        CampaignErrors: what will not be taken, each with its place in the campaign file.
        SiteError: no such site, or a file that is not one.
    """
    site = campaign_site(campaign)
    if site.jobs is None:
        return _without_scheduler(campaign, site)
    wrong: dict[tuple[KeyPath, str], Problem] = {}
    slow: dict[tuple[KeyPath, str], Problem] = {}
    for request in stage_requests(site, campaign, used_stages(campaign)):
        if request.verdict.about:
            place = _place(campaign, request)
            (wrong if request.verdict.refused else slow).setdefault(place, campaign.problem(*place))
    if site.jobs.account_needed and site.jobs.account is None:
        message = f"site {site.name} takes no jobs without an account; allowed: with resources.account, or "
        message += f"jobs: {{account: ...}} in a site file that extends {site.name}"
        wrong[("site",), message] = campaign.problem(("site",), message)
    if wrong:
        raise CampaignErrors(list(wrong.values()))
    return list(slow.values())


def _without_scheduler(campaign: Campaign, site: Site) -> list[Problem]:
    """What has no meaning on a machine without queues."""
    found = []
    for section in ("label", "train", "kmc", "snapshots", "forces", "analysis"):
        asked = getattr(campaign.resources, section)
        for name in ("queue", "walltime"):
            if getattr(asked, name) is not None:
                message = f"has no effect on site {site.name}, which has no scheduler"
                found.append(campaign.problem(("resources", section, name), message))
    return found


def _place(campaign: Campaign, request: StageRequest) -> tuple[KeyPath, str]:
    """Key of the campaign file that a verdict is about, and what to say there."""
    about, text, section = request.verdict.about, request.verdict.text, section_of(request.stage)
    named = KEYED.fullmatch(text) if about == "layout" else None
    if named:
        return tuple(named[1].split(".")), named[2]
    if getattr(getattr(campaign.resources, section), about, None) is not None:
        return ("resources", section, about), text
    if about == "jobs":
        return ("site",), f"jobs.at_most: {text}"
    if about == "layout":
        return ("site",), text
    return ("site",), f"{request.stage}: {about} of its jobs: {text}"
