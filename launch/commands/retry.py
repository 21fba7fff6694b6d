"""The verb ``retry``."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.failure_class import FailureClass
from launch.commands.base import ExitCode, File, UsageError, Yes, app, known_stage, load_for_site, say
from launch.commands.run import agreed_to_cost, run_missing
from launch.costs import Costs
from launch.failure_groups import last_lines
from launch.failures import POLICIES
from launch.history import History
from launch.layouts import section_of
from launch.plan import make_plan
from launch.problems import did_you_mean
from launch.retry import Retry, failed_items
from nnk.files import Workdir


@app.command()
def retry(
    ctx: typer.Context,
    file: File,
    stage: Annotated[str | None, typer.Argument(metavar="[STAGE]", help="Only this stage.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Try all of them again.")] = False,
    kind: Annotated[
        str | None,
        typer.Option(
            "--class", metavar="CLASS", help=f"Try those of a class again: {', '.join(FailureClass)}."
        ),
    ] = None,
    yes: Yes = False,
) -> None:
    """List what has failed, and why; with --failed or --class try it again, and do what is missing."""
    failure = _failure_class(kind)
    campaign = load_for_site(ctx, file)
    workdir = Workdir(campaign.workdir_path)
    history = History(workdir)
    plan = make_plan(campaign, workdir, history)
    found = failed_items(plan, history, stage=known_stage(stage), failure=failure)
    for one in found:
        _show(workdir, one)
    if not found:
        say(f"nothing{f' of class {kind}' if kind else ''} has failed in {workdir.root}")
    elif not failed and failure is None:
        say("nothing done; --failed tries all of it again, --class CLASS a part")
    elif not agreed_to_cost(campaign, plan, Costs(campaign, plan, workdir, history), yes=yes):
        say("nothing was submitted")
        raise typer.Exit(ExitCode.INVALID)
    else:
        if plan["train"].done and _has_given_up_labels(found):
            say("label: networks trained without these labels stay as they are until their inputs change")
        raise typer.Exit(run_missing(campaign, workdir, ctx.obj, {one.stage: one.items for one in found}))


def _failure_class(name: str | None) -> FailureClass | None:
    if name is not None and name not in set(FailureClass):
        allowed = list(FailureClass)
        raise UsageError(f'no class "{name}"; allowed: {", ".join(allowed)}{did_you_mean(name, allowed)}')
    return None if name is None else FailureClass(name)


def _has_given_up_labels(found: list[Retry]) -> bool:
    return any(group.quarantined for one in found if one.stage == "label" for group in one.groups)


def _show(workdir: Workdir, one: Retry) -> None:
    """Failures of a stage by class: how many, the first one's reason, how its log ends, what helps."""
    for group in one.groups:
        gone = f", {group.quarantined} of them given up" if group.quarantined else ""
        print(f"{one.stage}: {group.count} failed of class {group.failure}{gone}")
        print(f"  {group.key}: {group.error}")
        for line in last_lines(workdir, group):
            print(f"  | {line}")
        print(f"  what helps: {POLICIES[group.failure].cure.replace('<stage>', section_of(one.stage))}")
