"""The kMC runs of a campaign: their cases by composition and start, their temperatures, their replicas."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from launch.campaign import Campaign
from launch.items import Group, Item, make_item
from launch.schema.kmc import (
    PUBLISHED_FORMATS,
    Kmc,
    PublishedModel,
    StartCase,
    StartExchanged,
    StartFile,
    StartOrdered,
)
from nnk.alloy import fractions_of
from nnk.files import file_hash
from nnk.ordered import default_prototype
from nnk.run_terms import case_of_start, run_label


@dataclass(frozen=True)
class Case:
    """Runs that differ in temperature and replica alone.

    Attributes:
        name: folder in kmc/.
        composition: fractions by element; None where the start brings its own atoms.
        start: how the job finds the first state.
        identity: the same for the hash: files by their content.
    """

    name: str
    composition: dict[str, float] | None
    start: dict[str, Any]
    identity: Any


def kmc_cases(campaign: Campaign) -> dict[str, Case]:
    """Every case of the campaign by its name, in the order of the campaign file."""
    if campaign.kmc is None:
        return {}
    cases = [
        _case(campaign, start, composition)
        for start in campaign.kmc.starts
        for composition in _compositions(campaign, start)
    ]
    return {case.name: case for case in cases}


def _compositions(campaign: Campaign, start: Any) -> list[dict[str, float] | None]:
    """Compositions that a start is combined with."""
    if isinstance(start, StartFile | StartCase):
        return [None]
    return list(campaign.kmc_compositions().values())


def _case(campaign: Campaign, start: Any, composition: dict[str, float] | None) -> Case:
    described = _described(campaign, start, composition)
    name = case_of_start("random" if described["kind"] == "random" else described, composition)
    identity = {key: value for key, value in described.items() if key != "kind"} or "random"
    if isinstance(start, StartFile):
        identity = {"hash": file_hash(campaign.path(start.file)), "frame": start.frame}
    return Case(name, composition, described, identity)


def _described(campaign: Campaign, start: Any, composition: dict[str, float] | None) -> dict[str, Any]:
    if isinstance(start, StartFile):
        return {"kind": "file", "file": str(campaign.path(start.file)), "frame": start.frame}
    if isinstance(start, StartCase):
        return {"kind": "case", **start.model_dump(mode="json")}
    if isinstance(start, StartExchanged):
        return {"kind": "exchanged", **start.model_dump(mode="json")}
    if start == "random":
        return {"kind": "random"}
    elements = campaign.alloy.elements
    given = start if isinstance(start, StartOrdered) else None
    prototype = (
        given.ordered
        if given
        else default_prototype(campaign.alloy.lattice, fractions_of(composition or {}, elements))
    )
    lists = given.sublattices if given else None
    return {
        "kind": "ordered",
        "ordered": prototype,
        "sublattices": [list(names) for names in lists] if lists else None,
    }


def kmc_items(campaign: Campaign, reads: Any) -> list[Item]:
    """All runs; `reads` gives the hashes of the prepared products by their names."""
    kmc = campaign.kmc
    if kmc is None:
        return []
    made: dict[str, Item] = {}
    for case in kmc_cases(campaign).values():
        group = _group(campaign, kmc, case, reads)
        for schedule in kmc.temperatures():
            label = run_label(schedule.temperatures_K)
            for replica in range(kmc.replicas):
                own: dict[str, Any] = {"temperature_K": schedule.temperatures_K[0], "replica": replica}
                source = source_key(case, label, replica)
                if source is not None:
                    own["from"] = _source(kmc, case, source, made)
                item = make_item(group, f"{case.name}/{label}/r{replica:03d}", **own)
                made[item.key] = replace(item, until=kmc.stop.terms())
    return list(made.values())


def source_key(case: Case, label: str, replica: int) -> str | None:
    """Key of the run that a run of `case` goes on from, if it does."""
    if case.start["kind"] != "case":
        return None
    at = case.start["temperature_K"]
    return f"{case.start['case']}/{label if at is None else run_label([at])}/r{replica:03d}"


def _source(kmc: Kmc, case: Case, key: str, made: dict[str, Item]) -> dict[str, Any]:
    """What the run `key` says of the state that another begins in."""
    source = made.get(key)
    named = {"key": key, "hash": source.hash if source else ""}
    return named | ({"stop": kmc.stop.terms().as_json()} if case.start["frame"] == "last" else {})


def _group(campaign: Campaign, kmc: Kmc, case: Case, reads: Any) -> Group:
    """Inputs of a case: its atoms, the network, the run; not where it ends."""
    a_A = given_lattice_parameter_A(campaign)
    settings: dict[str, Any] = {
        "seed": campaign.seed,
        "alloy": {
            "elements": list(campaign.alloy.elements),
            "lattice": campaign.alloy.lattice,
            "lattice_parameter_A": a_A,
        },
        "kmc": {
            **kmc.model_dump(mode="json", include={"cells", "attempt_frequency_Hz", "vacancies"}),
            "key_frames": key_frames(kmc),
            "schedule": kmc.schedule.terms().as_json() if kmc.schedule else None,
            "model": _model_inputs(campaign),
            "start": case.identity,
        },
    }
    if kmc.engine != "compiled":
        settings["kmc"]["engine"] = f"batched {kmc.batched.precision}" if kmc.batched else kmc.engine
    names = [f"train/{kmc.model}"]
    if case.composition is not None:
        settings["composition"] = case.composition
        names += [f"prepare/lattice/{_composition_name(case)}"] if a_A is None else []
    return Group("kmc", settings, reads(*names))


def _composition_name(case: Case) -> str:
    return case_of_start("random", case.composition)


def key_frames(kmc: Kmc) -> dict[str, Any]:
    """Arguments of `nnk.kmc.KeyFrames`."""
    chosen = kmc.key_frames
    if chosen.spacing == "log":
        return {"spacing": "log", "per_decade": chosen.per_decade or 10}
    return {"spacing": "linear", "every": chosen.every or 0}


def given_lattice_parameter_A(campaign: Campaign) -> float | None:
    """Lattice parameter of the kMC cells where no potential has to give it (then None)."""
    if campaign.alloy.lattice_parameter_A is not None:
        return campaign.alloy.lattice_parameter_A
    if campaign.potential is None and campaign.kmc and isinstance(campaign.kmc.model, PublishedModel):
        return PUBLISHED_FORMATS[campaign.kmc.model.published.format].lattice_parameter_A
    return None


def _model_inputs(campaign: Campaign) -> Any:
    """The network by what it is: a trained one by its item (see reads), a published one by its file."""
    model = campaign.kmc.model if campaign.kmc else None
    if isinstance(model, PublishedModel):
        weights = campaign.path(model.published.file)
        return {"published": {"format": model.published.format, "hash": file_hash(weights)}}
    return {"name": model}


def waves(items: list[Item]) -> Iterator[list[Item]]:
    """Items in an order in which each finds what it goes on from, or comes after: wave after wave."""
    left = list(items)
    while left:
        waiting = {item.key for item in left}
        later = [item for item in left if waiting & _before(item)]
        yield [item for item in left if item not in later] if later else left
        left = later


def _before(item: Item) -> set[str]:
    """Keys of the items that an item goes on from, or comes after."""
    source = [item.own["from"]["key"]] if "from" in item.own else []
    return {*source, *item.own.get("after", ())}
