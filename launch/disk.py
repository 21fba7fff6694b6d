"""What the products of a plan take on the disk: estimates from numbers of items and sizes that were measured.

The sizes are those of the quickstart's compressed files: of its 14 MB, every stage comes within 15 %. While a
run goes on or labels are not merged, they take up to three times as much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from launch.campaign import Campaign
from launch.costs import Costs
from launch.plan import StagePlan
from launch.schema.samples import OrderedSamples
from nnk.lattice import Lattice
from nnk.run_terms import MOST_JUMPS

LABEL_B, SITE_B, AUDIT_B = 88, 0.25, 700  # a label; a site of a sample; a label that is made again
JUMP_B, FRAME_SITE_B, RUN_B = 1.0, 0.6, 20_000  # a jump; a site of a key frame; the rest of a run
MODEL_B, PREDICTION_B = 600_000, 190  # weights, checkpoints and history of a network; a line of predictions
RECORD_B = 350  # what is noted of an item
FORCE_MODEL_B, PREDICTED_ATOM_B = 10_000_000, 24  # a force model with checkpoint; forces of an atom
SNAPSHOT_ATOM_B, SNAPSHOT_B = 48, 30  # position and force of an atom; the rest of a snapshot
ITEM_B = {"prepare": 1_000, "samples": 20_000, "snapshots": 40_000, "analysis": 700_000, "report": 3_000_000}
FRAMES_PER_DECADE = 10


def stage_bytes(campaign: Campaign, stage: StagePlan, costs: Costs) -> float | None:
    """Bytes that the items to do of a stage will take; None where a run says no number of jumps."""
    n = len(stage.todo)
    made: float | None = {
        "label": lambda: n * _label_bytes(campaign, costs),
        "audit": lambda: AUDIT_B * costs.n_audited,
        "train": lambda: n * (MODEL_B + PREDICTION_B * costs.n_labels),
        "kmc": lambda: _runs_bytes(campaign, stage),
        "samples": lambda: n * _sample_run_bytes(campaign),
        "snapshots": lambda: n * _trajectory_bytes(campaign),
        "forces": lambda: n * (FORCE_MODEL_B + _predicted_forces_bytes(campaign)),
    }.get(stage.stage, lambda: n * ITEM_B[stage.stage])()
    return None if made is None else made + n * RECORD_B


def _label_bytes(campaign: Campaign, costs: Costs) -> float:
    """Of an item: its labels, and its share of the sample's atoms."""
    if campaign.label is None:
        return float(LABEL_B * costs.n_labels)
    n_sites = Lattice(campaign.alloy.lattice, campaign.label.cells, 1.0).n_sites
    return LABEL_B * costs.labels_per_item + SITE_B * n_sites / campaign.label_amounts().vacancies_per_sample


def _sample_run_bytes(campaign: Campaign) -> float:
    label = campaign.label
    degrees = label.samples.degrees if label and isinstance(label.samples, OrderedSamples) else 0
    n_sites = Lattice(campaign.alloy.lattice, label.cells, 1.0).n_sites if label else 0
    return ITEM_B["samples"] + SITE_B * n_sites * degrees


def _trajectory_bytes(campaign: Campaign) -> float:
    """Of a trajectory of snapshots, and again in the file of all."""
    how = campaign.snapshots
    if how is None:
        return 0.0
    n_sites = Lattice(campaign.alloy.lattice, how.cells, 1.0).n_sites
    return 2 * (SNAPSHOT_B + SNAPSHOT_ATOM_B * n_sites) * how.count / how.n_trajectories + ITEM_B["snapshots"]


def _predicted_forces_bytes(campaign: Campaign) -> float:
    """Of the forces of a seventh of the snapshots of a composition, true and predicted."""
    how = campaign.snapshots
    if how is None:
        return 0.0
    n_sites = Lattice(campaign.alloy.lattice, how.cells, 1.0).n_sites
    return PREDICTED_ATOM_B * n_sites * how.count / 7


def _runs_bytes(campaign: Campaign, stage: StagePlan) -> float | None:
    kmc, total = campaign.kmc, 0.0
    for todo in stage.todo:
        until = todo.item.until
        if kmc is None or until is None or until.jumps == MOST_JUMPS:
            return None
        n_sites = Lattice(campaign.alloy.lattice, kmc.cells, 1.0).n_sites
        frames = kmc.key_frames
        if frames.spacing == "log":
            count = (frames.per_decade or FRAMES_PER_DECADE) * math.log10(max(until.jumps, 10))
        else:
            count = until.jumps / (frames.every or until.jumps)
        total += todo.share * (JUMP_B * until.jumps + FRAME_SITE_B * n_sites * count) + RUN_B
    return total


def size_text(size_bytes: float | None) -> str:
    """``1.2 GB``, ``350 kB``; ``?`` if it is not known."""
    if size_bytes is None:
        return "?"
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor or unit == "kB":
            break
    value = size_bytes / factor
    return f"{value:,.0f} {unit}" if value >= 9.95 else f"{value:.1f} {unit}"


def total_text(sizes: Mapping[str, float | None]) -> str:
    """All stages together, those left out that are not known."""
    unknown = [stage for stage, size in sizes.items() if size is None]
    total = size_text(sum(size for size in sizes.values() if size is not None))
    return f"{total}, without {', '.join(unknown)}" if unknown else total
