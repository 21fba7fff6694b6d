"""How many items a unit gets: as much work as is worth starting a job for, by what items have cost so far."""

from __future__ import annotations

import math
from collections.abc import Sequence

from launch.campaign import Campaign
from site_configs import StageLayout

MPI_STAGES = ("prepare", "samples", "label", "audit", "snapshots")
WORK_S = 300.0  # a job takes some 3 s to start
FIRST_ITEMS = 16  # of each team of ranks, while nothing is known of the cost: of bcc, 128 barriers
FEWEST_ITEMS = 2
MOST_ITEMS = 2000
SHORT_S = 1.0  # of a unit inside a worker, which starts at once but costs a millisecond or two
ROUNDS = 4  # units that each worker still gets, so that all end at about the same time
RECENT = 500


def mean_seconds(seconds: Sequence[float]) -> float | None:
    """Cost of an item by the latest measured ones; None if there are none."""
    recent = [value for value in seconds[-RECENT:] if value > 0]
    return sum(recent) / len(recent) if recent else None


def unit_items(
    n_left: int, teams: int, at_once: int, seconds_per_item: float | None, *, left_s: float = math.inf
) -> int:
    """Items of the next unit.

    A unit is to end with its block; one that is slower than was expected stops by itself before that, and
    what it has not begun goes into another.

    Args:
        n_left: items in no unit yet.
        teams: teams of ranks of a unit, each with an item in work.
        at_once: units that run at the same time, among which the last items are shared out.
        seconds_per_item: measured cost on one team; None: nothing is known.
        left_s: time until the nodes are taken back.
    """
    per_team = float(FIRST_ITEMS)
    if seconds_per_item is not None:
        per_team = min(max(min(WORK_S, left_s) / seconds_per_item, FEWEST_ITEMS), MOST_ITEMS)
    return max(1, min(math.ceil(per_team) * teams, math.ceil(n_left / at_once)))


def short_items(n_left: int, at_once: int, seconds_per_item: float | None) -> int:
    """Items of the next unit inside a worker: one, unless items last moments.

    Args:
        n_left, at_once, seconds_per_item: as for `unit_items`.
    """
    if seconds_per_item is None:
        return 1
    return max(1, min(int(SHORT_S / seconds_per_item), MOST_ITEMS, n_left // (ROUNDS * at_once)))


def unit_size(
    campaign: Campaign,
    stage: str,
    layout: StageLayout,
    n_left: int,
    seconds_per_item: float | None,
    *,
    left_s: float = math.inf,
) -> int:
    """Items of the next unit of any stage.

    Args:
        campaign: the campaign.
        stage: its stage.
        layout: how that uses the machine.
        n_left, seconds_per_item, left_s: as for `unit_items`.
    """
    if stage == "kmc" and campaign.kmc and campaign.kmc.batched:
        return max(1, min(campaign.kmc.batched.runs, -(-n_left // layout.at_once)))
    if stage == "kmc":
        return short_items(n_left, layout.at_once, seconds_per_item)
    if stage not in MPI_STAGES:
        return 1
    if stage == "snapshots":
        return unit_items(n_left, layout.ranks, layout.at_once, seconds_per_item, left_s=left_s)
    if stage != "label" or campaign.label is None:
        return max(1, -(-n_left // layout.at_once))
    teams = max(1, layout.ranks // campaign.label.ranks_per_barrier)
    return unit_items(n_left, teams, layout.at_once, seconds_per_item, left_s=left_s)
