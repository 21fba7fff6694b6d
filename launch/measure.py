"""What items of a campaign cost on this machine, by making a few: ``launch doctor SITE FILE --measure``.

The jobs are those of a campaign, in a working directory of their own that is removed. Labels are measured on
random samples. A kMC run needs a network, so that only runs with a published one are measured.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs.apps import PYTHON
from launch.campaign import Campaign
from launch.campaign_items import all_items
from launch.costs import what_is_measured
from launch.items import Item
from launch.schema.kmc import PublishedModel
from launch.units import Order, UnitMaker
from nnk.files import Workdir, commit, read_records
from site_configs import Site, SiteError

ITEMS_PER_TEAM = 2
JUMPS = 200_000
IN_PROCESS = (
    "import importlib, pathlib, sys; importlib.import_module(sys.argv[1]).run(pathlib.Path(sys.argv[2]))"
)


def measure(campaign: Campaign, site: Site, environment: Mapping[str, str]) -> dict[str, Any]:
    """Core-seconds of an item by stage, with what they were measured for; see `launch.costs.read_costs`.

    Raises:
        SiteError: a job has failed; its last words are in the message.
    """
    items = all_items(campaign)
    with tempfile.TemporaryDirectory(prefix="nnk-measure-") as folder:
        trial = _Trial(campaign, site, Workdir(Path(folder)), environment)
        found = dict(trial.measured(items))
    return {
        stage: {"core_seconds": seconds, "of": what_is_measured(campaign, stage)}
        for stage, seconds in found.items()
    }


def write_costs(workdir: Workdir, costs: Mapping[str, Any]) -> Path:
    """Put measured costs where plans find them."""
    text = json.dumps(costs, indent=1) + "\n"
    commit(workdir.costs_file, lambda path: _write(path, text))
    return workdir.costs_file


def _write(path: Path, text: str) -> None:
    path.write_text(text)


class _Trial:
    """Jobs of a few items."""

    def __init__(
        self, campaign: Campaign, site: Site, workdir: Workdir, environment: Mapping[str, str]
    ) -> None:
        self._campaign = campaign
        self._workdir = workdir
        self._environment = dict(environment)
        asked = campaign.resources.label.ranks_per_node
        layouts = {
            "prepare": site.layout("prepare", asked, None),
            "label": site.layout("label", asked, None),
            "kmc": site.layout("kmc", None, None),
        }
        self._ranks = layouts["label"].ranks
        self._maker = UnitMaker(campaign, workdir, 1, layouts)
        workdir.epoch_file.write_text("1\n")

    def measured(self, items: Mapping[str, Sequence[Item]]) -> Iterator[tuple[str, float]]:
        """Core-seconds by stage."""
        label, kmc = self._campaign.label, self._campaign.kmc
        published = kmc is not None and isinstance(kmc.model, PublishedModel)
        runs = [item for item in items["kmc"] if "from" not in item.own][:1] if published else []
        if label is not None:
            teams = max(1, self._ranks // label.ranks_per_barrier)
            some = list(items["label"][: ITEMS_PER_TEAM * teams])
            self._prepare(items["prepare"], [*some, *runs])
            self._run(self._changed("label", some, samples=None))
            yield "label", label.ranks_per_barrier * self._mean_seconds("label")
        if runs:
            self._prepare(items["prepare"], runs)
            self._run(self._changed("kmc", runs, batched=None, stop={"jumps": JUMPS}))
            yield "kmc", self._mean_seconds("kmc") / JUMPS

    def _prepare(self, prepared: Sequence[Item], items: Sequence[Item]) -> None:
        """Make what `items` read, as far as it is not there."""
        reads = {name for item in items for name in item.group.reads}
        there = {record["key"] for record in read_records(self._workdir, "prepare")}
        needed = [item for item in prepared if f"prepare/{item.key}" in reads and item.key not in there]
        if needed:
            self._run(self._maker.order("prepare", needed))

    def _changed(self, stage: str, items: Sequence[Item], **settings: Any) -> Order:
        order = self._maker.order(stage, items)
        unit = replace(order.unit, settings={**order.unit.settings, **settings})
        unit.save()
        return replace(order, unit=unit)

    def _run(self, order: Order) -> None:
        unit, command = order.unit, list(order.command)
        if order.module:
            command = [*PYTHON, "-c", IN_PROCESS, order.module, str(unit.path)]
        done = subprocess.run(command, capture_output=True, text=True, env=self._environment, check=False)
        records = {r["key"]: r for r in read_records(self._workdir, unit.stage) if r["unit"] == unit.name}
        wrong = [record["error"] for record in records.values() if record["state"] != "done"]
        if done.returncode or wrong or len(records) < len(unit.items):
            said = wrong[0] if wrong else "\n".join(done.stderr.splitlines()[-3:])
            raise SiteError(f"{unit.stage} could not be measured: {said}")

    def _mean_seconds(self, stage: str) -> float:
        made = [r["seconds"] for r in read_records(self._workdir, stage) if r["state"] == "done"]
        return sum(made) / len(made)
