"""Trivial units through the local site, and as many empty tasks through Parsl alone, by the same workers."""

from __future__ import annotations

import time
from concurrent.futures import wait
from dataclasses import replace
from pathlib import Path

import parsl

from jobs.nothing import nothing
from launch.campaign import load_campaign
from launch.dispatch import cache_folder, dispatcher
from launch.history import History
from launch.interrupt import Interruption
from launch.items import Group, Item, make_item
from launch.layouts import campaign_site, stage_layout
from launch.progress import QuietProgress
from launch.stage_runner import StageRunner, StageTools
from launch.units import UnitMaker
from nnk.files import Fence, Workdir, commit
from site_configs import Pool, Site
from site_configs.builder import build, driver_address, worker_environment

CAMPAIGN = """\
schema_version: 1
name: trivial
seed: 7
workdir: work
site: local
alloy: {elements: [Nb, Mo, Ta], lattice: bcc}
potential: {builtin: zhou-eam}
label: {compositions: [equimolar], cells: [4, 4, 4], vacancies_per_composition: 1}
"""
STAGE, WARM = "kmc", 20


class TrivialUnits(UnitMaker):
    """Units that are cut, written and started as those of kMC, but have nothing to do."""

    is_shared = False  # whether items that last moments share units, as they do in campaigns

    def size(self, stage, n_left, seconds_per_item):  # type: ignore[no-untyped-def]
        """Items of the next unit."""
        return super().size(stage, n_left, seconds_per_item) if self.is_shared else 1

    def order(self, stage, items, **given):  # type: ignore[no-untyped-def]
        """A unit of some items."""
        order = super().order(stage, items, **given)
        return replace(order, module="jobs.nothing")

    def _unit_item(self, item, given_up):  # type: ignore[no-untyped-def]
        return super()._unit_item(replace(item, stage="analysis"), given_up)


def measure_units(folder: Path, units: int) -> dict[str, float]:
    """Items per second of runs, records and all, and their ratios to Parsl's tasks per second.

    With a unit for each item, and as campaigns do it.
    """
    path = folder / "trivial.yaml"
    path.write_text(CAMPAIGN)
    campaign = load_campaign(path)
    site, workdir = campaign_site(campaign), Workdir(campaign.workdir_path)
    layout = stage_layout(site, campaign, STAGE)
    bare = _tasks_per_s(site, workdir, layout.pool, units)
    commit(workdir.epoch_file, lambda temporary: _write(temporary, "1\n"))
    group = Group(STAGE, {}, {})
    items = [make_item(group, f"item{number:06d}") for number in range(2 * units + WARM)]
    with dispatcher(site, workdir, 1, [layout.pool], print) as workers:
        maker = TrivialUnits(campaign, workdir, 1, {STAGE: layout})
        stop = Interruption(workdir.run_dir(1) / "stop", print)
        fence = Fence(workdir.epoch_file, 1)
        tools = StageTools(workdir, fence, maker, workers, stop, QuietProgress(), History(workdir))
        _run(items[:WARM], layout.at_once, tools)
        single = units / _run(items[WARM : units + WARM], layout.at_once, tools)
        maker.is_shared = True
        rate = units / _run(items[units + WARM :], layout.at_once, tools)
    return {
        "units_per_s": rate,
        "parsl_tasks_per_s": bare,
        "ratio_to_parsl": rate / bare,
        "single_units_per_s": single,
        "single_ratio_to_parsl": single / bare,
    }


def _run(items: list[Item], at_once: int, tools: StageTools) -> float:
    """Seconds that it takes."""
    began = time.perf_counter()
    runner = StageRunner(STAGE, items, 0, at_once, tools)
    runner.run()
    seconds = time.perf_counter() - began
    if len(runner.done) != len(items):
        raise RuntimeError(f"{len(runner.done)} of {len(items)} items done")
    return seconds


def _tasks_per_s(site: Site, workdir: Workdir, pool: Pool, units: int) -> float:
    environment = worker_environment(cache_folder(workdir))
    run_dir = workdir.run_dir(0) / "parsl"
    address = driver_address(site)
    kernel = parsl.load(build(site, run_dir, pools=[pool], environment=environment, address=address))
    try:
        task = parsl.python_app(nothing, data_flow_kernel=kernel, executors=[pool.name])
        wait([task() for _ in range(WARM)])
        began = time.perf_counter()
        wait([task() for _ in range(units)])
        return units / (time.perf_counter() - began)
    finally:
        kernel.cleanup()
        parsl.clear()


def _write(path: Path, text: str) -> None:
    path.write_text(text)
