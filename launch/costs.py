"""What is to do costs: core-hours by stage, from earlier records of the workdir or from ``launch doctor``.

Without either a stage's cost is a guess from rough figures of one core, and is called one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from launch.campaign import Campaign
from launch.history import Event, History
from launch.items import hashes_of
from launch.plan import Plan, StagePlan, Todo
from launch.schema.samples import FarFieldSamples
from nnk.files import Workdir
from nnk.lattice import Lattice
from nnk.run_terms import MOST_JUMPS
from site_configs import SiteError, load_site

RECORDS, DOCTOR, GUESS = "earlier records", "launch doctor", "guess"

CALLS_PER_BARRIER, CALLS_PER_AUDIT = 40, 400
ATOM_CALL_S = {"builtin": 4e-6, "mtp": 2e-6, "lammps": 1e-5, "ase": 1e-3}
STEPS_PER_SNAPSHOT, SNAPSHOT_EPOCH_S = 100, 5e-3
JUMP_S, LABEL_EPOCH_S, IMPORT_S = 2e-5, 2e-5, 2e-5
ITEM_S = {"prepare": 5.0, "samples": 60.0, "analysis": 10.0, "report": 5.0}


@dataclass(frozen=True)
class StageCost:
    """What the items to do of a stage cost.

    Attributes:
        core_hours: of all of them.
        source: `RECORDS`, `DOCTOR` or `GUESS`.
    """

    core_hours: float
    source: str

    @property
    def is_guess(self) -> bool:
        """Nothing was measured."""
        return self.source == GUESS

    def __str__(self) -> str:
        return amount(self.core_hours) + (" (guess)" if self.is_guess else "")


def amount(core_hours: float) -> str:
    """``1,200 core-h``, ``3.4 core-h``, ``12 core-min`` or ``5 core-s``."""
    for unit, factor in (("core-h", 1), ("core-min", 60), ("core-s", 3600)):
        value = factor * core_hours
        if value >= 1 or unit == "core-s":
            break
    return f"{value:,.0f} {unit}" if value >= 9.95 else f"{value:.1f} {unit}"


class Costs:
    """Costs of the items of one plan.

    Args:
        campaign, plan: whose.
        workdir: where measured costs are.
        history: records of the workdir.
    """

    def __init__(self, campaign: Campaign, plan: Plan, workdir: Workdir, history: History) -> None:
        self._campaign = campaign
        self._plan = plan
        self._workdir = workdir
        self._history = history
        self._found: dict[str, tuple[float, str]] = {}

    def stage(self, stage: StagePlan) -> StageCost:
        """Cost of all items to do of a stage."""
        if stage.stage != "kmc":
            per_work, source = self._of_work(stage)
            return StageCost(len(stage.todo) * per_work / 3600, source)
        return self.of(stage, stage.todo)

    def of(self, stage: StagePlan, todo: Iterable[Todo]) -> StageCost:
        """Cost of some items to do of a stage."""
        per_work, source = self._of_work(stage)
        work = sum(_work(one) for one in todo)
        return StageCost(work * per_work / 3600, source)

    def _of_work(self, stage: StagePlan) -> tuple[float, str]:
        if stage.stage not in self._found:
            self._found[stage.stage] = self._per_work(stage)
        return self._found[stage.stage]

    def _per_work(self, stage: StagePlan) -> tuple[float, str]:
        """Core-seconds per unit of work (see `_work`), and whence."""
        measured = self._by_records(stage)
        if measured is not None:
            return measured, RECORDS
        measured = self._by_doctor(stage)
        return (measured, DOCTOR) if measured is not None else (self._guess(stage), GUESS)

    def _by_records(self, stage: StagePlan) -> float | None:
        """From items made with the present inputs if there are any, else from those made with others."""
        events = [
            e for e in self._history.events(stage.stage).values() if e.state == "done" and e.seconds > 0
        ]
        present = set(hashes_of(stage.items))
        chosen = [event for event in events if event.hash in present] or events
        work = _work_of_events(chosen, stage)
        return self._cores(stage.stage) * sum(e.seconds for e in chosen) / work if work else None

    def _by_doctor(self, stage: StagePlan) -> float | None:
        """From a measurement of what is alike."""
        measured = read_costs(self._workdir).get(stage.stage)
        if not isinstance(measured, dict) or measured.get("of") != what_is_measured(
            self._campaign, stage.stage
        ):
            return None
        return float(measured["core_seconds"])

    def _cores(self, stage: str) -> int:
        """Cores that work on an item."""
        campaign = self._campaign
        if stage == "label" and campaign.label is not None:
            return campaign.label.ranks_per_barrier
        if stage == "train" and campaign.train is not None:
            return campaign.train.ranks
        if stage == "forces" and campaign.forces is not None:
            return campaign.forces.ranks
        if stage == "audit":
            return _ranks(campaign)
        return 1

    def _guess(self, stage: StagePlan) -> float:
        name = stage.stage
        if name == "label" and self._campaign.labels is not None:
            return IMPORT_S * self.n_labels
        if name == "label":
            return self._barrier_s() * self.labels_per_item * CALLS_PER_BARRIER
        if name == "audit" and self._campaign.label is not None:
            return self.n_audited * CALLS_PER_AUDIT * self._barrier_s()
        if name == "train" and self._campaign.train is not None:
            return LABEL_EPOCH_S * self._campaign.train.epochs * self.n_labels
        if name == "snapshots":
            return self._trajectory_s()
        if name == "forces" and self._campaign.forces is not None and self._campaign.snapshots is not None:
            return SNAPSHOT_EPOCH_S * self._campaign.forces.epochs * self._campaign.snapshots.count
        return JUMP_S if name == "kmc" else ITEM_S[name]

    @property
    def labels_per_item(self) -> int:
        """Labels of a vacancy."""
        label = self._campaign.label
        if label is not None and isinstance(label.samples, FarFieldSamples):
            return 1
        return Lattice(self._campaign.alloy.lattice, (3, 3, 3), 1.0).z

    @cached_property
    def n_labels(self) -> int:
        """Labels of the whole campaign."""
        source = self._campaign.label_source()
        if source is not None:
            return source.facts(self._campaign.alloy.elements).n_labels
        return self.labels_per_item * len(self._plan["label"].items)

    @property
    def n_audited(self) -> float:
        """Labels that the audit makes again."""
        label = self._campaign.label
        return max(label.audit.at_least, label.audit.fraction * self.n_labels) if label is not None else 0.0

    def _trajectory_s(self) -> float:
        """Guessed time of a trajectory of snapshots."""
        how, potential = self._campaign.snapshots, self._campaign.potential
        if how is None or potential is None:
            return 0.0
        interval = STEPS_PER_SNAPSHOT if isinstance(how.interval, str) else how.interval
        steps = how.equilibration_steps + interval * how.count / how.n_trajectories
        n_sites = Lattice(self._campaign.alloy.lattice, how.cells, 1.0).n_sites
        return steps * n_sites * ATOM_CALL_S[potential.kind]

    def _barrier_s(self) -> float:
        """Guessed time of a force call."""
        campaign = self._campaign
        if campaign.label is None or campaign.potential is None:
            return 0.0
        n_sites = Lattice(campaign.alloy.lattice, campaign.label.cells, 1.0).n_sites
        return n_sites * ATOM_CALL_S[campaign.potential.kind]


def _work(todo: Todo) -> float:
    """How much there is to do of an item: jumps of a run, otherwise one."""
    until = todo.item.until
    return 1.0 if until is None or until.jumps == MOST_JUMPS else todo.share * until.jumps


def _work_of_events(events: Iterable[Event], stage: StagePlan) -> float:
    """The same of items that were made."""
    until = {item.key: item.until for item in stage.items if item.until} if stage.stage == "kmc" else {}
    if not until:
        return float(sum(1 for _ in events))
    asked = [until[event.key] for event in events if event.key in until]
    return float(sum(1 if one.jumps == MOST_JUMPS else one.jumps for one in asked))


def _ranks(campaign: Campaign) -> int:
    """Ranks of an audit; one if the site cannot say."""
    try:
        site = load_site(campaign.site, campaign.base_dir)
        return site.layout("audit", campaign.resources.label.ranks_per_node, None).ranks
    except SiteError:
        return 1


def what_is_measured(campaign: Campaign, stage: str) -> dict[str, Any]:
    """What the cost of an item of a stage depends on, as far as it can be measured beforehand."""
    label, kmc = campaign.label, campaign.kmc
    if stage == "label" and label is not None and campaign.potential is not None:
        search = label.model_dump(
            mode="json", include={"cells", "max_force_eV_A", "connect", "method", "box"}
        )
        of_one_jump = {"far_field": True} if isinstance(label.samples, FarFieldSamples) else {}
        return {"potential": campaign.potential_spec().hash, **search, **of_one_jump}
    if stage == "kmc" and kmc is not None:
        return kmc.model_dump(mode="json", include={"cells", "model", "vacancies"})
    return {}


def read_costs(workdir: Workdir) -> Mapping[str, Any]:
    """What ``launch doctor --measure`` has measured, by stage; empty if it has not or the file is damaged."""
    try:
        content = json.loads(workdir.costs_file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def total_line(campaign: Campaign, costs: Mapping[str, StageCost]) -> str:
    """All stages together, in core- and node-hours of the campaign's site."""
    hours = sum(cost.core_hours for cost in costs.values())
    guessed = [stage for stage, cost in costs.items() if cost.source == GUESS and cost.core_hours > 0]
    text = f"to do: about {amount(hours)}"
    cores = _cores_per_node(campaign)
    if cores is not None:
        nodes = amount(hours / cores).replace("core-", "node-")
        text += f", {nodes} on nodes of {cores} cores"
    return text + (f"; a guess for {', '.join(guessed)}" if guessed else "")


def _cores_per_node(campaign: Campaign) -> int | None:
    """Cores of a node; None if the site cannot say, or has a scheduler: see `launch.allocation`."""
    try:
        site = load_site(campaign.site, campaign.base_dir)
        return None if site.jobs else site.cores
    except SiteError:
        return None
