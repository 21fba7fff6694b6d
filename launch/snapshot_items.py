"""The snapshots of a campaign: a trajectory per composition, temperature and number, then one file of all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from launch.campaign import Campaign
from launch.items import Group, Item, hash_of_all, make_item
from nnk.files import temperature_label

Reads = Callable[..., dict[str, str]]


def snapshot_items(campaign: Campaign, system: Mapping[str, Any], reads: Reads) -> list[Item]:
    """The trajectories of each composition, and the item that puts them into one file."""
    items: list[Item] = []
    for name, fractions in campaign.snapshot_compositions().items():
        made = _trajectories(campaign, system, reads, name, fractions)
        of_all = Group("snapshots", {}, {"snapshots/trajectories": hash_of_all(made)})
        items += [*made, make_item(of_all, name, after=[item.key for item in made])]
    return items


def _trajectories(
    campaign: Campaign, system: Mapping[str, Any], reads: Reads, name: str, fractions: Mapping[str, float]
) -> list[Item]:
    how = campaign.snapshots
    if how is None:
        return []
    names = ("cells", "time_step_fs", "friction_per_ps", "lattice_parameter_A")
    inputs = how.model_dump(mode="json", include=set(names))
    read = reads(f"prepare/lattice/{name}") if how.lattice_parameter_A is None else {}
    group = Group("snapshots", {**system, "snapshots": inputs, "composition": fractions}, read)
    return [
        make_item(
            group,
            f"{name}/{temperature_label(temperature_K)}/r{run:03d}",
            temperature_K=temperature_K,
            run=run,
            sampling=asdict(how.sampling(how.trajectories * i + run)),
        )
        for i, temperature_K in enumerate(how.temperatures_K)
        for run in range(how.trajectories)
    ]
