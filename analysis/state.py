"""What of a campaign is there, what failed, what is missing, what it cost: read from the disk alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analysis import ANALYSES
from analysis.inputs import DamagedInput, reading
from nnk.alloy import composition_name
from nnk.barriers import BarrierSet
from nnk.files import Workdir, file_hash, read_records
from nnk.lattice import jumps
from nnk.run_terms import case_names, run_labels

STAGES = ("prepare", "samples", "label", "audit", "train", "kmc", "snapshots", "forces", "analysis")
Campaign = Mapping[str, Any]
Provenance = Mapping[str, Any]


def last_records(workdir: Workdir, stage: str) -> list[dict[str, Any]]:
    """The last record of each item of a stage, in the order of their keys."""
    last = {str(record.get("key")): record for record in read_records(workdir, stage)}
    return [last[key] for key in sorted(last)]


def failures(workdir: Workdir) -> list[str]:
    """A line per item whose last record says that it failed."""
    lines = []
    for stage in STAGES:
        for record in last_records(workdir, stage):
            if record.get("state") == "failed":
                error = str(record.get("error") or "no message").strip().splitlines()[0]
                log = f" (log: {record['log']})" if record.get("log") else ""
                lines.append(f"{stage} {record.get('key')} failed: {error}{log}")
    return lines


def missing(workdir: Workdir, campaign: Campaign) -> list[str]:
    """A line per kind of product that the campaign asks for and that is not on disk."""
    return [
        *_missing_labels(workdir, campaign),
        *_missing_models(workdir, campaign),
        *_missing_runs(workdir, campaign),
        *_missing_snapshots(workdir, campaign),
        *_missing_force_models(workdir, campaign),
        *_missing_analyses(workdir, campaign),
    ]


def _missing_labels(workdir: Workdir, campaign: Campaign) -> list[str]:
    label = campaign.get("label")
    if not label and not campaign.get("labels"):
        return []
    if not workdir.labels_file.is_file():
        return ["labels/labels.nc is missing: the label stage has not ended"]
    try:
        with reading(workdir.labels_file):
            barriers = BarrierSet.load(workdir.labels_file)
    except DamagedInput as error:
        return [str(error)]
    unusable = int((~barriers.usable).sum())
    told = f"{unusable} of {len(barriers)} labels have no verified barrier and are not used"
    if not label:
        return [told] if unusable else []
    per_vacancy = len(jumps(campaign["alloy"]["lattice"]))
    asked = len(label["compositions"]) * label["vacancies_per_composition"] * per_vacancy
    lines = []
    if len(barriers) < asked:
        lines.append(f"{asked - len(barriers)} of {asked} labels are missing")
    if unusable:
        lines.append(told)
    audit = label.get("audit") or {}
    if any(audit.values()) and not workdir.audit_file.is_file():
        lines.append("audit/audit.nc is missing: the labels have not been audited")
    return lines


def _missing_models(workdir: Workdir, campaign: Campaign) -> list[str]:
    train = campaign.get("train") or {}
    folds = range(len(train.get("folds") or ()))
    models = [model["name"] for model in train.get("models", [])]
    names = [name for model in models for name in (model, *(f"{model}/fold{fold}" for fold in folds))]
    absent = [name for name in names if not (workdir.model_dir(name) / "model.json").is_file()]
    return [f"model {name} is not trained" for name in absent]


def _missing_runs(workdir: Workdir, campaign: Campaign) -> list[str]:
    kmc = campaign.get("kmc")
    if not kmc:
        return []
    replicas, labels = range(kmc["replicas"]), run_labels(kmc)
    asked = case_names(kmc, campaign["alloy"])
    begun = [name for name in asked if (workdir.root / "kmc" / name).is_dir()]
    lines = [
        f"kMC run {case}/{label}/r{replica:03d} has not ended"
        for case in begun
        for label in labels
        for replica in replicas
        if not (workdir.root / "kmc" / case / label / f"r{replica:03d}.nc").is_file()
    ]
    never = (len(asked) - len(begun)) * len(labels) * len(replicas)
    return [*lines, f"{never} kMC runs have not begun"] if never > 0 else lines


def _missing_snapshots(workdir: Workdir, campaign: Campaign) -> list[str]:
    asked = (campaign.get("snapshots") or {}).get("compositions", [])
    names = [composition_name(fractions) for fractions in asked]
    absent = [name for name in names if not workdir.snapshots_file(name).is_file()]
    return [f"snapshots/{name}.nc is missing: not all its trajectories have ended" for name in absent]


def _missing_force_models(workdir: Workdir, campaign: Campaign) -> list[str]:
    models = (campaign.get("forces") or {}).get("models", [])
    compositions = (campaign.get("snapshots") or {}).get("compositions", [])
    keys = [f"{composition_name(of)}/{model['name']}" for of in compositions for model in models]
    absent = [key for key in keys if not (workdir.force_model_dir(key) / "model.json").is_file()]
    return [f"the force model {key} is not trained" for key in absent]


def _missing_analyses(workdir: Workdir, campaign: Campaign) -> list[str]:
    names = [name for name in campaign.get("analysis", []) if name in ANALYSES]
    absent = [name for name in names if not (workdir.figures / f"{name}.json").is_file()]
    return [f"analysis {name} has not been made: launch analyse {name} campaign.yaml" for name in absent]


def stale(workdir: Workdir, provenances: Sequence[Provenance]) -> list[str]:
    """A line per file that is not, any more, the one that an analysis read or wrote.

    The campaign file does not count: most of what changes in it is nothing to a given figure, and what does
    matter has its analysis made again by launch.
    """
    known: dict[str, str] = {}
    lines = []
    for provenance in provenances:
        for role, verb in (("inputs", "read"), ("outputs", "wrote")):
            for file in provenance[role]:
                path = file["path"]
                if workdir.root / path == workdir.campaign_file:
                    continue
                if path not in known:
                    known[path] = _hash_now(workdir.root / path)
                if known[path] != file["hash"]:
                    what = "has changed" if known[path] else "is gone"
                    lines.append(f"{path} {what} since analysis {provenance['analysis']} {verb} it")
    return lines


def _hash_now(path: Path) -> str:
    return file_hash(path) if path.is_file() else ""


def costs(workdir: Workdir) -> list[tuple[str, int, int, float]]:
    """Per stage with records: its name, items done, items failed, and the seconds of all items together."""
    rows = []
    for stage in STAGES:
        records = last_records(workdir, stage)
        states = [record.get("state") for record in records]
        seconds = sum(float(record.get("seconds") or 0.0) for record in records)
        if records:
            rows.append((stage, states.count("done"), states.count("failed"), seconds))
    return rows
