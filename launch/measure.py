"""What items of a campaign cost on this machine, by making a few: ``launch doctor SITE FILE --measure``.

The units are those of a campaign and come to work in the same way, on a cluster in jobs of the scheduler;
their working directory, beside the campaign's own, is removed. Labels are measured on random samples. A kMC
run needs a network, so that only runs with a published one are measured.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path
from typing import Any

from jobs.apps import JobFailed
from launch.campaign import Campaign
from launch.campaign_items import all_items
from launch.costs import what_is_measured
from launch.dispatch import Dispatcher, dispatcher
from launch.doctor.here import existing
from launch.items import Item
from launch.layouts import stage_layout
from launch.schema.kmc import PublishedModel
from launch.units import Order, UnitMaker
from nnk.files import Workdir, commit, read_records
from site_configs import Site, SiteError, pools_of
from site_configs.words import seconds_of

ITEMS_PER_TEAM = 2
JUMPS = 200_000
LOCAL_S = 3600.0


def measure(campaign: Campaign, site: Site, *, wait_s: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Core-seconds of an item by stage, with what they were measured for; see `launch.costs.read_costs`.

    Args:
        campaign: whose items.
        site: the machine.
        wait_s: how long a job may wait in the queue (s).
        say: tells the user of trouble with a scheduler.

    Raises:
        SiteError: a job has failed, with its last words, or has not come to run.
    """
    items = all_items(campaign)
    stages = [stage for stage in ("prepare", "label", "kmc") if items.get(stage)]
    layouts = {stage: stage_layout(site, campaign, stage) for stage in stages}
    within = existing(campaign.workdir_path)
    with tempfile.TemporaryDirectory(
        dir=within, prefix=".nnk-measure-", ignore_cleanup_errors=True
    ) as folder:
        workdir = Workdir(Path(folder))
        workdir.epoch_file.write_text("1\n")
        with dispatcher(site, workdir, 1, pools_of(layouts.values()), say) as given:
            maker = UnitMaker(campaign, workdir, 1, layouts)
            patience_s = wait_s + (seconds_of(site.jobs.walltime) if site.jobs else LOCAL_S)
            trial = _Trial(campaign, workdir, maker, given, patience_s)
            found = dict(trial.measured(items, layouts["label"].ranks if "label" in layouts else 1))
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
    """Units of a few items."""

    def __init__(
        self, campaign: Campaign, workdir: Workdir, maker: UnitMaker, given: Dispatcher, patience_s: float
    ) -> None:
        self._campaign = campaign
        self._workdir = workdir
        self._maker = maker
        self._given = given
        self._patience_s = patience_s

    def measured(self, items: Mapping[str, Sequence[Item]], ranks: int) -> Iterator[tuple[str, float]]:
        """Core-seconds by stage; `ranks` are those of a unit of labels."""
        label, kmc = self._campaign.label, self._campaign.kmc
        published = kmc is not None and isinstance(kmc.model, PublishedModel)
        runs = [item for item in items["kmc"] if "from" not in item.own][:1] if published else []
        if label is not None:
            teams = max(1, ranks // label.ranks_per_barrier)
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
        unit, future = order.unit, self._given.submit(order)
        end_s, said = time.monotonic() + self._patience_s, ""
        while not wait([future], timeout=1).done:
            self._given.check()
            if time.monotonic() > end_s:
                raise SiteError(f"{unit.stage} could not be measured: no end within {self._patience_s:.0f} s")
        try:
            future.result()
        except JobFailed as error:
            said = "\n".join(error.log.splitlines()[-3:])
        records = {r["key"]: r for r in read_records(self._workdir, unit.stage) if r["unit"] == unit.name}
        wrong = [record["error"] for record in records.values() if record["state"] != "done"]
        if said or wrong or len(records) < len(unit.items):
            raise SiteError(f"{unit.stage} could not be measured: {wrong[0] if wrong else said}")

    def _mean_seconds(self, stage: str) -> float:
        made = [r["seconds"] for r in read_records(self._workdir, stage) if r["state"] == "done"]
        return sum(made) / len(made)
