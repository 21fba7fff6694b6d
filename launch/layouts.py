"""How the stages of a campaign use its machine: what the campaign asks, else what the site says."""

from __future__ import annotations

from typing import Any

from launch.campaign import Campaign
from launch.stages import SECTION_OF_STAGE
from launch.training_layout import training_layout
from site_configs import Site, StageLayout, load_site


def campaign_site(campaign: Campaign) -> Site:
    """The machine of a campaign, with the account that the campaign names.

    Raises:
        SiteError: no such site, or a file that is not one.
    """
    return load_site(campaign.site, campaign.base_dir).paid_by(campaign.resources.account)


def used_stages(campaign: Campaign) -> tuple[str, ...]:
    """The stages that a campaign has, in order."""
    made = {
        "prepare": campaign.potential,
        "samples": campaign.label,
        "label": campaign.label or campaign.labels,
        "audit": campaign.label,
        "train": campaign.train,
        "kmc": campaign.kmc,
        "snapshots": campaign.snapshots,
        "forces": campaign.forces,
    }
    return (*(stage for stage, section in made.items() if section is not None), "analysis", "report")


def section_of(stage: str) -> str:
    """Key of `resources` that a stage reads."""
    return {"prepare": "label", "report": "analysis", **SECTION_OF_STAGE}.get(stage, stage)


def stage_layout(site: Site, campaign: Campaign, stage: Any) -> StageLayout:
    """How a stage uses the machine.

    Raises:
        SiteError: it has not what is asked for.
    """
    if stage in ("train", "forces"):
        return training_layout(site, campaign, stage)
    asked = getattr(campaign.resources, section_of(stage))
    if stage == "kmc" and campaign.kmc and campaign.kmc.batched and campaign.kmc.batched.device == "cuda":
        return site.gpu_layout(stage, queue=asked.queue, walltime=asked.walltime)
    return site.layout(stage, asked.ranks_per_node, asked.nodes, queue=asked.queue, walltime=asked.walltime)
