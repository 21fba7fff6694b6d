"""The verbs that look at a campaign, also while it runs: ``status``, ``logs``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated

import typer

from launch.commands.base import File, Json, UsageError, app, known_stage, load, say
from launch.driver_state import is_driven
from launch.logs import Follower, failed_logs, item_logs, log_files, tail
from launch.status import campaign_status
from launch.status_text import status_text
from nnk.files import Workdir

SHOWN_LOGS = 5
FOLLOW_S = 1.0


@app.command()
def status(
    ctx: typer.Context,
    file: File,
    as_json: Json = False,
    watch: Annotated[
        float | None,
        typer.Option(
            "--watch",
            min=1,
            metavar="[SECONDS]",
            help="Look again every so many seconds (10) until the run ends.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Say how far a campaign is, also while it runs. Reads files only."""
    campaign = load(ctx, file)
    if watch is not None:
        from launch.watch import watch as look_on

        if as_json:
            raise UsageError("--watch and --json: got both; allowed: one of them")
        look_on(campaign, watch, sys.stdout)
        return
    state = campaign_status(campaign)
    print(json.dumps(state.as_dict(), indent=1, ensure_ascii=False) if as_json else status_text(state))


@app.command()
def logs(
    ctx: typer.Context,
    file: File,
    stage: Annotated[str | None, typer.Argument(metavar="[STAGE]", help="Only this stage.")] = None,
    item: Annotated[
        str | None, typer.Option("--item", metavar="KEY", help="Only of this item.", show_default=False)
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only of items that failed.")] = False,
    follow: Annotated[
        bool, typer.Option("-f", "--follow", help="Also what is added, until the run ends.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", min=0, help="Last lines of each file.")] = 20,
) -> None:
    """Show where the log files are, then how the latest end."""
    workdir = Workdir(load(ctx, file).workdir_path)
    files = _chosen_logs(workdir, known_stage(stage), item, failed=failed)
    found = list(files())
    for path in found:
        print(path)
    for path in found[-SHOWN_LOGS:] if lines else []:
        print(f"\n==> {path} <==\n{tail(path, lines)}")
    if not found:
        say(f"no {'failed items' if failed else 'log files'} in {workdir.root}")
    if follow:
        _follow(workdir, files)


def _chosen_logs(
    workdir: Workdir, stage: str | None, item: str | None, *, failed: bool
) -> Callable[[], Iterable[Path]]:
    """What gives the log files that are meant; of items also prints what has become of them.

    Raises:
        UsageError: the item was not begun.
    """
    if item is None and not failed:
        return lambda: log_files(workdir, stage)
    found = list(failed_logs(workdir, stage) if item is None else item_logs(workdir, item, stage))
    if item is not None and not found:
        raise UsageError(f'no item "{item}" was begun; launch plan -v lists those to do')
    for what, _ in found:
        print(what)
    paths = list(dict.fromkeys(path for _, path in found if path is not None))
    return lambda: [path for path in paths if path.is_file()]


def _follow(workdir: Workdir, files: Callable[[], Iterable[Path]]) -> None:
    """Print what is added to files until nobody runs the campaign any more, or Ctrl-C."""
    follower, goes_on = Follower(files), True
    try:
        while goes_on:
            goes_on = is_driven(workdir)  # asked first, so that nothing that was added before is missed
            print(follower.added(), end="", flush=True)
            if goes_on:
                time.sleep(FOLLOW_S)
    except KeyboardInterrupt:
        return
