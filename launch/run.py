"""Running a campaign: lock, fence, Parsl, stage after stage."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ruamel.yaml import YAML

from jobs.merge import has_unmerged, merge_labels
from launch.campaign import RESOLVED_HEADER, Campaign
from launch.campaign_items import PROBE
from launch.cancel import obeying, request_file
from launch.dispatch import dispatcher
from launch.fold_items import model_of
from launch.history import History, keep_inputs
from launch.interrupt import Interruption, interruptible
from launch.items import Item, keys_of
from launch.kmc_items import waves
from launch.layouts import campaign_site, stage_layout, used_stages
from launch.lock import hold_lock
from launch.outcome import Outcome
from launch.own_job import ended_in_time
from launch.plan import Plan, StagePlan, make_plan
from launch.problems import CampaignErrors
from launch.processes import RUN_VARIABLE, end_processes, run_tag, start_watchdog, workdir_tag
from launch.progress import Progress
from launch.retry import clear
from launch.scheduler_jobs import cancel_earlier_jobs
from launch.stage_runner import StageRunner, StageTools
from launch.units import UnitMaker
from nnk.files import Fence, Workdir, commit, compact_records, read_epoch, remove_temporaries
from site_configs import Site, SiteError, StageLayout, pools_of
from site_configs.in_job import Allocation, of_its_job

SHOWN_NAMES = 3
KEEP_ENVIRONMENT = {"SPT_NOENV": "1"}
"""Parsl's interchange changes its title, which by default destroys the environment that the tag stands in."""


def execute(
    campaign: Campaign,
    workdir: Workdir,
    *,
    progress: Progress,
    again: Mapping[str, Sequence[Item]] | None = None,
) -> Outcome:
    """Make what is missing.

    Args:
        campaign: the campaign.
        workdir: the working directory.
        progress: told what goes on.
        again: items by their stage that have failed and are to be tried again.

    Raises:
        CampaignErrors: the potential has been tried and cannot be used.
        LockHeld: another driver runs this campaign.
        SiteError: the site cannot be used as asked.
        KeyboardInterrupt: asked to stop twice; the processes of the run were ended.
    """
    site, allocation = of_its_job(campaign_site(campaign))
    layouts = {stage: stage_layout(site, campaign, stage) for stage in used_stages(campaign)}
    _check_teams(campaign, layouts)
    with hold_lock(workdir) as dead:
        if dead is not None:
            progress.message(f"the earlier run ({dead}) has died; this one goes on from what it has left")
        with _fenced(workdir, progress) as fence:
            cancel_earlier_jobs(workdir, site.scheduler, progress.message)
            clear(workdir, again or {}, fence)
            return Run(campaign, workdir, site, layouts, fence, progress).execute(allocation)


def _check_teams(campaign: Campaign, layouts: Mapping[str, StageLayout]) -> None:
    """Raises a `SiteError` if a barrier is to have more ranks than a task."""
    asked = campaign.label.ranks_per_barrier if campaign.label else 1
    if asked > 1 and asked > layouts["label"].ranks:
        most = layouts["label"].ranks
        raise SiteError(
            f"label.ranks_per_barrier: got {asked}; allowed on site {campaign.site}: at most {most}, "
            "the ranks of a task (more with resources.label)"
        )


@contextmanager
def _fenced(workdir: Workdir, progress: Progress) -> Iterator[Fence]:
    """A new run: older ones may not write any more, and what is left of their processes is ended.

    Whatever this run starts is ended on leaving, or by the watchdog if the driver dies.
    """
    fence = _raise_epoch(workdir)
    ended = end_processes(workdir_tag(workdir.root))
    if ended:
        progress.message(f"ended {ended} processes of an earlier run")
    remove_temporaries(workdir.root)
    tag = run_tag(workdir.root, fence.epoch)
    _write_driver(workdir, fence, tag)
    start_watchdog(tag, workdir.run_dir(fence.epoch) / "watchdog.log")
    os.environ |= {RUN_VARIABLE: tag, **KEEP_ENVIRONMENT}
    try:
        yield fence
    finally:
        del os.environ[RUN_VARIABLE]
        end_processes(tag)


def _raise_epoch(workdir: Workdir) -> Fence:
    epoch = read_epoch(workdir.epoch_file) + 1
    commit(workdir.epoch_file, lambda path: _write_text(path, f"{epoch}\n"))
    return Fence(workdir.epoch_file, epoch)


def _write_driver(workdir: Workdir, fence: Fence, tag: str) -> None:
    """Who runs, and by what its processes are found: on disk before any of them is started."""
    driver = {"host": socket.gethostname(), "pid": os.getpid(), "command": sys.argv, RUN_VARIABLE: tag}
    text = json.dumps(driver, indent=1) + "\n"
    commit(workdir.run_dir(fence.epoch) / "driver.json", lambda path: _write_text(path, text), fence=fence)


def _write_text(path: Path, text: str) -> None:
    path.write_text(text)


def weak_splits(errors: Mapping[str, Mapping[str, float]]) -> list[str]:
    """Splits on which a network is hardly better than the mean barrier of each moving species."""
    return [
        f"on {split} its mean absolute error is {e['MAE_eV']:.3f} eV, that of each species' mean "
        f"{e['baseline_MAE_eV']:.3f} eV: more labels are needed"
        for split, e in errors.items()
        if split != "train" and e["MAE_eV"] > 0.5 * e["baseline_MAE_eV"]
    ]


def _read_by(item: Item) -> set[str]:
    """Names of what an item reads, goes on from or comes after, as `Run._missing` has them."""
    source = [f"{item.stage}/{item.own['from']['key']}"] if "from" in item.own else []
    before = [f"{item.stage}/{key}" for key in item.own.get("after", ())]
    return {*item.group.reads, *source, *before}


def _told(error: str, logs: Path) -> str:
    """What is wrong with the potential, on one line."""
    if error.startswith("ProbeError: "):
        return " ".join(error.removeprefix("ProbeError: ").split())
    return f"the job that tries it has failed ({error.splitlines()[0]}); the newest file in {logs} says more"


class Run:
    """One run, under the lock and the fence."""

    def __init__(
        self,
        campaign: Campaign,
        workdir: Workdir,
        site: Site,
        layouts: dict[str, StageLayout],
        fence: Fence,
        progress: Progress,
    ) -> None:
        self._campaign = campaign
        self._workdir = workdir
        self._site = site
        self._layouts = layouts
        self._fence = fence
        self._progress = progress
        self._outcome = Outcome()
        self._missing: set[str] = set()  # "<stage>" and "<stage>/<key>" of what could not be made

    def execute(self, allocation: Allocation | None = None) -> Outcome:
        """Run all stages, on the nodes of a job if they are given; what has become of it."""
        plan = self._tidy_plan()
        self._write_campaign()
        keep_inputs(self._workdir, plan.groups(), self._fence)
        stop_file = self._workdir.run_dir(self._fence.epoch) / "stop"
        pools = pools_of(self._layouts[stage.stage] for stage in plan if stage.items)
        with (
            interruptible(stop_file, self._progress.message) as interruption,
            ended_in_time(allocation, interruption, self._progress.message),
            obeying(request_file(stop_file.parent), self._progress.message),
            dispatcher(self._site, self._workdir, self._fence.epoch, pools, self._progress.message) as parsl,
        ):
            maker = UnitMaker(self._campaign, self._workdir, self._fence.epoch, self._layouts)
            history = History(self._workdir)
            tools = StageTools(
                self._workdir, self._fence, maker, parsl, interruption, self._progress, history
            )
            for stage in plan:
                self._run_stage(stage, tools, interruption)
        return self._outcome

    def _tidy_plan(self) -> Plan:
        """What is to do; what killed runs have left is put in order before, so that little has to be read."""
        compact_records(self._workdir, self._fence)
        plan = make_plan(self._campaign, self._workdir)
        if not has_unmerged(self._workdir):
            return plan
        self._merge(plan["label"])
        return make_plan(self._campaign, self._workdir)

    def _write_campaign(self) -> None:
        text = io.StringIO()
        yaml = YAML(typ="safe", pure=True)
        yaml.default_flow_style = False
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
        yaml.dump(self._campaign.resolved(), text)
        content = RESOLVED_HEADER + text.getvalue()
        commit(self._workdir.campaign_file, lambda path: _write_text(path, content), fence=self._fence)

    def _run_stage(self, stage: StagePlan, tools: StageTools, interruption: Interruption) -> None:
        if interruption.asked:
            self._outcome.interrupted = True
            return
        name = stage.stage
        self._outcome.held += len(stage.held)
        self._note_missing(name, keys_of(stage.held))
        ready = [item for item in stage.todo.items if not self._lacks(item)]
        if stage.todo:
            self._progress.start(name, len(stage.items), len(stage.done))
        begun, n_done = {PROBE}, len(stage.done)
        if name == "prepare":
            ready = self._after_probe(stage, ready, tools)
            n_done = len(stage.items) - len(stage.held) - len(ready)
        for wave in waves(ready):
            items = [item for item in wave if not self._lacks(item)]
            runner = StageRunner(name, items, n_done, self._layouts[name].at_once, tools)
            runner.run()
            begun |= {item.key for item in items}
            n_done += len(runner.done)
            self._count(name, items, runner, interruption)
        self._skip(name, [item for item in stage.todo.items if item.key not in begun])
        if name == "label" and stage.items:
            self._merge(stage)
        if name == "train":
            self._warn_of_weak_models(stage)
        if stage.todo:
            self._progress.finish(name)

    def _after_probe(self, stage: StagePlan, ready: list[Item], tools: StageTools) -> list[Item]:
        """Try the potential in a job of its own; the items that are left then.

        Raises:
            CampaignErrors: the potential cannot be used; nothing else of the campaign has been started.
        """
        first = [item for item in ready if item.key == PROBE]
        if not first:
            return ready
        runner = StageRunner("prepare", first, len(stage.done), 1, tools)
        runner.run()
        self._outcome.done += len(runner.done)
        if PROBE in runner.failed:
            message = _told(runner.failed[PROBE], self._workdir.logs("prepare"))
            key = ("potential", self._campaign.potential.kind) if self._campaign.potential else ()
            raise CampaignErrors([self._campaign.problem(key, message)])
        return [item for item in ready if item.key != PROBE]

    def _warn_of_weak_models(self, stage: StagePlan) -> None:
        # models of folds are left out: an analysis tells of them
        for item in (item for item in stage.items if item.key == model_of(item.key)):
            header = self._workdir.model_dir(item.key) / "model.json"
            if header.is_file():
                for text in weak_splits(json.loads(header.read_text())["description"]["errors"]):
                    self._progress.message(f"warning: network {item.key}: {text}")

    def _lacks(self, item: Item) -> bool:
        """Whether something that the item reads, or goes on from, could not be made."""
        return bool(self._missing & _read_by(item))

    def _count(self, stage: str, items: list[Item], runner: StageRunner, interruption: Interruption) -> None:
        done, failed = runner.done, runner.failed
        self._outcome.done += len(done)
        self._outcome.interrupted |= interruption.asked
        for key, error in failed.items():
            self._outcome.failed[stage, key] = error
        self._note_missing(stage, [item.key for item in items if item.key not in done])

    def _skip(self, stage: str, left: list[Item]) -> None:
        if not left:
            return
        reads = sorted({name for item in left for name in self._missing & _read_by(item)})
        self._outcome.skipped += len(left)
        text = f"{stage}: {len(left)} left out, for want of {', '.join(reads[:SHOWN_NAMES])}"
        self._progress.message(text)
        self._note_missing(stage, [item.key for item in left])

    def _note_missing(self, stage: str, keys: Iterable[str]) -> None:
        names = {f"{stage}/{key}" for key in keys}
        self._missing |= names | {stage} if names else names

    def _merge(self, stage: StagePlan) -> None:
        """One file of all labels, whether or not this run has made any."""
        merged = merge_labels(self._workdir, [item.hash for item in stage.items], self._fence)
        for path in merged.damaged:
            self._progress.message(f"label: a file that could not be read was moved to {path}")
        if merged.n_aside:
            text = (
                f"label: {merged.n_aside} labels of other inputs are kept in {self._workdir.labels_dir}/aside"
            )
            self._progress.message(text)
