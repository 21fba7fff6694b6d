"""The verbs that begin a campaign or go on with it: ``run``, ``validate``, ``plan``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from launch.allocation import allocation_text, allocations, scripts_text
from launch.campaign import Campaign
from launch.commands.base import ExitCode, File, Output, Yes, app, confirmed, load_for_site, say
from launch.costs import Costs, total_line
from launch.disk import stage_bytes, total_text
from launch.history import History
from launch.items import Item
from launch.layouts import campaign_site
from launch.plan import Plan, make_plan
from launch.progress import make_progress
from launch.show import note_lines, plan_text, redo_lines
from launch.sites import own_values_text
from nnk.files import Workdir


@app.command()
def run(
    ctx: typer.Context,
    file: File,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be done.")] = False,
    yes: Yes = False,
) -> None:
    """Do what is missing: validate, plan, run. Asks once before it spends a machine's hours."""
    if dry_run:
        plan(ctx, file)
        return
    campaign, output = load_for_site(ctx, file), ctx.obj
    workdir = Workdir(campaign.workdir_path)
    history = History(workdir)
    todo = make_plan(campaign, workdir, history)
    if not output.quiet:
        for line in note_lines(todo):
            say(line)
    if todo.nothing_to_do and todo.n_held:
        say(f"nothing is left to do but what has failed: {todo.n_held} items; see launch retry {file}")
        raise typer.Exit(ExitCode.SOME_FAILED)
    if todo.nothing_to_do:
        n_items = sum(len(stage.items) for stage in todo)
        print(f"nothing to do: {n_items} items done; {_where(workdir)}")
        return
    if not output.quiet:
        for line in redo_lines(todo, Costs(campaign, todo, workdir, history)):
            say(line)
    if not agreed_to_cost(campaign, todo, Costs(campaign, todo, workdir, history), yes=yes):
        say("nothing was submitted")
        raise typer.Exit(ExitCode.INVALID)
    raise typer.Exit(run_missing(campaign, workdir, output))


def agreed_to_cost(campaign: Campaign, todo: Plan, costs: Costs, *, yes: bool) -> bool:
    """Whether the user agrees to what a plan takes of a machine with a scheduler, which is shown before.

    Raises:
        UsageError: nobody can be asked, since standard input is no terminal.
    """
    site = campaign_site(campaign)
    if site.jobs is None:
        return True
    of_stages = {stage.stage: costs.stage(stage) for stage in todo if stage.todo}
    say(allocation_text(campaign, site, allocations(campaign, site, todo, of_stages)))
    return confirmed(f"submit this to {site.name}?", yes=yes)


def _where(workdir: Workdir) -> str:
    return f"report: {workdir.report}" if workdir.report.exists() else f"workdir: {workdir.root}"


def run_missing(
    campaign: Campaign,
    workdir: Workdir,
    output: Output,
    again: Mapping[str, Sequence[Item]] | None = None,
) -> int:
    """Make what is missing, and items that have failed `again`, by their stage; the exit code."""
    from launch.run import execute  # brings in parsl, which nothing else needs

    progress = make_progress(quiet=output.quiet, color=not output.no_color)
    try:
        outcome = execute(campaign, workdir, progress=progress, again=again or {})
    finally:
        progress.close()
    if outcome.exit_code == ExitCode.DONE:
        print(_where(workdir))
    elif outcome.exit_code == ExitCode.SOME_FAILED:
        say(f"not all could be done: see launch status {campaign.file}, launch logs {campaign.file} --failed")
    return int(outcome.exit_code)


@app.command()
def validate(ctx: typer.Context, file: File) -> None:
    """Say what is wrong with a campaign file, all at once. Reads text only."""
    campaign = load_for_site(ctx, file)
    print(f"{file}: valid: {campaign.name}, workdir {campaign.workdir_path}")


@app.command()
def plan(
    ctx: typer.Context,
    file: File,
    scripts: Annotated[bool, typer.Option("--scripts", help="Also the scripts to submit.")] = False,
) -> None:
    """Say what is done, what is to do, what it costs and why. Writes nothing. With -v each item."""
    campaign = load_for_site(ctx, file)
    workdir = Workdir(campaign.workdir_path)
    history = History(workdir)
    made = make_plan(campaign, workdir, history)
    costs = Costs(campaign, made, workdir, history)
    of_stages = {stage.stage: costs.stage(stage) for stage in made if stage.todo}
    disk = {stage.stage: stage_bytes(campaign, stage, costs) for stage in made if stage.todo}
    print(plan_text(made, of_stages, disk, each_item=ctx.obj.verbose))
    if of_stages:
        print(f"{total_line(campaign, of_stages)}; on the disk about {total_text(disk)}")
    site = campaign_site(campaign)
    jobs = list(allocations(campaign, site, made, of_stages))
    parts = allocation_text(campaign, site, jobs), own_values_text(site)
    for text in ("\n".join(filter(None, parts)), scripts_text(site, jobs) if scripts else ""):
        if text:
            print(f"\n{text}")
