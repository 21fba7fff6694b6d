"""All items of a campaign, stage by stage. Pure: nothing but the user's own input files is read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from launch.campaign import Campaign
from launch.comparison import with_comparison
from launch.fold_items import trainings
from launch.force_items import force_items
from launch.items import Group, Item, hash_of_all, make_item
from launch.kmc_items import kmc_items
from launch.label_items import label_items, sample_items
from launch.schema.box import prescribed_lattice_parameter_A
from launch.snapshot_items import snapshot_items
from launch.stages import ALSO_READS, ANALYSIS_READS, STAGES
from nnk.files import chosen
from nnk.potentials import Builtin

PROBE = "potential"
"""Key of the prepare item that tries the potential before all others."""

Items = dict[str, Sequence[Item]]


def all_items(campaign: Campaign) -> Items:
    """Items of every stage, in the order of `STAGES`; a stage without items has an empty list."""
    items: Items = {stage: [] for stage in STAGES}
    items["prepare"] = _prepare(campaign)
    reads = partial(_reads, items)
    items["samples"] = sample_items(campaign, _system(campaign), reads)
    items["label"] = label_items(campaign, _system(campaign), reads)
    items["audit"] = _audit(campaign, items)
    items["train"] = _training(campaign, items)
    items["kmc"] = _kmc(campaign, items)
    items["snapshots"] = snapshot_items(campaign, _system(campaign), reads)
    items["forces"] = force_items(campaign, items["snapshots"])
    items["analysis"] = _analyses(campaign, items)
    items["report"] = _report(campaign, items)
    return items


def _system(campaign: Campaign) -> dict[str, Any]:
    """What every atomistic calculation of the campaign depends on."""
    return {
        "seed": campaign.seed,
        "alloy": {"elements": list(campaign.alloy.elements), "lattice": campaign.alloy.lattice},
        "potential": _potential(campaign),
    }


def _potential(campaign: Campaign) -> dict[str, str] | None:
    """The potential by what it contains: where its files are does not matter."""
    if campaign.potential is None:
        return None
    spec = campaign.potential_spec()
    return {spec.kind: spec.name if isinstance(spec, Builtin) else spec.kind, "hash": spec.hash}


def _prepare(campaign: Campaign) -> list[Item]:
    if campaign.potential is None:
        return []
    group = Group("prepare", _system(campaign), {})
    compositions = campaign.label_compositions()
    if campaign.alloy.lattice_parameter_A is None:
        compositions |= campaign.kmc_compositions()
    if campaign.snapshots and campaign.snapshots.lattice_parameter_A is None:
        compositions |= campaign.snapshot_compositions()
    items = [make_item(group, "system")] if campaign.label else []
    items += [_lattice(campaign, group, name, fractions) for name, fractions in compositions.items()]
    probed = {name: value for name, value in _system(campaign).items() if name != "seed"}
    is_used = items or campaign.snapshots
    return [make_item(Group("prepare", probed, {}), PROBE), *items] if is_used else []


def _lattice(campaign: Campaign, group: Group, name: str, fractions: dict[str, float]) -> Item:
    """The lattice parameter of a composition: by the potential, or as ``label.box`` prescribes it."""
    box = campaign.label.box if campaign.label else None
    a_A = prescribed_lattice_parameter_A(box, fractions)
    given = {} if a_A is None else {"a_A": a_A}
    return make_item(group, f"lattice/{name}", composition=fractions, **given)


def _reads(items: Items, *names: str) -> dict[str, str]:
    """Hashes of the prepared products, as far as the campaign has them."""
    made = (*items["prepare"], *items["samples"], *items["train"])
    found = {f"{item.stage}/{item.key}": item.hash for item in made}
    return {name: found[name] for name in names if name in found}


def _audit(campaign: Campaign, items: Items) -> list[Item]:
    if campaign.label is None or not (campaign.label.audit.fraction or campaign.label.audit.at_least):
        return []
    audit = campaign.label.audit
    settings = {
        "seed": campaign.seed,
        "label": {"audit": {"fraction": audit.fraction, "at_least": audit.at_least}},
    }
    group = Group("audit", settings, {"label": hash_of_all(items["label"])})
    return [make_item(group, "audit")]


def _training(campaign: Campaign, items: Items) -> list[Item]:
    if campaign.train is None:
        return []
    made = []
    for model in campaign.train.models:
        spec = model.spec()
        for key, held_out in trainings(campaign, model.name).items():
            settings = {
                "kind": spec.kind,
                "model": chosen(spec) | {"name": None, "options": chosen(spec.options)},
                "train": chosen(campaign.train.parameters(model, campaign.seed, held_out)),
                **({"methods": spec.methods} if spec.methods else {}),
            }
            group = Group("train", settings, {"label": hash_of_all(items["label"])})
            made.append(make_item(group, key))
    return made


def _kmc(campaign: Campaign, items: Items) -> list[Item]:
    return kmc_items(campaign, partial(_reads, items))


def _analyses(campaign: Campaign, items: Items) -> list[Item]:
    options = campaign.analysis_options.model_dump(mode="json")
    made = {
        name: make_item(Group("analysis", options.get(name, {}), _read_by(items, name)), name)
        for name in campaign.analysis
    }
    return with_comparison(campaign, made)


def _read_by(items: Items, name: str) -> dict[str, str]:
    """Hashes of the products that an analysis reads."""
    return _whole(items, (*ANALYSIS_READS[name], *ALSO_READS.get(name, ())))


def _report(campaign: Campaign, items: Items) -> list[Item]:
    reads = _whole(items, [stage for stage in STAGES if stage != "report"])
    return [make_item(Group("report", {"name": campaign.name}, reads), "report")]


def _whole(items: Items, stages: Any) -> dict[str, str]:
    """Hash of all products of each of `stages` that has any; of runs also how far they go."""
    return {stage: hash_of_all(items[stage]) for stage in stages if items[stage]}
