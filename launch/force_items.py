"""The force models of a campaign: each is trained on the snapshots of every composition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launch.campaign import Campaign
from launch.items import Group, Item, make_item
from nnk.files import chosen


def force_items(campaign: Campaign, snapshots: Sequence[Item]) -> list[Item]:
    """A training for each composition and model, ``<composition>/<name>``."""
    if campaign.forces is None:
        return []
    hashes = {item.key: item.hash for item in snapshots}
    made = []
    for composition in campaign.snapshot_compositions():
        reads = {f"snapshots/{composition}": hashes[composition]}
        for model in campaign.forces.models:
            group = Group("forces", _inputs(campaign, model), reads)
            made.append(make_item(group, f"{composition}/{model.name}"))
    return made


def _inputs(campaign: Campaign, model: Any) -> dict[str, Any]:
    """What a trained model depends on besides the snapshots; its name is not among it."""
    if campaign.forces is None:
        return {}
    spec = model.spec()
    return {
        "kind": spec.kind,
        "options": chosen(spec.options),
        "forces": chosen(campaign.forces.parameters(model, campaign.seed)),
    }
