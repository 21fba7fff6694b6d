"""The verb ``clean``."""

from __future__ import annotations

from typing import Annotated

import typer

from launch.clean import LEVELS, removable, remove, size_bytes, was_run
from launch.commands.base import File, UsageError, app, load, say
from launch.problems import did_you_mean
from nnk.files import Workdir


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
    workdir = Workdir(load(ctx, file).workdir_path)
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
