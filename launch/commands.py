"""The verbs of the command line. Each reads its arguments and calls the module of its subject."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer

from analysis import ANALYSES
from launch.allocation import allocation_text, allocations, scripts_text
from launch.campaign import Campaign, campaign_schema, load_campaign
from launch.clean import LEVELS, removable, remove, size_bytes, was_run
from launch.costs import Costs, total_line
from launch.history import History
from launch.layouts import campaign_site
from launch.logs import failed_logs, log_files, tail
from launch.plan import Plan, make_plan
from launch.problems import Problem, did_you_mean
from launch.progress import make_progress
from launch.requests import check_site
from launch.schema import reference
from launch.show import note_lines, plan_text, redo_lines, status_text
from launch.stages import STAGES
from launch.status import campaign_status
from launch.template import write_template
from nnk.files import Workdir
from site_configs import load_site


class ExitCode(IntEnum):
    """What the command's exit code means."""

    DONE = 0
    SOME_FAILED = 1
    INVALID = 2
    SITE_OR_LOCK = 3
    INTERRUPTED = 4


@dataclass(frozen=True)
class Output:
    """How much is said, and how."""

    verbose: bool = False
    quiet: bool = False
    debug: bool = False
    no_color: bool = False


class UsageError(Exception):
    """A command that cannot be carried out as given (exit code 2)."""


HELP = """Label vacancy-migration barriers, train networks on them, run kinetic Monte Carlo.

launch FILE is short for launch run FILE. Running again does only what is missing.
"""
app = typer.Typer(
    name="launch",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file (YAML).", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Machine-readable output.")]


def say(text: str) -> None:
    """A message for the user, on standard error, unwrapped."""
    with suppress(BrokenPipeError):  # its reader has gone: nobody to tell
        print(text, file=sys.stderr, flush=True)


def _load(ctx: typer.Context, file: Path) -> Campaign:
    campaign = load_campaign(file)
    return _warned(ctx, campaign, campaign.warnings)


def _load_for_site(ctx: typer.Context, file: Path) -> Campaign:
    """The campaign, whose jobs its site will take."""
    campaign = _load(ctx, file)
    return _warned(ctx, campaign, check_site(campaign))


def _warned(ctx: typer.Context, campaign: Campaign, warnings: Iterable[Problem]) -> Campaign:
    output: Output = ctx.obj
    if not output.quiet:
        for warning in warnings:
            say(f"warning: {warning}")
    return campaign


@app.command()
def run(
    ctx: typer.Context,
    file: File,
    dry_run: Annotated[bool, typer.Option("--dry-run", "-n", help="Only say what would be done.")] = False,
) -> None:
    """Do what is missing: validate, plan, run."""
    if dry_run:
        plan(ctx, file)
        return
    campaign, output = _load_for_site(ctx, file), ctx.obj
    workdir = Workdir(campaign.workdir_path)
    history = History(workdir)
    todo = make_plan(campaign, workdir, history)
    if not output.quiet:
        for line in note_lines(todo):
            say(line)
    if todo.nothing_to_do:
        n_items = sum(len(stage.items) for stage in todo)
        print(f"nothing to do: {n_items} items done; {_where(workdir)}")
        return
    if not output.quiet:
        for line in redo_lines(todo, Costs(campaign, todo, workdir, history)):
            say(line)
    raise typer.Exit(_execute(campaign, todo, workdir, output))


def _where(workdir: Workdir) -> str:
    return f"report: {workdir.report}" if workdir.report.exists() else f"workdir: {workdir.root}"


def _execute(campaign: Campaign, todo: Plan, workdir: Workdir, output: Output) -> int:
    """Run what is to do; the exit code."""
    from launch.run import execute  # brings in parsl, which nothing else needs

    progress = make_progress(quiet=output.quiet, color=not output.no_color)
    try:
        outcome = execute(campaign, todo, workdir, progress=progress)
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
    campaign = _load_for_site(ctx, file)
    print(f"{file}: valid: {campaign.name}, workdir {campaign.workdir_path}")


@app.command()
def plan(
    ctx: typer.Context,
    file: File,
    scripts: Annotated[bool, typer.Option("--scripts", help="Also the scripts to submit.")] = False,
) -> None:
    """Say what is done, what is to do, what it costs and why. Writes nothing. With -v each item."""
    campaign = _load_for_site(ctx, file)
    workdir = Workdir(campaign.workdir_path)
    history = History(workdir)
    made = make_plan(campaign, workdir, history)
    costs = Costs(campaign, made, workdir, history)
    of_stages = {stage.stage: costs.stage(stage) for stage in made if stage.todo}
    print(plan_text(made, of_stages, each_item=ctx.obj.verbose))
    if of_stages:
        print(total_line(campaign, of_stages))
    site = campaign_site(campaign)
    jobs = list(allocations(campaign, site, made, of_stages))
    for text in (allocation_text(campaign, site, jobs), scripts_text(site, jobs) if scripts else ""):
        if text:
            print(f"\n{text}")


@app.command()
def status(ctx: typer.Context, file: File, as_json: Json = False) -> None:
    """Say how far a campaign is, also while it runs. Reads files only."""
    state = campaign_status(_load(ctx, file))
    print(json.dumps(state.as_dict(), indent=1, ensure_ascii=False) if as_json else status_text(state))


def _stage(name: str | None) -> str | None:
    if name is not None and name not in STAGES:
        raise UsageError(f'no stage "{name}"; allowed: {", ".join(STAGES)}{did_you_mean(name, STAGES)}')
    return name


@app.command()
def logs(
    ctx: typer.Context,
    file: File,
    stage: Annotated[str | None, typer.Argument(metavar="[STAGE]", help="Only this stage.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only of items that failed.")] = False,
    lines: Annotated[int, typer.Option("--lines", min=0, help="Last lines of each file.")] = 20,
) -> None:
    """Show where the log files are, then how the latest end."""
    workdir = Workdir(_load(ctx, file).workdir_path)
    if failed:
        failures = list(failed_logs(workdir, _stage(stage)))
        for what, _ in failures:
            print(what)
        files = list(dict.fromkeys(log for _, log in failures if log is not None and log.is_file()))
    else:
        files = log_files(workdir, _stage(stage))
    for path in files:
        print(path)
    for path in files[-SHOWN_LOGS:] if lines else []:
        print(f"\n==> {path} <==\n{tail(path, lines)}")
    if not files:
        say(f"no {'failed items' if failed else 'log files'} in {workdir.root}")


SHOWN_LOGS = 5


@app.command()
def clean(
    ctx: typer.Context,
    file: File,
    level: Annotated[str, typer.Option(help=f"What to remove: {', '.join(LEVELS)}.")] = "scratch",
    force: Annotated[bool, typer.Option("--force", help="Remove; otherwise only listed.")] = False,
) -> None:
    """List what can be removed; with --force remove it. Refuses while the campaign runs."""
    from launch.lock import hold_lock

    if level not in LEVELS:
        raise UsageError(
            f'no level "{level}"; allowed: {", ".join(LEVELS)}{did_you_mean(level, list(LEVELS))}'
        )
    workdir = Workdir(_load(ctx, file).workdir_path)
    paths = removable(workdir, level)
    if paths and not was_run(workdir):
        raise UsageError(f"no campaign was run in {workdir.root} (it has no file epoch); nothing removed")
    for path in paths:
        print(f"{size_bytes(path) / 1e6:10.1f} MB  {path}")
    if not paths:
        say(f"nothing to remove in {workdir.root}")
    elif not force:
        say("nothing removed; --force removes what is listed")
    else:
        with hold_lock(workdir):
            for path in paths:
                remove(path)


@app.command()
def analyse(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(ANALYSES)}.", show_default=False)],
    where: Annotated[Path, typer.Argument(metavar="WORKDIR|FILE", show_default=False)],
) -> None:
    """Make the figures and tables of one analysis from the products that there are."""
    if name not in ANALYSES:
        hint = did_you_mean(name, list(ANALYSES))
        raise UsageError(f'no analysis "{name}"; allowed: {", ".join(ANALYSES)}{hint}')
    workdir = where if where.is_dir() else load_campaign(where).workdir_path
    module = importlib.import_module(f"analysis.{name}")
    raise typer.Exit(_exit_code(module.main, [str(workdir)]))


@app.command()
def explain(
    figure: Annotated[
        str, typer.Argument(help="A figure or CSV file of a workdir, or its name.", show_default=False)
    ],
    where: Annotated[
        Path | None,
        typer.Argument(
            metavar="[WORKDIR|FILE]",
            help="Workdir or campaign of a figure given by name.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say where a figure or table comes from: analysis, inputs, seeds, hashes, and what has changed since."""
    from launch.explain import NotExplained, explanation_text
    from launch.explain import explain as find_chain

    workdir = where if where is None or where.is_dir() else load_campaign(where).workdir_path
    try:
        found = find_chain(figure, workdir)
    except NotExplained as error:
        raise UsageError(str(error)) from error
    print(json.dumps(found.as_dict(), indent=1, ensure_ascii=False) if as_json else explanation_text(found))


def _exit_code(main: Callable[[list[str]], int | None], arguments: list[str]) -> int:
    """Exit code of a script's `main`, whether it returns it or leaves with it."""
    try:
        return int(main(arguments) or 0)
    except SystemExit as leave:
        return leave.code if isinstance(leave.code, int) else int(leave.code is not None)


@app.command()
def doctor(
    ctx: typer.Context,
    site: Annotated[str, typer.Argument(help="Name or file of the site.")] = "local",
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Campaign, for its workdir.", show_default=False)
    ] = None,
    measure: Annotated[
        bool, typer.Option("--measure", help="Time a few of the campaign's items for launch plan.")
    ] = False,
) -> None:
    """Try what campaigns need of this machine; with --measure also what the items of FILE cost."""
    from launch.doctor import examine, job_environment

    campaign = _load(ctx, file) if file is not None else None
    if measure and campaign is None:
        raise UsageError("--measure needs a campaign: launch doctor local campaign.yaml --measure")
    machine = load_site(site, campaign.base_dir if campaign else None)
    bad = 0
    for check in examine(machine, campaign.workdir_path if campaign else Path.cwd()):
        print(check, flush=True)
        bad += not check.fit
    if bad:
        raise typer.Exit(ExitCode.SITE_OR_LOCK)
    if measure and campaign is not None:
        from launch.measure import measure as measure_costs
        from launch.measure import write_costs

        costs = measure_costs(campaign, machine, job_environment(machine))
        for stage, cost in costs.items():
            print(f"{stage}: {cost['core_seconds']:.3g} core-s per {'jump' if stage == 'kmc' else 'vacancy'}")
        print(write_costs(Workdir(campaign.workdir_path), costs) if costs else "nothing to measure")


@app.command()
def sites(
    action: Annotated[
        str | None,
        typer.Argument(metavar="[show", help="show: all that is known of one.", show_default=False),
    ] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME]", help="Name or file of that site.", show_default=False)
    ] = None,
    as_json: Json = False,
    markdown: Annotated[bool, typer.Option("--markdown", help="The page docs/sites.md instead.")] = False,
) -> None:
    """List the machines that are known, or show one: queues, nodes, and where each fact comes from."""
    from launch import sites as known
    from launch import sites_page

    if markdown:
        print(sites_page.page(), end="")
        return
    if action not in (None, "show"):
        raise UsageError(f'no "sites {action}"; allowed: sites, sites show NAME')
    if action and name is None:
        raise UsageError("sites show: which? allowed: the name of a site (launch sites) or its file")
    if name is None:
        print(json.dumps(known.sites_data(), indent=1) if as_json else known.sites_table())
        return
    site = load_site(name)
    print(
        json.dumps(known.site_data(site), indent=1, ensure_ascii=False) if as_json else known.site_text(site)
    )


@app.command()
def init(
    path: Annotated[Path, typer.Argument(metavar="[PATH]", help="File to write.")] = Path("campaign.yaml"),
) -> None:
    """Write a commented campaign that runs on a laptop in a few minutes."""
    target = path / "campaign.yaml" if path.is_dir() else path
    try:
        write_template(target)
    except FileExistsError as error:
        raise UsageError(f"{target} exists; give another name, such as launch init second.yaml") from error
    except FileNotFoundError as error:
        raise UsageError(f"no folder {target.parent}") from error
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from error
    print(target)
    say(f"next: launch {target}")


@app.command()
def schema(
    markdown: Annotated[bool, typer.Option("--markdown", help="Tables of all keys to read instead.")] = False,
) -> None:
    """Print the JSON Schema of campaign files."""
    if markdown:
        print(reference.page(campaign_schema()), end="")
    else:
        print(json.dumps(campaign_schema(), indent=2, ensure_ascii=False))
