"""The verbs that look at a campaign, also while it runs: ``status``, ``logs``."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from launch.commands.base import File, Json, app, known_stage, load, say
from launch.logs import failed_logs, log_files, tail
from launch.show import status_text
from launch.status import campaign_status
from nnk.files import Workdir

SHOWN_LOGS = 5


@app.command()
def status(ctx: typer.Context, file: File, as_json: Json = False) -> None:
    """Say how far a campaign is, also while it runs. Reads files only."""
    state = campaign_status(load(ctx, file))
    print(json.dumps(state.as_dict(), indent=1, ensure_ascii=False) if as_json else status_text(state))


@app.command()
def logs(
    ctx: typer.Context,
    file: File,
    stage: Annotated[str | None, typer.Argument(metavar="[STAGE]", help="Only this stage.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only of items that failed.")] = False,
    lines: Annotated[int, typer.Option("--lines", min=0, help="Last lines of each file.")] = 20,
) -> None:
    """Show where the log files are, then how the latest end."""
    workdir = Workdir(load(ctx, file).workdir_path)
    if failed:
        failures = list(failed_logs(workdir, known_stage(stage)))
        for what, _ in failures:
            print(what)
        files = list(dict.fromkeys(log for _, log in failures if log is not None and log.is_file()))
    else:
        files = log_files(workdir, known_stage(stage))
    for path in files:
        print(path)
    for path in files[-SHOWN_LOGS:] if lines else []:
        print(f"\n==> {path} <==\n{tail(path, lines)}")
    if not files:
        say(f"no {'failed items' if failed else 'log files'} in {workdir.root}")
